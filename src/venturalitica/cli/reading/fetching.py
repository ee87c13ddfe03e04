"""What is read several times over is fetched once, into a temporary folder of this machine.

That is every file of `https://`, and all of a store but Parquet, which DuckDB reads by ranges
(`pinned`). The folder is one of TMPDIR, for this user alone. It goes with the values that name its
files, at the latest with the process; one whose process was killed goes with the next fetch.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from venturalitica.cli.output import counter
from venturalitica.cli.reading.cloud import changed, is_web, refusal, web_pieces
from venturalitica.cli.reading.engine import location
from venturalitica.cli.reading.pinned import PinnedFile
from venturalitica.cli.reading.places import DataFile
from venturalitica.errors import DataError
from venturalitica.system.alive import Life, Sign, life_at
from venturalitica.system.files import NoLocksError

_PREFIX = "venturalitica-data-"
_SIGN = ".in-use"
_PIECE = 16 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Folder:
    """A temporary folder that is there as long as this value is."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX)).absolute()
        sign = None
        with contextlib.suppress(NoLocksError, OSError):  # then nobody else will remove it
            sign = Sign(self.path / _SIGN)
        self.remove = weakref.finalize(self, _remove, self.path, sign, os.getpid())
        _end_in_order()


def _remove(path: Path, sign: Sign | None, process: int) -> None:
    if os.getpid() != process:  # a child that was forked meanwhile
        return
    if sign is not None:
        sign.take_down()
    shutil.rmtree(path, ignore_errors=True)


def _sweep() -> None:
    """Remove what processes that were killed left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            is_own = folder.lstat().st_uid == os.geteuid() and not folder.is_symlink()
            if is_own and life_at(folder / _SIGN) is Life.GONE:
                shutil.rmtree(folder, ignore_errors=True)


def _end_in_order() -> None:
    """A process that is asked to end removes its folder first, as after Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        for each in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) == signal.SIG_DFL:
                signal.signal(each, signal.default_int_handler)


def fetched(files: Sequence[DataFile]) -> list[DataFile]:
    """The same files, those that are read several times over as files of this machine.

    Raises:
        DataError: one cannot be fetched whole, changed meanwhile, or finds no room.
    """
    far = [file for file in files if is_web(file) or (file.files and file.kind != "parquet")]
    if not far:
        return list(files)
    folder = _Folder()
    try:
        copies = _copies(far, folder)
    except BaseException:
        folder.remove()
        raise
    return [copies.get(file.path, file) for file in files]


def _copies(far: Sequence[DataFile], folder: _Folder) -> dict[str, DataFile]:
    roots = {root: str(number) for number, root in enumerate({file.root for file in far})}
    copies = {}
    with counter("fetching, bytes") as count:
        before, total = 0, sum(file.size for file in far)
        for number, file in enumerate(far):
            told = partial(_tell, count, before, total - file.size)
            copy = copies[file.path] = _fetch(file, folder, roots[file.root], number, told)
            before += copy.size
            total += copy.size - file.size
    return copies


def _tell(
    count: Callable[[int, int], None], before: int, others: int, done: int, expected: int
) -> None:
    count(before + done, others + expected)


def _fetch(
    file: DataFile, folder: _Folder, root: str, number: int, told: Callable[[int, int], None]
) -> DataFile:
    base = folder.path / root
    # What folders name is kept at its depth; the names of all else are nobody's to choose.
    parts = file.path[len(file.root) :].split("/")[:-1] if file.keys else []
    place = base.joinpath(*(part if "=" in part else "-" for part in parts), str(number))
    if any(part in ("", ".", "..") for part in parts):
        raise DataError(f"{file}: its folders have no names that a folder here could have")
    done = 0
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as copy:
            expected, pieces = _pieces(file)
            _refuse_too_large(file, expected, folder.path)
            for piece in pieces:
                copy.write(piece)
                done += len(piece)
                told(done, max(expected, done))
    except (OSError, ValueError) as error:
        raise _no_room(file, folder.path, error) from error
    if expected and done != expected:
        raise refusal(file.name, EOFError(f"{done} of {expected} bytes"))
    return replace(
        file,
        at=location(place),
        size=done,
        path=str(place),
        root=f"{base}/" if file.root else "",
        files=None,
        kept=folder,
    )


def _pieces(file: DataFile) -> tuple[int, Iterator[bytes]]:
    if is_web(file):
        return web_pieces(file)
    return file.size, _object_pieces(file)


def _object_pieces(file: DataFile) -> Iterator[bytes]:
    with contextlib.closing(PinnedFile(file)) as source:
        while left := file.size - source.tell():
            piece = source.read(min(_PIECE, left))
            if not piece:
                raise changed(file.name)
            yield piece


def _refuse_too_large(file: DataFile, expected: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if expected > free:
        raise DataError(
            f"{file}: has {expected:,} bytes, and the disk of {folder.parent} has room for "
            f"{free:,}; {_ELSEWHERE}"
        )


_ELSEWHERE = "set TMPDIR to a folder with more room; nothing was judged"


def _no_room(file: DataFile, folder: Path, error: OSError | ValueError) -> DataError:
    if getattr(error, "errno", None) in _FULL:
        return DataError(f"{file}: the disk of {folder.parent} is full; {_ELSEWHERE}")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return DataError(f"{file}: cannot be kept in {folder.parent}: {reason}; {_ELSEWHERE}")
