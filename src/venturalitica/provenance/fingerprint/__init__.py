"""Fingerprints: the digest of a file, a folder, the columns of a table; the data items of a run.

A table's digest is over its values in row order, all rows, and depends neither on the library that
holds them nor on chunks or an index: pandas, Polars, pyarrow and numpy give the same for the same
values. docs/data-fingerprint.md says how a stranger computes it again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica.core.circumstances import BY_TALLY
from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.redact import redact_name
from venturalitica.errors import BindingError, DataError, did_you_mean, listed
from venturalitica.provenance.fingerprint import digest as column_hash
from venturalitica.provenance.fingerprint.digest import (
    FORMAT,
    BlockDigest,
    Column,
    ColumnDigest,
    block_digest,
    column_digest,
)
from venturalitica.provenance.fingerprint.frames import (
    array_column,
    arrow_column,
    pandas_column,
    polars_column,
)
from venturalitica.provenance.fingerprint.streams import in_batches
from venturalitica.system.settings import working_folder

if TYPE_CHECKING:
    import narwhals as nw


_WORTH_THREADS = 1 << 16
_NATIVE = {
    "pandas": ("array", pandas_column),
    "polars": ("to_physical", polars_column),
    "pyarrow": ("type", arrow_column),
}
"""By library: what a column of it has, and what reads one."""
_Sized: TypeAlias = tuple[int, ColumnDigest]


class DataFingerprint(Struct, frozen=True):
    """The digest of a table's columns; `columns` are sorted by name.

    `sha256` is over the canonical JSON of format, rows and columns. `engine` names the library
    that held the rows; it has no part in the digest.
    """

    sha256: str
    rows: int
    columns: tuple[ColumnDigest, ...]
    method: str = "columns/v1"
    engine: str = ""


def file_digest(
    path: str | os.PathLike[str], *, read: Callable[[int], None] | None = None
) -> tuple[str, int]:
    """SHA-256 of a file in hexadecimal, and its size in bytes; memory does not grow with it.

    Args:
        read: called with the bytes of each piece that was read.

    Raises:
        DataError: it changed, or another took its place, while it was read; or it is no file.
    """
    place = Path(path)
    # A pipe put in the place of a file would keep us waiting for ever.
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise DataError(f"{place}: not a regular file, so it has no bytes to stand for it")
        told = file if read is None else _Told(file, read)
        digest = hashlib.file_digest(told, "sha256").hexdigest()
        size = file.tell()
        after = (os.fstat(file.fileno()), _stat_or_none(place))
    if any(now is None or version_of(now) != version_of(before) for now in after):
        raise DataError(f"{place}: changed while its digest was taken; let its writer end first")
    return digest, size


class _Told:
    """A file that says how much of it was read: what `hashlib.file_digest` needs of one."""

    def __init__(self, file: BinaryIO, read: Callable[[int], None]) -> None:
        self._file, self._read = file, read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        size = int(self._file.readinto(buffer))  # type: ignore[attr-defined]
        if size:
            self._read(size)
        return size


def _stat_or_none(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def version_of(found: os.stat_result) -> tuple[int, ...]:
    """What is another where a file was written to, or another took its place."""
    # Whoever writes may set the time of the last change back; that of the inode he may not.
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def fingerprint(
    data: Any,
    columns: Sequence[str] | None = None,
    *,
    arrays: Mapping[str, Any] | None = None,
) -> DataFingerprint:
    """The fingerprint of some columns of a table.

    Args:
        data: pandas, Polars (eager or lazy), pyarrow or narwhals table, a dict of 1-D arrays, or
            None where there are only `arrays`.
        columns: which columns, in any order; None for all.
        arrays: further columns by name, shape `(n,)`, as predictions that are in no table; one
            that is named as a chosen column gets " (array)" after its name.

    Raises:
        BindingError: a column is not there.
        DataError: no table, other lengths, two columns of one name, or values without a canonical
            form (the message names the column).
    """
    engine, digests = _hashed(data, columns, dict(arrays or {}))
    digests.sort(key=lambda column: column[1].name)
    rows = _one_length(digests)
    found = tuple(digest for _, digest in digests)
    return DataFingerprint(_over(rows, found), rows, found, engine=engine)


def _over(rows: int, columns: Sequence[ColumnDigest]) -> str:
    listed = [asdict(column) for column in columns]
    return sha256_hex(canonical_json({"format": FORMAT, "rows": rows, "columns": listed}))


def _one_length(columns: Sequence[_Sized]) -> int:
    lengths = {digest.name: rows for rows, digest in columns}
    if len(set(lengths.values())) > 1:
        said = listed(f"{name} has {rows:,}" for name, rows in lengths.items())
        raise DataError(f"rows do not match: {said}; expected one value per row of the same data")
    return next(iter(lengths.values()), 0)


def _hashed(
    data: Any, columns: Sequence[str] | None, arrays: Mapping[str, Any]
) -> tuple[str, list[_Sized]]:
    from venturalitica.tally.engines.inputs import readable
    from venturalitica.tally.engines.narwhals import collected, column_names, open_frame, picked

    data = readable(data)

    known = column_names(data) or []
    chosen = list(dict.fromkeys(known if columns is None else columns))
    _refuse_missing(chosen, known)
    beside = [
        _beside_column(value, f"{name} (array)" if name in chosen else name)
        for name, value in arrays.items()
    ]
    frame = open_frame(data)
    if frame is None:
        return "numpy", _digests([*beside, *(_beside_column(data[name], name) for name in chosen)])
    engine = str(frame.implementation.value)
    if hasattr(frame, "collect"):
        lazy = picked(frame, chosen)
        pieces = in_batches(lazy, chosen)
        if pieces is not None:
            return engine, [*_streamed(pieces, chosen), *_digests(beside)]
        frame = collected(lazy)
    return engine, _digests([*beside, *(_series_column(frame, name) for name in chosen)])


def _refuse_missing(chosen: Sequence[str], known: Sequence[str]) -> None:
    for name in chosen:
        if name not in known:
            raise BindingError(
                f"there is no column '{name}'{did_you_mean(name, known)} "
                f"(columns: {listed(known, 30) or 'none'})"
            )


def _digests(columns: Sequence[Column]) -> list[_Sized]:
    blocks = _hash_blocks(columns)
    return [
        (column.rows, column_digest(column.name, found))
        for column, found in zip(columns, blocks, strict=True)
    ]


def _hash_blocks(columns: Sequence[Column]) -> list[list[BlockDigest]]:
    """Every block of every column, on all cores: hashing releases the interpreter's lock."""
    size = column_hash.BLOCK
    jobs = [(column, start) for column in columns for start in range(0, column.rows, size)]

    def hashed(job: tuple[Column, int]) -> BlockDigest:
        column, start = job
        return block_digest(column.read(start, min(start + size, column.rows)), column.name)

    workers = min(len(jobs), os.cpu_count() or 1)
    if workers < 2 or sum(column.rows for column in columns) < _WORTH_THREADS:
        done = list(map(hashed, jobs))
    else:
        with ThreadPoolExecutor(workers) as pool:
            done = list(pool.map(hashed, jobs))
    found = iter(done)
    return [list(islice(found, len(range(0, column.rows, size)))) for column in columns]


