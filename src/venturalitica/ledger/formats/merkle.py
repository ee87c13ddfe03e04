"""The Merkle tree of RFC 6962: hashes, roots and inclusion proofs.

Complete subtrees are kept in post-order (a leaf, then every subtree that it completes), so a tree
of n leaves is a file of fewer than 2n hashes that only ever grows, and an append, a root or a proof
touches O(log n) of them. `Tree` reads them through a function `hash_at(position)`; it does not care
whether they lie in memory or on disk.

Source: RFC 6962, section 2.1; verification as in RFC 9162, section 2.1.3.2. No
consistency proofs travel: `verify` has the whole log, and computes the root that a witness signed.

A `Head` is one line of `log/entries.jsonl` in the place of the lines of consecutive entries whose
retention has passed and that were pruned:

    {"format":  "venturalitica/pruned/v1",
     "origin":  which log,
     "start":   index of the first entry it stands for, "count": how many,
     "record":  index of the signed prune record that says so,
     "leaves":  their leaf hashes, one after another, in base64}

All leaf hashes are kept, so the chain, the tree's root, every proof and every checkpoint that a
witness holds can be checked as before; only the contents are gone. A head is not signed: its leaves
are held against the signed checkpoint, its range and root against the prune record it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import (
    canonical_json,
    decode_base64,
    encode_base64,
    is_place,
    parse_object,
)
from venturalitica.errors import EvidenceError

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data): 32 bytes."""
    # RFC 6962, section 2.1: leaves and nodes are hashed apart, else a node's two hashes could be
    # passed off as a record (second preimage).
    digest = hashlib.sha256(b"\x00")
    digest.update(data)
    return digest.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right): 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def stored_position(level: int, number: int) -> int:
    """Where the hash of the `number`-th complete subtree of 2**level leaves is stored."""
    leaf = ((number + 1) << level) - 1
    return 2 * leaf - leaf.bit_count() + level


def stored_count(size: int) -> int:
    """How many hashes a tree of `size` leaves stores."""
    return 2 * size - size.bit_count()


