"""Metrics of amounts, from exact sums: means, variances and the R² of any rows, whatever the order.

A value is rounded once, where the exact fraction becomes a float. Intervals are Student's, of the
mean itself or by the delta method; that of the median is of the ranks.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate

import numpy

from venturalitica.core.amounts import bin_end
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.statistic import AMOUNTS, Amounts, Statistic, all_rows


def _each(amounts: Amounts, value: Callable[[int], float]) -> Floats:
    """The value of each group that has rows; NaN elsewhere."""
    return numpy.array([value(g) if n else numpy.nan for g, n in enumerate(amounts.rows)], float)


def _mean_of(total: str, squares: str, part: Fraction = Fraction(1)) -> Statistic:
    """The mean of what `total` sums, times `part`, with Student's interval."""

    def compute(amounts: Amounts) -> Floats:
        return _each(amounts, lambda g: float(part * amounts.sums[total][g] / amounts.rows[g]))

    def draw(amounts: Amounts, student: Floats) -> Floats:
        return compute(amounts) + float(part) * _errors_of(amounts, total, squares) * student

    return Statistic(
        AMOUNTS, compute, fewest=all_rows, draw=draw, greatest=_share_of(total, GREATEST.get(total))
    )


GREATEST = {"|e|": "max |e|", "x": "max x"}
"""Of sums of what is never negative: the greatest part."""


def _share_of(total: str, greatest: str | None) -> Callable[[Amounts], Floats] | None:
    if greatest is None:
        return None

    def share(amounts: Amounts) -> Floats:
        if greatest not in amounts.sums:
            return numpy.zeros(len(amounts.rows))
        return _each(
            amounts,
            lambda g: float(amounts.sums[greatest][g] / (amounts.sums[total][g] or 1)),
        )

    return share


def _errors_of(amounts: Amounts, total: str, squares: str) -> Floats:
    """The standard error of the mean; NaN of a single row."""

    def error(g: int) -> float:
        n, x = amounts.rows[g], amounts.sums[total][g]
        if n < 2:
            return math.nan
        # Squares of numbers near the smallest float are 0: less than the mean's own.
        return math.sqrt(max(float((amounts.sums[squares][g] - x * x / n) / (n * (n - 1))), 0.0))

    return _each(amounts, error)


def _rooted(statistic: Statistic) -> Statistic:
    """The root of a mean, and of all that it might have been."""
    assert statistic.draw is not None
    draw = statistic.draw

    def compute(amounts: Amounts) -> Floats:
        return numpy.sqrt(statistic.compute(amounts))

    def drawn(amounts: Amounts, student: Floats) -> Floats:
        return numpy.sqrt(numpy.maximum(draw(amounts, student), 0.0))

    return Statistic(AMOUNTS, compute, fewest=all_rows, draw=drawn, greatest=statistic.greatest)


def _greatest_square(amounts: Amounts) -> Floats:
    sums = amounts.sums
    return _each(amounts, lambda g: float(sums["max |e|"][g] ** 2 / (sums["s"][g] or 1)))


def r2_score(amounts: Amounts) -> Floats:
    """1 − Σs / Σ(t − mean)²; of one target only, 1 where every error is 0, else 0."""

    def value(g: int) -> float:
        if amounts.rows[g] < 2:
            return math.nan
        error, spread = amounts.sums["s"][g], _spread(amounts, g)
        return float(1 - error / spread) if spread else float(not error)

    return _each(amounts, value)


def _spread(amounts: Amounts, g: int) -> Fraction:
    """Σ(t − mean)²."""
    total = amounts.sums["t"][g]
    return amounts.sums["t2"][g] - total * total / amounts.rows[g]


def _r2_drawn(amounts: Amounts, student: Floats) -> Floats:
    return r2_score(amounts) + _each(amounts, lambda g: _r2_error(amounts, g)) * student


