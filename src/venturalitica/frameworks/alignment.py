"""Labels and rows that belong together: label columns as they come, and rows out of order.

Labels come as lists, arrays, series, one-column tables. An index, a Series or a label column may
belong to other rows: a model judged against shuffled labels gives a number like any other, and only
these checks tell.
"""

from __future__ import annotations

from collections.abc import Mapping
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

    table = None if isinstance(values, np.ndarray | list | tuple) else _one_column_series(values)
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
    import numpy as np

    kind = getattr(values, "dtype", None)
    if hasattr(values, "iloc") and isinstance(kind, np.dtype) and kind.kind in "biu":
        return values.to_numpy()  # pandas' whole numbers, none of which is missing
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


def check_index(X: Any, y: Any, audit_data: Any) -> None:
    """Tables with an index (pandas) must have the same one, in the same order."""
    theirs = index_of(audit_data)
    if theirs is None:
        return
    of_x, of_y = index_of(X), index_of(y)
    if of_x is not None and not of_x.equals(theirs):
        raise DataError(_out_of_order("X and audit_data have different indexes", of_x, theirs))
    if of_x is None and _reordered(of_y, theirs):
        what = "y and audit_data order their index differently"
        raise DataError(_out_of_order(what, of_y, theirs))


def check_role_order(bindings: Mapping[str, Any], judged: Any) -> None:
    """A Series given for a role is read row by row; one with the rows in another order is wrong."""
    theirs = index_of(judged)
    for role, value in bindings.items():
        mine = index_of(value)
        if _reordered(mine, theirs):
            what = f"{role}= and the judged rows order their index differently"
            raise DataError(_out_of_order(what, mine, theirs, _READ_BY_ROW))


def other_index(X: Any, table: Any) -> bool:
    """Whether both have an index (pandas) and no label of one is in the other: other rows."""
    mine, theirs = index_of(X), index_of(table)
    return mine is not None and theirs is not None and not theirs.isin(mine).any()


def check_shared_columns(X: Any, audit_data: Any) -> None:
    """A feature that both tables hold, with the same numbers in another order, tells a shuffle.

    Another encoding or scale of a feature says nothing. The first few shared columns are read.
    """
    import numpy as np

    names = set(column_names(X) or ()) & set(column_names(audit_data) or ())
    for name in sorted(names)[:_SHARED]:
        mine, theirs = _numbers(X, name), _numbers(audit_data, name)
        if mine is None or theirs is None:
            continue
        row = first_difference(mine, theirs)
        if row is not None and np.array_equal(np.sort(mine), np.sort(theirs), equal_nan=True):
            raise DataError(
                f"rows are out of order: X and audit_data hold the same values of '{name}' in "
                f"another order, first at row {row} (counted from 0). audit_data of X's length "
                "must be the very rows of X"
            )


_SHARED = 8


def _numbers(data: Any, name: str) -> Any:
    """A numeric column as an array of shape (n,), or None."""
    import narwhals as nw

    table = nw.from_native(data)
    if isinstance(table, nw.LazyFrame) or not (column := table.get_column(name)).dtype.is_numeric():
        return None
    values = one_column(column.to_native())
    return values if values is not None and values.dtype.kind in "iuf" else None


def check_agreement(labels: Any, theirs: Any, name: str, other: str) -> None:
    """Where the table holds the target, it must be `y`, row by row."""
    if labels is None or theirs is None:
        return
    found = one_column(theirs)
    if found is None or len(found) != len(labels):
        raise DataError(f"{name} is not one column of {len(labels)} values, as {other} is")
    row = first_difference(labels, found)
    if row is not None:
        raise DataError(
            f"rows are out of order: {name} and {other} differ, first at row {row} (counted from "
            f"0). If the order is right and {other} holds other labels (encoded ones, say), give "
            "the audit the labels that the model is trained on: put them in that column, or drop "
            "it, or name another with target="
        )


def _reordered(mine: Any, theirs: Any) -> bool:
    """Whether two indexes hold the same labels in another order (other labels say nothing)."""
    if mine is None or theirs is None or len(mine) != len(theirs) or mine.equals(theirs):
        return False
    return bool(mine.isin(theirs).all() and theirs.isin(mine).all())


def index_of(data: Any) -> Any:
    if type(data).__module__.partition(".")[0] != "pandas":
        return None
    return getattr(data, "index", None)


_VERY_ROWS = (
    "audit_data of X's length must be the very rows of "
    "X, for example train_df = df.loc[X.index]. If they are other rows that happen to be as "
    "many, judge them with vl.enforce(data, model=model)"
)
_READ_BY_ROW = (
    "It is read row by row: give it in the order of the others, for example "
    "series.loc[data.index], or, if its order is right, as series.to_numpy()"
)


def _out_of_order(what: str, mine: Any, theirs: Any, advice: str = _VERY_ROWS) -> str:
    differ = (row for row, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b)
    row = next(differ, None)
    place = "" if row is None else f" (first at row {row}, counted from 0)"
    return f"rows are out of order: {what}{place}. {advice}"


def unreadable(X: Any) -> str:
    """Why X cannot be read as rows that are predicted again; "" where it can.

    A loader, a model object, a setting of the training or text may come first in a call of `fit`.
    """
    if X is None:
        return "fit was given no rows"
    shape = getattr(X, "shape", None)
    rows = shape[0] if isinstance(shape, tuple) and shape else None
    counted = isinstance(rows, int) or hasattr(X, "num_row")
    indexed = (hasattr(X, "__len__") and hasattr(X, "__getitem__")) or hasattr(X, "__array__")
    if isinstance(X, Mapping):  # inputs by name, an array each
        counted = len({getattr(one, "shape", ())[:1] for one in X.values()} - {()}) == 1
        indexed = False
    other = isinstance(X, str | bytes | bytearray) or callable(X) or hasattr(X, "fit")
    if not other and shape != () and (counted or indexed):
        return ""
    return f"fit was given a {type(X).__name__}, which is no rows that can be predicted again"


def row_count(X: Any) -> int:
    """How many rows X has.

    Raises:
        DataError: X can be read only once (an iterator), so nothing would be left to judge.
    """
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape):
        return int(shape[0])
    if isinstance(X, Mapping) and X:  # inputs by name
        return row_count(next(iter(X.values())))
    if hasattr(X, "__len__"):
        return len(X)
    if hasattr(X, "num_row"):
        return int(X.num_row())
    if hasattr(X, "__array__"):
        return len(X.__array__())
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
    columns = X.columns.tolist() if hasattr(X, "set_axis") and hasattr(X, "columns") else []
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
    if columns is not None and not callable(columns):
        names = columns.tolist() if hasattr(columns, "tolist") else list(columns)
        if not _are_names(names):
            return None
        if hasattr(X, "iloc"):  # pandas, which says it itself
            return names
    native = nw.from_native(X, pass_through=True)
    if not isinstance(native, nw.DataFrame | nw.LazyFrame):
        return None
    names = native.collect_schema().names() if isinstance(native, nw.LazyFrame) else native.columns
    return names if _are_names(names) else None


def name_of(y: Any) -> str | None:
    """The name of a Series, or of the only column of a table."""
    name = getattr(y, "name", None)
    if name is None:
        names = column_names(y)
        name = names[0] if names and len(names) == 1 else None
    return name if isinstance(name, str) else None


def column_of(data: Any, name: str) -> Any:
    """The column of a table in the table's own library."""
    import narwhals as nw

    table = nw.from_native(data)
    table = table.select(name).collect() if isinstance(table, nw.LazyFrame) else table
    return table.get_column(name).to_native()


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
