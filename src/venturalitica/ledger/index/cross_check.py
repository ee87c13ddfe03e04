"""Does the log bear out the rows that are shown to a person?

Whoever can write to the folder can edit `index.db`, the log itself, and the keys beside it. What is
shown is therefore held against the records: proven to be in the tree that the checkpoint seals,
signed as they say, in the place that they were signed for. That no row was taken away, the index
sees itself when it is opened.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from venturalitica.core.packed import packed
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signed_by
from venturalitica.ledger.formats.public_key import PublicKey, carried_keys
from venturalitica.ledger.index.rows import Outline, RunRow, VerdictRow, run_row, verdict_rows
from venturalitica.ledger.log.proven_again import ProvenPlaces

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Ledger

T = TypeVar("T")
Verdicts = Mapping[int, Sequence[VerdictRow]]
Lines = tuple[Sequence[RunRow], Verdicts | None]
"""Rows that are shown, and their verdicts by entry; None where no verdict is shown."""


class Check(Struct, frozen=True):
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

    def compare(self, line: bytes, row: RunRow, verdicts: Verdicts | None) -> str | None:
        """None where a row, or a verdict of it, is not the one that the record in a line gives.

        Else why the record itself cannot be believed, as `verify` would say; empty where it can.
        """
        outline = Outline.of(row.index, line)
        same = verdicts is None or verdict_rows(outline) == list(verdicts.get(row.index, ()))
        return self._fault(outline) if same and run_row(outline) == row else None

    def _fault(self, outline: Outline) -> str:
        if outline.envelope is None:
            return ""  # it is listed as unreadable, and nothing of it is shown
        try:
            signed_by(outline.envelope, self.keys)
            link = outline.record.link
            if (link.origin, link.index) != (self.origin, outline.index):
                # A signed record, moved or doubled, or carried here from another log.
                raise EvidenceError(f"it was signed for place {link.index} of {link.origin[:80]!r}")
        except EvidenceError as error:
            return f"Entry {outline.index} does not verify: {error}."
        return ""


MOST = 20_000
"""How many are remembered, of 64 bytes each."""

MOST_MARKS = 4_000
"""Of so many rows, which are held on to, the mark is kept."""

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
        self._seen: dict[bytes, tuple[object, str]] = {}
        self._fresh: set[bytes] = set()
        self._stamp: object = None
        self._marks: dict[int, tuple[RunRow, object, bytes]] = {}
        self._places = ProvenPlaces()
        self._lock = threading.Lock()
        self.faults: Mapping[int, str] = {}
        """By entry: why a record that was shown does not verify, as the log is now."""

    def shown(
        self,
        find: Callable[[], T],
        shows: Callable[[T], Iterable[Lines]],
        are_recorded: Callable[[Sequence[RunRow], Verdicts | None], bool],
        make_again: Callable[[], object],
    ) -> tuple[T, str]:
        """What `find` finds by the index, once the log bears out each row that is shown of it.

        Where the index does not say what the log says it is made again, and asked again; where a
        record does not verify, what is found is asked for again, now that it is red.

        Returns:
            What was found, and what to say of an index that was edited, else nothing.

        Raises:
            EvidenceError: the log was altered.
        """
        edited = ""
        while True:
            faults = len(self.faults)
            found = find()
            if not all(are_recorded(rows, verdicts) for rows, verdicts in shows(found)):
                if edited:
                    raise EvidenceError(STILL)
                make_again()
                edited = EDITED
            elif len(self.faults) <= faults:
                return found, edited

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
            marks = {row.index: self._mark(row, verdicts) for row in rows}
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
        for index, line in ledger.chosen(sorted(new), self._places):
            row, mark = new.pop(index), marks[index]
            # What was found of the same bytes, by the same keys, is so still.
            about = self._places.leaf(index), check
            before, found = self._seen.get(mark, (None, None))
            if found is None or before != about:
                found = check.compare(line, row, verdicts)
                if found is None:
                    return False
                # It will be shown without its verdicts, once others came after it.
                self._remember(self._mark(row, None), about, index, found)
            self._remember(mark, about, index, found)
        return not new  # else there is no such entry, or it was pruned

    def _remember(self, mark: bytes, about: object, index: int, fault: str) -> None:
        self._fresh.add(mark)
        self._seen[mark] = about, fault
        if fault:
            self.faults = {**self.faults, index: fault}
        while len(self._seen) > MOST:
            self._seen.pop(next(iter(self._seen)))

    def _mark(self, row: RunRow, verdicts: Verdicts | None) -> bytes:
        """All that is shown of a row, in 32 bytes; of the very same row it is known."""
        own = None if verdicts is None else verdicts.get(row.index, ())
        known = self._marks.get(row.index)
        if known is not None and known[0] is row and known[1] is own:
            return known[2]
        mark = hashlib.sha256(packed((row, own))).digest()
        if own is None or not known:
            self._marks[row.index] = row, own, mark
            while len(self._marks) > MOST_MARKS:
                self._marks.pop(next(iter(self._marks)))
        return mark


def stamp_of(path: Path | str) -> tuple[int, int, int, int] | None:
    """Changes when the file does; None while it is not there.

    Who edits a file can set its mtime back, but not its ctime.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a page's way, many times a second
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
