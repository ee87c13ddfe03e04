"""Exact sums of amounts: floats into whole numbers by their exponents, counted without rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy
from numpy.typing import NDArray

from venturalitica.core.amounts import (
    GREATEST,
    LIMIT,
    STEPS,
    AmountTable,
    exact_text,
)
from venturalitica.core.levels import NULL
from venturalitica.core.policy import WEIGHT
from venturalitica.core.tally import may_be_told
from venturalitica.core.text import rows
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines.arrays import Ints
from venturalitica.tally.values import RoleError

_ROWS = 1 << 25
"""So many rows at once: their parts add up to less than 2^53, which a float holds exactly."""
_COUNTABLE = 1 << 22
"""Up to this many pairs of cell and exponent are counted into an array."""
_BITS = 53
_LOW = 26

Given = Sequence[NDArray[numpy.float64]]


def usable(number: Number, given: Given) -> NDArray[numpy.bool_]:
    """The rows, of `(n,)`, of which every value is there and finite.

    Raises:
        RoleError: a value is too large for its powers to be floats.
    """
    kept = numpy.isfinite(given[0])
    for values in given[1:]:
        kept &= numpy.isfinite(values)
    for role, values in zip(number.of, given, strict=True):
        if kept.any() and numpy.abs(values[kept]).max() > LIMIT:
            refuse_large(role)
    return kept


def refuse_large(role: str) -> NoReturn:
    """The error for a value that is too large for its powers to be floats."""
    raise RoleError(
        role, f"{role}= holds amounts beyond {LIMIT:g}: expected smaller ones; scale them"
    )


def check_weights(weights: NDArray[numpy.float64], column: str, least: int) -> None:
    """Whether rows can count by them, `(n,)`; no count of fewer than `least` rows is told.

    Raises:
        RoleError: one is missing, infinite or below 0, or too small or large for its square to be
            exact; or all are 0.
    """
    size = numpy.abs(weights)
    wrong = [
        numpy.isnan(weights),
        numpy.isinf(weights),
        weights < 0,
        size > LIMIT,
        (size > 0) & (size < 1 / LIMIT),
    ]
    counts = [int(one.sum()) for one in wrong]
    refuse_weights(counts, weights.size, column, least, any_counts=bool(weights.any()))


def refuse_weights(
    wrong: Sequence[int], size: int, column: str, least: int, *, any_counts: bool
) -> None:
    """The error of `check_weights`, of the counts of what is wrong with weights.

    Args:
        wrong: how many rows have no weight, an infinite one, one below 0, too large or too small.
        size: how many rows there are.
        any_counts: whether a weight is there that is not 0.
    """
    said = (
        ("no weight", "give each row one, or leave the row out"),
        ("an infinite weight", "give each row a finite one"),
        ("a weight below 0", "a row counts for 0 or more: correct it"),
        (f"a weight above {LIMIT:g}", "scale all weights, which changes no value"),
        (
            f"a weight above 0 and below {1 / LIMIT:g}",
            "scale all weights, which changes no value, or make it 0",
        ),
    )
    for found, (what, remedy) in zip(wrong, said, strict=True):
        if found:
            told = may_be_told((found,), size, least)
            few = f"fewer than {least}" if found < least else "some"
            many = f"{found:,}" if told else few
            raise RoleError(
                WEIGHT, f"{many} of {rows(size)} have {what} (column '{column}'): {remedy}"
            )
    if size and not any_counts:
        raise RoleError(
            WEIGHT,
            f"all {rows(size)} have the weight 0 (column '{column}'): nothing would count; "
            "bind another column, or none",
        )


def amount_table(number: Number, roles: Sequence[str], levels: Ints, given: Given) -> AmountTable:
    """What is kept of a number by the groups of `roles`.

    Args:
        levels: `(n, roles)`, the level of each role in each row, `NULL` where there is none.
        given: the values of the roles that the number is made of, `(n,)` each, NaN where missing.
    """
    kept = usable(number, given)
    present = [values[kept] for values in given]
    places = numpy.full(kept.size, NULL, dtype=numpy.int64)
    places[kept] = 0
    bins: tuple[float, ...] = (0.0,)
    if number.binned:
        lows = _bins_of(number.compute(*present))
        different, found = numpy.unique(lows, return_inverse=True)
        bins, places[kept] = tuple(different.tolist()), found
    groups, cell = _cells(numpy.column_stack([levels, places]))
    counts = numpy.bincount(cell, minlength=len(groups))
    quantities = number.sums(*present) if number.sums else {}
    sums = _sums(quantities, cell[kept], len(groups))
    lacking = (groups[:, -1] == NULL).tolist()
    return AmountTable(
        number.name,
        tuple(roles),
        tuple(quantities),
        tuple(map(tuple, numpy.column_stack([groups, counts]).tolist())),
        tuple(() if lack else own for lack, own in zip(lacking, sums, strict=True)),
        bins,
    )


def _cells(matrix: Ints) -> tuple[Ints, Ints]:
    """The different rows of a matrix, in order, and which of them each row is."""
    sizes = [int(column.max(initial=NULL)) + 2 for column in matrix.T]
    if math.prod(sizes) >= 2**62:
        different, cell = numpy.unique(matrix, axis=0, return_inverse=True)
        return different, cell.reshape(-1)
    joint = numpy.zeros(len(matrix), dtype=numpy.int64)
    for column, size in zip(matrix.T, sizes, strict=True):
        joint = joint * size + (column - NULL)
    _, first, cell = numpy.unique(joint, return_index=True, return_inverse=True)
    return matrix[first], cell


def _bins_of(amounts: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """As `core.amounts.bin_of`."""
    part, power = numpy.frexp(amounts)
    lows: NDArray[numpy.float64] = numpy.ldexp(numpy.floor(part * (2 * STEPS)) / (2 * STEPS), power)
    return lows


def _sums(quantities: Mapping[str, Sequence[Any]], cell: Ints, size: int) -> list[tuple[str, ...]]:
    """The total of each quantity in each cell, as exact texts."""
    columns = [
        _greatest(terms[0], cell, size) if name.startswith(GREATEST) else _totals(terms, cell, size)
        for name, terms in quantities.items()
    ]
    return list(zip(*columns, strict=True)) if columns else [()] * size


def _greatest(values: Any, cell: Ints, size: int) -> list[str]:
    found = numpy.zeros(size)
    numpy.maximum.at(found, cell, values)
    return [exact_text(*_whole(value)) for value in found.tolist()]


def _whole(value: float) -> tuple[int, int]:
    numerator, denominator = value.as_integer_ratio()
    return numerator, 1 - denominator.bit_length()


def _totals(terms: Sequence[Any], cell: Ints, size: int) -> list[str]:
    totals = [[0, 0] for _ in range(size)]  # mantissa, and the exponent of its last bit
    for term in terms:
        for start in range(0, term.size, _ROWS):
            _add(totals, term[start : start + _ROWS], cell[start : start + _ROWS])
    return [exact_text(mantissa, exponent) for mantissa, exponent in totals]


def _add(totals: list[list[int]], values: Any, cell: Ints) -> None:
    """Whole numbers of 53 bits by cell and exponent, in two halves that floats sum exactly."""
    part, power = numpy.frexp(values)
    whole = numpy.ldexp(part, _BITS).astype(numpy.int64)
    least = int(power.min())
    span = int(power.max()) - least + 1
    keys = cell * span + (power - least)
    used, place = numpy.arange(len(totals) * span), keys
    if used.size > _COUNTABLE:
        used, place = numpy.unique(keys, return_inverse=True)
    high = numpy.bincount(place, weights=whole >> _LOW, minlength=used.size)
    low = numpy.bincount(place, weights=whole & ((1 << _LOW) - 1), minlength=used.size)
    filled = numpy.flatnonzero((high != 0) | (low != 0))
    used, high, low = used[filled], high[filled], low[filled]
    for key, upper, lower in zip(used.tolist(), high.tolist(), low.tolist(), strict=True):
        owner, exponent = divmod(key, span)
        total = totals[owner]
        exponent += least - _BITS
        mantissa = (int(upper) << _LOW) + int(lower)
        if exponent < total[1] or not total[0]:
            total[0] <<= max(total[1] - exponent, 0) if total[0] else 0
            total[1] = exponent
        total[0] += mantissa << (exponent - total[1])
