"""The log written anew, with heads in the place of what is pruned: the old file stands, or the new.

The new file is written beside the old one, synced, read again and held against the sealed root, and
renamed over it, under the lock. Whoever waits for the lock notices that the file is another one
(`lock`); whoever reads goes on reading what was opened.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.merkle import Head, RunningRoot
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.log.tail import Part, read_parts
from venturalitica.ledger.records.kinds.pruning import Range
from venturalitica.system.files import locked, reading, sync_folder

Named = Mapping[int, tuple[Range, int]]
"""Ranges by their start, each with the index of the prune record that names it."""


def rewrite(log: LogFiles, head: Callable[[], Checkpoint], left: Named) -> int:
    """Put heads in the place of these ranges; gives how many entries that took out.

    Args:
        head: the verified checkpoint; asked under the lock, so that nothing is sealed meanwhile.
        left: ranges whose lines are all there, by their start.

    Raises:
        EvidenceError: the lines are not those that the ranges name; the log is as it was.
        OSError: the disk is full or failing; the log is as it was.
    """
    with locked(log.entries, create=False) as descriptor:
        _sweep(log)
        sealed = head()
        temporary = log.entries.with_name(f".{log.entries.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(_created(temporary, descriptor), "w+b") as stream:
                taken = _write(stream, log.entries, sealed, left)
                stream.flush()
                os.fsync(stream.fileno())
            _check(temporary, sealed)
            temporary.rename(log.entries)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(log.folder)
        with log.cache() as cache:
            cache.rebuild(log.entries, sealed)
    return taken


def _created(path: Path, like: int) -> int:
    """A new file of the same mode and owner: who could append to the log can go on."""
    found = os.fstat(like)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(PermissionError):  # only an administrator gives files away
        os.fchown(descriptor, -1, found.st_gid)
        os.fchown(descriptor, found.st_uid, -1)
    os.fchmod(descriptor, found.st_mode & 0o777)
    return descriptor


def _sweep(log: LogFiles) -> None:
    """Remove what killed prunings left beside the log; we hold the lock, so none is at work."""
    for path in log.folder.glob(f".{log.entries.name}.*"):
        path.unlink(missing_ok=True)


def _write(
    stream: BinaryIO,
    entries: Path,
    sealed: Checkpoint,
    left: Named,
) -> int:
    """Write the log with heads in the place of what is pruned; gives how many entries went."""
    taken = copied = 0
    parts = read_parts(entries, 0, sealed.size)
    for part in parts:
        copied += part.length
        if part.head is None and part.index in left:
            item, record = left[part.index]
            rest = _taken(parts, item, part)
            copied += sum(other.length for other in rest[1:])
            stream.write(_head(sealed, item, record, rest).to_line() + b"\n")
            taken += item.count
        else:
            stream.write(part.line + b"\n")
    _copy_rest(stream, entries, copied)
    return taken


def _taken(parts: Iterator[Part], item: Range, first: Part) -> list[Part]:
    taken = [first]
    while sum(part.count for part in taken) < item.count:
        taken.append(next(parts))
    return taken


def _head(sealed: Checkpoint, item: Range, record: int, taken: Iterable[Part]) -> Head:
    leaves = tuple(leaf for part in taken for leaf in part.leaves())
    head = Head(origin=sealed.origin, start=item.start, record=record, leaves=leaves)
    if head.count != item.count or head.root() != item.root:
        raise EvidenceError(
            f"entry {record} prunes entries {item}, but does not mean those of this log; "
            "run 'venturalitica verify'"
        )
    return head


def _copy_rest(stream: BinaryIO, entries: Path, start: int) -> None:
    """What a killed writer left after the sealed lines is the next writer's to settle."""
    with reading(entries) as old:
        old.seek(start)
        while chunk := old.read(1 << 20):
            stream.write(chunk)


def _check(path: Path, sealed: Checkpoint) -> None:
    tree = RunningRoot()
    for part in read_parts(path, 0, sealed.size):
        for leaf in part.leaves():
            tree.append(leaf)
    if tree.size != sealed.size or tree.root() != sealed.root:
        raise EvidenceError(f"{path}: it does not give the sealed root; the log is as it was")
