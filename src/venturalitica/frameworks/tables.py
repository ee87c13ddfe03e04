"""The data a model is trained on: how many rows, which columns, and other rows of the same kind."""

from __future__ import annotations

from typing import Any

from venturalitica.errors import DataError


def row_count(X: Any) -> int:
    """How many rows X has.

    Raises:
        DataError: X can be read only once (an iterator), so nothing would be left to judge.
    """
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape):
        return int(shape[0])
    if hasattr(X, "__len__"):
        return len(X)
    if hasattr(X, "num_row"):
        return int(X.num_row())
    raise DataError(
        f"X is a {type(X).__name__}, which has no length or can be read only once: the audit "
        "predicts the same rows again. Pass a list, an array or a table"
    )


def column_count(values: Any) -> int:
    """How many columns an array, a table or a list of rows has; 1 for anything flat."""
    shape = getattr(values, "shape", None)
    if isinstance(shape, tuple) and len(shape) > 1:
        return int(shape[1])
    first = values[0] if isinstance(values, list | tuple) and values else None
    return len(first) if isinstance(first, list | tuple) else 1


def named(X: Any) -> Any:
    """X, with numbered columns called by their text: pandas numbers those of a headless file."""
    columns = list(getattr(X, "columns", ())) if hasattr(X, "set_axis") else []
    if _are_names(columns) or not columns:
        return X
    if not all(isinstance(name, str | int) and not isinstance(name, bool) for name in columns):
        return X
    texts = [str(name) for name in columns]
    return X.set_axis(texts, axis=1) if _are_names(texts) else X


def column_names(X: Any) -> list[str] | None:
    """Names of the columns of a table, or None where X is no table with text names, each once."""
    import narwhals as nw

    columns = getattr(X, "columns", None)
    if columns is not None and not callable(columns) and not _are_names(list(columns)):
        return None
    native = nw.from_native(X, pass_through=True)
    if not isinstance(native, nw.DataFrame | nw.LazyFrame):
        return None
    names = list(native.collect_schema().names())
    return names if _are_names(names) else None


def _are_names(names: list[Any]) -> bool:
    texts = all(isinstance(name, str) for name in names)
    return bool(names) and texts and len(set(names)) == len(names)


def like(X: Any, table: Any) -> Any:
    """A narwhals table as the kind of table that X is: models mind the engine."""
    import narwhals as nw

    wanted = nw.from_native(X, pass_through=True)
    if not isinstance(wanted, nw.DataFrame) or wanted.implementation == table.implementation:
        return table.to_native()
    if wanted.implementation.is_pandas():
        return table.to_pandas()
    if wanted.implementation.is_polars():
        return table.to_polars()
    if wanted.implementation.is_pyarrow():
        return table.to_arrow()
    return table.to_native()
