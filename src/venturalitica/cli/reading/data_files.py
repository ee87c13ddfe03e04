"""Reads data files into columns, with one engine whatever else is installed (`engine`).

CSV and TSV (also gzipped), Parquet, Arrow IPC (file and stream; Feather). Several files, or a glob,
are read one after the other and must have the same columns. `csv_types` decides the types of a CSV
file's columns.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from venturalitica.cli.reading.engine import (
    Columns,
    array,
    connected,
    first_line,
    identifiers,
    location,
    refuse_other_columns,
    stack,
)
from venturalitica.errors import DataError, MissingExtra, did_you_mean

if TYPE_CHECKING:
    from venturalitica.cli.reading.csv_reader import Together


FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def read_table(
    patterns: Sequence[str | Path],
    *,
    separator: str | None = None,
    together: Sequence[Together] = (),
) -> Columns:
    """The columns of all files that the patterns name, by name, each read when it is asked for.

    Args:
        patterns: paths or globs (`data/*.csv`, `data/**/*.parquet`).
        separator: what separates the fields of a CSV file; by default a comma, in `.tsv` a tab.
        together: columns that are compared, and therefore typed together; they are read at once.

    Raises:
        DataError: nothing there, unknown format, unreadable, no header, columns that differ.
        MissingExtra: DuckDB is not installed, or, for Arrow files, pyarrow.
    """
    from venturalitica.cli.reading.csv_reader import read_csv

    files = find_files(patterns)
    kinds = {path: _kind(path) for path in files}
    if len(set(kinds.values())) > 1:
        named = ", ".join(str(path) for path in files[:4])
        raise DataError(f"the files are of different formats ({named}): check one format at a time")
    kind = kinds[files[0]]
    is_csv = kind == "csv"
    columns = read_csv(files, separator, together) if is_csv else read_binary(files, kind)
    columns.read([name for each in together for name in each.columns])
    return columns


def find_files(patterns: Sequence[str | Path]) -> list[Path]:
    """The files named, each once by whatever name, since rows that are counted twice would narrow
    every interval; in the order given, a glob's own in the order of their names."""
    found: dict[Path, Path] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_file():
            found.setdefault(path.resolve(), path)
            continue
        if path.is_dir():
            raise DataError(f"{path} is a folder; name its files, for example '{path}/*.csv'")
        matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
        matches = [match for match in matches if match.is_file()]
        if not matches:
            raise DataError(_nothing_there(path))
        for match in matches:
            found.setdefault(match.resolve(), match)
    if not found:
        raise DataError("no data file was named")
    return list(found.values())


def _nothing_there(path: Path) -> str:
    if glob.has_magic(str(path)):
        return f"no file matches '{path}' (looked from {Path.cwd()})"
    names = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    return f"there is no file '{path}' (looked from {Path.cwd()}){did_you_mean(path.name, names)}"


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz" and FORMATS.get((["", *suffixes])[-2]) == "csv":
        return "csv"
    kind = FORMATS.get(suffixes[-1] if suffixes else "")
    if kind is None:
        known = ", ".join(FORMATS)
        raise DataError(f"{path}: cannot tell the format by its name; expected one of {known}")
    return kind


_NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "BIGNUM", "HUGE")


def read_binary(files: Sequence[Path], kind: str) -> Columns:
    """The columns of Parquet (`kind` "parquet") or Arrow files, read when they are asked for."""
    headers = [_header(path, kind) for path in files]
    for path, names in zip(files, headers, strict=True):
        refuse_other_columns(path, names, files[0], headers[0])

    def load(wanted: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        with connected() as connection:
            for number, (path, names) in enumerate(zip(files, headers, strict=True)):
                places = [names.index(name) for name in wanted]
                with _readable(path, kind):
                    _fill(connection, f"file{number}", path, kind, places, len(names))
            _refuse_mixed(connection, files, wanted)
            stack(connection, len(files))
            return {name: array(connection, f"c{index}") for index, name in enumerate(wanted)}

    return Columns(headers[0], load)


@contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (DataError, MissingExtra):
        raise
    except Exception as error:
        reason = first_line(error)
        raise DataError(f"{path}: cannot be read as {kind.capitalize()}: {reason}") from error


def _header(path: Path, kind: str) -> list[str]:
    with _readable(path, kind):
        names = _parquet_names(path) if kind == "parquet" else _open_arrow(path).schema.names
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path}: column name {twice[0]!r} occurs twice")
    if not names:
        raise DataError(f"{path}: it has no columns")
    return list(names)


def _parquet_names(path: Path) -> list[str]:
    """The columns, without the fields inside nested ones. The names that DuckDB gives them will not
    do: of two that differ in case only it renames one."""
    query = "SELECT name, num_children FROM parquet_schema(?)"
    with connected() as connection:
        found = connection.execute(query, [location(path)]).fetchall()
    names: list[str] = []
    inside = 0
    for name, children in found[1:]:
        if not inside:
            names.append(name)
        inside = max(inside - 1, 0) + (children or 0)
    return names


def _fill(
    connection: Any, table: str, path: Path, kind: str, places: Sequence[int], count: int
) -> None:
    """A table of the columns at `places` of a file that has `count` of them."""
    source, given = "read_parquet(?, hive_partitioning = false)", [location(path)]
    if kind == "arrow":
        connection.register("arrow", _renamed(_open_arrow(path).read_all()))
        source, given = "arrow", []
    chosen = ", ".join(f"c{place} AS c{index}" for index, place in enumerate(places))
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {chosen} FROM {source} AS t({identifiers(range(count))})",
        given,
    )


def _renamed(table: Any) -> Any:
    """The table with half floats as floats, which DuckDB does not have."""
    import pyarrow

    halves = [index for index, field in enumerate(table.schema) if field.type == pyarrow.float16()]
    for index in halves:
        wider = table.column(index).cast(pyarrow.float32())
        table = table.set_column(index, table.field(index).with_type(pyarrow.float32()), wider)
    return table


def _open_arrow(path: Path) -> Any:
    try:
        from pyarrow import ipc, memory_map
    except ImportError:
        raise MissingExtra("pyarrow", "all") from None
    content = memory_map(str(path))
    is_file = content.read(6) == b"ARROW1"
    content.seek(0)
    return ipc.open_file(content) if is_file else ipc.open_stream(content)


def _refuse_mixed(connection: Any, files: Sequence[Path], wanted: Sequence[str]) -> None:
    """DuckDB would turn numbers into text to make them fit. Only numbers may be widened, and a
    category is the text that it stands for."""
    types = [
        [row[1] for row in connection.execute(f"DESCRIBE file{number}").fetchall()]
        for number in range(len(files))
    ]
    for name, *found in zip(wanted, *types, strict=True):
        by_kind = {_dtype_kind(each): path for each, path in zip(found, files, strict=True)}
        by_kind.pop("nothing", None)
        if len(by_kind) > 1:
            said = ", ".join(f"{kind} in {path.name}" for kind, path in sorted(by_kind.items()))
            raise DataError(f"the files' columns do not fit together: {name!r} is {said}")


def _dtype_kind(name: str) -> str:
    """What values of a type of DuckDB are to people."""
    if name.startswith(("VARCHAR", "ENUM")):
        return "text"
    if name == '"NULL"':
        return "nothing"
    plain = not name.endswith("]") and name.partition("(")[0]
    return "numbers" if plain and any(word in plain for word in _NUMBERS) else name.lower()


def data_name(files: Sequence[Path]) -> str:
    """What data out of these files are called in a record."""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0].name}{more}"
