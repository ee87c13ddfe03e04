"""Where the log ends, and what the log needs from whoever holds the keys.

Both ways of writing share this: under the lock (`append`), and without locks (`lockless`).

`TreeCache` keeps the tree's hashes and the lines' offsets, so that nothing has to read the whole
log again. `cache/hashes.bin` holds the stored hashes of `merkle.Tree` (32 bytes each),
`cache/offsets.bin` the end of each line (8 bytes each, little-endian). Nothing in it is believed:
the root that the cache gives must be the signed checkpoint's, and each line is held against its
leaf. Where it does not fit it is rebuilt from the log; where it cannot be written it lives in
memory.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import MAX_LINE
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import (
    Head,
    MemoryTree,
    Tree,
    head_over,
    leaf_hash,
    stored_count,
    verify_inclusion,
)
from venturalitica.system.files import open_plain, reading

log = logging.getLogger(__name__)

HASH = 32
OFFSET = struct.Struct("<Q")


class CacheMissError(Exception):
    """The cache does not hold what was asked for."""


class TreeCache:
    """Reads and extends the two files; a context manager that closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes = _Array(folder / "hashes.bin", HASH)
        self._offsets = _Array(folder / "offsets.bin", OFFSET.size)

    def __enter__(self) -> TreeCache:
        return self

    def __exit__(self, *_: object) -> None:
        self._hashes.close()
        self._offsets.close()

    def tree(self, size: int, *, kept: bool = False) -> Tree:
        """The tree of the first `size` entries; reading it may raise `CacheMissError`.

        `kept`: what was read once is not read again, so that it cannot fail or change meanwhile.
        """
        return Tree(size, functools.cache(self._hashes.read) if kept else self._hashes.read)

    def end(self, size: int) -> int:
        """Where in the log the first `size` entries end, in bytes.

        That is where the entry at index `size` begins; where it was pruned, the head over it.
        """
        if size == 0:
            return 0
        end: int = OFFSET.unpack(self._offsets.read(size - 1))[0]
        return end

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Whether the cache covers a checkpoint and gives its root."""
        try:
            self.end(checkpoint.size)
            return self.tree(checkpoint.size).root() == checkpoint.root
        except CacheMissError:
            return False

    def store(self, size: int, hashes: Sequence[bytes], end: int) -> None:
        """Add the entry after the first `size`; a failure is logged, the cache is rebuilt later."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._hashes.write(stored_count(size), b"".join(hashes))
            self._offsets.write(size, OFFSET.pack(end))
        except OSError as error:
            log.debug("tree cache not extended, it will be rebuilt: %s", error)

    def rebuild(self, entries: Path, checkpoint: Checkpoint) -> None:
        """Read the log again and keep what it gives.

        Raises:
            EvidenceError: the log does not have the checkpoint's lines or root.
        """
        tree, hashes, offsets = MemoryTree(), bytearray(), bytearray()
        position = 0
        for part in read_parts(entries, 0, checkpoint.size):
            for leaf in part.leaves():
                new = tree.completed_by(leaf)
                tree.append(new[0])
                hashes += b"".join(new)
            # An entry inside a head begins where the head does.
            offsets += OFFSET.pack(position) * (part.count - 1)
            position += part.length
            offsets += OFFSET.pack(position)
        if tree.root() != checkpoint.root:
            raise EvidenceError(
                f"{entries}: the log is not the one that its checkpoint seals "
                f"({checkpoint.size} entries); run 'venturalitica verify' to see what changed"
            )
        self._hashes.replace(bytes(hashes))
        self._offsets.replace(bytes(offsets))


