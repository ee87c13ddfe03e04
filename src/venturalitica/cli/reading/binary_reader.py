"""Parquet by DuckDB, Arrow files by pyarrow: columns that bring their types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from msgspec import Struct

from venturalitica.cli.reading.engine import (
    Columns,
    connected,
    first_line,
    identifiers,
    own_words,
    stack,
    text,
    texts,
)
from venturalitica.cli.reading.parts import (
    FILE,
    add_files,
    common_names,
    grouped,
    key_types,
    readable,
    selected,
    typed_keys,
)
from venturalitica.cli.reading.places import DataFile
from venturalitica.errors import DataError, MissingExtra

_NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "BIGNUM", "HUGE")


class _File(Struct, frozen=True):
    """A file, the names of its columns, and its schema, which files that are alike share."""

    file: DataFile
    header: tuple[str, ...]
    schema: Any


def read_binary(files: Sequence[DataFile]) -> Columns:
    """The columns of Parquet or of Arrow files, read when they are asked for.

    Raises:
        DataError: unreadable, no columns or two of one name, columns that differ.
        MissingExtra: DuckDB is not installed, or, for Arrow files, pyarrow.
    """
    found = _headers(files)
    names = common_names(files, [each.header for each in found])
    groups = grouped(found, lambda each: (each.file, each.header, each.schema, None))
    types = key_types(files)

    def view(connection: Any, wanted: Sequence[str]) -> Sequence[str]:
        add_files(connection, files)
        parts = []
        for number, group in enumerate(groups):
            parts.append(f"group{number}")
            with _as_format(group[0].file):
                _view(connection, parts[-1], group, wanted)
        _refuse_mixed(connection, dict(zip(parts, groups, strict=True)), wanted)
        stack(connection, parts)
        return typed_keys(wanted, types)

    return Columns(names, view, culprit=partial(_culprit, files))


def _culprit(files: Sequence[DataFile], wanted: Sequence[str]) -> DataFile | None:
    """The first file that cannot be read by itself."""
    if len(files) == 1:
        return files[0]
    for file in files:
        try:
            read_binary([file]).read(wanted)
        except DataError:
            return file
    return None


@contextmanager
def _as_format(file: DataFile) -> Iterator[None]:
    with readable(file):
        try:
            yield
        except (DataError, MissingExtra, OSError):
            raise
        except Exception as error:
            raise _unreadable(file, error) from error


def _unreadable(file: DataFile, error: Exception) -> DataError:
    reason = file.spoken(first_line(error))
    said = f"{file}: cannot be read as {file.kind.capitalize()}: {reason}"
    return DataError(own_words(error) or said)


def _headers(files: Sequence[DataFile]) -> list[_File]:
    found = []
    with connected() as connection:
        add_files(connection, files)
        for file in files:
            with _as_format(file):
                each = _parquet(connection, file) if file.kind == "parquet" else _arrow(file)
            _refuse_names(file, each.header)
            found.append(each)
    return found


def _refuse_names(file: DataFile, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{file}: column name {twice[0]!r} occurs twice")
    if not names:
        raise DataError(f"{file}: it has no columns")


def _parquet(connection: Any, file: DataFile) -> _File:
    """The columns, without the fields inside nested ones. The names that DuckDB gives them will not
    do: of two that differ in case only it renames one."""
    query = (
        "SELECT name, num_children, type, converted_type, logical_type, precision, scale "
        "FROM parquet_schema(?)"
    )
    found = connection.execute(query, [file.at]).fetchall()
    names: list[str] = []
    inside = 0
    for name, children, *_ in found[1:]:
        if not inside:
            names.append(name)
        inside = max(inside - 1, 0) + (children or 0)
    return _File(file, tuple(names), tuple(found[1:]))


def _arrow(file: DataFile) -> _File:
    # Each file is a part of its own: a dataset of several does not say of which one a row is.
    return _File(file, tuple(_open_arrow(file).schema.names), file.path)


def _view(connection: Any, name: str, group: Sequence[_File], wanted: Sequence[str]) -> None:
    first = group[0]
    columns = identifiers(range(len(first.header)))
    if first.file.kind == "parquet":
        files = texts([each.file.at for each in group])
        source = f"read_parquet({files}, hive_partitioning = false, filename = {text(FILE)})"
    else:
        connection.register(f"{name}_arrow", _arrow_source(first.file))
        source = f"(SELECT *, {text(first.file.path)} FROM {name}_arrow)"
    chosen = selected(first.file, first.header, wanted)
    connection.execute(
        f'CREATE VIEW {name} AS SELECT {chosen} FROM {source} AS t({columns}, "{FILE}")'
    )


def _open_arrow(file: DataFile) -> Any:
    try:
        from pyarrow import ipc, memory_map
    except ImportError:
        raise MissingExtra("pyarrow", "all") from None
    content = memory_map(file.path)
    is_file = content.read(6) == b"ARROW1"
    content.seek(0)
    return ipc.open_file(content) if is_file else ipc.open_stream(content)


def _arrow_source(file: DataFile) -> Any:
    """What DuckDB reads: a dataset, batch by batch; as a table what a dataset cannot be made of."""
    import pyarrow
    from pyarrow import dataset

    reader = _open_arrow(file)
    is_half = [field.type == pyarrow.float16() for field in reader.schema]
    if isinstance(reader, pyarrow.RecordBatchFileReader) and not any(is_half):
        return dataset.dataset(file.path, format="ipc")
    return _renamed(reader.read_all())


def _renamed(table: Any) -> Any:
    """The table with half floats as floats, which DuckDB does not have."""
    import pyarrow

    halves = [index for index, field in enumerate(table.schema) if field.type == pyarrow.float16()]
    for index in halves:
        wider = table.column(index).cast(pyarrow.float32())
        table = table.set_column(index, table.field(index).with_type(pyarrow.float32()), wider)
    return table


def _refuse_mixed(connection: Any, parts: dict[str, list[_File]], wanted: Sequence[str]) -> None:
    """DuckDB would turn numbers into text to make them fit. Only numbers may be widened, and a
    category is the text that it stands for."""
    types = [
        [row[1] for row in connection.execute(f"DESCRIBE {part}").fetchall()] for part in parts
    ]
    files = [group[0].file for group in parts.values()]
    for name, *found in zip(wanted, *types, strict=True):
        by_kind = {_dtype_kind(each): file for each, file in zip(found, files, strict=True)}
        by_kind.pop("nothing", None)
        if len(by_kind) > 1:
            said = ", ".join(f"{kind} in {file}" for kind, file in sorted(by_kind.items()))
            raise DataError(f"the files' columns do not fit together: {name!r} is {said}")


def _dtype_kind(name: str) -> str:
    """What values of a type of DuckDB are to people."""
    if name.startswith(("VARCHAR", "ENUM")):
        return "text"
    if name == '"NULL"':
        return "nothing"
    plain = not name.endswith("]") and name.partition("(")[0]
    return "numbers" if plain and any(word in plain for word in _NUMBERS) else name.lower()
