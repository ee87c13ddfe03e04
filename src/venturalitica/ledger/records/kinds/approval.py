"""Approval: a person's dated, signed sign-off on one record (EU AI Act, Annex IV 2(g)).

    {"format": 1, "kind": "approval",
     "of":       {"entry", "evidence_sha256", "run_id", "light"}: the record, and its light then,
     "decision": "approved" or "rejected",
     "role":     in which function the person decided,
     "decided_at": the writer's clock, UTC,
     "keyid":    id of the key that signs for the person (one of the envelope's),
     "person":   reference to the vault,
     "comment":  reference to the vault, or null}

It is a record of its own: the one that it speaks of is never touched. Name and comment are personal
data; they can be erased, role and decision stay. A key says that its holder signed, not who that
was: give each person who signs off a key of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import is_hash, is_place, is_reference
from venturalitica.core.record import APPROVAL
from venturalitica.core.verdict import LIGHTS
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.records.vault import Vault

DECISIONS = ("approved", "rejected")

MAX_ROLE = 200


class Approval(Struct, frozen=True, kw_only=True):
    """One sign-off as it stands in the log, in the entry `index`."""

    index: int
    entry: int
    evidence_sha256: str
    run_id: str
    light: str
    decision: str
    role: str
    decided_at: str
    keyid: str
    person: Mapping[str, str]
    comment: Mapping[str, str] | None

    @classmethod
    def of(cls, predicate: Mapping[str, Any], index: int) -> Approval:
        """Read the predicate of an approval.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        check(predicate)
        target = predicate["of"]
        return cls(
            index=index,
            entry=target["entry"],
            evidence_sha256=target["evidence_sha256"],
            run_id=target["run_id"],
            light=target["light"],
            **{name: predicate[name] for name in _TEXTS},
            person=predicate["person"],
            comment=predicate["comment"],
        )

    def told(self, vault: Vault) -> dict[str, Any]:
        """As facts; `person` and `comment` are null where they were erased, or are not here.

        Raises:
            EvidenceError: the vault holds something else than was recorded.
        """
        return {
            "entry": self.index,
            "decision": self.decision,
            "role": self.role,
            "person": vault.open(self.person),
            "comment": vault.open(self.comment) if self.comment else None,
            "commented": self.comment is not None,
            "decided_at": self.decided_at,
            "light": self.light,
            "keyid": self.keyid,
        }


_TEXTS = ("decision", "role", "decided_at", "keyid")


def approval_in(line: bytes, index: int) -> Approval | None:
    """The sign-off that a line is; None for another kind, and where it cannot be read as one."""
    try:
        statement = statement_of(line)
        if statement.predicate_type != APPROVAL:
            return None
        approval = Approval.of(statement.predicate, index)
        return approval if approval.keyid in signers_of(line) else None
    except EvidenceError:
        return None  # it says of no record that it is signed off; `verify` says what is wrong


def check(predicate: Mapping[str, Any]) -> None:
    """The shape of an approval's predicate; raises `EvidenceError`."""
    target = predicate.get("of")
    if not isinstance(target, Mapping) or not _is_target(target):
        raise EvidenceError("predicate.of is missing or malformed")
    for name in _TEXTS:
        if not isinstance(predicate.get(name), str) or not predicate[name]:
            raise EvidenceError(f"predicate.{name} is missing or malformed")
    if predicate["decision"] not in DECISIONS:
        raise EvidenceError(f"predicate.decision is neither {' nor '.join(DECISIONS)}")
    if not is_reference(predicate.get("person")):
        raise EvidenceError("predicate.person is not a reference to the vault")
    if predicate.get("comment", 0) is not None and not is_reference(predicate.get("comment")):
        raise EvidenceError("predicate.comment is neither null nor a reference to the vault")


def _is_target(target: Mapping[str, Any]) -> bool:
    whole = is_place(target.get("entry"))
    texts = isinstance(target.get("run_id"), str) and target.get("light") in LIGHTS
    return whole and texts and is_hash(target.get("evidence_sha256"))