def _streamed(pieces: Iterator[list[Column]], columns: Sequence[str]) -> list[_Sized]:
    """A lazy table piece by piece, in order, so that it need not fit in memory."""
    found: dict[str, list[BlockDigest]] = {name: [] for name in columns}
    for read in pieces:
        for name, blocks in zip(columns, _hash_blocks(read), strict=True):
            found[name] += blocks
    return [
        (sum(block.rows for block in blocks), column_digest(name, blocks))
        for name, blocks in found.items()
    ]


def _series_column(frame: nw.DataFrame[Any], name: str) -> Column:
    from venturalitica.tally.engines.narwhals import series_of

    series, library = series_of(frame, name), str(frame.implementation.value)
    if library in _NATIVE:
        return _NATIVE[library][1](series.to_native(), name)
    return array_column(series.to_numpy(), name)


def _beside_column(values: Any, name: str) -> Column:
    """A bare array, or a column of any library that was passed as one."""
    from venturalitica.tally.engines.arrays import as_array

    native = values.to_native() if hasattr(values, "to_native") else values
    home = type(native).__module__.partition(".")[0]
    if home in _NATIVE and hasattr(native, _NATIVE[home][0]):
        return _NATIVE[home][1](native, name)
    return array_column(as_array(native, f"'{name}'"), name)


