"""The record of an erasure, and that the vault is as the records say.

{"format": 1, "kind": "erasure",
 "targets": [{"entry", "evidence_sha256", "digests": of the pairs deleted}],
 "reason":  reference to the vault (a reason may name who asked), or null}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import is_hash, is_place, is_reference
from venturalitica.core.record import ERASURE, FORMAT, Statement, statement_json
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.vault import references


class Target(Concise, frozen=True):
    """One record, and the digests of its pairs."""

    unsaid = frozenset({"digests"})

    entry: int
    evidence_sha256: str
    digests: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As it stands in an erasure record."""
        return {
            "entry": self.entry,
            "evidence_sha256": self.evidence_sha256,
            "digests": list(self.digests),
        }

    @classmethod
    def of(cls, value: Any) -> Target:
        """Read it.

        Raises:
            EvidenceError: it is malformed.
        """
        if not isinstance(value, Mapping):
            raise EvidenceError("predicate.targets is missing or malformed")
        digests = value.get("digests")
        whole = is_place(value.get("entry"))
        named = isinstance(digests, list) and digests and all(map(is_hash, digests))
        if not (whole and named and is_hash(value.get("evidence_sha256"))):
            raise EvidenceError("predicate.targets is missing or malformed")
        return cls(value["entry"], value["evidence_sha256"], tuple(value["digests"]))


def held_by(statement: Statement) -> tuple[str, ...]:
    """The digests of the pairs that a record keeps in the vault, in their order there."""
    if not statement.judged:
        return tuple(references(statement.predicate))
    # Of these only what we put there: a model's parameters may look like a reference.
    return statement.kept


def erasure_statement(
    targets: Sequence[Target], reason: Mapping[str, str] | None
) -> dict[str, Any]:
    """The statement, ready to be appended."""
    predicate = {
        "format": FORMAT,
        "kind": "erasure",
        "targets": [target.to_json() for target in targets],
        "reason": dict(reason) if reason else None,
    }
    subjects = ((f"record/{target.entry}", target.evidence_sha256) for target in targets)
    return statement_json(ERASURE, subjects, predicate)


def targets_of(predicate: Mapping[str, Any]) -> tuple[Target, ...]:
    """What an erasure record says was erased.

    Raises:
        EvidenceError: it is malformed.
    """
    found = predicate.get("targets")
    if not isinstance(found, list) or not found:
        raise EvidenceError("predicate.targets is missing or malformed")
    return tuple(map(Target.of, found))


def reason_of(predicate: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Why it was erased, as a reference to the vault; None where no reason was given.

    Raises:
        EvidenceError: it is no such reference.
    """
    reason: Mapping[str, str] | None = predicate.get("reason")
    if reason is not None and not is_reference(reason):
        raise EvidenceError("predicate.reason is not a reference to the vault")
    return reason


def check(predicate: Mapping[str, Any]) -> None:
    """Raise `EvidenceError` unless the predicate is an erasure record's."""
    targets_of(predicate)
    reason_of(predicate)
