"""What the receipts tell and what waits, read once and from then on as log and receipts grow.

For a process that is asked many times: pages, right after an append. `Outbox` says the same of a
ledger that is read once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from venturalitica.core.record import ATTACHMENT, KINDS, PRUNE
from venturalitica.ledger.outbox import (
    MAX_RECEIPT,
    Attempt,
    Key,
    Receipt,
    Undelivered,
    attempt_in,
    bounded_lines,
    open_receipts,
    undelivered,
)

if TYPE_CHECKING:
    from venturalitica.ledger.index.counts.linked import Linked, Where
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.ledger import Ledger

_BLOCK = 1 << 18
_BEFORE = 4096
"""So many bytes before the place that was read to must be as they were; else all is read anew."""
_CHANGE_OTHERS = frozenset((KINDS[ATTACHMENT], KINDS[PRUNE]))
"""Kinds of records that change what is due of entries before them."""


class Receipts:
    """The receipts of one ledger; `refresh` takes in what was added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.readings = 0
        """How often the file was read from its beginning: another took its place, or none did."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.readings += 1
        self.attempts: list[Attempt] = []
        self.confirmed: set[Receipt] = set()
        self.failures: dict[Key, list[Attempt]] = {}
        self.by_entry: dict[int, tuple[Attempt, ...]] = {}
        self._inode, self._end, self._before = -1, 0, b""

    def refresh(self) -> None:
        """Take in what was added.

        Raises:
            EvidenceError: the file cannot be read.
        """
        stream = open_receipts(self._path)
        if stream is None:
            if self._inode != -1:
                self._begin_anew()
            return
        with stream:
            found = os.fstat(stream.fileno())
            if self._inode != found.st_ino or not self._goes_on(stream):
                self._begin_anew()
                self._inode = found.st_ino
            stream.seek(self._end)
            self._take(bounded_lines(stream))

    def _goes_on(self, stream: BinaryIO) -> bool:
        """Whether the file still has what was read last where it was."""
        stream.seek(self._end - len(self._before))
        return stream.read(len(self._before)) == self._before

    def _take(self, lines: Iterable[bytes]) -> None:
        read = []
        for line in lines:
            if not line.endswith(b"\n") and len(line) < MAX_RECEIPT:
                break  # it is being written, and the rest comes later
            read.append(line)
            attempt = attempt_in(line)
            if attempt is not None:
                self._add(attempt)
        self._end += sum(map(len, read))
        self._before = (self._before + b"".join(read[-_BEFORE:]))[-_BEFORE:]

    def _add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.by_entry[attempt.index] = (*self.by_entry.get(attempt.index, ()), attempt)
        if attempt.confirmed:
            self.confirmed.add(attempt.receipt)
        else:
            self.failures.setdefault(attempt.key, []).append(attempt)


class NewestReceipts:
    """The receipts from the end, as far as they are asked for: those of new records come last."""

    def __init__(self, path: Path) -> None:
        self._blocks = self._from_the_end(path)
        self._confirmed: set[Receipt] = set()

    def not_confirmed(self, due: Iterable[Receipt]) -> set[Receipt]:
        """Which of these no receipt confirms.

        Raises:
            EvidenceError: the file cannot be read.
        """
        missing = set(due) - self._confirmed
        while missing:
            lines = next(self._blocks, None)
            if lines is None:
                return missing
            found = filter(None, map(attempt_in, lines))
            confirmed = {attempt.receipt for attempt in found if attempt.confirmed}
            self._confirmed |= confirmed
            missing -= confirmed
        return missing

    @staticmethod
    def _from_the_end(path: Path) -> Iterator[list[bytes]]:
        """The lines of the file, a block at a time; one that is too long is no receipt."""
        stream = open_receipts(path)
        if stream is None:
            return
        with stream:
            end, rest = os.fstat(stream.fileno()).st_size, b""
            while end:
                start = max(0, end - _BLOCK)
                stream.seek(start)
                first, *lines = (stream.read(end - start) + rest).split(b"\n")
                # What began before this block is whole with the next one.
                end, rest = start, first if len(first) < MAX_RECEIPT else b""
                yield [line for line in lines if len(line) < MAX_RECEIPT]
            yield [rest]


class NewestByPlace:
    """Of each place the last attempt of all and the last that was confirmed; goes on where it was
    left."""

    def __init__(self) -> None:
        self._found: dict[tuple[Where, bool], Attempt] = {}
        self._of: tuple[int, int] = (-1, -1)
        self._next = 0
        self._nowhere: list[Attempt] = []
        """Of runs that the index did not know when they were read: it may have come since."""

    def refresh(self, receipts: Receipts, linked: Linked) -> None:
        """Take in the attempts since."""
        of = (receipts.readings, linked.readings)
        if self._of != of:
            self._found, self._of, self._next, self._nowhere = {}, of, 0, []
        new = (*self._nowhere, *receipts.attempts[self._next :])
        self._next, self._nowhere = len(receipts.attempts), []
        for attempt in new:
            where = linked.where(attempt.tracker, attempt.run_id)
            if where is None:
                self._nowhere.append(attempt)
                continue
            for which in {(where, False), (where, attempt.confirmed)}:
                self._found[which] = _later(self._found.get(which), attempt)

    def of(self, where: Where) -> tuple[Attempt | None, Attempt | None]:
        """The last attempt of all, and the last that was confirmed."""
        return self._found.get((where, False)), self._found.get((where, True))


def _later(before: Attempt | None, attempt: Attempt) -> Attempt:
    if before is None or (before.at, before.index) <= (attempt.at, attempt.index):
        return attempt
    return before


class DeliveryState:
    """What waits for trackers, and what was tried; safe from threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._receipts = Receipts(path)
        self._by_place = NewestByPlace()
        self._open: dict[Receipt, dict[str, Any]] = {}
        self._read: tuple[object, ...] = ()
        self._next = 0

    def attempts(self) -> tuple[Attempt, ...]:
        """All that the receipts tell, oldest first."""
        with self._lock:
            self._receipts.refresh()
            return tuple(self._receipts.attempts)

    def of_entry(self, entry: int) -> tuple[Attempt, ...]:
        """What the receipts tell of one entry, oldest first."""
        with self._lock:
            self._receipts.refresh()
            return self._receipts.by_entry.get(entry, ())

    def newest_at(self, where: Where, linked: Linked) -> tuple[Attempt | None, Attempt | None]:
        """Of the runs of one place: the last attempt of all, and the last that was confirmed."""
        with self._lock:
            self._receipts.refresh()
            self._by_place.refresh(self._receipts, linked)
            return self._by_place.of(where)

    def not_confirmed(self, due: Iterable[Receipt]) -> list[Receipt]:
        """Which of these no receipt confirms."""
        with self._lock:
            self._receipts.refresh()
            return [one for one in due if one not in self._receipts.confirmed]

    def waiting(self, ledger: Ledger, index: Index) -> dict[int, tuple[Undelivered, ...]]:
        """By entry: the tracker runs that have not confirmed it. What `Outbox.waiting` gives.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._receipts.refresh()
            self._go_on(ledger, index)
            found: dict[Key, Undelivered] = {}
            for (entry, tracker, run_id, digest), run in self._open.items():
                key = (entry, tracker, run_id)
                tried = self._receipts.failures.get(key, [])
                found.setdefault(key, undelivered(entry, run, digest, tried))
        by_entry: dict[int, list[Undelivered]] = {}
        for item in found.values():
            by_entry.setdefault(item.index, []).append(item)
        return {entry: tuple(items) for entry, items in by_entry.items()}

    def forget(self) -> None:
        """Of an index that was made again, nothing read before counts."""
        with self._lock:
            self._read = ()

    def _go_on(self, ledger: Ledger, index: Index) -> None:
        """Take in what is due of the entries since; all anew where those before are others."""
        size, kinds = index.kinds_from(self._next)
        of = (self._receipts.readings, ledger.head().origin)
        same = self._read[:2] == of and size >= self._next and not kinds & _CHANGE_OTHERS
        # Of a log whose end was cut off there is no such leaf.
        same = same and self._next <= ledger.size
        if not same or self._read[2] != ledger.leaf(self._next - 1):
            self._open, self._next = {}, 0
            size, _ = index.kinds_from(0)
        confirmed = self._receipts.confirmed
        for entry, digest, run in index.links(confirmed=confirmed, start=self._next):
            key = (entry, str(run.get("tracker", "")), str(run.get("run_id", "")), digest)
            self._open.setdefault(key, run)
        self._open = {key: run for key, run in self._open.items() if key not in confirmed}
        self._next = size
        self._read = (*of, ledger.leaf(size - 1)) if size else ()
