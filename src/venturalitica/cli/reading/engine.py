"""DuckDB, the one engine that reads data files: the rows do not depend on what else is installed.

Each file is loaded into a table, only the columns that are asked for, as `c0`, `c1`, …: what is
written in a file never stands in a statement; `rows` is all of them. The values come out as numpy
arrays, which the base install has. Where some are missing it is an array of floats with NaN, of
times with NaT, or of objects with None.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError, MissingExtra

# Nothing is fetched (DuckDB would download an extension that a file asks for), and nothing is
# spilled: it would write the rows into the working folder.
_CONFIG = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "temp_directory": "",
}
_MOST_THREADS = 4
_BY_NUMPY = {
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR"),
    *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
}
"""Types that come out as arrays; the others as Python's own values (dates, decimals)."""
_NO_VALUE = {"f": numpy.nan, "M": numpy.datetime64("NaT")}


class Columns(Mapping[str, NDArray[Any]]):
    """The columns of data files by name, each of shape `(n,)`, read when first asked for."""

    def __init__(
        self, names: Sequence[str], load: Callable[[Sequence[str]], Mapping[str, NDArray[Any]]]
    ) -> None:
        self._names = dict.fromkeys(names)
        self._load = load
        self._read: dict[str, NDArray[Any]] = {}

    def read(self, names: Sequence[str]) -> None:
        """Read these columns, where they exist, in one pass."""
        wanted = [name for name in names if name in self._names and name not in self._read]
        if wanted:
            self._read |= self._load(wanted)

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.read([name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def connected() -> Iterator[Any]:
    """An empty database in memory, closed at the end.

    Raises:
        MissingExtra: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingExtra("DuckDB, which reads data files,", "files") from None
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    connection = duckdb.connect(":memory:", config={**_CONFIG, "threads": str(threads)})
    try:
        connection.execute(
            "SET enable_progress_bar = false; SET python_enable_replacements = false"
        )
        yield connection
    except duckdb.Error as error:
        raise DataError(f"the data cannot be read: {first_line(error)}") from error
    finally:
        connection.close()


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def succeeds(connection: Any, query: str, given: Sequence[str]) -> bool:
    """Whether DuckDB carries the query out; False where it says no."""
    import duckdb

    try:
        connection.execute(query, given)
    except duckdb.Error:
        return False
    return True


def location(path: Path) -> str:
    """How DuckDB is given a file: no address, and no pattern that takes in other files."""
    return glob.escape(str(path.absolute()))


def identifiers(places: Sequence[int]) -> str:
    """`c0, c2`: the names that columns have in DuckDB, by their places in the file."""
    return ", ".join(f"c{place}" for place in places)


def stack(connection: Any, count: int) -> None:
    """`rows`: the tables `file0`, `file1`, … one below the other (UNION ALL keeps the order)."""
    tables = " UNION ALL ".join(f"SELECT * FROM file{number}" for number in range(count))
    connection.execute(f"CREATE VIEW rows AS {tables}")


def array(connection: Any, expression: str) -> NDArray[Any]:
    """The values of an expression over `rows`, in their order."""
    query = f"SELECT {expression} AS c FROM rows"
    kind = connection.execute(f"DESCRIBE {query}").fetchall()[0][1]
    if kind.startswith("ENUM"):
        return array(connection, f"CAST({expression} AS VARCHAR)")
    if kind not in _BY_NUMPY:
        return objects([row[0] for row in connection.execute(query).fetchall()])
    found = connection.execute(query).fetchnumpy()["c"]
    if not numpy.ma.is_masked(found):
        return numpy.asarray(found)
    if found.dtype.kind in _NO_VALUE:
        return numpy.asarray(found.filled(_NO_VALUE[found.dtype.kind]))
    return objects(found.tolist())


def objects(values: Sequence[Any]) -> NDArray[Any]:
    """The values as an array of objects, shape `(n,)`, whatever they are."""
    objects = numpy.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def refuse_other_columns(
    path: Path, names: Sequence[str], other: Path, expected: Sequence[str]
) -> None:
    if sorted(names) == sorted(expected):
        return
    missing = sorted(set(expected) - set(names))
    extra = sorted(set(names) - set(expected))
    said = [f"lacks {missing}"] if missing else []
    said += [f"has {extra} besides"] if extra else []
    raise DataError(f"{path}: its columns differ from those of {other}: it {' and '.join(said)}")
