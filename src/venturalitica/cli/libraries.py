"""Dataframe libraries: which one is installed, and frames put one below the other."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venturalitica.errors import DataError, MissingExtra

ENGINES = ("polars", "pandas", "pyarrow")
BINARY_ENGINES = ("polars", "pyarrow")
"""Those that read Parquet and Arrow by themselves (pandas does it through pyarrow)."""


def engine(candidates: Sequence[str]) -> str:
    for name in candidates:
        if importlib.util.find_spec(name) is not None:
            return name
    if importlib.util.find_spec("pandas") is not None:
        raise DataError(
            "pandas alone cannot read Parquet or Arrow files: pip install pyarrow (or polars)"
        )
    raise MissingExtra("a dataframe library (polars, pandas or pyarrow)", "all")


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


def names_of(frame: Any) -> list[str]:
    return list(frame.column_names if hasattr(frame, "column_names") else frame.columns)


def joined(name: str, frames: list[Any]) -> Any:
    """The frames one below the other, columns in the order of the first."""
    if len(frames) == 1:
        return frames[0]
    library = importlib.import_module(name)
    names = names_of(frames[0])
    ordered = [frame.select(names) if name != "pandas" else frame[names] for frame in frames]
    try:
        if name == "polars":
            ordered = _without_categories(ordered)
            _refuse_mixed(ordered)
            return library.concat(ordered, how="vertical_relaxed")
        if name == "pandas":
            return library.concat(ordered, ignore_index=True)
        return library.concat_tables(
            [_without_dictionaries(table) for table in ordered], promote_options="permissive"
        )
    except DataError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0]
        raise DataError(f"the files' columns do not fit together: {first}") from error


def _without_categories(frames: list[Any]) -> list[Any]:
    """Categories as the texts that they stand for: another file may hold other ones, or texts."""
    import polars

    kinds = (polars.Categorical, polars.Enum)
    coded = {name for frame in frames for name, kind in frame.schema.items() if kind in kinds}
    return [
        frame.with_columns(frame[name].alias("").cast(polars.String).alias(name) for name in coded
                           if frame.schema[name] in kinds)
        for frame in frames
    ]  # fmt: skip


def _without_dictionaries(table: Any) -> Any:
    """A pyarrow table with the values that its dictionaries stand for."""
    for index, field in enumerate(table.schema):
        if hasattr(field.type, "index_type"):
            plain = table.column(index).cast(field.type.value_type)
            table = table.set_column(index, field.name, plain)
    return table


def _refuse_mixed(frames: list[Any]) -> None:
    """Polars would turn numbers into text to make them fit; only numbers may be widened."""
    import polars

    for name in frames[0].columns:
        types = {frame.schema[name] for frame in frames} - {polars.Null()}
        if len(types) > 1 and not all(kind.is_numeric() for kind in types):
            found = ", ".join(sorted(str(kind) for kind in types))
            raise DataError(f"the files' columns do not fit together: {name!r} is {found}")
