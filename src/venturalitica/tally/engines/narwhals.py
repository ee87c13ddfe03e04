"""Data frames as rows: one group-by on the engine that holds them, through narwhals.

pandas, Polars eager and lazy, pyarrow, and whatever else narwhals reads; none of them is imported
here. A dict of 1-D arrays needs no data frame library at all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import narwhals as nw
import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError, EngineError, listed
from venturalitica.tally.engines.arrays import MISSING, Cells, Codes, dense, encode, not_labels
from venturalitica.tally.engines.coded import coded
from venturalitica.tally.engines.lazy import has_nothing, is_ordered
from venturalitica.tally.engines.queries import answered, key, plain_array, stopped, whole_array

Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"

_KEYED = ("String", "Categorical", "Enum", "Boolean", "Date", "Datetime", "Decimal")
"""Types that every engine groups by value; numbers besides. The others are read row by row."""
_REFUSED = ("List", "Array", "Struct", "Binary", "Duration", "Time")
_WIDE = (nw.Int128, nw.UInt128)
_FEW = 100_000
_BLOCKS = 16


def open_frame(data: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any] | None:
    """The table behind `data` as narwhals sees it; None for arrays only (None or a dict).

    Raises DataError for anything that is no table.
    """
    if data is None or isinstance(data, Mapping):
        return None
    try:
        frame: Any = nw.from_native(_as_table(data))
    except nw.exceptions.DuplicateError as error:
        raise DataError(_several(error)) from error
    except (TypeError, ValueError) as error:
        raise DataError(_no_table(data)) from error
    if not isinstance(frame, nw.DataFrame | nw.LazyFrame):
        raise DataError(_no_table(data))
    return frame


def _no_table(data: Any) -> str:
    kind = f"{type(data).__module__}.{type(data).__qualname__}"
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return (
            f"the data is the text {str(data)!r}, not a table: read the file first, for example "
            "pandas.read_csv(...), or judge it with 'venturalitica check FILE'"
        )
    return (
        f"the data is a {kind}: expected a table with named columns (a pandas or Polars frame, a "
        "pyarrow table, or a dict of 1-D arrays)"
    )


def column_names(data: Any) -> list[str] | None:
    """The names of the table's columns, None where there is no table."""
    if data is None:
        return None
    if isinstance(data, Mapping):
        return [str(name) for name in data]
    frame = open_frame(data)
    assert frame is not None
    return names_of(frame)


def stays_away(data: Any) -> bool:
    """Whether the rows of the table are not in memory, and are not brought there either."""
    return isinstance(open_frame(data), nw.LazyFrame)


def has_order(data: Any) -> bool:
    """Whether the rows of the table are handed over in one order, each time the same."""
    frame = open_frame(data)
    return not isinstance(frame, nw.LazyFrame) or is_ordered(frame)


def names_of(frame: Frame) -> list[str]:
    """The names of the columns alone: their types are much more to ask for.

    DataError where a name occurs twice.
    """
    if isinstance(frame, nw.LazyFrame):
        return list(schema_of(frame))
    names = frame.columns
    return names if len(set(names)) == len(names) else list(schema_of(frame))


def schema_of(frame: Frame) -> Mapping[str, Any]:
    """Column name -> narwhals type; DataError where a name occurs twice, EngineError where the
    engine of a table that is not in memory does not answer (a connection that was closed, say)."""
    try:
        return frame.collect_schema()
    except nw.exceptions.DuplicateError as error:
        raise DataError(_several(error)) from error
    except Exception as error:
        if not isinstance(frame, nw.LazyFrame):
            raise
        raise EngineError(stopped(frame.implementation.name.lower(), error)) from error


def picked(frame: Any, columns: Iterable[str]) -> Any:
    """Exactly these columns: everywhere that a table of unknown columns is read."""
    quoted = frame.implementation.is_spark_like()
    chosen = ((column, nw.col(exactly(frame, column))) for column in columns)
    return frame.select([one.alias(column) if quoted else one for column, one in chosen])