class Part(Concise, frozen=True):
    """One line of the log: of the entry at `index`, or the head of the entries from there on."""

    unsaid = frozenset({"line"})

    index: int
    line: bytes
    head: Head | None = None

    @property
    def count(self) -> int:
        """How many entries it stands for."""
        return self.head.count if self.head else 1

    @property
    def length(self) -> int:
        """Its bytes in the log, the newline too."""
        return len(self.line) + 1

    def leaves(self) -> tuple[bytes, ...]:
        """The leaf hashes of its entries."""
        return self.head.leaves if self.head else (leaf_hash(self.line),)


def read_parts(entries: Path, index: int, size: int, *, start: int = 0) -> Iterator[Part]:
    """The lines of entries `index` to `size` (exclusive), one at a time, from byte `start` on.

    A head at `start` may begin before `index`: it comes whole.

    Raises:
        EvidenceError: the log ends before that, or a line is too long.
    """
    try:
        with reading(entries) as stream:
            stream.seek(start)
            while index < size:
                line = stream.readline(MAX_LINE + 2)
                if not line.endswith(b"\n"):
                    raise EvidenceError(_no_line(entries, index, size, line))
                part = _part(line[:-1], index)
                yield part
                index = part.index + part.count
    except OSError as error:
        raise unreadable(entries, error) from error


def lines_of(home: Path, wanted: set[int]) -> dict[int, bytes]:
    """The lines of these entries out of the log in `home`; a second, quick reading."""
    if not wanted:
        return {}
    parts = read_parts(home / "log" / "entries.jsonl", 0, max(wanted) + 1)
    return {part.index: part.line for part in parts if part.index in wanted}


def unreadable(entries: Path, error: OSError) -> EvidenceError:
    """What to say of lines that the system does not give."""
    return EvidenceError(f"{entries}: the log cannot be read: {error.strerror}")


def _part(line: bytes, index: int) -> Part:
    head = head_over(line, index)
    return Part(head.start if head else index, line, head)


def _no_line(entries: Path, number: int, size: int, line: bytes) -> str:
    if len(line) > MAX_LINE:
        return f"{entries}: a line is longer than {MAX_LINE} bytes"
    return f"{entries}: the log ends after {number} of {size} lines that its checkpoint seals"


class _Array:
    """Records of one width in a file, or in memory where the file cannot be written."""

    def __init__(self, path: Path, width: int) -> None:
        self.path, self.width = path, width
        self._descriptor: int | None = None
        self._memory: bytes | None = None

    def read(self, position: int) -> bytes:
        if self._memory is not None:
            data = self._memory[position * self.width : (position + 1) * self.width]
        else:
            data = self._pread(position)
        if len(data) != self.width:
            raise CacheMissError(f"{self.path}: no record {position}")
        return data

    def _pread(self, position: int) -> bytes:
        try:
            return os.pread(self._open(), self.width, position * self.width)
        except OSError as error:
            raise CacheMissError(str(error)) from None

    def write(self, position: int, data: bytes) -> None:
        with self._writable() as stream:
            stream.seek(position * self.width)
            stream.write(data)

    def _writable(self) -> BinaryIO:
        # Never truncated: another process may be reading it.
        return os.fdopen(open_plain(self.path, os.O_RDWR | os.O_CREAT), "r+b")

    def replace(self, data: bytes) -> None:
        self.close()
        # What was read is used from memory from now on: another process, whose checkpoint is
        # older, may put a shorter file in this one's place.
        self._memory = data
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.rename(self.path)
        except OSError as error:
            log.debug("tree cache kept in memory: %s", error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def close(self) -> None:
        if self._descriptor is not None:
            # It was only read; an append that is done must not fail for it.
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = open_plain(self.path, os.O_RDONLY)
            except OSError as error:
                raise CacheMissError(str(error)) from None
        return self._descriptor


class NotOursError(EvidenceError):
    """A line after the sealed ones is no record of this log at that place."""


class UnconfirmedError(OSError):
    """An append failed half way, and what it wrote may stand: the next writer settles it."""


class Tail(Struct, frozen=True):
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


class Keeper(Struct, frozen=True, kw_only=True):
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
