"""Lines that were proven, and are read again as the log grows."""

from __future__ import annotations

import os
from typing import BinaryIO

from msgspec import Struct

from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import Tree, leaf_hash, still_begins
from venturalitica.ledger.log.tail import CacheMissError

MOST = 20_000
"""How many places are remembered, of some hundred bytes each."""


class Place(Struct, frozen=True):
    """Where a line lies, in bytes without its newline, and the leaf that it has."""

    start: int
    length: int
    leaf: bytes


class ProvenPlaces:
    """Where the lines of one log lie that were proven; for one thread at a time.

    A line is given again only where its bytes, read now, still have the leaf that was proven, and
    the tree of now begins with the tree that it was proven in. All else is proven anew.
    """

    def __init__(self) -> None:
        self._under: Checkpoint | None = None
        self._places: dict[int, Place] = {}

    def now_under(self, checkpoint: Checkpoint, tree: Tree) -> None:
        """Keep what is remembered if the log only grew, else forget it."""
        if checkpoint != self._under:
            if not self._has_grown_to(checkpoint, tree):
                self._places.clear()
            self._under = checkpoint

    def _has_grown_to(self, checkpoint: Checkpoint, tree: Tree) -> bool:
        before = self._under
        if before is None or before.origin != checkpoint.origin:
            return False
        try:
            return still_begins(tree, checkpoint.root, before=(before.size, before.root))
        except CacheMissError:
            return False

    def remember(self, index: int, start: int, line: bytes) -> None:
        """A line that was just proven, and where it begins."""
        self._places[index] = Place(start, len(line), leaf_hash(line))
        while len(self._places) > MOST:
            self._places.pop(next(iter(self._places)))

    def leaf(self, index: int) -> bytes:
        """The leaf of an entry whose line was just given."""
        return self._places[index].leaf

    def line(self, index: int, entries: BinaryIO) -> bytes | None:
        """The line of an entry as it is in the log now; None where it must be proven anew."""
        place = self._places.get(index)
        if place is None:
            return None
        # One byte more: a line that goes on is another line.
        try:
            data = os.pread(entries.fileno(), place.length + 1, place.start)
        except OSError:
            return None  # whoever proves it anew says what is wrong
        line = data[:-1]
        return line if data[-1:] == b"\n" and leaf_hash(line) == place.leaf else None
