"""Whether a process that began something is still there: a file that it keeps locked.

The kernel drops a `flock` with the process that holds it, by whatever it ended; nobody has to be
asked, and no number of a process can be another's by now.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
from enum import Enum
from pathlib import Path

from venturalitica.system.files import NoLocksError, locks_are_off, open_plain, write_all

MAX_HOST = 1024
_held: set[int] = set()


class Life(Enum):
    """What a sign tells of the process that made it."""

    HERE = "here"
    GONE = "gone"
    UNKNOWN = "unknown"


class Sign:
    """A file that this process keeps locked until `take_down`, or until it is no more."""

    def __init__(self, path: Path) -> None:
        """Put it up.

        Raises:
            NoLocksError: there are no locks, which would tell nothing.
            OSError: the file cannot be made.
        """
        if locks_are_off():
            raise NoLocksError(f"{path}: locks are turned off")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._process = os.getpid()
        self._descriptor = open_plain(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _held.add(self._descriptor)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_all(self._descriptor, platform.node().encode("utf-8", "replace")[:MAX_HOST])
        except OSError:
            self.take_down()
            raise

    def take_down(self) -> None:
        """Remove it; a child that was forked meanwhile leaves its parent's alone."""
        if self._process != os.getpid() or self._descriptor not in _held:
            return
        _held.discard(self._descriptor)
        with contextlib.suppress(OSError):
            self._path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def life_at(path: Path) -> Life:
    """What the sign at `path` tells; without one, or from another machine, nothing is known.

    A lock that is held is held by somebody, whatever machine that is on; that it is not held says
    something only on the machine that held it, since not every file system shares its locks.
    """
    try:
        descriptor = open_plain(path, os.O_RDONLY)
    except OSError:
        return Life.UNKNOWN
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        host = os.read(descriptor, MAX_HOST).decode("utf-8", "replace")
        return Life.GONE if host and host == platform.node() else Life.UNKNOWN
    except OSError as error:
        taken = error.errno in (errno.EWOULDBLOCK, errno.EACCES)
        return Life.HERE if taken else Life.UNKNOWN
    finally:
        os.close(descriptor)


def _forget_in_child() -> None:
    # A child holds copies of the descriptors, and with them the locks: a run would seem to live as
    # long as any worker that its process left behind.
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)
