"""Tables of databases: `duckdb:///file.db::table` and `postgresql://host/base::table`.

A table is read where it is: of DuckDB the file is attached to be read only, of PostgreSQL the rows
of one snapshot are streamed as Arrow batches by ADBC (`postgresql`). No extension is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venturalitica.cli.reading.engine import (
    Columns,
    connected,
    errors_as_ours,
    identifiers,
    text,
)
from venturalitica.cli.reading.places import DataFile
from venturalitica.errors import DataError, did_you_mean

_ADDRESS = re.compile(r"(duckdb|postgresql|postgres)://(.*)::(.+)", re.DOTALL)
_UNKNOWN_SIZE = 1 << 62


def is_table(pattern: str) -> bool:
    """Whether this names a table of a database."""
    return pattern.partition("://")[0] in ("duckdb", "postgresql", "postgres")


def find_table(address: str) -> DataFile:
    """The table that an address names, as what can be read; its `name` has no credentials.

    Raises:
        DataError: it is not of the form `duckdb:///FILE::TABLE` or `postgresql://HOST/BASE::TABLE`.
    """
    parts = _ADDRESS.fullmatch(address)
    scheme = address.partition("://")[0]
    if parts is None:
        form = "duckdb:///FILE::TABLE" if scheme == "duckdb" else "postgresql://HOST/BASE::TABLE"
        raise DataError(f"a table of {scheme} was named in another form; expected {form}")
    if scheme == "duckdb":
        # As in SQLAlchemy: the third slash ends the empty host, a fourth begins an absolute path.
        path = parts[2].removeprefix("/")
        return DataFile(f"{path}::{parts[3]}", parts[3], "duckdb", "none", _UNKNOWN_SIZE, path)
    from venturalitica.cli.reading.postgresql import said_of

    base = f"postgresql://{parts[2]}"
    name = f"{said_of(base)}::{parts[3]}"
    return DataFile(name, parts[3], "postgresql", "none", _UNKNOWN_SIZE, base)


def read_database(table: DataFile) -> Columns:
    """The columns of a table, read when they are asked for.

    Raises:
        DataError: no such file, database or table, no access, a connection that broke.
        MissingExtra: DuckDB is not installed, or what reads PostgreSQL.
    """
    if table.kind == "postgresql":
        from venturalitica.cli.reading.postgresql import read_postgresql

        return read_postgresql(table)
    path = Path(table.path)
    if not path.is_file():
        hint = f"; an absolute path has four slashes: duckdb:////{path}"
        raise DataError(f"there is no file '{path}' (looked from {Path.cwd()}{hint})")
    with connected() as connection:
        place, names = _found(connection, table)

    def view(connection: Any, wanted: Sequence[str]) -> Sequence[str]:
        _attach(connection, table)
        chosen = ", ".join(f"c{names.index(name)} AS c{i}" for i, name in enumerate(wanted))
        columns = identifiers(range(len(names)))
        connection.execute(f"CREATE VIEW rows AS SELECT {chosen} FROM {place} AS t({columns})")
        return [f"c{place}" for place in range(len(wanted))]

    return Columns(names, view)


def _attach(connection: Any, table: DataFile) -> None:
    with errors_as_ours(f"{table.path}: cannot be read as a DuckDB database"):
        connection.execute(f"ATTACH {text(table.path)} AS source (TYPE duckdb, READ_ONLY)")
    # A view in a file that somebody sent reads no other file.
    connection.execute("SET enable_external_access = false")


def _found(connection: Any, table: DataFile) -> tuple[str, list[str]]:
    """The table, or the view, as it stands in a statement, and its columns."""
    _attach(connection, table)
    rows = connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = 'source' AND NOT internal ORDER BY column_index"
    ).fetchall()
    known = {(schema, name) for schema, name, _ in rows}
    fits = [each for each in known if table.at in (each[1], ".".join(each))]
    if len(fits) > 1:
        said = " or ".join(sorted(".".join(each) for each in fits))
        raise DataError(f"{table.path} has several tables {table.at!r}; say which: {said}")
    if not fits:
        near = did_you_mean(table.at, [name for _, name in known])
        raise DataError(f"{table.path} has no table {table.at!r}{near}")
    place = ".".join('"' + part.replace('"', '""') + '"' for part in ("source", *fits[0]))
    return place, [column for *each, column in rows if tuple(each) == fits[0]]
