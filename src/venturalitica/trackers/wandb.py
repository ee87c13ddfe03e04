"""Weights & Biases: the one file of ours that imports it.

Evidence goes to the run that is open, online or offline, without touching its history or steps:
files into the run's own folder, artifacts, and summary keys. W&B's client keeps all of it in the
run's transaction log and uploads it by itself, or when the user types `wandb sync`.

`run.save` would only link to a file outside, and an edit before the upload would change history:
bytes are copied into the run's folder first.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from venturalitica.errors import MissingExtra, TrackerError
from venturalitica.trackers import wandb_account
from venturalitica.trackers.base import DataRef, Parcel, Receipt, RunRef
from venturalitica.trackers.claims import ROOT, SNAPSHOTS, Claim
from venturalitica.trackers.kept import kept_in
from venturalitica.trackers.keys import encode
from venturalitica.trackers.locks import one_at_a_time
from venturalitica.trackers.publish import Point, publish
from venturalitica.trackers.uris import redact, without_credentials

POLICY_ARTIFACT = "policy_snapshot"
EVIDENCE_ARTIFACT = "venturalitica_evidence"
INIT_WITHIN = 20

_COLUMNS = (
    "control",
    "status",
    "value",
    "ci_low",
    "ci_high",
    "must",
    "metric",
    "across",
    "n",
    "conclusive",
    "article",
    "reason",
)


class WandbTracker:
    """Weights & Biases, the run open in this process."""

    name = "wandb"

    def __init__(self) -> None:
        # What this process set at each run: asked while it is busy, W&B answers with nothing.
        self._known: dict[str, dict[str, str]] = {}

    def installed(self) -> bool:
        return "wandb" in sys.modules or importlib.util.find_spec("wandb") is not None

    def active_run(self) -> RunRef | None:
        run = getattr(sys.modules.get("wandb"), "run", None)
        if run is None or run.disabled:
            return None
        return RunRef(
            tracker=self.name,
            run_id=run.id,
            uri=without_credentials(run.settings.base_url),
            experiment_name=run.project or "",
            run_name=run.name or "",
            # Asked of an offline run, W&B prints a warning at the user.
            url=None if run.offline else run.url,
            extra={
                "entity": run.entity or "",
                "project": run.project or "",
                "folder": str(run.settings.sync_dir),
                "offline": bool(run.offline),
            },
        )

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        with (
            _translated(run),
            one_at_a_time(f"wandb {run.uri} {run.run_id}"),
            _opened(run) as live,
        ):
            known = self._known.setdefault(run.run_id, {})
            return publish(_RunShelf(live, known), run, parcel)

    def fetch(self, run_id: str, *, uri: str = "") -> dict[str, bytes]:
        """Our files at the run, and our summary keys as `tags/<key>`.

        `run_id` is `entity/project/id`, `project/id`, the id of the run that is open, or the path
        of an offline run's folder (which is read as it stands, without its summary).
        """
        with _translated(RunRef(self.name, run_id, uri)):
            found = _fetch(run_id, uri)
        if not found:
            raise TrackerError(
                f"W&B run '{run_id}' holds no evidence of ours; "
                "'venturalitica sync' delivers what waits"
            )
        return found

    def checkpoints(self, runs: Sequence[RunRef], *, origin: str) -> Mapping[str, str]:
        """Those of the runs themselves: from the server, or from the folder of an offline run."""
        found: dict[str, str] = {}
        trouble: TrackerError | None = None
        for run in runs:
            try:
                with _translated(run):
                    files = _fetch(_path_of(run), run.uri)
            except TrackerError as error:
                trouble = error
                continue
            found |= kept_in(files, f"W&B run {run.run_id}", origin=origin)
        if trouble is not None and not found:
            raise trouble
        return found

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """See the protocol; `origins` says for each variable where it came from (".env")."""
        return wandb_account.health(origins or {})


class _RunShelf:
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
        file = Path(self._run.dir) / path
        return file.is_file() and not file.is_symlink()

    def read(self, path: str) -> bytes:
        return (Path(self._run.dir) / path).read_bytes()

    def write(self, files: Mapping[str, bytes]) -> None:
        folder = Path(self._run.dir)
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
        return self.put_tags(
            {
                f"{ROOT}.data.{encode(item.context)}.{item.sha256[:12]}": json.dumps(
                    {
                        "name": item.name,
                        "context": item.context,
                        "sha256": item.sha256,
                        "rows": item.rows,
                    }
                )
                for item in data
            }
        )

    def put_section(self, key: str, text: str) -> None:
        """A W&B run's notes are the user's alone; what we have to say is in the report."""

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:
        if parcel.policy_bytes is not None:
            self._log_policy(parcel, claim, self.tags())
        self._log_evidence(parcel, claim)
        if parcel.verdicts:
            key = "verdicts" if claim.tags == ROOT else f"verdicts {claim.id}"
            table = _table(parcel)
            self._run.summary.update({f"{ROOT}/{key}": table})
            _tidy(table)

    def _log_policy(self, parcel: Parcel, claim: Claim, tags: Mapping[str, str]) -> None:
        """One artifact for a policy; of a second policy in the run, one of its own name."""
        prefix = f"{ROOT}.policy_artifact."
        mark = f"{prefix}{parcel.policy_sha256[:12]}"
        if mark in tags:
            return
        name = POLICY_ARTIFACT
        if name in (value for key, value in tags.items() if key.startswith(prefix)):
            own = encode(parcel.policy_name or "policy", limit=60)
            name = f"{POLICY_ARTIFACT}-{own}-{parcel.policy_sha256[:8]}"
        self._log_artifact(
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
        self.put_tags({mark: name})

    def _log_evidence(self, parcel: Parcel, claim: Claim) -> None:
        files = {claim.evidence.rsplit("/", 1)[-1]: parcel.evidence}
        if parcel.report_html is not None:
            files[claim.report.rsplit("/", 1)[-1]] = parcel.report_html
        self._log_artifact(
            EVIDENCE_ARTIFACT,
            "evidence",
            files,
            ["latest", f"{claim.kind}-{claim.id}"],
            {"evidence_sha256": parcel.evidence_sha256, "kind": parcel.kind, "name": parcel.name},
        )

    def _log_artifact(
        self,
        name: str,
        kind: str,
        files: Mapping[str, bytes],
        aliases: list[str],
        metadata: Mapping[str, str],
    ) -> None:
        artifact = _wandb().Artifact(name, type=kind, metadata=dict(metadata))
        # `new_file` would leave a temporary folder to the garbage collector, with a warning.
        with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
            for name_in_it, data in files.items():
                file = Path(folder) / f"{len(artifact.manifest.entries)}"
                file.write_bytes(data)
                artifact.add_file(str(file), name=name_in_it, policy="mutable", skip_cache=True)
            self._run.log_artifact(artifact, aliases=aliases)


def _alias(version: str) -> str:
    """A policy version as W&B allows an alias: no `/` or `:`, and not a name of W&B's own."""
    alias = encode(version, limit=100)
    return f"policy-{alias}" if version == "latest" or re.fullmatch(r"v\d+", version) else alias


