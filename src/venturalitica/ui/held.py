"""The rows that pages show are held against the log, each once for as long as the log is the same.

Whoever can write to the folder can edit `index.db`, and the log. A row that was found to be its
record's stays so while the record is proven to have the same bytes: when a file of the log changes,
a page proves that of those that it shows, and reads those that it has not seen before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError
from venturalitica.ledger.faithful import Check, Compared, Verdicts
from venturalitica.ledger.merkle import leaf_hash

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, RunRow

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