def series_of(frame: nw.DataFrame[Any], column: str) -> nw.Series[Any]:
    """The column under a name that is no pattern: methods of Polars' series find it by its name."""
    series = frame.get_column(column)
    return series.alias("values") if frame.implementation.is_polars() else series


def exactly(frame: Frame, column: str) -> str:
    """The name by which an expression finds this very column.

    Polars reads `*` and names like `^y$` as patterns; only a pattern finds columns called so. Spark
    reads a dot as a part of the column before it.
    """
    if frame.implementation.is_spark_like():
        return f"`{column.replace('`', '``')}`"
    if column == "*" and frame.implementation.is_duckdb():
        raise DataError("duckdb reads the name '*' as all columns: give the column another one")
    is_pattern = column == "*" or (column.startswith("^") and column.endswith("$"))
    if not is_pattern or not frame.implementation.is_polars():
        return column
    return f"^{re.escape(column)}$"


def _as_table(data: Any) -> Any:
    """A record batch as a table, and columns numbered by pandas under names: 0 is "0"."""
    if type(data).__name__ == "RecordBatch" and "pyarrow" in sys.modules:
        return sys.modules["pyarrow"].Table.from_batches([data])
    if type(data).__module__.startswith("pandas") and hasattr(data, "set_axis"):
        names = list(getattr(data, "columns", ()))
        if not all(isinstance(name, str) for name in names):
            return data.set_axis([str(name) for name in names], axis=1)
    return data


def _several(error: Exception) -> str:
    return f"the table has several columns of one name, rename them: {error}"


def is_keyed(frame: Frame, column: str, kind: Any) -> bool:
    """Whether the engine can group by the column; DataError where it can hold no labels at all."""
    name = type(kind).__name__
    if name in _REFUSED:
        raise not_labels(f"column '{column}'", name.lower())
    if name == "Categorical" and isinstance(frame, nw.DataFrame):
        native = frame.get_column(column).to_native()
        categories = getattr(getattr(native, "dtype", None), "categories", ())
        return all(isinstance(category, str) for category in categories)
    return bool(kind.is_numeric()) or name in _KEYED


def light(series: nw.Series[Any]) -> Any:
    """A column as the array that it is, where pandas holds numbers in one of numpy's."""
    native = series.to_native() if series.implementation.is_pandas() else None
    if native is None or not _of_numpy(native.dtype):
        return series
    return native.to_numpy()


def numeric_columns(frame: nw.DataFrame[Any]) -> dict[str, None]:
    """The names of the columns that hold numbers, in order."""
    if frame.implementation.is_pandas():
        kinds = zip(frame.columns, frame.to_native().dtypes, strict=True)
        return {name: None for name, kind in kinds if _of_numpy(kind)}
    return {name: None for name, kind in frame.schema.items() if kind.is_numeric()}


def _of_numpy(kind: Any) -> bool:
    return isinstance(kind, numpy.dtype) and kind.kind in "biuf"


def prepared(frame: Frame, columns: Sequence[str]) -> Frame:
    """Exactly `columns`, without an index, dictionaries decoded: equal text in two chunks may
    have two codes, and pyarrow would then count it as two groups. Nor does it group text views."""
    frame = _grouped_kinds(picked(frame, columns))
    if isinstance(frame, nw.LazyFrame):
        return frame
    if frame.implementation.is_pandas_like():
        return nw.maybe_reset_index(frame)
    if frame.implementation.is_pyarrow():
        native = frame.to_native()
        for index, field in enumerate(native.schema):
            is_dictionary = hasattr(field.type, "index_type")
            kind = field.type.value_type if is_dictionary else field.type
            is_view = str(kind) == "string_view"
            if is_dictionary or is_view:
                plain = native.column(index).cast("large_string" if is_view else kind)
                native = native.set_column(index, field.name, plain)
        decoded: nw.DataFrame[Any] = nw.from_native(native, eager_only=True)
        return decoded
    return frame


