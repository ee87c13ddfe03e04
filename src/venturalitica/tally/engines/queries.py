"""Questions to an engine that is not asked for its rows: what comes back are counts, and few.

Each asks of a `Table`, a lazy frame whose columns have names of ours, for an aggregate or a
group-by. Numbers are float64 of the same bits as they would have in memory, missing where they are
missing or no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import narwhals as nw
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.errors import EngineError
from venturalitica.tally.engines.traced import chosen

_PART = 200_000
"""Of so many rows the different values are counted before those of all are."""
_CELLS = 16_384
"""Cells of a grid on which a quartile is looked for, once more within a cell until it is found."""
_EXACT = 2**53
_INFINITE = float("inf")
_TINY, _MAGNIFIED = 2.0**-900, 2.0**600
"""A span below which an engine that multiplies by the inverse, as Polars does, would meet infinity;
and a power of two that loses nothing: numbers so near to one another are hardly larger."""
GREATEST = 1.7976931348623157e308
"""The greatest float; some engines cannot write infinity down."""


class TooWide(Exception):
    """A question has a longer answer than whoever asked wants to be given."""


def answered(query: Any, at_most: int | None = None) -> nw.DataFrame[Any]:
    """The few rows that a question gives.

    Raises:
        EngineError: the engine failed. Its own words may hold values of rows, and are left out.
        TooWide: there are more than `at_most` of them, of which none but the first were asked for.
    """
    try:
        asked = query if at_most is None else query.head(at_most + 1)
        found: nw.DataFrame[Any] = asked.collect()
    except (UnicodeError, NotImplementedError):
        raise
    except Exception as error:
        raise EngineError(stopped(query.implementation.name.lower(), error)) from error
    if at_most is not None and len(found) > at_most:
        raise TooWide
    return found


def plain_array(series: nw.Series[Any]) -> NDArray[Any]:
    """Numbers as numpy has them: of Arrow without its own way, which would import pandas."""
    native = series.to_native()
    if not series.implementation.is_pyarrow() or not series.dtype.is_numeric() or len(series) == 0:
        return series.to_numpy()
    if series.null_count() or series.dtype.is_decimal():
        return series.to_numpy()
    return numpy.concatenate([numpy.from_dlpack(chunk) for chunk in native.chunks])


def whole_array(series: nw.Series[Any]) -> NDArray[numpy.int64]:
    """Whole numbers, none of them missing."""
    return plain_array(series).astype(numpy.int64)


def stopped(engine: str, error: Exception) -> str:
    """What is said where an engine failed half way."""
    return (
        f"{engine} stopped before all rows were counted ({type(error).__name__}; its own log says "
        "more): expected every part of the data to be there, with the same columns and types in "
        "each. Nothing was judged: correct the data or the connection, and ask again"
    )


def one_row(frame: Any, wanted: Mapping[str, nw.Expr]) -> dict[str, Any]:
    """Aggregates by name, in one pass."""
    found = answered(frame.select(*(one.alias(name) for name, one in wanted.items())))
    return {name: _plain(found[name].to_list()[0]) for name in wanted}


def _plain(value: Any) -> Any:
    """None for NaN, which engines give where nothing is there to take the least of."""
    return None if value is None or value != value else value


def number(column: str, kind: Any) -> nw.Expr:
    """The column as float64, missing where it holds none, 0.0 for -0.0.

    Decimals by way of their text, as in memory.
    """
    value = nw.col(column)
    if kind == nw.Decimal:
        value = value.cast(nw.String)
    elif kind == nw.Boolean:
        value = value.cast(nw.Int64)
    value = value.cast(nw.Float64)
    present = ~nw.col(column).is_null() & ~value.is_nan()
    return nw.when(present).then(chosen([(value == 0.0, nw.lit(0.0, nw.Float64))], value))


def key(column: str, cuts: tuple[float, ...] | None, kind: Any) -> nw.Expr:
    """The column itself, or how many of the cut points are at or below it."""
    value = nw.col(column)
    if cuts is None:
        return value
    if kind == nw.Decimal:
        value = value.cast(nw.String).cast(nw.Float64)
    present = ~value.is_null()
    if kind.is_float():
        present = present & ~value.is_nan()
    low, high = _range_of(kind)
    within = [cut for cut in cuts if low < cut <= high]
    above = nw.lit(sum(cut <= low for cut in cuts), nw.Int64)
    for cut in within:
        above = above + (value >= _point(cut, kind)).cast(nw.Int64)
    return nw.when(present).then(above)


def _range_of(kind: Any) -> tuple[float, float]:
    """The integers that the type can hold: an engine may be unable to read a greater one."""
    bits = _BITS.get(str(kind))
    if bits is None:
        return -_INFINITE, _INFINITE
    return (
        (0, 2**bits - 1)
        if kind.is_unsigned_integer()
        else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )


_BITS = {f"{sign}Int{bits}": bits for sign in ("", "U") for bits in (8, 16, 32, 64)}


def _point(cut: float, kind: Any) -> Any:
    """A cut point as it is compared with: whole numbers as integers where the column is of them,
    so that no engine rounds a large one; as floats elsewhere, where they may be of any size."""
    if not kind.is_integer():
        return float(cut)
    if not float(cut).is_integer():
        return cut
    return numpy.uint64(int(cut)) if kind == nw.UInt64 else int(cut)


_FIRST = 1_000


def is_copy(frame: Any, one: tuple[str, Any], other: tuple[str, Any]) -> bool:
    """Whether two columns, each given as name and type, hold the same in every row, numbers by six
    digits; the first rows are asked for first."""
    (first, kind), (second, other_kind) = one, other
    missing = nw.col(first).is_null() != nw.col(second).is_null()
    if _is_number(kind) and _is_number(other_kind):
        a, b = number(first, kind), number(second, other_kind)
        missing = a.is_null() != b.is_null()
        apart = (a - b).abs() > a.abs() * 1e-6
    elif kind == nw.String and other_kind == nw.String:
        apart = nw.col(first) != nw.col(second)
    else:
        return False
    wanted = {
        "rows": nw.len(),
        "apart": nw.when(apart).then(nw.lit(1)).otherwise(nw.lit(0)).sum(),
        "missing": missing.cast(nw.Int64).sum(),
    }
    for part in (frame.head(_FIRST), frame):
        found = one_row(part, wanted)
        if not found["rows"] or found["apart"] or found["missing"]:
            return False
    return True


def _is_number(kind: Any) -> bool:
    return bool(kind.is_numeric() or kind == nw.Boolean)


def different(frame: Any, columns: Sequence[str], *, at_most: int | None = None) -> dict[str, int]:
    """How many different values each column has, missing ones not counted.

    Args:
        at_most: no more is of interest: where the first rows show more, these are enough.
    """
    if not columns:
        return {}
    if at_most is not None:
        found = different(frame.head(max(_PART, 2 * at_most)), columns)
        if all(many > at_most for many in found.values()):
            return found
    asked = {}
    for place, column in enumerate(columns):
        value = nw.col(column)
        asked[f"many{place}"] = value.n_unique()
        asked[f"null{place}"] = value.is_null().cast(nw.Int64).max()
    answer = one_row(frame, asked)
    return {
        column: int(answer[f"many{place}"] or 0) - int(answer[f"null{place}"] or 0)
        for place, column in enumerate(columns)
    }


def grid_level(value: nw.Expr, low: float, high: float, cells: int) -> nw.Expr:
    """As `core.scores.Grid.place`, of a column; floats, for pandas has no missing integer."""
    inner = (((value - low) / (high - low)) * float(cells)).floor()
    inner = chosen([(inner < 0.0, nw.lit(0.0)), (inner > cells - 1.0, nw.lit(cells - 1.0))], inner)
    ends = [(value <= low, nw.lit(0.0)), (value >= high, nw.lit(cells + 1.0))]
    return nw.when(~value.is_null()).then(chosen(ends, inner + 1.0))


def unit_level(value: nw.Expr, cells: int) -> nw.Expr:
    """The same of a number in [0, 1] on a grid over it, whose ends need no looking at: dividing by
    one changes nothing, and no number below one is rounded up to it (at most 2**52 cells)."""
    return (value * float(cells)).floor() + 1.0 - (value <= 0.0).cast(nw.Float64)


class Span(Struct, frozen=True):
    """Where a quartile lies: among the `rows` numbers of `[low, high]` the one at place `rank`."""

    low: float
    high: float
    rank: int


def ranked(frame: Any, column: str, ranks: Sequence[int], *, whole: bool) -> list[float]:
    """The numbers at these places, counted from 0, of all numbers in order, and the least one last.

    They are exact: the cell of a grid that holds one is cut again until it holds one number only.
    One pass counts the cells for all ranks; two or three find them among a hundred million rows.

    Args:
        ranks: places, less than the count of numbers that are not missing.
        whole: the column is of integers, which are compared as such.
    """
    value = nw.col(column)
    finite = ~value.is_null() if whole else value.abs() <= GREATEST
    asked = {
        "low": nw.when(finite).then(value).min(),
        "high": nw.when(finite).then(value).max(),
        "inner": finite.cast(nw.Int64).sum(),
    }
    if not whole:
        asked["below"] = (value < -GREATEST).cast(nw.Int64).sum()
    facts = one_row(frame.filter(~value.is_null()), asked)
    below, inner = int(facts.get("below") or 0), int(facts["inner"] or 0)
    spans: dict[int, Span] = {}
    found: dict[int, float] = {}
    for rank in {*ranks, 0}:
        if rank < below:
            found[rank] = -_INFINITE
        elif rank >= below + inner:
            found[rank] = _INFINITE
        else:
            spans[rank] = Span(facts["low"], facts["high"], rank - below)
    while spans:
        found |= {rank: span.low for rank, span in spans.items() if span.low == span.high}
        spans = {rank: span for rank, span in spans.items() if rank not in found}
        spans = _narrowed(frame, column, spans, whole=whole) if spans else {}
    return [found[rank] for rank in (*ranks, 0)]


def _narrowed(
    frame: Any, column: str, spans: Mapping[int, Span], *, whole: bool
) -> dict[int, Span]:
    """Each rank within one cell of its span; one pass for all of them."""
    value, places = nw.col(column), dict(zip({(s.low, s.high) for s in spans.values()}, count()))
    within = [(value >= low) & (value <= high) for low, high in places]
    every = within[0]
    for one in within[1:]:
        every = every | one
    cells = [
        (one, _cell(value, low, high, whole=whole) + place * (_CELLS + 1))
        for one, ((low, high), place) in zip(within, places.items(), strict=True)
    ]
    placed = frame.filter(every).select(value, chosen(cells, nw.lit(-1, nw.Int64)).alias("cell"))
    counted = answered(
        placed.group_by("cell").agg(
            nw.len().alias("rows"), value.min().alias("low"), value.max().alias("high")
        )
    )
    columns = (counted[name].to_list() for name in ("cell", "rows", "low", "high"))
    rows = sorted(zip(*columns, strict=True))
    narrowed = {}
    for rank, span in spans.items():
        first = places[span.low, span.high] * (_CELLS + 1)
        left = span.rank
        for cell, many, low, high in rows:
            if not first <= cell <= first + _CELLS:
                continue
            if left < many:
                narrowed[rank] = Span(low, high, left)
                break
            left -= many
    return narrowed


def _cell(value: nw.Expr, low: float, high: float, *, whole: bool) -> nw.Expr:
    """Which cell of the span, 0 to `_CELLS`: never less for a greater number."""
    if whole and int(high) - int(low) < _EXACT:
        share = (value - int(low)).cast(nw.Float64) / float(int(high) - int(low))
    else:
        value, low, high = value.cast(nw.Float64), float(low), float(high)
        scale = 0.5 if high - low == _INFINITE else _MAGNIFIED if high - low < _TINY else 1.0
        if scale != 1.0:
            value, low, high = value * scale, low * scale, high * scale
        share = (value - low) / (high - low)
    return (share * float(_CELLS)).floor().cast(nw.Int64)
