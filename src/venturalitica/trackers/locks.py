"""One delivery to a run at a time, on this machine.

A tracker has no "write only if nobody else did". Threads and processes of one machine therefore
take turns by an advisory lock on a small file in the temporary folder; the lock goes with the
process that held it, however that process ended. Machines that share no such folder are kept apart
by claims instead (`publish.py`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venturalitica.errors import TrackerError

_SLOTS = 256
_PATIENCE = 15.0
_POLL = 0.02


@contextmanager
def one_at_a_time(what: str, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the turn for `what`; TrackerError when another holds it for `patience` seconds."""
    descriptor = os.open(_slot(what), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(descriptor, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, deadline: float) -> None:
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
