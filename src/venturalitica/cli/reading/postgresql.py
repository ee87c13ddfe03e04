"""Tables of PostgreSQL, by ADBC: the rows of one snapshot, streamed as Arrow batches."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from venturalitica.cli.reading.engine import Columns, first_line
from venturalitica.cli.reading.places import DataFile
from venturalitica.core.redact import MARK
from venturalitica.errors import DataError, MissingExtra, did_you_mean

_AS_THEY_ARE = (
    *("boolean", "smallint", "integer", "bigint", "real", "double precision", "text", "date"),
    *("timestamp without time zone", "timestamp with time zone"),
)
_WHOLE = re.compile(r"numeric\((1[0-8]|[1-9]),0\)")
_HALF_WAY = (
    "the connection broke before all rows came, or a row is not what a view or a type expects; "
    "PostgreSQL's own log says which"
)
_SHAPE = """
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), to_regclass($1)::text
FROM pg_attribute a
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_TABLES = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')"


def said_of(address: str) -> str:
    """The address as it may be said: host and database alone."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise DataError(
            "a postgresql:// address cannot be read; expected postgresql://USER@HOST:PORT/BASE, in "
            "which signs such as '/' or '@' of a password are written as %2F and %40"
        ) from None
    return f"postgresql://{parts.hostname or ''}{port}{parts.path}"


def read_postgresql(table: DataFile) -> Columns:
    """The columns of a table or a view, as they all were at one moment.

    Raises:
        DataError: no connection, no such table, no access.
        MissingExtra: ADBC's driver or pyarrow is not installed.
    """
    with _errors_as_ours(table):
        reader = _connected(table.path)
    try:
        with _errors_as_ours(table):
            _begin(reader)
            shape = _rows(reader, _SHAPE, [table.at])
            if not shape:
                known = [name for (name,) in _rows(reader, _TABLES)]
                if table.at in known:
                    raise DataError(f"{table}: it has no columns")
                raise DataError(f"{table}: there is no such table{did_you_mean(table.at, known)}")
            snapshot = _rows(reader, "SELECT pg_export_snapshot()")[0][0]
    except BaseException:
        reader.close()
        raise
    place = shape[0][2]
    values = {name: _value(name, kind) for name, kind, _ in shape}

    def view(connection: Any, wanted: Sequence[str]) -> Sequence[str]:
        chosen = ", ".join(f"{values[name]} AS c{i}" for i, name in enumerate(wanted))
        with _errors_as_ours(table):
            scan = _Scan(table, snapshot, f"SELECT {chosen} FROM {place}")
        connection.register("source", scan)
        connection.execute("CREATE VIEW rows AS SELECT * FROM source")
        return [f"c{i}" for i in range(len(wanted))]

    def count() -> int:
        with _errors_as_ours(table):
            return int(_rows(reader, f"SELECT count(*) FROM {place}")[0][0])

    columns = Columns(list(values), view, count=count)
    # The snapshot lives as long as its transaction does.
    weakref.finalize(columns, reader.close)
    return columns


def _value(name: str, kind: str) -> str:
    """A column in a type that Arrow has: decimals as numbers, what is rarer as its text."""
    column = '"' + name.replace('"', '""') + '"'
    if kind in _AS_THEY_ARE:
        return column
    if kind.startswith("numeric"):
        return f"{column}::{'bigint' if _WHOLE.fullmatch(kind) else 'double precision'}"
    return f"{column}::text"


class _Scan:
    """A query that is made anew for each reading of it, on the same snapshot: DuckDB reads what
    has an Arrow stream, batch by batch."""

    def __init__(self, table: DataFile, snapshot: str, query: str) -> None:
        self._table, self._snapshot, self._query = table, snapshot, query
        with self._opened(f"{query} LIMIT 0") as found:
            self._schema = found.schema

    @contextmanager
    def _opened(self, query: str) -> Iterator[Any]:
        connection = _connected(self._table.path)
        try:
            _begin(connection)
            _rows(connection, f"SET TRANSACTION SNAPSHOT '{self._snapshot}'")
            # Or a second reading may begin elsewhere in the table, and rows have another order.
            _rows(connection, "SET LOCAL synchronize_seqscans = off")
            with connection.cursor() as cursor:
                cursor.execute(query)
                yield cursor.fetch_record_batch()
        finally:
            connection.close()

    def _batches(self) -> Iterator[Any]:
        with _errors_as_ours(self._table), self._opened(self._query) as found:
            yield from found

    def __arrow_c_schema__(self) -> Any:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        from pyarrow import RecordBatchReader

        reader = RecordBatchReader.from_batches(self._schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)


def _connected(address: str) -> Any:
    try:
        import pyarrow  # noqa: F401 - what rows come as
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise MissingExtra("adbc-driver-postgresql, which reads PostgreSQL,", "cloud") from None
    return dbapi.connect(address, autocommit=True)


def _begin(connection: Any) -> None:
    _rows(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    # Where a policy of the table would hide rows from this role, that is an error, and no part of
    # the rows is taken for all of them.
    _rows(connection, "SET LOCAL row_security = off")


def _rows(connection: Any, query: str, given: Sequence[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def _errors_as_ours(table: DataFile) -> Iterator[None]:
    """What the driver raises as a DataError, without the password that an address may hold."""
    try:
        yield
    except (DataError, MissingExtra):
        raise
    except Exception as error:  # noqa: BLE001 - a boundary: ADBC's, libpq's and pyarrow's own
        # While rows come, and of values that do not fit, PostgreSQL's words quote what is in a row.
        if isinstance(error, OSError) or str(getattr(error, "sqlstate", "")).startswith("22"):
            raise DataError(f"{table}: cannot be read: {_HALF_WAY}; nothing was judged") from None
        said = first_line(error)
        parts = urlsplit(table.path)
        secrets = [parts.password, *(value for _, value in parse_qsl(parts.query))]
        for secret in filter(None, secrets):
            said = said.replace(secret, MARK).replace(unquote(secret), MARK)
        raise DataError(f"{table}: cannot be read: {said}; nothing was judged") from None
