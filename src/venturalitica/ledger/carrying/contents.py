"""What a log that was taken in has: who signed it, and which tallies its records keep."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path

from msgspec import Struct

from venturalitica.core.record import ERASURE
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.log.tail import read_parts
from venturalitica.ledger.records.foreign.carried import Carried, Tallies
from venturalitica.ledger.records.kinds.erasure import targets_of
from venturalitica.ledger.records.vault import Vault


class Contents(Struct, frozen=True):
    """Who signed a log's records, when the latest was appended, as they say, in which entry each
    tally is kept, which of them the log itself erased, and how many entries it pruned."""

    key: str
    signers: tuple[str, ...]
    latest: str
    places: Mapping[str, int]
    erased: frozenset[str]
    pruned: int

    @classmethod
    def of(cls, home: Path, size: int) -> Contents:
        """Read the `size` entries of the log in `home`.

        Raises:
            EvidenceError: there are fewer, one cannot be read, or none is a record.
        """
        signers: dict[str, None] = {}
        places, erased, latest, pruned = dict[str, int](), set[str](), "", 0
        for part in read_parts(home / "log" / "entries.jsonl", 0, size):
            if part.head is not None:
                pruned += part.count
                continue
            signers |= dict.fromkeys(signers_of(part.line))
            record = statement_of(part.line)
            if record.tally_kept:
                places.setdefault(record.tally_kept, part.index)
            latest = max(latest, record.appended_at)
            if record.predicate_type == ERASURE and record.understood:
                erased |= {one for target in targets_of(record.predicate) for one in target.digests}
        if not signers:
            raise EvidenceError("it holds no record, so nobody signed it")
        return cls(
            key=next(iter(signers)),
            signers=tuple(signers),
            latest=latest,
            places=places,
            erased=frozenset(erased),
            pruned=pruned,
        )

    @property
    def kept(self) -> frozenset[str]:
        """The tallies that the log did not erase."""
        return frozenset(self.places) - self.erased

    def came(self, home: Path, erased_here: Set[str]) -> Tallies:
        """The tallies that are in the vault of `home`, with those that were erased here since."""
        return Tallies.of((Vault(home).digests() | erased_here) & self.kept)

    def missing(self, home: Path, erased_here: Set[str]) -> list[str]:
        """The tallies that are neither in the vault of `home` nor erased, in their log's order."""
        gone = self.kept - Vault(home).digests() - erased_here
        return sorted(gone, key=self.places.__getitem__)

    def fewer(self, home: Path, erased_here: Set[str], record: Carried) -> int:
        """How many of the tallies that came until a record are not accounted for any more.

        A later record names those that were there then: without this, one that was removed before
        it would be forgotten by it. What the log itself pruned or erased is accounted for.
        """
        if record.tallies is None:
            return 0
        until = {one for one, place in self.places.items() if place < record.size}
        told = (Vault(home).digests() | erased_here | self.erased) & until
        return max(0, record.tallies.count - len(told) - self.pruned)
