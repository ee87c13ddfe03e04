"""What a server reads of a long log beside its first page: the receipts, the sign-offs, what the
next pages are held against.

All of it takes seconds at 100,000 runs, for which nobody should wait before an empty page. Until it
is read, the first pages say no more than the index and the last records prove: no light is green.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from venturalitica.core.redact import redact_text
from venturalitica.errors import VenturaliticaError

log = logging.getLogger(__name__)

LONG = 32_000_000
"""Bytes of log and receipts; what is shorter is read in the time that the first page has."""

PATIENCE = 2.0
"""Seconds after which it begins though no page was asked for."""


class ReadAhead:
    """One reading beside the pages, on a thread of its own; `done` once nothing is left to read.

    It begins when the first page is through: both at once would take twice as long to draw it.
    """

    def __init__(self, read: Callable[[], None]) -> None:
        self._read = read
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._go, name="venturalitica-read", daemon=True)
        self.done = False

    def start(self) -> None:
        """Wait for the first page, or `PATIENCE`, and read."""
        self._thread.start()

    def begin(self) -> None:
        """The first page is through."""
        self._asked.set()

    def join(self) -> None:
        """Wait until all is read."""
        self._asked.set()
        self._thread.join()

    def _go(self) -> None:
        self._asked.wait(PATIENCE)
        try:
            self._read()
        except VenturaliticaError as error:
            # The next page meets it, too, and says it to a person.
            log.debug("reading ahead: %s", redact_text(str(error)))
        finally:
            self.done = True


def is_long(home: Path) -> bool:
    """Whether evidence takes longer to read than a first page may take."""
    size = 0
    for path in (home / "log" / "entries.jsonl", home / "receipts.jsonl"):
        try:
            size += path.stat().st_size
        except OSError:
            continue  # whoever reads it says what is wrong
    return size > LONG
