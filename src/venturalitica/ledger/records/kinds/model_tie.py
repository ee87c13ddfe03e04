"""The record of kind `model`: which files a training that was audited left at its tracker.

    {"format": 3, "kind": "model", "package": version,
     "of":     {"entry", "evidence_sha256", "run_id"}: the audit of that training,
     "model":  as in an audit: name, root (`sha256`), the manifest of the files (`files`), and where
               the tracker has them (`logged`: tracker, uri, run_id, model_id, version, made_at),
     "tie":    "same predictions": loaded, it gave what the audited model gave, on `rows` of the
               audited rows; or "logged afterwards": it was logged in the same run since the
               training began, and nothing more is known,
     "rows":   how many rows were compared, null where none were,
     "reason": why they were not, or what they said; empty beside "same predictions",
     "tied_at", "trackers": the run that it is delivered to}

It is a record of its own: the audit that it speaks of is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.encoding import is_hash, is_place
from venturalitica.core.json_values import Json, items, mapping, text
from venturalitica.core.manifest import METHOD, Manifest
from venturalitica.core.record import FORMAT, MODEL, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError

Tie = Literal["same predictions", "logged afterwards"]
TIES: tuple[Tie, ...] = ("same predictions", "logged afterwards")


class Likeness(Struct, frozen=True, kw_only=True):
    """How a model was tied to an audit; the fields are the record's."""

    tie: Tie = "logged afterwards"
    rows: int | None = None
    reason: str = ""


class ModelTie(Struct, frozen=True, kw_only=True):
    """What such a record says."""

    entry: int
    evidence_sha256: str
    run_id: str
    manifest: Manifest
    name: str
    logged: Mapping[str, str]
    likeness: Likeness

    def statement(self, trackers: list[Json], now: datetime) -> dict[str, Any]:
        """The statement, ready to be appended."""
        predicate = {
            "format": FORMAT,
            "kind": "model",
            "package": __version__,
            "of": {
                "entry": self.entry,
                "evidence_sha256": self.evidence_sha256,
                "run_id": self.run_id,
            },
            "model": {
                "name": self.name,
                "sha256": self.manifest.root,
                "serialization": METHOD,
                "identity": "files",
                "files": self.manifest.to_json(),
                "logged": dict(self.logged),
            },
            "tie": self.likeness.tie,
            "rows": self.likeness.rows,
            "reason": self.likeness.reason,
            "tied_at": timestamp(now),
            "trackers": trackers,
        }
        subjects = [
            (f"model/{self.name}", self.manifest.root),
            (f"record/{self.entry}", self.evidence_sha256),
        ]
        return statement_json(MODEL, subjects, predicate)

    @classmethod
    def of(cls, predicate: Json) -> ModelTie:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed, or the manifest is not whole.
        """
        target, model = mapping(predicate.get("of")), mapping(predicate.get("model"))
        manifest, tie, rows = (
            Manifest.of(model.get("files")),
            predicate.get("tie"),
            predicate.get("rows"),
        )
        if not is_place(target.get("entry")) or not is_hash(target.get("evidence_sha256")):
            raise EvidenceError("predicate.of is missing or malformed")
        if model.get("sha256") != manifest.root:
            raise EvidenceError("predicate.model has another SHA-256 than the root of its manifest")
        if tie not in TIES:
            raise EvidenceError(f"predicate.tie is neither {' nor '.join(TIES)}")
        if rows is not None and not is_place(rows):
            raise EvidenceError("predicate.rows is neither null nor a number of rows")
        if tie == "same predictions" and not rows:
            raise EvidenceError("predicate.tie says that predictions were compared, on no rows")
        return cls(
            entry=target["entry"],
            evidence_sha256=target["evidence_sha256"],
            run_id=text(target.get("run_id")),
            manifest=manifest,
            name=text(model.get("name")),
            logged={name: text(said) for name, said in mapping(model.get("logged")).items()},
            likeness=Likeness(tie=tie, rows=rows, reason=text(predicate.get("reason"))),
        )


def check(predicate: Json) -> None:
    """The shape of such a predicate; raises `EvidenceError`."""
    ModelTie.of(predicate)
    if not isinstance(predicate.get("trackers"), list | tuple) or not all(
        isinstance(run, Mapping) for run in items(predicate["trackers"])
    ):
        raise EvidenceError("predicate.trackers is missing or malformed")
