"""The record of kind `begin`: a monitored run began.

    {"format": 3, "kind": "begin", "package": version,
     "run":    as in an audit: id, name, parent, started_at, source; `ended_at` is empty,
     "policy": {"name", "version", "sha256"} of the policy that the run is under so far, or null,
     "open":   the tracker runs that were open then, as in an audit's `trackers`: it is delivered to
               none of them, since the run's own record will be,
     "retention": as in an audit}

It counts nothing and judges nothing. A run whose own record never came is on record by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica._version import __version__
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.json_values import Json
from venturalitica.core.policy import Policy
from venturalitica.core.record import BEGIN, FORMAT, Run, Statement, statement_json
from venturalitica.errors import EvidenceError


class Beginning(Struct, frozen=True, kw_only=True):
    """What such a record says."""

    run: Run
    policy: Policy | None
    open: Sequence[Json]
    retention: Mapping[str, Any]

    def statement(self) -> dict[str, Any]:
        """The statement, ready to be appended."""
        names = ("name", "version", "sha256")
        predicate = {
            "format": FORMAT,
            "kind": "begin",
            "package": __version__,
            "run": asdict(self.run),
            "policy": {name: getattr(self.policy, name) for name in names} if self.policy else None,
            "open": [dict(run) for run in self.open],
            "retention": dict(self.retention),
        }
        subject = (f"run/{self.run.id}", sha256_hex(self.run.id.encode()))
        return statement_json(BEGIN, [subject], predicate)


def check(predicate: Json) -> None:
    """The shape of such a predicate; raises `EvidenceError`."""
    record = Statement.of({"predicateType": BEGIN, "predicate": predicate})
    if not (record.run.id and record.run.started_at) or record.run.ended_at:
        raise EvidenceError("predicate.run is missing or malformed")
    said = predicate.get("open")
    if not isinstance(said, list | tuple) or len(said) != len(record.open):
        raise EvidenceError("predicate.open is missing or malformed")
