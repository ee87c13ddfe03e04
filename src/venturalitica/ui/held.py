"""The rows that pages show are held against the log, each once.

Whoever can write to the folder can edit `index.db`. A row that was found to be its record's stays
so, since records do not change; a page looks at those that it has not seen before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, RunRow, VerdictRow

MOST = 20_000
"""How many are remembered, of 32 bytes each."""

EDITED = (
    "The index did not say what the log says, and was made again from the log. "
    "Was index.db edited? The log itself proves who is right: 'venturalitica verify'."
)

Verdicts = Mapping[int, Sequence["VerdictRow"]]


class Held:
    """Which rows were found to be those of their records; safe to use from threads."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}
        self._lock = threading.Lock()

    def are_recorded(
        self, ledger: Ledger, rows: Sequence[RunRow], verdicts: Verdicts | None = None
    ) -> bool:
        """Whether the log gives these rows, and these verdicts of them where they are given."""
        from venturalitica.ledger.faithful import faithful

        origin = ledger.head().origin
        marks = {_mark(origin, row, verdicts): row for row in rows}
        new = [mark for mark in marks if mark not in self._known]
        if new and not faithful(ledger, [marks[mark] for mark in new], verdicts):
            return False
        self._remember(new)
        return True

    def _remember(self, marks: Sequence[bytes]) -> None:
        with self._lock:
            self._known |= dict.fromkeys(marks)
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]


def _mark(origin: str, row: RunRow, verdicts: Verdicts | None) -> bytes:
    """All that is shown of a row, in 32 bytes."""
    own = None if verdicts is None else verdicts.get(row.index, ())
    return hashlib.sha256(repr((origin, row, own)).encode()).digest()
