"""Objects that are numbers or times: what they become is a question to the column as a whole.

One fraction makes floats of all numbers, and one nanosecond makes nanoseconds of all times, as it
would in a library that has types.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError
from venturalitica.probes.column_hash import Kind
from venturalitica.probes.column_read import Column, masked_column, unsupported

_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def numbers_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    present = array[~absent]
    if all(issubclass(kind, float | numpy.floating) for kind in types):
        numbers = present.astype(numpy.float64)
    else:
        numbers = _exact(present, types, name)
    return masked_column(_spread(numbers, absent), absent, name)


def _exact(present: NDArray[Any], types: set[type], name: str) -> NDArray[Any]:
    """Integers where all are whole and fit, else floats."""
    if types == {int}:
        try:
            return present.astype(numpy.int64)
        except OverflowError:
            pass
    values = present.tolist()
    if not all(map(_is_whole, values)):
        return numpy.array(values, dtype=numpy.float64)
    integers = list(map(int, values))
    low, high = min(integers), max(integers)
    if low >= -(2**63) and high < 2**63:
        return numpy.array(integers, dtype=numpy.int64)
    if low >= 0 and high < 2**64:
        return numpy.array(integers, dtype=numpy.uint64)
    raise unsupported(name, "whole numbers beyond 64 bits")


def _is_whole(value: Any) -> bool:
    if isinstance(value, int | numpy.integer):
        return True
    return float(value).is_integer() and -(2.0**63) <= value < 2.0**63


def timestamps_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    values = array[~absent].tolist()
    zoned = {getattr(value, "tzinfo", None) is not None for value in values}
    if len(zoned) > 1:
        raise unsupported(name, "times with and without a time zone")
    micros = list(map(_microseconds, values))
    nanos = [getattr(value, "nanosecond", 0) for value in values]
    return _ticks(micros, nanos, absent, "timestamp", name, zoned=zoned == {True})


def _microseconds(value: Any) -> int:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    offset = value.utcoffset()
    naive = value.replace(tzinfo=None)
    if hasattr(naive, "to_pydatetime"):
        naive = naive.to_pydatetime(warn=False)
    return int((naive - _EPOCH - (offset or timedelta())) // _MICROSECOND)


def durations_column(
    array: NDArray[Any], absent: NDArray[numpy.bool_], types: set[type], name: str
) -> Column:
    values = array[~absent].tolist()
    micros = [int(value // _MICROSECOND) for value in values]
    nanos = [getattr(value, "nanoseconds", 0) for value in values]
    return _ticks(micros, nanos, absent, "duration", name, zoned=False)


def _ticks(
    micros: list[int],
    nanos: list[int],
    absent: NDArray[numpy.bool_],
    kind: Kind,
    name: str,
    *,
    zoned: bool,
) -> Column:
    unit, ticks = "us", micros
    if any(nanos):
        ticks = [micro * 1_000 + nano for micro, nano in zip(micros, nanos, strict=True)]
        unit = "ns"
    try:
        array = _spread(numpy.array(ticks, dtype=numpy.int64), absent)
    except OverflowError as error:
        raise DataError(
            f"column '{name}' holds times that do not fit 64 bits of "
            f"{'nanoseconds' if unit == 'ns' else 'microseconds'}"
        ) from error
    return masked_column(array, absent, name, kind=kind, unit=unit, zoned=zoned)


def _spread(values: NDArray[Any], absent: NDArray[numpy.bool_]) -> NDArray[Any]:
    if values.size == absent.size:
        return values
    spread = numpy.zeros(absent.size, dtype=values.dtype)
    spread[~absent] = values
    return spread
