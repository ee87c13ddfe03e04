"""JSON lines: one object per line, whose values bring their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from venturalitica.cli.reading.engine import Columns, connected, errors_as_ours, stack, text, texts
from venturalitica.cli.reading.parts import (
    FILE,
    common_names,
    grouped,
    key_types,
    readable,
    selected,
    typed_keys,
)
from venturalitica.cli.reading.places import DataFile
from venturalitica.errors import DataError

_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "DOUBLE": "DOUBLE",
    "UBIGINT": "HUGEINT",
    "BIGINT": "HUGEINT",
    "HUGEINT": "HUGEINT",
    "NULL": "VARCHAR",
    "VARCHAR": "VARCHAR",
}
_ONE_LINE = 'expected one object per line, such as {"age": 30, "sex": "F"}'


def read_json(files: Sequence[DataFile]) -> Columns:
    """The columns of JSON lines, read when they are asked for.

    A column has one type in all files: whole numbers, numbers, text or booleans; lists and objects
    are the text that they are written as. A key that a record lacks is missing, as `null` is.

    Raises:
        DataError: unreadable, no object, no records, columns that differ or hold several types.
    """
    found = [(file, _structure(file)) for file in files]
    # A file without a record has no rows to give, and no columns to compare.
    found = [each for each in found if each[1] is not None] or found[:1]
    kept = [file for file, _ in found]
    shapes = [shape or {} for _, shape in found]
    if not shapes[0]:
        raise DataError(f"{kept[0]}: it has no records; {_ONE_LINE}")
    names = common_names(kept, [list(shape) for shape in shapes])
    groups = grouped(kept, lambda file: (file, None, None, None))
    types = key_types(kept)

    def view(connection: Any, wanted: Sequence[str]) -> Sequence[str]:
        kinds = {name: _kind(name, kept, shapes) for name in wanted if name not in types}
        parts = []
        for number, group in enumerate(groups):
            parts.append(f"group{number}")
            _view(connection, parts[-1], group, wanted, kinds)
        stack(connection, parts)
        narrow = _fitting(connection, [wanted.index(n) for n, k in kinds.items() if k == "HUGEINT"])
        return [
            f"CAST({each} AS BIGINT)" if place in narrow else each
            for place, each in enumerate(typed_keys(wanted, types))
        ]

    return Columns(names, view)


def _source(files: Sequence[DataFile]) -> str:
    return (
        f"read_ndjson_objects({texts([file.at for file in files])}, filename = {text(FILE)}, "
        f"compression = {text(files[0].packed)}, hive_partitioning = false)"
    )


def _structure(file: DataFile) -> dict[str, str] | None:
    """Key -> the type of its values in the whole file; None where it has no record."""
    with readable(file), connected() as connection:
        twice = "len(json_keys(json)) > len(list_distinct(json_keys(json)))"
        query = f"SELECT json_group_structure(json), bool_or({twice}) FROM {_source([file])}"
        with errors_as_ours(f"{file}: cannot be read as JSON lines", file.spoken):
            found, has_twins = connection.execute(query).fetchall()[0]
    if found is None:
        return None
    if has_twins:
        raise DataError(
            f"{file}: a record has a key twice, and which of them is meant nobody knows"
        )
    shape = json.loads(found)
    if not isinstance(shape, dict):
        raise DataError(f"{file}: not every line is an object; {_ONE_LINE}")
    return {name: kind if isinstance(kind, str) else "NESTED" for name, kind in shape.items()}


def _kind(name: str, files: Sequence[DataFile], shapes: Sequence[dict[str, str]]) -> str:
    """The one type of a column; DataError where its values are of several."""
    kinds: dict[str, DataFile] = {}
    for file, shape in zip(files, shapes, strict=True):
        found = shape[name]
        if found == "JSON":
            raise DataError(
                f"{file}: {name!r} holds values of several types, such as numbers and text; "
                "expected one type per column"
            )
        if found != "NULL":
            kinds.setdefault(_TYPES.get(found, "VARCHAR"), file)
    if set(kinds) == {"DOUBLE", "HUGEINT"}:
        return "DOUBLE"
    if len(kinds) > 1:
        said = ", ".join(f"{kind.lower()} in {file}" for kind, file in sorted(kinds.items()))
        raise DataError(f"the files' columns do not fit together: {name!r} is {said}")
    return next(iter(kinds), "VARCHAR")


def _view(
    connection: Any, part: str, group: Sequence[DataFile], wanted: Sequence[str], kinds: Any
) -> None:
    """The values by JSON pointers, in which a name is data."""
    file, own = group[0], list(kinds)
    values = ", ".join(f"{_value(name, kinds[name])} AS c{place}" for place, name in enumerate(own))
    source = f'(SELECT "{FILE}"{", " * bool(own)}{values} FROM {_source(group)})'
    connection.execute(f"CREATE VIEW {part} AS SELECT {selected(file, own, wanted)} FROM {source}")


def _value(name: str, kind: str) -> str:
    pointer = text("/" + name.replace("~", "~0").replace("/", "~1"))
    if kind == "VARCHAR":
        return f"json_extract_string(json, {pointer})"
    return f"CAST(json_extract(json, {pointer}) AS {kind})"


def _fitting(connection: Any, places: Sequence[int]) -> set[int]:
    """Which of these columns hold only what 64 bits hold."""
    if not places:
        return set()
    tests = ", ".join(f"count(c{p}) = count(TRY_CAST(c{p} AS BIGINT))" for p in places)
    row = connection.execute(f"SELECT {tests} FROM rows").fetchall()[0]
    return {place for place, fits in zip(places, row, strict=True) if fits}
