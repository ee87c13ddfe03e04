"""Reads data into columns, with one engine whatever else is installed (`engine`).

CSV, TSV and JSON lines (also packed), Parquet, Arrow IPC (file and stream; Feather), in files,
globs, folders and hive-partitioned sets (`places`). Several files are read one after the other and
must have the same columns. `csv_types` decides the types of a CSV file's columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.cli.reading.database import find_table, is_table, read_database
from venturalitica.cli.reading.places import DataFile, find_local, is_address
from venturalitica.errors import DataError

if TYPE_CHECKING:
    from venturalitica.cli.reading.csv_types import Together
    from venturalitica.cli.reading.engine import Columns

LAZY_ABOVE = 1_000_000
"""Up to so many rows the columns are taken into memory, where rows are held against each other."""
_FEW_BYTES = 1 << 20


def read_table(
    patterns: Sequence[str | Path | DataFile],
    *,
    separator: str | None = None,
    together: Sequence[Together] = (),
) -> Columns:
    """The columns of all files that the patterns name, by name, each read when it is asked for.

    Args:
        patterns: paths, folders or globs (`data/*.csv`, `data/**/*.parquet`), or what `find_files`
            made of them.
        separator: what separates the fields of a CSV file; by default a comma, in `.tsv` a tab.
        together: columns that are compared, and therefore typed together.

    Raises:
        DataError: nothing there, unknown format, unreadable, no header, columns that differ.
        MissingExtra: DuckDB is not installed, or, for Arrow files, pyarrow.
    """
    known = [each for each in patterns if isinstance(each, DataFile)]
    files = known or find_files([each for each in patterns if not isinstance(each, DataFile)])
    if len({file.kind for file in files}) > 1:
        named = ", ".join(file.name for file in files[:4])
        raise DataError(f"the files are of different formats ({named}): check one format at a time")
    columns = _reader(files, separator, together)
    columns.at_once = frozenset(name for each in together for name in each.columns)
    return columns


def _reader(
    files: Sequence[DataFile], separator: str | None, together: Sequence[Together]
) -> Columns:
    kind = files[0].kind
    if kind in ("duckdb", "postgresql"):
        if len(files) > 1:
            raise DataError(f"{files[0]} and {files[1]}: check one table at a time")
        return read_database(files[0])
    if kind == "csv":
        from venturalitica.cli.reading.csv_reader import read_csv

        return read_csv(files, separator, together)
    if kind == "json":
        from venturalitica.cli.reading.json_reader import read_json

        return read_json(files)
    from venturalitica.cli.reading.binary_reader import read_binary

    return read_binary(files)


def find_files(patterns: Sequence[str | Path]) -> list[DataFile]:
    """The files named, each once by whatever name, since rows that are counted twice would narrow
    every interval; in the order given, a glob's and a folder's own in the order of their names.
    What lies at an address and is read several times over is fetched.

    Raises:
        DataError: nothing there, a format that is not known, a folder of something else.
        MissingExtra: an address is named, and what reads it is not installed.
    """
    found: dict[Any, DataFile] = {}
    for pattern in patterns:
        if is_table(str(pattern)):
            table = find_table(str(pattern))
            found.setdefault(table.name, table)
            continue
        if is_address(str(pattern)):
            from venturalitica.cli.reading.cloud import find_objects

            for each in find_objects(str(pattern)):
                found.setdefault(each.path, each)
            continue
        for place, file in find_local(pattern):
            found.setdefault(place, file)
    if not found:
        raise DataError("no data file was named")
    files = list(found.values())
    if any(file.files for file in files):
        from venturalitica.cli.reading.fetching import fetched

        return fetched(files)
    return files


def judged_table(
    columns: Columns,
    files: Sequence[DataFile],
    together: Sequence[Together],
    besides: Sequence[str] = (),
) -> Any:
    """What is handed to a judgement: the columns, or a relation of the named ones where there are
    many rows, so that these stay on the engine; `besides` are named without a rule."""
    named = [*(name for each in together for name in each.columns), *besides]
    may_be_many = sum(file.size for file in files) > _FEW_BYTES and columns.can_relate(named)
    # A relation hands its counts over as Arrow tables.
    if may_be_many and find_spec("pyarrow") and columns.row_count(named) > LAZY_ABOVE:
        return columns.relation(named)
    columns.read(named)
    return columns
