"""One number for each row, the same for the same values: which rows occur more than once.

Rows are compared by 64-bit keys, not by their values: among ten million different rows two share a
key by chance less than once in a hundred thousand tables. Neither the order of rows nor an index
has a part in a key; columns are taken in the order given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import narwhals as nw
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.tally.engines.coded import coded

Keys = NDArray[numpy.uint64]

MOST_ROWS = 10_000_000
"""Of more rows than these a fraction is compared, chosen by their keys: copies stay together."""
DIGITS = 6
"""Significant digits in which near copies agree."""
_CHUNK = 1 << 16
_ODD = numpy.uint64(0x9E3779B97F4A7C15)
_FINAL = numpy.uint64(0xFF51AFD7ED558CCD)
_MISSING = numpy.uint64(0x7FF8000000000000)
_LEAST = 45
_POWERS = {
    digits: numpy.array([10.0 ** (digits - 1 - place) for place in range(-_LEAST, 40)])
    for digits in range(1, DIGITS + 1)
}
"""By what numbers with so many places before the point are multiplied; float32 holds 1e-45."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RowKeys(Struct, frozen=True):
    """`keys` has one number per row, `(n,)`; `columns` the same for each column, `(n,)` each."""

    keys: Keys
    columns: tuple[Keys, ...]


def row_keys(columns: Iterable[Any], *, near: bool = False, digits: int = DIGITS) -> RowKeys | None:
    """The keys of rows that are given column by column; None where a column cannot be read.

    Args:
        columns: narwhals series, arrays or lists, shape `(n,)` each.
        near: values that agree in so many significant `digits` are the same, whatever their type:
            1 is 1.0 and "1", a category is its text. Otherwise only equal values of a column are.
    """
    return _together([column_bits(column, near=near, digits=digits) for column in columns])


def copy_keys(columns: Sequence[Any]) -> RowKeys | None:
    """Keys of the rows of one table: whole numbers as they are, others by six digits."""
    return _together([column_bits(column, near=not is_whole(column)) for column in columns])


def _together(bits: Sequence[Keys | None]) -> RowKeys | None:
    read = [one for one in bits if one is not None]
    if not bits or len(read) < len(bits) or len({one.size for one in read}) > 1:
        return None
    return RowKeys(mixed(read), tuple(read)) if read[0].size else None


def mixed(bits: Sequence[Keys]) -> Keys:
    """Piece by piece, so that each stays in the processor's cache from column to column."""
    keys = numpy.zeros(bits[0].size, dtype=numpy.uint64)
    for start in range(0, keys.size, _CHUNK):
        piece = keys[start : start + _CHUNK]
        for place, one in enumerate(bits):
            piece ^= one[start : start + _CHUNK]
            piece *= _ODD + numpy.uint64(2 * place)
            piece ^= piece >> numpy.uint64(29)
        piece *= _FINAL
        piece ^= piece >> numpy.uint64(32)
    return keys


def chosen(keys: Keys, share: float) -> NDArray[numpy.bool_] | None:
    """Which rows belong to that share of all keys; None for all of them."""
    return None if share >= 1.0 else keys < numpy.uint64(int(share * 2**64))


def share_looked_at(rows: int) -> float:
    """Which share of so many rows is compared."""
    return min(1.0, MOST_ROWS / rows) if rows else 1.0


def is_numeric(values: Any) -> bool:
    """Whether the column is read as numbers, without a look at its values."""
    kind = values.dtype
    return bool(kind.is_numeric()) if isinstance(values, nw.Series) else kind.kind in "biufMm"


def is_whole(values: Any) -> bool:
    """Whether the column is of a type of whole numbers."""
    kind = values.dtype
    return bool(kind.is_integer()) if isinstance(values, nw.Series) else kind.kind in "iu"


def is_text(values: Any) -> bool:
    """Whether the column is of text, or of objects that are read as text."""
    kind = values.dtype
    if isinstance(values, nw.Series):
        return kind in (nw.String, nw.Categorical, nw.Enum, nw.Object)
    return kind.kind in "OUST"


def column_bits(values: Any, *, near: bool, digits: int = DIGITS) -> Keys | None:
    """64 bits for each value; None where nothing in the column can be compared."""
    try:
        array = _as_numbers(values)
        if array is None:
            return _text_bits(values, digits)
        return _number_bits(array, near=near, digits=digits)
    except (TypeError, ValueError, NotImplementedError, OverflowError):
        return None