def _grouped_kinds(frame: Frame) -> Frame:
    """Half floats as floats, which hold the same numbers: pandas cannot group by the former. A
    lazy column of a type that can hold nothing is one of numbers, all missing."""
    other: dict[str, Any] = {}
    for name, kind in schema_of(frame).items():
        if type(kind).__name__ == "Float16":
            other[name] = nw.Float32
        elif kind == nw.Unknown and isinstance(frame, nw.LazyFrame) and has_nothing(frame, name):
            other[name] = nw.Int64
    if not other:
        return frame
    return frame.with_columns(nw.col(exactly(frame, n)).cast(kind) for n, kind in other.items())


def coded_column(frame: nw.DataFrame[Any], name: str) -> tuple[NDArray[Any], Codes | None] | None:
    """The column's values as an array and, of text, their codes; None where it holds others."""
    series = series_of(frame, name)
    numbers = light(series)
    if numbers is not series:
        return numbers, None
    kind = series.dtype
    if kind.is_float() or kind.is_integer() or kind == nw.Boolean:
        return series_array(series), None
    if kind not in (nw.String, nw.Categorical, nw.Enum) or not is_keyed(frame, name, kind):
        return None
    places, different = coded(series)
    values = numpy.empty(len(different) + 1, dtype=object)
    values[:-1] = different
    _check_text(frame, name, different)
    found = encode(values[:-1], f"column '{name}'")
    # A dictionary of Arrow's may hold what no row does.
    return values[places], dense(found.values, numpy.append(found.codes, MISSING)[places])


def count_groups(
    frame: Frame,
    keys: Sequence[tuple[str, tuple[float, ...] | None]],
    beside: Mapping[int, Codes],
    at_most: int | None = None,
) -> Cells:
    """The engine's own group-by: rows of each combination of `keys`, missing values kept.

    `keys` are `(column, cut points)`; key i is taken from `beside[i]` instead where that exists.
    `TooWide` where more than `at_most` of them would leave the engine.
    """
    names = [f"key{index}" for index in range(len(keys))]
    kinds = schema_of(frame)
    grouped = frame.select(
        key(exactly(frame, column), cuts, kinds[column]).alias(names[index])
        for index, (column, cuts) in enumerate(keys)
        if index not in beside
    )
    if beside:
        assert isinstance(grouped, nw.DataFrame)
        grouped = grouped.with_columns(
            nw.new_series(names[index], codes.codes, nw.Int64, backend=grouped.implementation)
            for index, codes in beside.items()
        )
    found = _grouped(grouped, names, [column for column, _ in keys], at_most)
    columns = []
    for index, name in enumerate(names):
        if index in beside:
            codes = whole_array(found[name])
            columns.append(Codes(beside[index].values, codes))
        else:
            columns.append(encode(series_array(found[name]), f"column '{keys[index][0]}'"))
    return Cells(tuple(columns), whole_array(found["rows"]))


def _grouped(
    frame: Frame, names: Sequence[str], columns: Sequence[str], at_most: int | None
) -> nw.DataFrame[Any]:
    """DataError where the engine cannot: half a surrogate pair is no text for Arrow, say."""
    try:
        return collected(_quick(frame).group_by(names).agg(nw.len().alias("rows")), at_most)
    except (UnicodeError, NotImplementedError) as error:
        raise _ungrouped(frame, columns, error) from error


def _ungrouped(frame: Frame, columns: Sequence[str], error: Exception) -> DataError:
    engine, named = frame.implementation.name.lower(), listed(columns)
    return DataError(
        f"{engine} cannot group the rows by {named} ({error}): expected valid text, numbers, "
        "booleans or dates"
    )


def _check_text(frame: Frame, column: str, values: Iterable[Any]) -> None:
    """As the engine would; of other values nothing is said here."""
    try:
        "".join(map(str, values)).encode()
    except UnicodeEncodeError as error:
        raise _ungrouped(frame, [column], error) from error


