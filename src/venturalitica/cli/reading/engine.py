"""DuckDB, the one engine that reads data: the rows do not depend on what else is installed.

What is read is a view over the files, never a copy of them in memory: `rows`, with the columns that
are asked for as `c0`, `c1`, …, so that what is written in a file never stands in a statement. The
values come out as a relation that a judgement counts on the engine (`Columns.relation`), or as
numpy arrays, which the base install has. Where some of these are missing it is an array of floats
with NaN, of times with NaT, or of objects with None.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.core.redact import redact_text
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
_OF_VALUES = ("ConversionException", "OutOfRangeException")
"""Errors of DuckDB that quote the value which they are about."""
_AT_ONCE = 1024
"""So many columns are fetched by one question: each binds all columns of the files anew."""
_AHEAD = 64
"""So many columns are read when the first of all is asked for, and then ever more."""
_NO_VALUE = {"f": numpy.nan, "M": numpy.datetime64("NaT")}


class Columns(Mapping[str, NDArray[Any]]):
    """The columns of data by name, each of shape `(n,)`, read when first asked for.

    Args:
        names: what the columns are called, in order.
        view: makes `rows` of the columns that it is given, in an open connection, and says by
            which expressions their values come, typed.
        count: tells how many rows there are, where that takes no reading of them.
        culprit: says in which file it lies that these columns cannot be read, None where in none
            alone. DuckDB itself names no file where the bytes within one are wrong.
    """

    def __init__(
        self,
        names: Sequence[str],
        view: Callable[[Any, Sequence[str]], Sequence[str]],
        *,
        count: Callable[[], int] | None = None,
        culprit: Callable[[Sequence[str]], object] | None = None,
    ) -> None:
        self._names = dict.fromkeys(names)
        self._view, self._count, self._culprit = view, count, culprit
        self._read: dict[str, NDArray[Any]] = {}
        self._open: list[Any] = []
        self.at_once: frozenset[str] = frozenset()
        """Columns that have their types together: none of them is read without the others."""

    def read(self, names: Sequence[str]) -> None:
        """Read these columns into memory, where they exist, in one pass."""
        asked = {*names, *(self.at_once if self.at_once & {*names} else ())}
        if asked <= self._read.keys():
            return
        wanted = [name for name in self._names if name in asked and name not in self._read]
        if not wanted:
            return
        try:
            with connected() as connection:
                expressions = self._view(connection, wanted)
                self._read |= dict(zip(wanted, arrays(connection, expressions), strict=True))
        except DataError as error:
            file = self._culprit(wanted) if self._culprit else None
            if file is None or str(file) in str(error):
                raise
            raise DataError(f"{file}: {error}") from error

    def relation(self, names: Sequence[str]) -> Any:
        """A DuckDB relation of these columns, in the order of the rows; nothing is in memory.

        The others are there by name alone, and reading one is an error: no rule has chosen its
        type. Whoever computes of it does so within `errors_as_ours`.
        """
        asked = {*names}
        wanted = [name for name in self._names if name in asked]
        connection = _connect()
        self._open.append(connection)
        with errors_as_ours():
            expressions = self._view(connection, wanted)
            chosen = ", ".join(f"{each} AS c{place}" for place, each in enumerate(expressions))
            others = [name for name in self._names if name not in asked]
            return _named(connection.sql(f"SELECT {chosen} FROM rows"), wanted, others)

    def can_relate(self, names: Sequence[str]) -> bool:
        """Whether a relation can hold these columns: DuckDB takes `A` and `a` for one."""
        wanted = [name.lower() for name in {*names} if name in self._names]
        return bool(wanted) and len(set(wanted)) == len(wanted)

    def row_count(self, names: Sequence[str]) -> int:
        """How many rows there are, by a view of these columns, of which at least one is there."""
        if self._count is not None:
            return self._count()
        wanted = [name for name in names if name in self._names] or list(self._names)[:1]
        with connected() as connection:
            self._view(connection, wanted)
            return int(connection.execute("SELECT count(*) FROM rows").fetchall()[0][0])

    def values(self) -> ValuesView[NDArray[Any]]:
        """All columns, of which many are read in one pass: each by itself, thousands would take
        minutes."""
        return _Ahead(self)

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.read([name])
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Ahead(ValuesView[NDArray[Any]]):
    """The columns in order; who needs few of thousands to know enough does not read them all."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(columns)
        self._columns = columns

    def __iter__(self) -> Iterator[NDArray[Any]]:
        names, first, count = list(self._columns), 0, _AHEAD
        while part := names[first : first + count]:
            self._columns.read(part)
            yield from map(self._columns.__getitem__, part)
            first, count = first + count, count * 4


def _named(relation: Any, names: Sequence[str], others: Sequence[str]) -> Any:
    """The columns `c0`, `c1`, … under their names, which stand in no statement. A category is the
    text that it stands for."""
    from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

    chosen = []
    for place, (name, kind) in enumerate(zip(names, relation.types, strict=True)):
        column = ColumnExpression(f"c{place}")
        chosen.append((column.cast("VARCHAR") if kind.id == "enum" else column).alias(name))
    known = {name.lower() for name in names}
    for name in others:
        if name.lower() in known:  # DuckDB could not tell the two apart
            continue
        known.add(name.lower())
        unread = FunctionExpression("error", ConstantExpression("a column that is not read"))
        chosen.append(unread.cast("VARCHAR").alias(name))
    return relation.select(*chosen)


