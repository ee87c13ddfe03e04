"""The record of an erasure, and that the vault is as the records say.

{"format": 1, "kind": "erasure",
 "targets": [{"entry", "evidence_sha256", "digests": of the pairs deleted}],
 "reason":  reference to the vault (a reason may name who asked), or null}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venturalitica.errors import EvidenceError
from venturalitica.ledger.encoding import is_hash, is_place
from venturalitica.ledger.heads import Head
from venturalitica.ledger.kinds import Kind, Record
from venturalitica.ledger.link import STATEMENT_TYPE
from venturalitica.ledger.vault import KEY, Vault, is_reference, references
from venturalitica.records import JUDGED, Step

ERASURE = "urn:venturalitica:erasure:v1"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Target:
    """One record, and the digests of its pairs."""

    entry: int
    evidence_sha256: str
    digests: tuple[str, ...] = field(repr=False)

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


def held_by(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """The digests of the pairs that a record keeps in the vault, in their order there."""
    # Those hold no reference, though a model's parameters may look like one.
    if str(statement.get("predicateType")) in JUDGED:
        return ()
    return tuple(references(statement.get("predicate")))


def erasure_statement(
    targets: Sequence[Target], reason: Mapping[str, str] | None
) -> dict[str, Any]:
    """The statement, ready to be appended."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"record/{target.entry}", "digest": {"sha256": target.evidence_sha256}}
            for target in targets
        ],
        "predicateType": ERASURE,
        "predicate": {
            "format": FORMAT,
            "kind": "erasure",
            "targets": [target.to_json() for target in targets],
            "reason": dict(reason) if reason else None,
        },
    }


def targets_of(predicate: Mapping[str, Any]) -> tuple[Target, ...]:
    """What an erasure record says was erased.

    Raises:
        EvidenceError: it is malformed.
    """
    found = predicate.get("targets")
    if not isinstance(found, list) or not found:
        raise EvidenceError("predicate.targets is missing or malformed")
    return tuple(map(Target.of, found))


def check(predicate: Mapping[str, Any]) -> None:
    """Raise `EvidenceError` unless the predicate is an erasure record's."""
    targets_of(predicate)
    reason = predicate.get("reason")
    if reason is not None and not is_reference(reason):
        raise EvidenceError("predicate.reason is not a reference to the vault")


KIND = Kind(ERASURE, FORMAT, check)


class Vaulted:
    """The chronicle `vault`: each pair is as it was signed, or is erased as a record says."""

    name = "vault"
    meaning = "a value kept beside the log is not what was recorded, or not erased as was recorded"

    def __init__(self, home: Path | None) -> None:
        self._vault = None if home is None else Vault(home)
        self._sealed: dict[str, int] = {}
        self._holders: dict[int, tuple[str, frozenset[str]]] = {}
        self._erased: dict[str, tuple[int, str]] = {}
        self._pruned: list[Head] = []

    def read(self, record: Record) -> None:
        """Take in the references of a record, and what an erasure record says."""
        digests = held_by(record.statement)
        for digest in digests:
            self._sealed.setdefault(digest, record.index)
        if digests:
            self._holders[record.index] = record.evidence_sha256, frozenset(digests)
        if record.kind == ERASURE:
            day = str(record.predicate["log"]["appended_at"])[:10]
            for target in targets_of(record.predicate):
                self._check(target, record)
                self._erased |= dict.fromkeys(target.digests, (record.index, day))

    def pass_over(self, head: Head) -> None:
        """What a pruned record referred to is not known any more."""
        self._pruned.append(head)

    def step(self) -> Step | None:
        """Hold the pairs that are there against their digests, those gone against records."""
        try:
            return self._step()
        except EvidenceError as error:
            return Step(self.name, False, str(error))

    def _step(self) -> Step | None:
        if not self._sealed and not self._erased:
            return None
        if self._vault is None:
            detail = f"not checked: {_values(len(self._sealed))} beside the log, not in the bundle"
            return Step(self.name, None, detail) if self._sealed else None
        missing: list[str] = []
        for digest in self._sealed | self._erased:
            fault = self._fault(self._vault, digest)
            if fault is not None:
                return fault
            if digest not in self._erased and not self._vault.holds(digest):
                missing.append(digest)
        return self._told(missing)

    def _fault(self, vault: Vault, digest: str) -> Step | None:
        entry = self._sealed.get(digest)
        if digest in self._erased and vault.holds(digest):
            record, _ = self._erased[digest]
            detail = (
                f"entry {record} says that pair {digest[:16]} was erased, and it is still there: "
                "an erasure was interrupted ('venturalitica erase' finishes it), or it was put back"
            )
            return Step(self.name, False, detail, record)
        try:
            vault.open({KEY: digest})
        except EvidenceError as error:
            return Step(self.name, False, f"entry {entry}: {error}", entry)
        return None

    def _told(self, missing: list[str]) -> Step:
        gone = sum(digest in self._erased for digest in self._sealed)
        here = len(self._sealed) - gone - len(missing)
        texts = [f"{_values(here)} beside the log, as signed"] if here else []
        spare = self._vault.digests() - self._sealed.keys() if self._vault else ()
        if spare:
            texts.append(f"{_values(len(spare))} that no record refers to")
        if gone:
            last = max(self._erased.values())
            texts.append(f"{_values(gone)} erased, the last on {last[1]} (entry {last[0]})")
        if not missing:
            return Step(self.name, True, "; ".join(texts) or "nothing is left of what was erased")
        first = self._sealed[missing[0]]
        texts.append(
            f"{_values(len(missing))} not in the vault here (first: of entry {first}): this is a "
            "copy without it, or they were deleted and no erasure record says so"
        )
        return Step(self.name, None, "; ".join(texts), first)

    def _check(self, target: Target, record: Record) -> None:
        if target.entry >= record.index:
            raise EvidenceError(f"it erases of entry {target.entry}, which is not before it")
        if any(head.start <= target.entry < head.end for head in self._pruned):
            return
        if self._vault is None:
            return
        known, held = self._holders.get(target.entry, ("", frozenset[str]()))
        if known != target.evidence_sha256 or not held.issuperset(target.digests):
            raise EvidenceError(f"it erases what entry {target.entry} does not hold")


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"