def _r2_error(amounts: Amounts, g: int) -> float:
    """By the delta method: what one row moves is −s/b + (a/b²)(t − mean)², with a the mean of s and
    b that of (t − mean)²; its mean is 0."""
    n, of = amounts.rows[g], {name: total[g] / amounts.rows[g] for name, total in _sums(amounts)}
    b = _spread(amounts, g) / n
    if n < 2 or not b:
        return 0.0
    a, mean = of["s"], of["t"]
    crossed = of["st2"] - 2 * mean * of["st"] + mean**2 * of["s"]
    fourth = of["t4"] - 4 * mean * of["t3"] + 6 * mean**2 * of["t2"] - 3 * mean**4
    moved = of["s2"] / b**2 - 2 * a / b**3 * crossed + (a / b**2) ** 2 * fourth
    return math.sqrt(max(float(moved), 0.0) / (n - 1))


def _sums(amounts: Amounts) -> list[tuple[str, list[Fraction]]]:
    return [(name, list(totals)) for name, totals in amounts.sums.items()]


def max_error(amounts: Amounts) -> Floats:
    """The greatest |t − p|."""
    return _each(amounts, lambda g: float(amounts.sums["max |e|"][g]))


def median_ends(amounts: Amounts, g: int) -> tuple[float, float]:
    """Between which two numbers the median of a group lies."""
    middle = ((amounts.rows[g] - 1) // 2, amounts.rows[g] // 2)
    lows = [_at(amounts, g, rank) for rank in middle]
    return sum(lows, 0.0) / 2, sum(map(bin_end, lows), 0.0) / 2


def _at(amounts: Amounts, g: int, rank: int) -> float:
    """The lower end of the bin of the row of that rank, from 0."""
    bins = amounts.bins[g]
    return bins[bisect_right(list(accumulate(rows for _, rows in bins)), rank)][0]


def median_absolute_error(amounts: Amounts) -> Floats:
    """The middle of the bin that the median lies in."""
    return _each(amounts, lambda g: sum(median_ends(amounts, g), 0.0) / 2)


def _median_bound(amounts: Amounts) -> Floats:
    def half(g: int) -> float:
        low, high = median_ends(amounts, g)
        return (high - low) / 2

    return _each(amounts, half)


def _median_drawn(amounts: Amounts, student: Floats) -> Floats:
    """The order statistic at n/2 + t·√n/2: how far the rank of the true median is, by chance."""
    drawn = numpy.full(student.shape, numpy.nan)
    for g, n in enumerate(amounts.rows):
        if not n:
            continue
        lows = numpy.array([low for low, _ in amounts.bins[g]])
        middles = (lows + numpy.array([bin_end(low) for low in lows.tolist()])) / 2
        ranks = numpy.clip((n + student[:, g] * math.sqrt(n)) / 2, 0, n - 1)
        below = numpy.cumsum([rows for _, rows in amounts.bins[g]])
        drawn[:, g] = middles[numpy.searchsorted(below, ranks, side="right")]
    return drawn


def _median_said(amounts: Amounts, g: int) -> str:
    low, high = median_ends(amounts, g)
    return f"the exact median lies from {low:.9g} to {high:.9g}"


_SQUARES = Statistic(
    AMOUNTS,
    _mean_of("s", "s2").compute,
    fewest=all_rows,
    draw=_mean_of("s", "s2").draw,
    greatest=_greatest_square,
)

STATISTICS = {
    "mean_absolute_error": _mean_of("|e|", "e2"),
    "root_mean_squared_error": _rooted(_SQUARES),
    "mean_squared_error": _SQUARES,
    "r2_score": Statistic(AMOUNTS, r2_score, fewest=all_rows, draw=_r2_drawn),
    "mean_absolute_percentage_error": _mean_of("x", "x2"),
    "median_absolute_error": Statistic(
        AMOUNTS,
        median_absolute_error,
        fewest=all_rows,
        bound=_median_bound,
        draw=_median_drawn,
        said=_median_said,
    ),
    "max_error": Statistic(AMOUNTS, max_error, fewest=all_rows),
    "mean_error": _mean_of("e", "e2"),
    "mean_pinball_loss": _mean_of("|e|", "e2", Fraction(1, 2)),
    "mean_prediction": _mean_of("x", "x2"),
    "mean_target": _mean_of("x", "x2"),
}
