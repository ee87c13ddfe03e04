"""One open run of W&B's as a shelf to leave a parcel on."""

from __future__ import annotations

import glob
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from venturalitica.core.verdict import Verdict
from venturalitica.trackers.base import ROOT, DataRef, Parcel
from venturalitica.trackers.layout import Claim, encode
from venturalitica.trackers.publish import Point, Shelf
from venturalitica.trackers.wandb.active import files_of
from venturalitica.trackers.wandb.health import library


class RunShelf(Shelf):
    """One open run."""

    def __init__(self, run: Any, known: dict[str, str]) -> None:
        self._run = run
        self._known = known

    def tags(self) -> Mapping[str, str]:
        # `_as_dict` asks once; the public way asks again for every key.
        summary = self._run.summary._as_dict()
        return self._known | {key: text for key, text in summary.items() if isinstance(text, str)}

    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        if tags:
            self._run.summary.update(dict(tags))
            self._known.update(tags)
        return ()

    def has(self, path: str) -> bool:
        file = files_of(self._run) / path
        return file.is_file() and not file.is_symlink()

    def read(self, path: str) -> bytes:
        return (files_of(self._run) / path).read_bytes()

    def write(self, files: Mapping[str, bytes]) -> None:
        folder = files_of(self._run)
        for path, data in files.items():
            _copy(folder / path, data)
            self._run.save(glob.escape(str(folder / path)), base_path=str(folder), policy="now")

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        # A summary has one value for a key: a later audit's stands beside the first.
        values = {
            point.key if point.step == 0 else f"{point.key} @{point.step}": point.value
            for point in points
        }
        if values:
            self._run.summary.update(values)
        return ()

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        tags = {}
        for item in data:
            said = {name: getattr(item, name) for name in ("name", "context", "digest", "rows")}
            key = f"{ROOT}.data.{encode(item.context)}.{item.digest[:12]}"
            tags[key] = json.dumps(said)
        return self.put_tags(tags)

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:
        if parcel.policy_bytes is not None:
            self.put_tags(log_policy(self._run, parcel, claim, self.tags()))
        put_table(self._run, parcel, claim)

    def put_page_extras(self, parcel: Parcel, claim: Claim, page: bytes) -> None:
        log_evidence(self._run, parcel, claim, page)


def _copy(file: Path, data: bytes) -> None:
    """A file of its own in the run's folder, never a link to somebody's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".venturalitica-")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    Path(temporary).replace(file)


POLICY_ARTIFACT = "policy_snapshot"
EVIDENCE_ARTIFACT = "venturalitica_evidence"


def log_policy(run: Any, parcel: Parcel, claim: Claim, tags: Mapping[str, str]) -> dict[str, str]:
    """One artifact for a policy; of a second policy in the run, one of its own name.

    Answers with the tag that says so; with nothing where it is there already.
    """
    prefix = f"{ROOT}.policy_artifact."
    mark = f"{prefix}{parcel.policy_sha256[:12]}"
    if mark in tags:
        return {}
    name = POLICY_ARTIFACT
    if name in (value for key, value in tags.items() if key.startswith(prefix)):
        own = encode(parcel.policy_name or "policy", limit=60)
        name = f"{POLICY_ARTIFACT}-{own}-{parcel.policy_sha256[:8]}"
    _log_artifact(
        run,
        name,
        "policy",
        {claim.snapshot.rsplit("/", 1)[-1]: parcel.policy_bytes or b""},
        ["latest", _alias(parcel.policy_version)],
        {
            "policy": parcel.policy_name,
            "version": parcel.policy_version,
            "sha256": parcel.policy_sha256,
        },
    )
    return {mark: name}


def log_evidence(run: Any, parcel: Parcel, claim: Claim, page: bytes) -> None:
    """One artifact; each parcel is a version of it with an alias of its own."""
    held = {claim.evidence: parcel.evidence, claim.report: page}
    _log_artifact(
        run,
        EVIDENCE_ARTIFACT,
        "evidence",
        {path.rsplit("/", 1)[-1]: data for path, data in held.items()},
        ["latest", f"{claim.kind}-{claim.id}"],
        {"evidence_sha256": parcel.evidence_sha256, "kind": parcel.kind, "name": parcel.name},
    )


def _log_artifact(
    run: Any,
    name: str,
    kind: str,
    files: Mapping[str, bytes],
    aliases: list[str],
    metadata: Mapping[str, str],
) -> None:
    artifact = library().Artifact(name, type=kind, metadata=dict(metadata))
    # `new_file` would leave a temporary folder to the garbage collector, with a warning.
    with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
        for name_in_it, data in files.items():
            file = Path(folder) / f"{len(artifact.manifest.entries)}"
            file.write_bytes(data)
            artifact.add_file(str(file), name=name_in_it, policy="mutable", skip_cache=True)
        run.log_artifact(artifact, aliases=aliases)


def put_table(run: Any, parcel: Parcel, claim: Claim) -> None:
    """The verdicts as a table in the run's summary."""
    if parcel.verdicts:
        key = "verdicts" if claim.tags == ROOT else f"verdicts {claim.id}"
        rows = [_row(verdict) for verdict in parcel.verdicts]
        data = [list(row.values()) for row in rows]
        table = library().Table(columns=list(rows[0]), data=data)
        run.summary.update({f"{ROOT}/{key}": table})
        _tidy(table)


def _alias(version: str) -> str:
    """A policy version as W&B allows an alias: no `/` or `:`, and not a name of W&B's own."""
    alias = encode(version, limit=100)
    return f"policy-{alias}" if version == "latest" or re.fullmatch(r"v\d+", version) else alias


def _row(verdict: Verdict) -> dict[str, Any]:
    """One line of the table of verdicts, by its columns."""
    low, high = verdict.interval or (None, None)
    return {
        "control": verdict.control,
        "status": verdict.status,
        "value": _finite(verdict.value),
        "ci_low": _finite(low),
        "ci_high": _finite(high),
        "must": verdict.must,
        "metric": verdict.metric,
        "across": ", ".join(verdict.across),
        "n": verdict.n,
        "conclusive": verdict.conclusive,
        "article": verdict.article or "",
        "reason": verdict.reason,
    }


def _tidy(table: Any) -> None:
    """W&B keeps a copy of its own, and leaves the first to the garbage collector with a warning."""
    artifact = getattr(getattr(table, "_artifact_target", None), "artifact", None)
    folder = getattr(artifact, "_tmp_dir", None)
    if folder is not None:
        folder.cleanup()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
