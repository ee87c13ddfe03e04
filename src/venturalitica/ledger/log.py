"""The append discipline: what "written" means, and what survives a kill, a full disk, a power cut.

`log/entries.jsonl` holds one envelope a line; `log/checkpoint` seals the lines so far. An append,
under the lock: one write, fsync, new checkpoint (temporary file, fsync, rename, fsync of the
folder). It is acknowledged when both are durable. On an error the line is cut off again.

What a killed writer leaves is settled by the next one:
- a torn line (no newline) after the sealed ones is dropped: nobody was told that it is written;
- whole lines after the sealed ones are taken in if they are ours (signed by a key of this log, in
  their place); otherwise somebody else wrote them, and nothing is appended until a person looked;
- sealed lines are never touched.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from venturalitica.errors import EvidenceError
from venturalitica.ledger.cache import CacheMissError, TreeCache
from venturalitica.ledger.encoding import MAX_LINE
from venturalitica.ledger.files import reading, sync_folder, write_durably
from venturalitica.ledger.lock import locked
from venturalitica.ledger.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_inclusion
from venturalitica.ledger.note import MAX_NOTE, Checkpoint

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """What the log needs from whoever holds the keys.

    `admit` raises `EvidenceError` for a line that is not ours at that place; `owns` says whether
    the key that a line names for its checkpoint is the one that `seal` uses.
    """

    new_origin: Callable[[], str]
    seal: Callable[[Checkpoint], bytes]
    read_seal: Callable[[bytes], Checkpoint]
    admit: Callable[[bytes, Tail], None]
    owns: Callable[[bytes], bool]


class Log:
    """The two files of a ledger in `home`, and the cache of their tree."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "log"
        self.entries = self.folder / "entries.jsonl"
        self.checkpoint = self.folder / "checkpoint"

    def exists(self) -> bool:
        """Whether there is anything of a log here."""
        return self.entries.exists() or self.checkpoint.exists()

    def cache(self) -> TreeCache:
        """The tree's hashes and the lines' offsets."""
        return TreeCache(self.home / "cache")

    def seal_bytes(self) -> bytes | None:
        """The checkpoint's bytes, or None where there is none."""
        try:
            with reading(self.checkpoint) as stream:
                return stream.read(MAX_NOTE + 1)
        except FileNotFoundError:
            return None

    @contextmanager
    def fitting_cache(self, checkpoint: Checkpoint) -> Iterator[TreeCache]:
        """The cache, rebuilt first if it does not give the checkpoint's root."""
        with self.cache() as cache:
            if not cache.fits(checkpoint):
                cache.rebuild(self.entries, checkpoint)
            yield cache

    def settle(self, keeper: Keeper) -> None:
        """Make the log, or settle what a killed writer left; no entry is added."""
        with self._writing() as descriptor:
            sealed = self._sealed(descriptor, keeper)
            with self.fitting_cache(sealed) as cache:
                left, _ = self._settled(descriptor, cache, sealed, keeper)
                if left and keeper.owns(left[-1][1]):
                    tail, line = left[-1]
                    self._seal(tail.after(line).checkpoint(), keeper)
                    _store(cache, left)

    def append(
        self, make_line: Callable[[Tail], bytes], keeper: Keeper
    ) -> tuple[Tail, bytes, bytes]:
        """Append one line; gives where it went, the line, and the checkpoint that seals it.

        Raises:
            EvidenceError: the log is damaged, or kept by another process.
            OSError: the disk is full, read-only or failing; the log is as it was.
        """
        with self._writing() as descriptor:
            sealed = self._sealed(descriptor, keeper)
            with self.fitting_cache(sealed) as cache:
                left, tail = self._settled(descriptor, cache, sealed, keeper)
                line = make_line(tail)
                seal = self._add(descriptor, tail, line, keeper)
                _store(cache, [*left, (tail, line)])
        return tail, line, seal

    @contextmanager
    def _writing(self) -> Iterator[int]:
        fresh = not self.checkpoint.exists()
        if fresh:
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.entries, create=fresh) as descriptor:
                yield descriptor
        except FileNotFoundError as error:
            if self.entries.exists():
                raise
            raise EvidenceError(
                f"{self.entries} is gone, though its checkpoint is there; restore it from a "
                "copy, or move the whole folder away to begin a new log"
            ) from error

    def _sealed(self, descriptor: int, keeper: Keeper) -> Checkpoint:
        seal = self.seal_bytes()
        if seal is None:
            return self._begin(descriptor, keeper)
        return keeper.read_seal(seal)

    def _begin(self, descriptor: int, keeper: Keeper) -> Checkpoint:
        # The first checkpoint is of nothing, and durable before any line is: a log with lines and
        # no checkpoint is therefore never one that a killed writer left.
        if os.fstat(descriptor).st_size:
            raise EvidenceError(
                f"{self.checkpoint} is gone, though the log has entries; restore it from a copy "
                "or a tracker, or move the whole folder away to begin a new log"
            )
        checkpoint = Checkpoint(keeper.new_origin(), 0, EMPTY_ROOT)
        self._seal(checkpoint, keeper)
        sync_folder(self.home)
        sync_folder(self.home.parent)
        return checkpoint

    def _seal(self, checkpoint: Checkpoint, keeper: Keeper) -> bytes:
        seal = keeper.seal(checkpoint)
        write_durably(self.checkpoint, seal)
        return seal

    def _settled(
        self, descriptor: int, cache: TreeCache, sealed: Checkpoint, keeper: Keeper
    ) -> tuple[list[tuple[Tail, bytes]], Tail]:
        """The lines that a killed writer left unsealed, each with its place, and the tail."""
        tail = self._sealed_tail(descriptor, cache, sealed)
        if os.fstat(descriptor).st_size == tail.end:
            return [], tail
        return _take_in(descriptor, tail, keeper)

    def _sealed_tail(self, descriptor: int, cache: TreeCache, sealed: Checkpoint) -> Tail:
        """The tail after the sealed lines; the last of them is proven, not believed."""
        tail = _proven_tail(descriptor, cache, sealed)
        if tail is None:
            cache.rebuild(self.entries, sealed)
            tail = _proven_tail(descriptor, cache, sealed)
        if tail is None:
            raise EvidenceError(f"{self.entries}: changed while it was read; try again")
        return tail

    def _add(self, descriptor: int, tail: Tail, line: bytes, keeper: Keeper) -> bytes:
        seal = keeper.seal(tail.after(line).checkpoint())
        _write_line(descriptor, line, tail.end)
        try:
            write_durably(self.checkpoint, seal)
        except BaseException:
            # Once the new checkpoint stands the line is sealed, whatever failed after that.
            if self.seal_bytes() != seal:
                _cut(descriptor, tail.end)
            raise
        return seal