def _connect() -> Any:
    try:
        import duckdb
    except ImportError:
        raise MissingExtra("DuckDB, which reads data files,", "files") from None
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    connection = duckdb.connect(":memory:", config={**_CONFIG, "threads": str(threads)})
    connection.execute("SET enable_progress_bar = false; SET python_enable_replacements = false")
    return connection


@contextmanager
def connected() -> Iterator[Any]:
    """An empty database in memory, closed at the end.

    Raises:
        MissingExtra: DuckDB is not installed.
    """
    connection = _connect()
    try:
        with errors_as_ours():
            yield connection
    finally:
        connection.close()


@contextmanager
def errors_as_ours(
    said: str = "the data cannot be read", spoken: Callable[[str], str] = str
) -> Iterator[None]:
    """What DuckDB raises as a `DataError` that begins so, without what may be a secret; `spoken`
    may put it into other words."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        words = own_words(error) or f"{said}: {spoken(first_line(error))}"
        raise DataError(words) from error


def own_words(error: Exception) -> str:
    """What we said where DuckDB called us and quotes our error; nothing where it did not."""
    name, said = _quoted(error)
    return said if name.endswith(DataError.__name__) else ""


def _quoted(error: Exception) -> tuple[str, str]:
    """Name and words of an error in Python that DuckDB met, by the traceback in its text."""
    _, begins, quoted = str(error).partition("Traceback (most recent call last)")
    named = re.findall(r"^([\w.]+)(?:: (.*))?$", quoted, re.MULTILINE) if begins else []
    return named[-1] if named else ("", "")


def first_line(error: Exception) -> str:
    """What an error says first, without credentials that an address may hold, or values of rows."""
    if type(error).__name__ in _OF_VALUES:
        return f"a value is none of the type that it is to have ({type(error).__name__})"
    quoted, _ = _quoted(error)
    if quoted:  # nobody knows what a library's words hold
        return quoted
    return redact_text((str(error).strip().splitlines() or [type(error).__name__])[0])


def succeeds(connection: Any, query: str, given: Sequence[Any]) -> bool:
    """Whether DuckDB carries the query out to its end; False where it says no."""
    import duckdb

    try:
        connection.execute(query, given).fetchall()
    except duckdb.Error:
        return False
    return True


def location(path: Path) -> str:
    """How DuckDB is given a file: no address, and no pattern that takes in other files."""
    return glob.escape(str(path.absolute()))


def text(value: str) -> str:
    """A text as it stands in a statement: a view takes no parameters."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Sequence[str]) -> str:
    """`['a', 'b']`: a list of texts as it stands in a statement."""
    return f"[{', '.join(map(text, values))}]"


def identifiers(places: Sequence[int]) -> str:
    """`c0, c2`: the names that columns have in DuckDB, by their places in the file."""
    return ", ".join(f"c{place}" for place in places)


def stack(connection: Any, parts: Sequence[str]) -> None:
    """`rows`: tables and views one below the other (UNION ALL keeps the order)."""
    tables = " UNION ALL ".join(f"SELECT * FROM {part}" for part in parts)
    connection.execute(f"CREATE OR REPLACE VIEW rows AS {tables}")


def arrays(connection: Any, expressions: Sequence[str]) -> list[NDArray[Any]]:
    """The values of each expression over `rows`, in their order."""
    found: list[NDArray[Any]] = []
    for first in range(0, len(expressions), _AT_ONCE):
        found += _arrays(connection, expressions[first : first + _AT_ONCE])
    return found


def _arrays(connection: Any, expressions: Sequence[str]) -> list[NDArray[Any]]:
    described = connection.execute(f"DESCRIBE {_query(expressions)}").fetchall()
    kinds = ["VARCHAR" if row[1].startswith("ENUM") else row[1] for row in described]
    plain = [
        f"CAST({each} AS VARCHAR)" if row[1].startswith("ENUM") else each
        for each, row in zip(expressions, described, strict=True)
    ]
    fast = [place for place, kind in enumerate(kinds) if kind in _BY_NUMPY]
    found: dict[int, NDArray[Any]] = {}
    if fast:
        answer = connection.execute(_query([plain[place] for place in fast])).fetchnumpy()
        found = {place: _filled(answer[f"v{at}"]) for at, place in enumerate(fast)}
    for place in range(len(plain)):
        if place not in found:
            rows = connection.execute(_query([plain[place]])).fetchall()
            found[place] = objects([row[0] for row in rows])
    return [found[place] for place in range(len(plain))]


def _query(expressions: Sequence[str]) -> str:
    chosen = ", ".join(f"{each} AS v{place}" for place, each in enumerate(expressions))
    return f"SELECT {chosen} FROM rows"


def _filled(found: NDArray[Any]) -> NDArray[Any]:
    if not numpy.ma.is_masked(found):
        return numpy.asarray(found)
    if found.dtype.kind in _NO_VALUE:
        return numpy.asarray(found.filled(_NO_VALUE[found.dtype.kind]))  # type: ignore[attr-defined]
    return objects(found.tolist())


def objects(values: Sequence[Any]) -> NDArray[Any]:
    """The values as an array of objects, shape `(n,)`, whatever they are."""
    objects = numpy.empty(len(values), dtype=object)
    objects[:] = values
    return objects


def refuse_other_columns(
    path: object, names: Sequence[str], other: object, expected: Sequence[str]
) -> None:
    """DataError where files that are judged together have different columns."""
    if sorted(names) == sorted(expected):
        return
    missing = sorted(set(expected) - set(names))
    extra = sorted(set(names) - set(expected))
    said = [f"lacks {missing}"] if missing else []
    said += [f"has {extra} besides"] if extra else []
    raise DataError(f"{path}: its columns differ from those of {other}: it {' and '.join(said)}")
