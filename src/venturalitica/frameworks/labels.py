"""Label columns as they come: lists, arrays, series, one-column tables; and whether two agree."""

from __future__ import annotations

from typing import Any

from venturalitica.errors import DataError


def one_column(values: Any) -> Any:
    """`values` as a numpy array of shape (n,); None where they are several columns, or none.

    Args:
        values: list, tuple, array of shape (n,) or (n, 1), Series, one-column table, Arrow array.

    Missing values (None, pandas.NA) are None in an object array, NaN in a numeric one.
    """
    import numpy as np

    if values is None:
        return None
    array = _as_array(values)
    if array is None:
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        return None
    if array.dtype == object:
        array = np.array([None if _is_na(value) else value for value in array] or [], dtype=object)
    return array


def _as_array(values: Any) -> Any:
    import numpy as np

    table = _one_column_series(values)
    if table is not None:
        return table
    if type(values).__module__.partition(".")[0] == "pyarrow":
        return _of_list(values.to_pylist()) if hasattr(values, "to_pylist") else None
    if hasattr(values, "tocsr"):
        return np.asarray(values.toarray())
    if isinstance(values, list | tuple):
        return _of_list(list(values))
    return np.asarray(values)


def _one_column_series(values: Any) -> Any:
    """Through narwhals: a Series, or a table of one column, as an array; else None."""
    import narwhals as nw

    native = nw.from_native(values, pass_through=True, allow_series=True)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, nw.DataFrame):
        if len(native.columns) != 1:
            return native.to_numpy()
        native = native.get_column(native.columns[0])
    if not isinstance(native, nw.Series):
        return None
    native = native.alias("values")  # in Polars, methods of one called "^y$" find nothing
    if native.null_count() or native.dtype in (nw.Int128, nw.UInt128):
        return _of_list(native.to_list())
    return native.to_numpy()


def _of_list(values: list[Any]) -> Any:
    """An array that keeps each value as it is: numpy alone would make text of [1, "a"]."""
    import numpy as np

    kinds = {type(value) for value in values}
    if len(kinds) <= 1 and type(None) not in kinds:
        return np.asarray(values)
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return np.asarray(values)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _is_na(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def as_booleans_or_numbers(values: Any, labels: Any) -> Any:
    """Predictions in the labels' own terms: booleans where those are, 0 and 1 where those are.

    Some models give back 0 and 1 for labels that were False and True. Anything else stays as it is.
    """
    import numpy as np

    if labels is None or not len(labels) or not len(values):
        return values
    if _all_booleans(labels) and values.dtype.kind in "iuf" and np.isin(values, (0, 1)).all():
        return values.astype(bool)
    if _all_booleans(values) and labels.dtype.kind in "iuf":
        return values.astype(np.int64)
    return values


def _all_booleans(values: Any) -> bool:
    if values.dtype.kind == "b":
        return True
    kinds = {type(value) for value in values} if values.dtype == object else set()
    return bool in kinds and kinds <= {bool, type(None)}


def same_column(left: Any, right: Any) -> bool:
    """Whether two label columns are one: the same object, the same memory, or, of two series, the
    same name and the same values. pandas makes a new series each time that `table["y"]` is asked.
    """
    import narwhals as nw
    import numpy as np

    if left is right:
        return True
    mine, theirs = (
        nw.from_native(values, series_only=True, pass_through=True) for values in (left, right)
    )
    if isinstance(mine, nw.Series) and isinstance(theirs, nw.Series):
        if not mine.name or mine.name != theirs.name or len(mine) != len(theirs):
            return False
        return first_difference(one_column(left), one_column(right)) is None
    if not isinstance(left, np.ndarray) or not isinstance(right, np.ndarray):
        return False
    places = [(a.__array_interface__["data"][0], a.shape, a.strides) for a in (left, right)]
    return places[0] == places[1] and left.size > 0


def first_difference(left: Any, right: Any) -> int | None:
    """The first row (from 0) where two label arrays of shape (n,) differ by value, or None.

    1 equals 1.0, a missing value equals a missing value, "1" does not equal 1.
    """
    import numpy as np

    if left.dtype.kind in "biuf" and right.dtype.kind in "biuf":
        differs = left != right
        if left.dtype.kind == "f" and right.dtype.kind == "f":
            differs &= ~(np.isnan(left) & np.isnan(right))
        rows = np.flatnonzero(differs)
        return int(rows[0]) if rows.size else None
    from venturalitica.tally.values import canonical

    for row, (mine, theirs) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if mine is not theirs and _value(mine, canonical) != _value(theirs, canonical):
            return row
    return None


def _value(value: Any, canonical: Any) -> Any:
    try:
        return canonical(value)
    except TypeError as error:
        raise DataError(
            f"a label is a {error}: expected numbers, booleans or text, one per row"
        ) from None