class Tree:
    """A tree of `size` leaves over stored hashes."""

    def __init__(self, size: int, hash_at: Callable[[int], bytes]) -> None:
        self.size = size
        self._hash_at = hash_at

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`."""
        return self._hash_at(stored_position(0, index))

    def root(self) -> bytes:
        """MTH(D[n]); SHA-256 of nothing for the empty tree."""
        return self.range(0, self.size) if self.size else EMPTY_ROOT

    def completed_by(self, leaf: bytes) -> list[bytes]:
        """What to store when `leaf` is appended: the leaf, then each subtree it completes."""
        hashes = [leaf]
        level, number = 0, self.size
        while number & 1:
            left = self._hash_at(stored_position(level, number - 1))
            hashes.append(node_hash(left, hashes[-1]))
            level, number = level + 1, number >> 1
        return hashes

    def grown(self, leaf: bytes) -> Tree:
        """The tree with one more leaf; nothing is stored."""
        first, new = stored_count(self.size), self.completed_by(leaf)

        def hash_at(position: int) -> bytes:
            return self._hash_at(position) if position < first else new[position - first]

        return Tree(self.size + 1, hash_at)

    def inclusion(self, index: int) -> list[bytes]:
        """PATH(index, D[n]), the leaf's sibling first.

        Raises:
            IndexError: `index` is not in the tree.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"no leaf {index} in a tree of {self.size}")
        return self._path(index, 0, self.size)

    def range(self, low: int, high: int) -> bytes:
        """The root over the leaves from `low` to `high` (exclusive), of a subtree of this tree."""
        width = high - low
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self._hash_at(stored_position(level, low >> level))
        middle = low + _split(width)
        return node_hash(self.range(low, middle), self.range(middle, high))

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self.range(middle, high)]
        return [*self._path(index, middle, high), self.range(low, middle)]


class MemoryTree(Tree):
    """A tree whose hashes lie in memory."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._stored: list[bytes] = []
        super().__init__(0, self._stored.__getitem__)
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Append a leaf hash (32 bytes)."""
        self._stored.extend(self.completed_by(leaf))
        self.size += 1


class RunningRoot:
    """The root of a growing tree in O(log n) memory, for one pass over a long log."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Append a leaf hash (32 bytes)."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Proofs:
    """Many leaves of one tree, each proven under its root.

    The tree's stored hashes come from a file that anybody may have edited, so none is believed:
    the path from a leaf must end at the root, or at a hash that a path before proved. Leaves in
    their order cost about one hash each, one alone costs log n.
    """

    def __init__(self, tree: Tree, root: bytes) -> None:
        self._tree, self._root = tree, root
        self._proven: dict[tuple[int, int], bytes] = {}

    def holds(self, index: int, leaf: bytes) -> bool:
        """Whether `leaf` is the one at `index`."""
        top, beside = self._down_to(index)
        siblings = [(span, self._tree.range(*span)) for span in beside]
        digest, first = leaf, index
        for (low, _), sibling in reversed(siblings):
            left = low < first
            digest = node_hash(sibling, digest) if left else node_hash(digest, sibling)
            first = min(low, first)
        if digest != self._proven.get(top, self._root):
            return False
        # What was proven whole is known in its parts from now on: log n hashes are kept, no more.
        self._proven.pop(top, None)
        self._proven.update(siblings)
        return True

    def _down_to(self, index: int) -> tuple[tuple[int, int], list[tuple[int, int]]]:
        """The lowest subtree over the leaf that is proven, and what lies beside the way from it."""
        top, beside = (0, self._tree.size), list[tuple[int, int]]()
        # Leaves in their order: the next lies in what was proven last, at the end of a dict.
        last = next(reversed(self._proven), top)
        low, high = top = last if last[0] <= index < last[1] else top
        while high - low > 1:
            middle = low + _split(high - low)
            left, right = (low, middle), (middle, high)
            (low, high), other = (left, right) if index < middle else (right, left)
            beside.append(other)
            if (low, high) in self._proven:
                top, beside = (low, high), []
        return top, beside


def still_begins(tree: Tree, root: bytes, *, before: tuple[int, bytes]) -> bool:
    """Whether the tree with `root` begins with the tree that had size and root `before`.

    That is what a consistency proof of RFC 9162, section 2.1.4, shows: both roots are made of the
    same hashes, so that the stored hashes, which anybody may have edited, are not believed.
    """
    size, old = before
    if not 0 < size <= tree.size:
        return False
    inside: list[bytes] = []

    def hashed(low: int, high: int) -> bytes:
        if high <= size or low >= size:
            digest = tree.range(low, high)
            inside.extend([digest] if high <= size else [])
            return digest
        middle = low + _split(high - low)
        return node_hash(hashed(low, middle), hashed(middle, high))

    now = hashed(0, tree.size)
    then = inside.pop()
    while inside:
        then = node_hash(inside.pop(), then)
    return (now, then) == (root, old)


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows that `leaf` is at `index` of the tree of `size` leaves with `root`."""
    if not 0 <= index < size or not _are_hashes((leaf, root, *proof)):
        return False
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and current == root


def _split(width: int) -> int:
    """The largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == 32 for value in values)


FORMAT = "venturalitica/pruned/v1"
HASH = 32
_FIELDS = {"format", "origin", "start", "count", "record", "leaves"}
_BEGINNING = b'{"count":'
"""A head's canonical spelling begins so, and an envelope's never does."""


class Head(Concise, frozen=True, kw_only=True):
    """The head of the entries from `start` on, as many as there are `leaves`."""

    unsaid = frozenset({"leaves"})

    origin: str
    start: int
    record: int
    leaves: tuple[bytes, ...]

    @property
    def count(self) -> int:
        """How many entries it stands for."""
        return len(self.leaves)

    @property
    def end(self) -> int:
        """Index of the entry after it."""
        return self.start + self.count

    def root(self) -> bytes:
        """The root of the tree over its leaves alone, which the prune record names."""
        return root_of(self.leaves)

    def to_line(self) -> bytes:
        """The line, without its newline."""
        return canonical_json(
            {
                "format": FORMAT,
                "origin": self.origin,
                "start": self.start,
                "count": self.count,
                "record": self.record,
                "leaves": encode_base64(b"".join(self.leaves)),
            }
        )


def root_of(leaves: tuple[bytes, ...]) -> bytes:
    """The RFC 6962 root over leaf hashes."""
    tree = RunningRoot()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def head_at(line: bytes, index: int) -> Head | None:
    """The head that a line is in the place of entry `index`; None where it is an entry's line.

    A line that only looks like a head is read as an entry's, which no tree then contains.
    """
    head = _head(line)
    return head if head is not None and head.start == index else None


def head_over(line: bytes, index: int) -> Head | None:
    """The head that a line is, if entry `index` is one of those it stands for."""
    head = _head(line)
    return head if head is not None and head.start <= index < head.end else None


def _head(line: bytes) -> Head | None:
    try:
        return _parsed(line) if line.startswith(_BEGINNING) else None
    except EvidenceError:
        return None


def _parsed(line: bytes) -> Head:
    value = parse_object(line, what="the head")
    numbers = [value.get(name) for name in ("start", "count", "record")]
    if value.keys() != _FIELDS or value["format"] != FORMAT or not all(map(is_place, numbers)):
        raise EvidenceError("not a head")
    data = decode_base64(value["leaves"], what="the head's leaves")
    leaves = tuple(data[place : place + HASH] for place in range(0, len(data), HASH))
    head = Head(
        origin=str(value["origin"]), start=value["start"], record=value["record"], leaves=leaves
    )
    if not leaves or len(data) % HASH or head.count != value["count"] or head.to_line() != line:
        raise EvidenceError("not a head as we write them")
    return head
