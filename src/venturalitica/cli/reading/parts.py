"""What all readers of files share: their names held together, files alike as one part, bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, Any, TypeVar

from venturalitica.cli.reading.csv_types import key_type
from venturalitica.cli.reading.engine import refuse_other_columns
from venturalitica.cli.reading.places import DataFile, key_expression
from venturalitica.errors import DataError, MissingExtra

FILE = "venturalitica: the file of the row"
"""The column in which DuckDB says out of which file a row is."""
_T = TypeVar("_T")


def common_names(files: Sequence[DataFile], headers: Sequence[Sequence[str]]) -> list[str]:
    """The columns that all files have, in the order of the first, and then what folders name.

    Raises:
        DataError: a file, or a partition, has others.
    """
    every = [_names(file, header) for file, header in zip(files, headers, strict=True)]
    for file, names in zip(files, every, strict=True):
        refuse_other_columns(file, names, files[0], every[0])
    return every[0]


def _names(file: DataFile, header: Sequence[str]) -> list[str]:
    keys = [name for _, name in file.keys]
    twice = [name for name, count in Counter(keys).items() if count > 1]
    if twice:
        raise DataError(f"{file}: its folders name {twice[0]!r} twice")
    return [*(name for name in header if name not in keys), *keys]


def grouped(
    files: Sequence[_T], alike: Callable[[_T], tuple[DataFile, Any, Any, Any]]
) -> list[list[_T]]:
    """Files that can be read in one go, in their order: `alike` says of each what must be equal."""

    def key(each: _T) -> tuple[Any, ...]:
        file, *rest = alike(each)
        return (file.root if file.keys else "", file.keys, file.packed, *rest)

    return [list(group) for _, group in groupby(files, key)]


def selected(file: DataFile, header: Sequence[str], wanted: Sequence[str]) -> str:
    """What is selected of a source with the columns `c0`, `c1`, … of a header: those `wanted`, as
    `c0`, `c1`, … anew; what folders name is taken out of the file's name."""
    keys = {name: depth for depth, name in file.keys}
    column = f'"{FILE}"'
    chosen = [
        key_expression(file.root, keys[name], column) if name in keys else f"c{header.index(name)}"
        for name in wanted
    ]
    return ", ".join(f"{each} AS c{place}" for place, each in enumerate(chosen))


def add_files(connection: Any, files: Sequence[DataFile]) -> None:
    """Make the objects of stores known to DuckDB; once for each connection."""
    far = [file for file in files if file.files is not None]
    if far:
        from venturalitica.cli.reading.pinned import PinnedFiles

        connection.register_filesystem(PinnedFiles(far))


def key_types(files: Sequence[DataFile]) -> dict[str, str]:
    """The type of each column that folders name, by what all of them say."""
    values: dict[str, set[str | None]] = {}
    for file in files:
        for depth, name in file.keys:
            values.setdefault(name, set()).add(file.key_value(depth))
    return {name: key_type(found) for name, found in values.items()}


def typed_keys(wanted: Sequence[str], types: dict[str, str]) -> list[str]:
    """The expressions of columns `c0`, `c1`, … of `rows`, of which those in `types` are text."""
    return [
        f"CAST(c{place} AS {types[name]})" if name in types else f"c{place}"
        for place, name in enumerate(wanted)
    ]


@contextmanager
def readable(file: DataFile) -> Iterator[None]:
    """What keeps a file from being read, as a DataError that names it."""
    try:
        yield
    except (DataError, MissingExtra):
        raise
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{file}: cannot be read: {reason}") from error


def opened(file: DataFile) -> IO[bytes]:
    """The file's bytes, unpacked."""
    if file.packed == "gzip":
        return gzip.open(file.path)  # type: ignore[return-value]
    if file.packed == "zstd":
        try:
            from pyarrow import input_stream
        except ImportError:
            raise MissingExtra("pyarrow, which unpacks zstd,", "all") from None
        return io.BufferedReader(input_stream(file.path, compression="zstd"))
    return Path(file.path).open("rb")
