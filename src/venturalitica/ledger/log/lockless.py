"""Writing the log without locks: each entry is decided in the inbox, then written by anybody.

An append: read the checkpoint; write what the inbox has decided beyond it; claim the next place
with a signed line; write that line at its offset, fsync; replace the checkpoint. It is acknowledged
when line and checkpoint are durable, as under the lock.

Two writers may do any of these steps at the same time, and one may stand still in the middle for
hours. Why that is harmless:
- a line is written only where the inbox has decided it, always the same bytes at the same offset;
- nothing is ever cut off;
- a writer that was overtaken may put an older checkpoint back. It seals a beginning of the same
  log; the lines after it are decided, signed and in place, and the next writer seals them again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from venturalitica.errors import EvidenceError, EvidenceWaiting
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import EMPTY_ROOT
from venturalitica.ledger.log.inbox import Decision
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.log.tail import (
    CacheMissError,
    Keeper,
    Tail,
    TreeCache,
    Written,
    read_from,
    sealed_tail,
    store,
)
from venturalitica.system.files import open_plain, sync_folder, write_durably, write_new

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds to go on trying while other writers are always quicker."""

TIDY_EVERY = 256


class Lockless:
    """One append, or one settling, of a log whose file system has no locks."""

    def __init__(self, log: LogFiles, keeper: Keeper) -> None:
        self.log, self.inbox, self.keeper = log, log.inbox, keeper

    def settle(self) -> None:
        """Write and seal what the inbox has decided; no entry is added."""
        with self._open() as (descriptor, sealed), self.log.fitting_cache(sealed) as cache:
            left, _, _ = self._catch_up(descriptor, cache, sealed)
            if left and self.keeper.owns(left[-1][1]):
                tail, line = left[-1]
                self._seal(descriptor, tail.after(line).checkpoint())
                _remember(cache, left)

    def append(self, make_line: Callable[[Tail], bytes]) -> tuple[Tail, bytes, bytes]:
        """Append one line; gives where it went, the line, and the checkpoint that seals it.

        Raises:
            EvidenceWaiting: it stands in the inbox; the next writer takes it into the log.
            EvidenceError, OSError: it was not written.
        """
        deadline = time.monotonic() + PATIENCE
        while (done := self._try(make_line)) is None:
            if time.monotonic() > deadline:
                raise EvidenceError(
                    f"{self.inbox.folder}: other writers were quicker for {PATIENCE:g} s; "
                    "try again, or set VENTURALITICA_HOME to another folder"
                )
            time.sleep(random.uniform(0.0, 0.004))
        return done

    def _try(self, make_line: Callable[[Tail], bytes]) -> tuple[Tail, bytes, bytes] | None:
        with self._open() as (descriptor, sealed), self.log.fitting_cache(sealed) as cache:
            left, tail, turn = self._catch_up(descriptor, cache, sealed)
            line = make_line(tail)
            after = tail.after(line).checkpoint()
            try:
                if not self.inbox.claim(tail.size, turn, line):
                    return None
                seal = self._finish(descriptor, tail, turn, line, after)
            except (OSError, EvidenceError) as error:
                if self._stands(tail.size, turn, line):
                    raise _waiting(self.inbox.folder, error) from error
                raise
            if seal is None:
                return None
            _remember(cache, [*left, (tail, line)])
        if tail.size % TIDY_EVERY == 0:
            self.inbox.tidy(tail.size)
        return tail, line, seal

    def _stands(self, index: int, turn: int, line: bytes) -> bool:
        try:
            return self.inbox.holds(index, turn, line)
        except OSError:
            return False

    def _finish(
        self, descriptor: int, tail: Tail, turn: int, line: bytes, after: Checkpoint
    ) -> bytes | None:
        """Write and seal a line that was just claimed; None where the place was long taken."""
        sealed, _ = self._read_seal()
        if sealed.size > tail.size and not _is_at(descriptor, line, tail.end):
            # We stood still for so long that the decision for this place was tidied away.
            self.inbox.withdraw(tail.size, turn)
            return None
        _write_at(descriptor, line, tail.end)
        seal = self._seal(descriptor, after)
        for _ in range(8):
            if self._decision(tail.after(line)).line is None:
                break
            # Somebody is ahead of us, and our checkpoint may have replaced a later one.
            with contextlib.suppress(OSError, EvidenceError):
                self.settle()
            if self._read_seal()[0].size > tail.size + 1:
                break
        return seal

    def _seal(self, descriptor: int, checkpoint: Checkpoint) -> bytes:
        """Seal the lines so far, unless that was done; gives a checkpoint over them."""
        seal = self.keeper.seal(checkpoint)
        os.fsync(descriptor)
        sealed, found = self._read_seal()
        if sealed.size >= checkpoint.size:
            return found
        write_durably(self.log.checkpoint, seal)
        return seal

    def _catch_up(
        self, descriptor: int, cache: TreeCache, sealed: Checkpoint
    ) -> tuple[Written, Tail, int]:
        """Write what was decided beyond the checkpoint; gives that, the tail, and its free turn."""
        try:
            return self._caught_up(descriptor, cache, sealed)
        except CacheMissError:
            # Another writer put a shorter cache in its place; one just made is read from memory.
            cache.rebuild(self.log.entries, sealed)
            return self._caught_up(descriptor, cache, sealed)

    def _caught_up(
        self, descriptor: int, cache: TreeCache, sealed: Checkpoint
    ) -> tuple[Written, Tail, int]:
        tail = sealed_tail(descriptor, cache, sealed, self.log.entries)
        left: Written = []
        while (decided := self._decided(descriptor, tail)).line is not None:
            _write_at(descriptor, decided.line, tail.end)
            left.append((tail, decided.line))
            tail = tail.after(decided.line)
        return left, tail, decided.turn

    def _decided(self, descriptor: int, tail: Tail) -> Decision:
        # The bytes are read before the inbox is: a line is written only after it was decided, so
        # what lies there undecided was not written in this way.
        found = read_from(descriptor, tail.end)
        decision = self._decision(tail)
        if decision.line is not None or not found:
            return decision
        self._decide_inherited(found, tail, decision.turn)
        return self._decision(tail)

    def _decide_inherited(self, found: bytes, tail: Tail, turn: int) -> None:
        """A line that a writer left which had locks: claim its place, or stop for a person."""
        line, newline, _ = found.partition(b"\n")
        if not newline:
            raise EvidenceError(
                f"{self.log.entries}: {len(found)} bytes after the last entry are not a line; keep "
                f"a copy of the file and cut it to {tail.end} bytes"
            )
        self.keeper.admit(line, tail)
        self.inbox.claim(tail.size, turn, line)

    def _decision(self, tail: Tail) -> Decision:
        return self.inbox.decision(tail.size, lambda line: self.keeper.admit(line, tail))

    @contextmanager
    def _open(self) -> Iterator[tuple[int, Checkpoint]]:
        if self.log.seal_bytes() is None:
            self._begin()
        try:
            # Not O_APPEND: with it, Linux appends whatever the offset of a pwrite is.
            descriptor = open_plain(self.log.entries, os.O_RDWR)
        except FileNotFoundError as error:
            raise self.log.entries_gone() from error
        try:
            yield descriptor, self._read_seal()[0]
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _read_seal(self) -> tuple[Checkpoint, bytes]:
        seal = self.log.seal_bytes()
        if seal is None:
            raise self.log.checkpoint_gone()
        return self.keeper.read_seal(seal), seal

    def _begin(self) -> None:
        """The first checkpoint, of nothing; of several writers that begin, one lays it."""
        self.log.folder.mkdir(parents=True, exist_ok=True)
        descriptor = open_plain(self.log.entries, os.O_RDWR | os.O_CREAT)
        try:
            if os.fstat(descriptor).st_size and self.log.seal_bytes() is None:
                raise self.log.checkpoint_gone()
        finally:
            os.close(descriptor)
        seal = self.keeper.seal(Checkpoint(self.keeper.new_origin(), 0, EMPTY_ROOT))
        temporary = self.log.checkpoint.with_name(f".checkpoint.{secrets.token_hex(8)}")
        try:
            write_new(temporary, seal, mode=0o644)
            with contextlib.suppress(FileExistsError):
                os.link(temporary, self.log.checkpoint)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        for folder in (self.log.folder, self.log.home, self.log.home.parent):
            sync_folder(folder)


def _remember(cache: TreeCache, added: Written) -> None:
    with contextlib.suppress(CacheMissError):
        store(cache, added)


def _waiting(folder: object, error: Exception) -> EvidenceWaiting:
    reason = getattr(error, "strerror", None) or error
    return EvidenceWaiting(
        f"the evidence is kept in {folder} but not in the log yet ({reason}); the next writer "
        "or 'venturalitica sync' takes it in"
    )


def _is_at(descriptor: int, line: bytes, offset: int) -> bool:
    return os.pread(descriptor, len(line) + 1, offset) == line + b"\n"


def _write_at(descriptor: int, line: bytes, offset: int) -> None:
    if _is_at(descriptor, line, offset):
        return
    view = memoryview(line + b"\n")
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
