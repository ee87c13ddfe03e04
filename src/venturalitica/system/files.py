"""Files that are there after a power cut: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO

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
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
