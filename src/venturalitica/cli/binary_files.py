"""Parquet files, and Arrow files (IPC file and stream form; Feather), which pyarrow opens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from venturalitica.cli.engine import (
    Columns,
    array,
    connected,
    first_line,
    identifiers,
    location,
    refuse_other_columns,
    stack,
)
from venturalitica.errors import DataError, MissingExtra

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
        by_kind = {_kind(each): path for each, path in zip(found, files, strict=True)}
        by_kind.pop("nothing", None)
        if len(by_kind) > 1:
            said = ", ".join(f"{kind} in {path.name}" for kind, path in sorted(by_kind.items()))
            raise DataError(f"the files' columns do not fit together: {name!r} is {said}")


def _kind(name: str) -> str:
    """What values of a type of DuckDB are to people."""
    if name.startswith(("VARCHAR", "ENUM")):
        return "text"
    if name == '"NULL"':
        return "nothing"
    plain = not name.endswith("]") and name.partition("(")[0]
    return "numbers" if plain and any(word in plain for word in _NUMBERS) else name.lower()