def _as_numbers(values: Any) -> NDArray[Any] | None:
    """Numbers, booleans and moments as a numeric array; None for text and anything else."""
    if isinstance(values, nw.Series):
        return _series_numbers(values)
    array = numpy.asarray(values)
    if array.ndim != 1:
        raise ValueError("expected one value per row")
    if array.dtype.kind in "Mm":
        return array.view(numpy.int64)
    return array if array.dtype.kind in "biuf" else None


def _series_numbers(series: nw.Series[Any]) -> NDArray[Any] | None:
    kind = series.dtype
    if kind == nw.Date or kind == nw.Datetime or kind == nw.Duration:
        series = series.cast(nw.Datetime) if kind == nw.Date else series
        moments = (
            series.dt.total_microseconds() if kind == nw.Duration else series.dt.timestamp("us")
        )
        return moments.cast(nw.Float64).to_numpy()
    if kind == nw.Decimal or not (kind.is_numeric() or kind == nw.Boolean):
        return None
    whole = kind.is_integer() or kind == nw.Boolean
    if whole and not series.null_count():
        return series.to_numpy()
    return series.cast(nw.Float64).to_numpy()


def _number_bits(array: NDArray[Any], *, near: bool, digits: int) -> Keys:
    if array.dtype.kind in "bi" and not near:
        return array.astype(numpy.int64).view(numpy.uint64)
    if array.dtype.kind == "u" and not near:
        return array.astype(numpy.uint64)
    small = array.dtype.kind in "biu" and (not array.size or int(abs(array).max()) < 10**digits)
    numbers = array.astype(numpy.float64) + 0.0  # -0.0 is 0.0
    if near and not small and not _are_small_and_whole(numbers, 10**digits):
        numbers = _rounded(numbers, digits)
    bits = numpy.ascontiguousarray(numbers).view(numpy.uint64)
    bits[numpy.isnan(numbers)] = _MISSING
    return bits


def _rounded(numbers: NDArray[numpy.float64], digits: int) -> NDArray[numpy.float64]:
    """So many significant digits, by way of 32 bits: a copy in float32 rounds to the same."""
    made = numpy.empty_like(numbers)
    with numpy.errstate(all="ignore"):
        for start in range(0, numbers.size, _CHUNK):
            short = numbers[start : start + _CHUNK].astype(numpy.float32).astype(numpy.float64)
            scale = _scale(short, digits)
            rounded = numpy.rint(short * scale) / scale
            made[start : start + _CHUNK] = numpy.where(numpy.isfinite(rounded), rounded, short)
    return made + 0.0


def _scale(numbers: NDArray[numpy.float64], digits: int) -> NDArray[numpy.float64]:
    """What makes whole numbers of so many digits of them, from their binary exponents."""
    exponents = numpy.frexp(numbers)[1]
    places = numpy.floor((exponents - 1) * math.log10(2)).astype(numpy.int64) + _LEAST
    powers = _POWERS[digits]
    numpy.clip(places, 0, powers.size - 2, out=places)
    places += numpy.abs(numbers * powers[places]) >= 10**digits
    made: NDArray[numpy.float64] = powers[places]
    return made


def _are_small_and_whole(numbers: NDArray[numpy.float64], limit: int) -> bool:
    """Codes and counts in a column of floats: they have no more digits than are kept."""
    first = numbers[:_CHUNK]
    return all(
        bool(((part == numpy.rint(part)) & (numpy.abs(part) < limit) | numpy.isnan(part)).all())
        for part in (first, numbers)
    )


def _text_bits(values: Any, digits: int) -> Keys:
    """Different values are looked at once each: a number or moment by its value, else its text;
    Python's own hash holds in one process."""
    codes, different = coded(values)
    read = [_number(value) for value in different]
    bits = _number_bits(numpy.array(read, dtype=numpy.float64), near=True, digits=digits)
    for place, number in enumerate(read):
        if number is None:
            bits[place] = hash(str(different[place])) % 2**64
    return numpy.append(bits, _MISSING)[codes]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return _moment(value) if isinstance(value, date | str) else None


def _moment(value: date | str) -> float | None:
    """Microseconds since 1970, as a column of moments has them; a day is its midnight."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return float((moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MICROSECOND)
