"""Where the log ends, and what the log needs from whoever holds the keys.

Both ways of writing share this: under the lock (`log`), and without locks (`lockless`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from venturalitica.core.encoding import MAX_LINE
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import Tree, leaf_hash, verify_inclusion
from venturalitica.ledger.log.tree_cache import CacheMissError, TreeCache


class NotOursError(EvidenceError):
    """A line after the sealed ones is no record of this log at that place."""


class UnconfirmedError(OSError):
    """An append failed half way, and what it wrote may stand: the next writer settles it."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the next line goes: after the entries of `tree`, which end at byte `end`.

    `previous` is the leaf hash of the last entry, None before the first.
    """

    origin: str
    tree: Tree
    end: int
    previous: bytes | None

    @property
    def size(self) -> int:
        """How many entries there are, which is the next one's index."""
        return self.tree.size

    def after(self, line: bytes) -> Tail:
        """The tail once `line` (without its newline) is written."""
        leaf = leaf_hash(line)
        return Tail(self.origin, self.tree.grown(leaf), self.end + len(line) + 1, leaf)

    def checkpoint(self) -> Checkpoint:
        """What seals the entries so far."""
        return Checkpoint(self.origin, self.size, self.tree.root())


Written = list[tuple[Tail, bytes]]
"""Lines, each with the tail that it was written after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What the log needs from whoever holds the keys.

    `admit` raises `NotOursError` for a line that is not ours at that place (and another
    `EvidenceError` where that cannot be told now); `owns` says whether the key that a line names
    for its checkpoint is the one that `seal` uses.
    """

    new_origin: Callable[[], str]
    seal: Callable[[Checkpoint], bytes]
    read_seal: Callable[[bytes], Checkpoint]
    admit: Callable[[bytes, Tail], None]
    owns: Callable[[bytes], bool]


def sealed_tail(descriptor: int, cache: TreeCache, sealed: Checkpoint, entries: Path) -> Tail:
    """The tail after the sealed lines; the last of them is proven, not believed."""
    tail = _proven(descriptor, cache, sealed)
    if tail is None:
        cache.rebuild(entries, sealed)
        tail = _proven(descriptor, cache, sealed)
    if tail is None:
        raise EvidenceError(f"{entries}: changed while it was read; try again")
    return tail


def _proven(descriptor: int, cache: TreeCache, sealed: Checkpoint) -> Tail | None:
    """The tail if the cache points at the last sealed line, else None.

    A wrong leaf or offset in the cache must not get into the next record, which names its
    predecessor for ever; so the predecessor is read and proven.
    """
    tree = cache.tree(sealed.size, kept=True)
    if not sealed.size:
        return Tail(sealed.origin, tree, 0, None)
    try:
        # All that later roots are made of is read now, while another way out is open.
        if tree.root() != sealed.root:
            return None
        start, end = cache.end(sealed.size - 1), cache.end(sealed.size)
        line = os.pread(descriptor, min(max(end - start, 0), MAX_LINE + 1), start)
        leaf, proof = leaf_hash(line[:-1]), tree.inclusion(sealed.size - 1)
    except CacheMissError:
        return None
    proven = verify_inclusion(
        leaf=leaf, index=sealed.size - 1, size=sealed.size, proof=proof, root=sealed.root
    )
    whole = len(line) == end - start and line.endswith(b"\n")
    return Tail(sealed.origin, tree, end, leaf) if proven and whole else None


def store(cache: TreeCache, added: Written) -> None:
    """Tell the cache of lines that were added."""
    for tail, line in added:
        hashes = tail.tree.completed_by(leaf_hash(line))
        cache.store(tail.size, hashes, tail.end + len(line) + 1)


def read_from(descriptor: int, start: int) -> bytes:
    """What lies behind the sealed lines."""
    data = bytearray()
    while chunk := os.pread(descriptor, 1 << 20, start + len(data)):
        data += chunk
        if len(data) > 4 * MAX_LINE:
            raise EvidenceError(
                f"the log has more than {4 * MAX_LINE} bytes after its sealed entries, "
                "which no writer of ours leaves; run 'venturalitica verify'"
            )
    return bytes(data)
