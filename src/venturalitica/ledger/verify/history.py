"""What a kind of record remembers over a whole log, to contradict what cannot be."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from venturalitica.core.encoding import VAULT, sha256_hex
from venturalitica.core.record import ERASURE, PRUNE, ROTATION
from venturalitica.core.retention import day_of
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.formats.public_key import short
from venturalitica.ledger.log.tail import lines_of
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.consistency import check_term
from venturalitica.ledger.records.kinds.erasure import Target, held_by, targets_of
from venturalitica.ledger.records.kinds.pruning import Pruning, Range
from venturalitica.ledger.records.kinds.rotation import Rotation
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.verify.data_digests import DataDigests
from venturalitica.ledger.verify.persons.signed import Approvals, Notes
from venturalitica.ledger.verify.prior import Priors, TimeStamps


class Vaulted(Chronicle):
    """The chronicle `vault`: each pair is as it was signed, or is erased as a record says."""

    name = "vault"
    meaning = "a value kept beside the log is not what was recorded, or not erased as was recorded"

    def __init__(self, home: Path | None) -> None:
        self._vault = None if home is None else Vault(home)
        # Every audit keeps its tally there: 32 bytes of each are remembered, not 64 digits.
        self._sealed: dict[bytes, int] = {}
        self._erased: dict[bytes, tuple[int, str]] = {}
        self._targets: list[tuple[int, Target]] = []
        self._pruned: list[Head] = []

    def read(self, record: Record) -> None:
        """Take in the references of a record, and what an erasure record says."""
        for digest in held_by(record.statement):
            self._sealed.setdefault(bytes.fromhex(digest), record.index)
        if record.kind == ERASURE:
            day = record.statement.appended_at[:10]
            for target in targets_of(record.statement.predicate):
                if target.entry >= record.index:
                    raise EvidenceError(
                        f"it erases of entry {target.entry}, which is not before it"
                    )
                self._targets.append((record.index, target))
                digests = map(bytes.fromhex, target.digests)
                self._erased |= dict.fromkeys(digests, (record.index, day))

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
        fault = self._misnamed(self._vault.home)
        missing: list[bytes] = []
        for digest in self._sealed | self._erased:
            fault = fault or self._fault(self._vault, digest)
            if fault is not None:
                return fault
            if digest not in self._erased and not self._vault.holds(digest.hex()):
                missing.append(digest)
        return self._told(missing)

    def _misnamed(self, home: Path) -> Step | None:
        """An erasure that says of a record what that does not hold; a second, quick reading."""
        there = [one for one in self._targets if not self._is_pruned(one[1])]
        lines = lines_of(home, {target.entry for _, target in there})
        for record, target in there:
            line = lines.get(target.entry, b"")
            same = sha256_hex(line) == target.evidence_sha256
            held = set(held_by(statement_of(line))) if same else set()
            # An erasure explains missing values: it may explain those only that its record held.
            if not held.issuperset(target.digests) or not same:
                detail = f"entry {record}: it erases what entry {target.entry} does not hold"
                return Step(self.name, False, f"{detail}; {self.meaning}", record)
        return None

    def _is_pruned(self, target: Target) -> bool:
        return any(head.start <= target.entry < head.end for head in self._pruned)

    def _fault(self, vault: Vault, digest: bytes) -> Step | None:
        entry = self._sealed.get(digest)
        if digest in self._erased and vault.holds(digest.hex()):
            record, _ = self._erased[digest]
            detail = (
                f"entry {record} says that pair {digest.hex()[:16]} was erased, and it is still "
                "there: an erasure was interrupted ('venturalitica erase' finishes it), or it was "
                "put back"
            )
            return Step(self.name, False, detail, record)
        try:
            vault.open({VAULT: digest.hex()})
        except EvidenceError as error:
            return Step(self.name, False, f"entry {entry}: {error}", entry)
        return None

    def _told(self, missing: list[bytes]) -> Step:
        gone = sum(digest in self._erased for digest in self._sealed)
        here = len(self._sealed) - gone - len(missing)
        texts = [f"{_values(here)} beside the log, as signed"] if here else []
        known = self._vault.digests() if self._vault else set()
        spare = [digest for digest in known if bytes.fromhex(digest) not in self._sealed]
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


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def chronicles(
    home: Path | None, tsa_roots: Sequence[bytes] = (), *, tally: str | None = None
) -> tuple[Chronicle, ...]:
    """Fresh chronicles for one reading; `home` is the ledger's folder, None for a bundle alone.

    `tally` are the counts of a bundle's record, where they came with it.
    """
    from venturalitica.ledger.rejudge.rejudge import Verdicts
    from venturalitica.ledger.rejudge.run_audits import RunAudits
    from venturalitica.ledger.verify.about import Telling
    from venturalitica.ledger.verify.run_ends import RunEnds

    alone = home is None
    judged = (Verdicts(home, tally), RunAudits(alone=alone), RunEnds(home))
    held = (*judged, Rotations(), Approvals(home), Notes(home))
    before = (Priors(home), DataDigests(home), TimeStamps(tsa_roots))
    return (*held, *before, Vaulted(home), Retention(alone=alone), Telling(alone=alone))


class _Named(Struct, frozen=True):
    range: Range
    record: int
    day: str


class Retention(Chronicle):
    """The chronicle `retention`: every head is one that a prune record names."""

    name = "retention"
    meaning = "entries were taken out of the log, or might be, otherwise than by pruning in time"

    def __init__(self, *, alone: bool = False) -> None:
        """`alone`: a record is read from a bundle, without the log it prunes."""
        self._alone = alone
        self._named: dict[int, _Named] = {}
        self._starts: list[int] = []
        self._heads: list[tuple[Range, int]] = []

    def read(self, record: Record) -> None:
        """Take in a prune record; it may name only what came before, and whose time was up."""
        check_term(record.statement)
        if record.kind != PRUNE:
            return
        day = record.statement.appended_at[:10]
        made = Pruning.of(record.statement.predicate)
        for item in made.ranges:
            if item.end > record.index:
                raise EvidenceError(f"it prunes entries {item}, which are not all before it")
            self._name(_Named(item, record.index, day))
        # The record's own day: what was pruned too early stays a fault in all later years.
        if day_of(day) <= made.until:
            raise EvidenceError(
                f"it is of {day}, and what it prunes was to be kept until {made.until}"
            )

    def _name(self, new: _Named) -> None:
        """Enter what a record prunes; the same once more changes nothing."""
        place = bisect_left(self._starts, new.range.start)
        for start in self._starts[max(0, place - 1) : place + 1]:
            known = self._named[start]
            if known.range == new.range:
                return
            if known.range.start < new.range.end and new.range.start < known.range.end:
                raise EvidenceError(
                    f"it prunes entries {new.range}, entry {known.record} pruned {known.range}"
                )
        self._starts.insert(place, new.range.start)
        self._named[new.range.start] = new

    def pass_over(self, head: Head) -> None:
        """Take in a head in the place of entries."""
        self._heads.append((Range(head.start, head.count, head.root()), head.record))

    def step(self) -> Step | None:
        """Never True: what was pruned can no longer be checked."""
        for item, record in self._heads:
            named = self._named.get(item.start)
            # The range has the root over its leaves: a head with one leaf exchanged is another.
            if named is None or (named.range, named.record) != (item, record):
                return Step(
                    self.name,
                    False,
                    f"entries {item} are gone, and no prune record names them: {self.meaning}",
                    item.start,
                )
        if self._alone or not self._named:
            return None
        there = {item.start for item, _ in self._heads}
        left = [named for start, named in self._named.items() if start not in there]
        return self._told(left)

    def _told(self, left: list[_Named]) -> Step:
        texts = []
        if self._heads:
            count = sum(item.count for item, _ in self._heads)
            last = max(self._named.values(), key=lambda named: named.record)
            some = ", ".join(str(item) for item, _ in self._heads[:3])
            more = ", …" if len(self._heads) > 3 else ""
            texts.append(
                f"{count} entries ({some}{more}) were pruned when their retention had passed "
                f"(entry {last.record}, {last.day}): their places are proven, their contents "
                "can no longer be checked"
            )
        if left:
            texts.append(
                f"entry {left[0].record} prunes {left[0].range}, which are still there: a pruning "
                "was interrupted, 'venturalitica prune' finishes it"
            )
        return Step(self.name, None, "; ".join(texts))


class Rotations(Chronicle):
    """The rotations of a log, and that no retired key was used again."""

    name = "rotation"
    meaning = "a retired key was used again, or a key took over that its predecessor did not name"

    def __init__(self) -> None:
        self.done: list[Rotation] = []
        self._retired: dict[str, int] = {}

    def read(self, record: Record) -> None:
        """Take in a record, in any order."""
        if not self._retired and record.kind != ROTATION:
            return
        link = record.statement.link
        for keyid in (*record.signers, link.checkpoint_key):
            retired = self._retired.get(keyid, record.index)
            # A key may have been stolen: that is why it was retired, as a signer and as a sealer.
            if retired < record.index:
                raise EvidenceError(f"key {short(keyid)} was retired in entry {retired}")
        if record.kind != ROTATION:
            return
        rotation = Rotation.of(record.statement.predicate, record.index)
        rotation.check_signed(record.signers, link)
        self.done.append(rotation)
        for keyid in rotation.old.keyids:
            self._retired[keyid] = record.index

    def step(self) -> Step | None:
        """Which keys handed over; None where none did."""
        if not self.done:
            return None
        told = "; ".join(
            f"key {short(item.old.record.keyid)} handed over to {short(item.new.record.keyid)} in "
            f"entry {item.index}, signed by both"
            for item in self.done
        )
        return Step(self.name, True, f"{told}; none was used after it was retired")

    def heirs(self, trusted: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Keys that took over from those of `trusted`: id -> the entries through which.

        Only the record key signs a rotation, so only its word counts: anybody could write another's
        checkpoint key beside a key of his own, and appoint its successor.
        """
        known = set(trusted)
        found: dict[str, tuple[int, ...]] = {}
        for item in self.done:
            if item.old.record.keyid not in known | found.keys():
                continue
            for old, new in zip(item.old.keyids, item.new.keyids, strict=True):
                if old in known | found.keys() and new not in known | found.keys():
                    found[new] = (*found.get(old, ()), item.index)
        return found
