"""The append discipline: what "written" means, and what survives a kill, a full disk, a power cut.

`log/entries.jsonl` holds one envelope a line; `log/checkpoint` seals the lines so far. An append,
under the lock: one write, fsync, new checkpoint (temporary file, fsync, rename, fsync of the
folder). It is acknowledged when both are durable. On an error the line is cut off again.

What a killed writer leaves is settled by the next one:
- a torn line (no newline) after the sealed ones is dropped: nobody was told that it is written;
- whole lines after the sealed ones are taken in if they are ours (signed by a key of this log, in
  their place); otherwise somebody else wrote them, and nothing is appended until a person looked;
- sealed lines are never touched.

Where the file system has no locks, writers agree by the inbox instead (`lockless`).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import EMPTY_ROOT
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.log.tail import (
    Keeper,
    Tail,
    TreeCache,
    UnconfirmedError,
    Written,
    read_from,
    sealed_tail,
    store,
)
from venturalitica.system.files import NoLocksError, locked, open_plain, sync_folder, write_durably

if TYPE_CHECKING:
    from venturalitica.ledger.log.lockless import Lockless

log = logging.getLogger(__name__)

GRACE = 1.0
"""Seconds to wait after making the inbox of a log that others may be writing under the lock."""


class Log(LogFiles):
    """The files of a ledger in `home`, and how they are written."""

    def settle(self, keeper: Keeper) -> None:
        """Make the log, or settle what a killed writer left; no entry is added."""
        with self._with_lock(keeper) as descriptor:
            if descriptor is not None:
                self._settle(descriptor, keeper)
        if descriptor is None:
            self._lockless(keeper).settle()
            self.inbox.tidy(keeper.read_seal(self.seal_bytes() or b"").size)

    def append(
        self, make_line: Callable[[Tail], bytes], keeper: Keeper
    ) -> tuple[Tail, bytes, bytes]:
        """Append one line; gives where it went, the line, and the checkpoint that seals it.

        Raises:
            EvidenceError: the log is damaged, or kept by another process.
            EvidenceWaiting: there are no locks, and the line waits in the inbox.
            UnconfirmedError: the disk failed, and does not say how much of it was written.
            OSError: the disk is full, read-only or failing; the log is as it was.
        """
        with self._with_lock(keeper) as descriptor:
            done = None if descriptor is None else self._append(descriptor, make_line, keeper)
        return done or self._lockless(keeper).append(make_line)

    def _lockless(self, keeper: Keeper) -> Lockless:
        from venturalitica.ledger.log.lockless import Lockless

        return Lockless(self, keeper)

    def _settle(self, descriptor: int, keeper: Keeper) -> None:
        self._remove_leftovers()
        sealed = self._sealed(descriptor, keeper)
        with self.fitting_cache(sealed) as cache:
            left, _ = self._settled(descriptor, cache, sealed, keeper)
            if left and keeper.owns(left[-1][1]):
                # The killed writer may not have synced them, and a seal outlives a power cut.
                os.fsync(descriptor)
                tail, line = left[-1]
                self._seal(tail.after(line).checkpoint(), keeper)
                store(cache, left)

    def _append(
        self, descriptor: int, make_line: Callable[[Tail], bytes], keeper: Keeper
    ) -> tuple[Tail, bytes, bytes] | None:
        sealed = self._sealed(descriptor, keeper)
        with self.fitting_cache(sealed) as cache:
            left, tail = self._settled(descriptor, cache, sealed, keeper)
            line = make_line(tail)
            if self.has_inbox():
                return None  # made this very moment by a writer for whom locks failed
            seal = self._add(descriptor, tail, line, keeper)
            store(cache, [*left, (tail, line)])
        return tail, line, seal

    def _remove_leftovers(self) -> None:
        """Under the lock, temporary files are those of killed writers."""
        for path in self.folder.glob(".checkpoint.*"):
            with contextlib.suppress(OSError):
                path.unlink()

    @contextmanager
    def _with_lock(self, keeper: Keeper) -> Iterator[int | None]:
        """The log, locked; None where writers agree by the inbox, from now on if not before."""
        if self.has_inbox():
            yield None
            return
        with contextlib.ExitStack() as stack:
            try:
                descriptor = stack.enter_context(self._writing())
            except NoLocksError as error:
                log.info("%s; writers agree by %s", error, self.inbox.folder)
                self._leave_locks(keeper)
                yield None
                return
            # Another host, without locks, may have made the inbox while this one waited.
            yield None if self.has_inbox() else descriptor

    def _leave_locks(self, keeper: Keeper) -> None:
        """Make the inbox. A torn line is dropped before: once it is there, nothing is cut off."""
        seal = self.seal_bytes()
        if seal is None or not self.entries.exists():
            self.inbox.make()
            return
        sealed = keeper.read_seal(seal)
        descriptor = open_plain(self.entries, os.O_RDWR)
        try:
            with self.fitting_cache(sealed) as cache:
                tail = sealed_tail(descriptor, cache, sealed, self.entries)
            _drop_torn(descriptor, tail.end)
            self.inbox.make()
        finally:
            os.close(descriptor)
        # Where locks failed for us alone, another writer may be in the middle of an append.
        time.sleep(GRACE)

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
            raise self.entries_gone() from error

    def _sealed(self, descriptor: int, keeper: Keeper) -> Checkpoint:
        seal = self.seal_bytes()
        if seal is None:
            return self._begin(descriptor, keeper)
        return keeper.read_seal(seal)

    def _begin(self, descriptor: int, keeper: Keeper) -> Checkpoint:
        # The first checkpoint is of nothing, and durable before any line is: a log with lines and
        # no checkpoint is therefore never one that a killed writer left.
        if os.fstat(descriptor).st_size:
            raise self.checkpoint_gone()
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
    ) -> tuple[Written, Tail]:
        """The lines that a killed writer left unsealed, each with its place, and the tail."""
        tail = sealed_tail(descriptor, cache, sealed, self.entries)
        if os.fstat(descriptor).st_size == tail.end:
            return [], tail
        return _take_in(descriptor, tail, keeper)

    def _add(self, descriptor: int, tail: Tail, line: bytes, keeper: Keeper) -> bytes:
        # First, for a signer from outside may fail: no line would have to be taken back.
        seal = keeper.seal(tail.after(line).checkpoint())
        _write_line(descriptor, line, tail.end)
        try:
            write_durably(self.checkpoint, seal)
        except BaseException as error:
            self._take_back(descriptor, tail.end, seal, error)
            raise
        return seal

    def _take_back(self, descriptor: int, end: int, seal: bytes, error: BaseException) -> None:
        """Cut the line off, unless the new checkpoint stands: then it is sealed for good."""
        try:
            stands = self.seal_bytes() == seal
        except OSError:
            stands = True  # nobody knows; an unsealed line does no harm, a cut sealed one would
        if not stands:
            _cut_after(descriptor, end, error)
        elif isinstance(error, OSError):
            raise UnconfirmedError(error.errno, error.strerror) from error


def _take_in(descriptor: int, tail: Tail, keeper: Keeper) -> tuple[Written, Tail]:
    *whole, torn = read_from(descriptor, tail.end).split(b"\n")
    left: Written = []
    for line in whole:
        keeper.admit(line, tail)
        left.append((tail, line))
        tail = tail.after(line)
        log.info("took in entry %d, left unsealed by a killed writer", tail.size - 1)
    if torn:
        log.warning("dropped a torn line of %d bytes that was never acknowledged", len(torn))
        _cut(descriptor, tail.end)
    return left, tail


def _write_line(descriptor: int, line: bytes, end: int) -> None:
    data = line + b"\n"
    try:
        written = os.write(descriptor, data)
        # A disk that fills up writes a part and reports no error before the next write.
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except BaseException as error:
        _cut_after(descriptor, end, error)
        raise


def _cut(descriptor: int, end: int) -> None:
    os.ftruncate(descriptor, end)
    os.fsync(descriptor)


def _cut_after(descriptor: int, end: int, error: BaseException) -> None:
    """Cut a line off after an error; a disk that refuses this too leaves it to the next writer."""
    try:
        _cut(descriptor, end)
    except OSError as second:
        raise UnconfirmedError(second.errno, second.strerror) from error


def _drop_torn(descriptor: int, sealed_end: int) -> None:
    found = read_from(descriptor, sealed_end)
    whole = found.rfind(b"\n") + 1
    if whole != len(found):
        log.warning("dropped a torn line of %d bytes", len(found) - whole)
        _cut(descriptor, sealed_end + whole)