def _proven_tail(descriptor: int, cache: TreeCache, sealed: Checkpoint) -> Tail | None:
    """The tail if the cache points at the last sealed line, else None.

    A wrong leaf or offset in the cache must not get into the next record, which names its
    predecessor for ever; so the predecessor is read and proven.
    """
    tree = cache.tree(sealed.size)
    if not sealed.size:
        return Tail(sealed.origin, tree, 0, None)
    try:
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


def _take_in(descriptor: int, tail: Tail, keeper: Keeper) -> tuple[list[tuple[Tail, bytes]], Tail]:
    *whole, torn = _read_from(descriptor, tail.end).split(b"\n")
    left: list[tuple[Tail, bytes]] = []
    for line in whole:
        keeper.admit(line, tail)
        left.append((tail, line))
        tail = tail.after(line)
        log.info("took in entry %d, left unsealed by a killed writer", tail.size - 1)
    if torn:
        log.warning("dropped a torn line of %d bytes that was never acknowledged", len(torn))
        _cut(descriptor, tail.end)
    return left, tail


def _store(cache: TreeCache, added: list[tuple[Tail, bytes]]) -> None:
    for tail, line in added:
        hashes = tail.tree.completed_by(leaf_hash(line))
        cache.store(tail.size, hashes, tail.end + len(line) + 1)


def _write_line(descriptor: int, line: bytes, end: int) -> None:
    data = line + b"\n"
    try:
        written = os.write(descriptor, data)
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except BaseException:
        _cut(descriptor, end)
        raise


def _cut(descriptor: int, end: int) -> None:
    os.ftruncate(descriptor, end)
    os.fsync(descriptor)


def _read_from(descriptor: int, start: int) -> bytes:
    data = bytearray()
    while chunk := os.pread(descriptor, 1 << 20, start + len(data)):
        data += chunk
        if len(data) > 4 * MAX_LINE:
            raise EvidenceError(
                f"the log has more than {4 * MAX_LINE} bytes after its sealed entries, "
                "which no writer of ours leaves; run 'venturalitica verify'"
            )
    return bytes(data)