def _quick(frame: Any) -> Any:
    """Polars groups several times faster where its optimiser sees the whole question."""
    eager = isinstance(frame, nw.DataFrame)
    return frame.lazy() if eager and frame.implementation.is_polars() else frame


def collected(frame: Any, at_most: int | None = None) -> nw.DataFrame[Any]:
    return answered(frame, at_most) if isinstance(frame, nw.LazyFrame) else frame


def series_array(series: nw.Series[Any]) -> NDArray[Any]:
    """The values as numpy, as objects where numpy has no missing value of that type."""
    series = narrowed(series)
    kind = series.dtype
    nulls = series.null_count()
    if kind.is_float() or (nulls == 0 and _has_array(kind)) or _is_finer(series):
        return plain_array(series)
    if kind.is_integer() and len(series) > _FEW and kind not in _WIDE:
        return integers(series)
    array = numpy.empty(len(series), dtype=object)
    array[:] = series.to_list()
    return array


def _is_finer(series: nw.Series[Any]) -> bool:
    """Times of Polars finer than Python's own, which would lose their nanoseconds."""
    is_time = series.dtype == nw.Datetime("ns") and series.implementation.is_polars()
    return is_time and series.dtype.time_zone is None  # type: ignore[attr-defined]


def integers(series: nw.Series[Any]) -> NDArray[Any]:
    """Integers as they are, masked where missing: floats hold no more than 2^53 apart."""
    missing = series.is_null().to_numpy()
    return numpy.ma.array(plain_array(series.fill_null(0)), mask=missing)


def _has_array(kind: Any) -> bool:
    return bool(kind == nw.Boolean or (kind.is_integer() and kind not in _WIDE))


def narrowed(series: nw.Series[Any]) -> nw.Series[Any]:
    """Integers of 128 bits in 64, where these hold them: numpy has no wider ones."""
    if series.dtype not in _WIDE or series.null_count() == len(series):
        return series
    fits = series.min() >= -(2**63) and series.max() < 2**63
    return series.cast(nw.Int64) if fits else series


def float_array(series: nw.Series[Any]) -> NDArray[numpy.float64]:
    """Numbers as float64, NaN where missing. Decimals by way of their text: Arrow divides them by
    a power of ten that is rounded itself, and 0.3 would become 0.30000000000000004."""
    if series.dtype == nw.Decimal:
        series = series.cast(nw.String)
    elif series.dtype.is_integer() and series.dtype not in _WIDE:
        # Arrow refuses to make floats of integers that these cannot hold exactly.
        return numpy.ma.filled(integers(series).astype(numpy.float64), numpy.nan)
    return series.cast(nw.Float64).to_numpy().astype(numpy.float64)


def sampled(frame: nw.DataFrame[Any], size: int) -> nw.DataFrame[Any]:
    """About `size` rows in blocks from all over the table."""
    if len(frame) <= size:
        return frame
    block = size // _BLOCKS
    starts = range(0, len(frame) - block + 1, (len(frame) - block) // (_BLOCKS - 1))
    return nw.concat([frame[start : start + block] for start in starts])


def null_counts(frame: Frame, columns: Sequence[str]) -> dict[str, int]:
    """Missing values of each column, NaN among them."""
    if not columns:
        return {}
    kinds = schema_of(frame)
    names = [f"null{index}" for index in range(len(columns))]
    found = collected(
        _quick(frame).select(
            _missing(exactly(frame, column), kinds[column]).cast(nw.Int64).sum().alias(name)
            for column, name in zip(columns, names, strict=True)
        )
    )
    return {
        column: int(found[name].to_list()[0] or 0)
        for column, name in zip(columns, names, strict=True)
    }


def _missing(column: str, kind: Any) -> nw.Expr:
    value = nw.col(column)
    return value.is_null() | value.is_nan() if kind.is_float() else value.is_null()


def row_count(frame: Frame) -> int:
    """How many rows; a lazy table is asked for the number alone."""
    if isinstance(frame, nw.DataFrame):
        return len(frame)
    return int(answered(frame.select(nw.len().alias("rows")))["rows"].to_list()[0])
