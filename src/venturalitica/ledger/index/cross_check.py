"""Does the log bear out the rows that are shown to a person?

Whoever can write to the folder can edit `index.db`, the log itself, and the keys beside it. What is
shown is therefore held against the records: proven to be in the tree that the checkpoint seals,
signed as they say, in the place that they were signed for. That no row was taken away, the index
sees itself when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signed_by
from venturalitica.ledger.formats.merkle import leaf_hash
from venturalitica.ledger.formats.public_key import PublicKey, carried_keys
from venturalitica.ledger.index.rows import Outline, run_row, verdict_rows
from venturalitica.ledger.records.placement import Link

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, RunRow
    from venturalitica.ledger.index.rows import VerdictRow


Verdicts = Mapping[int, Sequence["VerdictRow"]]


@dataclass(frozen=True, slots=True)
class Compared:
    """What holding rows against their records came to.

    `same`: each row is the one that its record gives. `faults`: what is wrong with a record itself,
    by its entry; nothing that such a record says is proven.
    """

    same: bool
    faults: Mapping[int, str] = field(default_factory=dict)


def faithful(ledger: Ledger, rows: Iterable[RunRow], verdicts: Verdicts | None = None) -> bool:
    """Whether each row is the one that its record gives, and so its verdicts where they are given.

    `verdicts` are those of each row by its entry; a row that it does not name has none.
    """
    return compare(ledger, rows, verdicts).same


def compare(ledger: Ledger, rows: Iterable[RunRow], verdicts: Verdicts | None = None) -> Compared:
    """Hold rows against their records; `verdicts` as in `faithful`."""
    wanted, faults = {row.index: row for row in rows}, dict[int, str]()
    try:
        check = Check.of(ledger)
        for index, line in ledger.chosen(sorted(wanted)):
            found = check.compare(line, wanted.pop(index), verdicts)
            if not found.same:
                return found
            faults |= found.faults
    except EvidenceError:
        return Compared(False)  # one can no longer be read
    return Compared(not wanted, faults)  # else there is no such entry, or it was pruned


@dataclass(frozen=True, slots=True)
class Check:
    """Checks lines of one log, which are proven to be in it."""

    origin: str
    keys: Mapping[str, PublicKey]

    @classmethod
    def of(cls, ledger: Ledger) -> Check:
        """For a ledger as it is now.

        Raises:
            EvidenceError: a key beside the log is not the one that its name says.
        """
        return cls(ledger.head().origin, carried_keys(ledger.home / "keys"))

    def compare(self, line: bytes, row: RunRow, verdicts: Verdicts | None = None) -> Compared:
        """Hold a row, and its verdicts where they are given, against the record in a line."""
        outline = Outline.of(row.index, line)
        same = _is_its_record(row, outline)
        if verdicts is not None:
            same = same and _are_its_verdicts(verdicts.get(row.index, ()), outline)
        fault = self._fault(outline)
        return Compared(same, {row.index: fault} if fault else {})

    def _fault(self, outline: Outline) -> str:
        """Why the record cannot be believed, as `verify` would say; empty where it can."""
        envelope = outline.envelope
        if envelope is None:
            return ""  # it is listed as unreadable, and nothing of it is shown
        try:
            signed_by(envelope, self.keys)
            self._check_place(outline)
        except EvidenceError as error:
            return f"Entry {outline.index} does not verify: {error}."
        return ""

    def _check_place(self, outline: Outline) -> None:
        link = Link.of(outline.statement)
        if (link.origin, link.index) != (self.origin, outline.index):
            # A signed record, moved or doubled, or carried here from another log.
            raise EvidenceError(f"it was signed for place {link.index} of {link.origin[:80]!r}")


def _is_its_record(row: RunRow, outline: Outline) -> bool:
    given: dict[str, Any] = run_row(outline)
    given["index"] = given.pop("entry")
    given["trackers"] = tuple(json.loads(given["trackers"]))
    return given == asdict(row)


def _are_its_verdicts(rows: Sequence[VerdictRow], outline: Outline) -> bool:
    given = verdict_rows(outline)
    for row in given:
        row["index"] = row.pop("entry")
    return given == [asdict(row) for row in rows]


MOST = 20_000
"""How many are remembered, of 64 bytes each."""

EDITED = (
    "The index did not say what the log says, and was made again from the log. "
    "Was index.db edited? The log itself proves who is right: 'venturalitica verify'."
)
STILL = (
    "the index does not say what the log says, though it was just made again from it: somebody "
    "writes to the folder meanwhile. Run 'venturalitica verify'"
)


class Held:
    """Which rows were found to be those of their records; safe to use from threads."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[object, Compared]] = {}
        self._fresh: set[bytes] = set()
        self._stamp: object = None
        self._lock = threading.Lock()
        self.faults: Mapping[int, str] = {}
        """By entry: why a record that was shown does not verify, as the log is now."""

    def are_recorded(
        self,
        ledger: Ledger,
        stamp: object,
        rows: Sequence[RunRow],
        verdicts: Verdicts | None = None,
    ) -> bool:
        """Whether the log gives these rows, and these verdicts of them where they are given.

        `stamp` changes when a file of the log does.
        """
        with self._lock:
            if stamp != self._stamp:
                self._stamp, self._fresh, self.faults = stamp, set(), {}
            marks = {row.index: _mark(row, verdicts) for row in rows}
            new = {row.index: row for row in rows if marks[row.index] not in self._fresh}
            try:
                return self._are_recorded(ledger, new, marks, verdicts)
            except EvidenceError:
                return False  # one can no longer be read

    def _are_recorded(
        self,
        ledger: Ledger,
        new: dict[int, RunRow],
        marks: Mapping[int, bytes],
        verdicts: Verdicts | None,
    ) -> bool:
        if not new:
            return True
        check = Check.of(ledger)
        for index, line in ledger.chosen(sorted(new)):
            row, mark = new.pop(index), marks[index]
            # What was found of the same bytes, by the same keys, is so still.
            about = leaf_hash(line), check
            before, found = self._seen.get(mark, (None, None))
            if found is None or before != about:
                found = check.compare(line, row, verdicts)
            if not found.same:
                return False
            self._remember(mark, about, found)
        return not new  # else there is no such entry, or it was pruned

    def _remember(self, mark: bytes, about: object, found: Compared) -> None:
        self._fresh.add(mark)
        self._seen[mark] = about, found
        if found.faults:
            self.faults = {**self.faults, **found.faults}
        while len(self._seen) > MOST:
            self._seen.pop(next(iter(self._seen)))


def _mark(row: RunRow, verdicts: Verdicts | None) -> bytes:
    """All that is shown of a row, in 32 bytes."""
    own = None if verdicts is None else verdicts.get(row.index, ())
    return hashlib.sha256(repr((row, own)).encode()).digest()