def digest_source(source: Any, *, context: str, name: str | None = None) -> dict[str, Any]:
    """The data item of a statement for a path or a frame.

    A file is its SHA-256; a folder the SHA-256 over the canonical JSON of its files' relative
    paths and digests (links are not followed); a frame the column fingerprint over all columns.

    Raises:
        DataError: nothing is there, or the value is neither a path nor a table.
    """
    if isinstance(source, str | os.PathLike):
        return _path_item(Path(source), context, name)
    return frame_item(source, context=context, name=name or type(source).__name__)


def missing_source(source: Any, *, context: str) -> dict[str, Any]:
    """The item of something that was named and is not there."""
    name = Path(source).name if isinstance(source, str | os.PathLike) else type(source).__name__
    return data_item(name, context, method="missing")


def frame_item(
    frame: Any,
    *,
    context: str,
    name: str,
    columns: tuple[str, ...] | None = None,
    arrays: Mapping[str, Any] | None = None,
    lake: Any = None,
) -> dict[str, Any]:
    """The item of a data frame; `columns` limits it to these, `arrays` adds some beside it.

    Of rows that have no order on their engine it has no digest, and `BY_TALLY` as its method. The
    table's own snapshot is in it where it has one: `lake` is the table whose rows `frame` reads.
    """
    from venturalitica.tally.engines.arrow import kind_of_lake
    from venturalitica.tally.engines.inputs import readable
    from venturalitica.tally.engines.narwhals import has_order, open_frame

    lake, frame = (frame if lake is None else lake), readable(frame)
    ordered, table = has_order(frame), open_frame(frame)
    snapshot = None
    if kind_of_lake(lake) or not ordered:
        from venturalitica.provenance.snapshot import snapshot_of

        snapshot = snapshot_of(table, lake=lake, ordered=ordered)
    if not ordered:
        engine = str(table.implementation.value) if table is not None else ""
        return unread_item(name, context, columns or (), BY_TALLY, snapshot) | {"engine": engine}
    found = fingerprint(frame, columns, arrays=arrays)
    return data_item(
        name,
        context,
        sha256=found.sha256,
        rows=found.rows,
        columns=[asdict(column) for column in found.columns],
        method=found.method,
        engine=found.engine,
        snapshot=snapshot,
    )


def unread_item(
    name: str, context: str, columns: Collection[str], method: str, snapshot: dict[str, str] | None
) -> dict[str, Any]:
    """The item of rows of which no fingerprint is made: the columns by name alone."""
    named = [
        {"name": column, "type": None, "nulls": None, "sha256": None}
        for column in sorted(set(columns))
    ]
    return data_item(name, context, columns=named, method=method, snapshot=snapshot)


def _path_item(path: Path, context: str, name: str | None) -> dict[str, Any]:
    if path.is_file():
        sha256, size = file_digest(path)
        return data_item(name or path.name, context, sha256=sha256, method="file", size=size)
    if path.is_dir():
        sha256, size = _folder_digest(path)
        return data_item(name or path.name, context, sha256=sha256, method="folder", size=size)
    named = redact_name(str(path))
    raise DataError(
        f"{context} {named!r}: there is no such file or folder (looked in {working_folder()})"
    )


def _folder_digest(folder: Path) -> tuple[str, int]:
    listing: dict[str, str] = {}
    total = 0
    for base, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(base) / file
            if path.is_symlink() or not path.is_file():
                continue
            sha256, size = file_digest(path)
            listing[path.relative_to(folder).as_posix()] = sha256
            total += size
    return sha256_hex(canonical_json(listing)), total


def data_item(name: str, context: str, **facts: Any) -> dict[str, Any]:
    """The `data` item of a statement: what is not given is null."""
    return {
        "name": redact_name(name),
        "context": context,
        "sha256": None,
        "rows": None,
        "columns": [],
        "method": "",
        "engine": None,
        "size": None,
        "training_rows": None,
        "identity": None,
        "snapshot": None,
    } | facts