def _table(parcel: Parcel) -> Any:
    rows = [
        [
            verdict.control,
            verdict.status,
            *(_finite(value) for value in (verdict.value, *(verdict.interval or (None, None)))),
            verdict.must,
            verdict.metric,
            ", ".join(verdict.across),
            verdict.n,
            verdict.conclusive,
            verdict.article or "",
            verdict.reason,
        ]
        for verdict in parcel.verdicts
    ]
    return _wandb().Table(columns=list(_COLUMNS), data=rows)


def _tidy(table: Any) -> None:
    """W&B keeps a copy of its own, and leaves the first to the garbage collector with a warning."""
    artifact = getattr(getattr(table, "_artifact_target", None), "artifact", None)
    folder = getattr(artifact, "_tmp_dir", None)
    if folder is not None:
        folder.cleanup()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _copy(file: Path, data: bytes) -> None:
    """A file of its own in the run's folder, never a link to somebody's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".venturalitica-")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    Path(temporary).replace(file)


@contextmanager
def _opened(run: RunRef) -> Iterator[Any]:
    """The live run if it is still open, else the run opened again at the server."""
    live = getattr(sys.modules.get("wandb"), "run", None)
    if live is not None and live.id == run.run_id:
        yield live
        return
    if run.extra.get("offline"):
        wandb_account.require_uploaded(run)
    wandb_account.require_login(run.uri)
    wandb = _wandb()
    with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
        again = wandb.init(
            entity=run.extra.get("entity") or None,
            project=run.extra.get("project") or None,
            id=run.run_id,
            resume="must",
            reinit="create_new",
            mode="online",
            dir=folder,
            settings=wandb.Settings(
                base_url=run.uri,
                console="off",
                disable_code=True,
                disable_git=True,
                init_timeout=INIT_WITHIN,
                silent=True,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )
        try:
            yield again
        finally:
            again.finish()


def _path_of(run: RunRef) -> str:
    """What `fetch` finds the run by: its folder where it was offline, else its path at W&B."""
    live = getattr(sys.modules.get("wandb"), "run", None)
    if live is not None and live.id == run.run_id:
        return run.run_id
    folder = str(run.extra.get("folder", ""))
    if run.extra.get("offline") and folder and (Path(folder) / "files").is_dir():
        return folder
    parts = (run.extra.get("entity", ""), run.extra.get("project", ""), run.run_id)
    return "/".join(str(part) for part in parts if part)


def _fetch(run_id: str, uri: str) -> dict[str, bytes]:
    live = getattr(sys.modules.get("wandb"), "run", None)
    if live is not None and live.id == run_id:
        tags = {f"tags/{key}": text.encode() for key, text in _RunShelf(live, {}).tags().items()}
        return {**_files(Path(live.dir)), **{key: tags[key] for key in tags if _ours(key[5:])}}
    if (Path(run_id) / "files").is_dir():
        return _files(Path(run_id) / "files")
    client = _wandb()
    wandb_account.require_login(uri)
    run = client.Api(overrides={"base_url": uri} if uri else None, timeout=INIT_WITHIN).run(run_id)
    found = {
        f"tags/{key}": value.encode()
        for key, value in run.summary.items()
        if isinstance(value, str) and _ours(key)
    }
    with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
        for file in run.files():
            if file.name.split("/", 1)[0] in (ROOT, SNAPSHOTS):
                with file.download(root=folder, replace=True) as stream:
                    found[file.name] = Path(stream.name).read_bytes()
    return found


def _ours(key: str) -> bool:
    return key == ROOT or key.startswith(f"{ROOT}.")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for root in (ROOT, SNAPSHOTS)
        for file in sorted((folder / root).rglob("*"))
        if file.is_file()
    }


def _wandb() -> Any:
    try:
        import wandb
    except ModuleNotFoundError as error:
        if error.name != "wandb":
            raise
        raise MissingExtra("W&B", "wandb") from None
    return wandb


@contextmanager
def _translated(run: RunRef) -> Iterator[None]:
    """Every failure of W&B's becomes a TrackerError that says what to do next."""
    try:
        yield
    except (TrackerError, MissingExtra):
        raise
    except Exception as error:
        text = redact(" ".join(str(error).split()))[:600]
        folder = run.extra.get("folder", "")
        advice = f"; its folder is {folder}" if folder else ""
        raise TrackerError(f"W&B run '{run.run_id}' failed: {text}{advice}") from error
