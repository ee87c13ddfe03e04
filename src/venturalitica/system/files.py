"""Files that are there after a power cut, whole or not at all; and one writer at a time.

`locked` takes `flock` on a descriptor of its own, so that threads of one process and a child forked
in the middle of an append exclude each other like strangers do.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import random
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from venturalitica.errors import EvidenceError, TrackerError

BUFFER = 1 << 17
"""Python's own eight kilobytes hold hardly one line of the log."""


def open_plain(path: Path, flags: int, mode: int = 0o644) -> int:
    """Open a regular file; gives the descriptor.

    A pipe put in the place of a file would keep a reader waiting for ever, a device would never
    end: neither is opened for reading. A link is followed for reading only: a folder that somebody
    else prepared could point one at any file of the user's, and we would write there.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    if flags & (os.O_WRONLY | os.O_RDWR):
        flags |= os.O_NOFOLLOW
    try:
        # open(2): without O_NONBLOCK, opening a pipe waits until somebody writes into it.
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):  # ENXIO: a socket
            raise
        raise OSError(errno.EINVAL, "not a regular file (a link or a socket)", str(path)) from error
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def reading(path: Path) -> BinaryIO:
    """A regular file, open for reading; OSError as `open_plain`."""
    return os.fdopen(open_plain(path, os.O_RDONLY), "rb", BUFFER)


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `data` in one step that survives a power cut.

    Written to a temporary file beside it, synced, renamed over it, and the folder synced. On any
    failure before the rename the old file stands.

    Raises:
        OSError: the disk is full, read-only or failing.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(temporary, data, mode=mode)
        temporary.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write and sync a file that must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    # fsync(2): syncing a file does not sync its name, which is an entry of the folder.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


PATIENCE = 60.0
"""Seconds to wait for other writers before giving up."""

SWITCH = "VENTURALITICA_LOCKS"
_OFF = frozenset({"0", "false", "no", "off"})
_held: set[int] = set()
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def locks_are_off() -> bool:
    """Whether the user turned locks off."""
    return os.environ.get(SWITCH, "").strip().lower() in _OFF


class NoLocksError(EvidenceError):
    """The file system has no `flock`, or the user turned locks off."""


@contextmanager
def locked(
    path: Path, *, create: bool, patience: float = PATIENCE, required: bool = True
) -> Iterator[int]:
    """Open `path` for reading and appending, alone; gives the descriptor.

    Where `required` is False and there are no locks, it is opened all the same.

    Raises:
        NoLocksError: the file system has no locks.
        EvidenceError: another process keeps the lock.
        FileNotFoundError: the file is absent and `create` is False.
    """
    flags = os.O_RDWR | os.O_APPEND | (os.O_CREAT if create else 0)
    process = os.getpid()
    try:
        descriptor = _open_alone(path, flags, patience)
    except NoLocksError:
        if required:
            raise
        descriptor = open_plain(path, flags)
    try:
        yield descriptor
    finally:
        if process == os.getpid():  # a child forked meanwhile has no such descriptor any more
            _held.discard(descriptor)
            _release(descriptor)


@contextmanager
def shared(path: Path, *, patience: float = 5.0) -> Iterator[bool]:
    """Keep writers out while a reader takes a snapshot; False where no lock could be had."""
    try:
        descriptor, got = _shared(path, patience)
    except OSError:
        yield False
        return
    try:
        yield got
    finally:
        _release(descriptor)


def _shared(path: Path, patience: float) -> tuple[int, bool]:
    while True:
        descriptor = open_plain(path, os.O_RDONLY)
        got = _try_shared(descriptor, path, patience)
        if not got or _still_at(descriptor, path):
            return descriptor, got
        _release(descriptor)  # a pruning has put another file in its place


def _try_shared(descriptor: int, path: Path, patience: float) -> bool:
    try:
        _take(descriptor, path, patience, exclusive=False)
    except EvidenceError:
        return False
    return True


def _open_alone(path: Path, flags: int, patience: float) -> int:
    while True:
        descriptor = open_plain(path, flags)
        _held.add(descriptor)
        try:
            _take(descriptor, path, patience, exclusive=True)
            if _still_at(descriptor, path):
                return descriptor
        except BaseException:
            _held.discard(descriptor)
            os.close(descriptor)
            raise
        # Somebody removed or replaced the file while we waited: what we hold is no longer the log.
        _held.discard(descriptor)
        _release(descriptor)


def _take(descriptor: int, path: Path, patience: float, *, exclusive: bool) -> None:
    if locks_are_off():
        raise NoLocksError(f"{path}: locks are turned off ({SWITCH})")
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    deadline = time.monotonic() + patience
    pause = 0.0002
    while True:
        try:
            # Not `fcntl` locks: closing any descriptor of the file loses them, and they do not keep
            # threads of one process apart (fcntl(2)).
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise NoLocksError(
                    f"{path}: this file system has no locks ({error.strerror})"
                ) from error
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                raise
        if time.monotonic() > deadline:
            raise EvidenceError(
                f"{path}: another process has kept the lock for {patience:g} s; "
                "end that process, or set VENTURALITICA_HOME to another folder"
            )
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.3, 0.002)


def _still_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    # By device and inode: the same name may be another file by now.
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _release(descriptor: int) -> None:
    # Unlocking says so for every copy of the descriptor, a forked child's included; closing alone
    # would leave the lock with the child. What was done under the lock is done: an error of the
    # disk here must not make it look undone.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _forget_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


_SLOTS = 256
_PATIENCE = 15.0
_POLL = 0.02


@contextmanager
def one_at_a_time(what: str, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the turn for `what`; TrackerError when another holds it for `patience` seconds."""
    descriptor = os.open(_slot(what), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take_slot(descriptor, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take_slot(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TrackerError(
                    "another delivery to this run has not finished yet; "
                    "'venturalitica sync' tries again later"
                ) from None
            time.sleep(_POLL)


def _slot(what: str) -> Path:
    """A bounded number of files: two runs may share one, which only makes them take turns."""
    number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:4], "big") % _SLOTS
    return _folder() / f"{number:03d}.lock"


def _folder() -> Path:
    """Our folder under the temporary one; refused where somebody else made it (a planted link)."""
    folder = Path(tempfile.gettempdir()) / f"venturalitica-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise TrackerError(f"{folder} is not a folder of this user: remove it, or set TMPDIR")
    return folder
