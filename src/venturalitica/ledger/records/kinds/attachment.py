"""The record of kind `attachment`: the run of a tracker that an earlier audit belongs to.

    {"format": 3, "kind": "attachment", "package": version,
     "of":         {"entry", "evidence_sha256", "run_id"}: the audit, made while that run was not
                   open,
     "run":        the run, as in an audit's `trackers`,
     "how":        what ties the two: "model logged" (the run logged the audited model), "next run"
                   (by the setting, the next one that was opened), "run replaced" (the run that was
                   open gave way to it before anything more was written to it), or "by hand",
     "superseded": the runs that hold the audit and that it does not belong to after all,
     "attached_at", "trackers": the run and those superseded, to which this record is delivered}

It is a record of its own: the audit that it speaks of is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.encoding import is_hash, is_place
from venturalitica.core.json_values import Json, items, mapping, mappings, text
from venturalitica.core.record import ATTACHMENT, FORMAT, is_tracker_run, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError

How = Literal["model logged", "next run", "run replaced", "by hand"]
WAYS: tuple[How, ...] = ("model logged", "next run", "run replaced", "by hand")


class Attachment(Struct, frozen=True, kw_only=True):
    """What such a record says."""

    entry: int
    evidence_sha256: str
    run_id: str
    run: Json
    how: How
    superseded: tuple[Json, ...] = ()

    def statement(self, now: datetime) -> dict[str, Any]:
        """The statement, ready to be appended."""
        target = {
            "entry": self.entry,
            "evidence_sha256": self.evidence_sha256,
            "run_id": self.run_id,
        }
        predicate = {
            "format": FORMAT,
            "kind": "attachment",
            "package": __version__,
            "of": target,
            "run": dict(self.run),
            "how": self.how,
            "superseded": [dict(run) for run in self.superseded],
            "attached_at": timestamp(now),
            "trackers": [dict(run) for run in (self.run, *self.superseded)],
        }
        subject = (f"record/{self.entry}", self.evidence_sha256)
        return statement_json(ATTACHMENT, [subject], predicate)

    @classmethod
    def of(cls, predicate: Json) -> Attachment:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        target, run, how = (
            mapping(predicate.get("of")),
            mapping(predicate.get("run")),
            predicate.get("how"),
        )
        others = predicate.get("superseded")
        if not is_place(target.get("entry")) or not is_hash(target.get("evidence_sha256")):
            raise EvidenceError("predicate.of is missing or malformed")
        if how not in WAYS:
            raise EvidenceError(f"predicate.how is none of {', '.join(WAYS)}")
        if not is_tracker_run(run):
            raise EvidenceError("predicate.run names no run of a tracker")
        if not isinstance(others, list | tuple) or not all(map(_is_run, others)):
            raise EvidenceError("predicate.superseded is missing or malformed")
        return cls(
            entry=target["entry"],
            evidence_sha256=target["evidence_sha256"],
            run_id=text(target.get("run_id")),
            run=run,
            how=how,
            superseded=mappings(others),
        )


def _is_run(said: object) -> bool:
    return isinstance(said, Mapping) and is_tracker_run(said)


def check(predicate: Json) -> None:
    """The shape of such a predicate; raises `EvidenceError`."""
    made = Attachment.of(predicate)
    if list(items(predicate.get("trackers"))) != [made.run, *made.superseded]:
        raise EvidenceError("predicate.trackers are not its run and those superseded")
