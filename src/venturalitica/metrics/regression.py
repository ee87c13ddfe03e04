"""Metrics of amounts, from exact sums: means, variances and the R² of any rows, whatever the order.

A value is rounded once, where the exact fraction becomes a float. What `draw` gives are Student's
intervals, of the mean itself or by the delta method; records from before are judged again by them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import accumulate

import numpy
from msgspec.structs import replace

from venturalitica.core.amounts import bin_end
from venturalitica.core.text import rows
from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.means import (
    FEWEST,
    Thirds,
    either_sign,
    exactly,
    explained_ends,
    mean_ends,
    median_ranks,
    never_negative,
)
from venturalitica.metrics.statistic import AMOUNTS, Amounts, Statistic, all_rows


def _each(amounts: Amounts, value: Callable[[int], float]) -> Floats:
    """The value of each group that has rows; NaN elsewhere."""
    return numpy.array([value(g) if n else numpy.nan for g, n in enumerate(amounts.rows)], float)


def _mean_of(
    total: str, squares: str, thirds: Thirds, *kept: str, part: Fraction = Fraction(1)
) -> Statistic:
    """The mean of what `total` sums, times `part`.

    `kept` are the sums that `thirds` need: a tally of an earlier version may lack them.
    """

    def compute(amounts: Amounts) -> Floats:
        return _each(amounts, lambda g: float(part * amounts.sums[total][g] / amounts.rows[g]))

    def draw(amounts: Amounts, student: Floats) -> Floats:
        return compute(amounts) + float(part) * _errors_of(amounts, total, squares) * student

    def ends(amounts: Amounts, alpha: float) -> Ends | None:
        if not set(kept) <= amounts.sums.keys():
            return None
        low, high = mean_ends(amounts, total, squares, thirds, alpha)
        return float(part) * low, float(part) * high

    def unsure(amounts: Amounts) -> str:
        return _few(amounts) or _no_spread(_errors_of(amounts, total, squares))

    return Statistic(
        AMOUNTS,
        compute,
        fewest=all_rows,
        draw=draw,
        ends=ends,
        unsure=unsure,
        greatest=_share_of(total, GREATEST.get(total)),
    )


def _few(amounts: Amounts) -> str:
    fewest = min(amounts.rows, default=0)
    if fewest >= FEWEST:
        return ""
    return f"an interval of {rows(fewest)}, fewer than {FEWEST}, is not to be relied on"


def _no_spread(errors: Floats) -> str:
    """Why nothing is settled where rows do not differ: what was never seen has no bound."""
    return "no row differs from another, of all rows or of a group" if (errors == 0).any() else ""


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

    def ends(amounts: Amounts, alpha: float) -> Ends | None:
        assert statistic.ends is not None
        found = statistic.ends(amounts, alpha)
        if found is None:
            return None
        low, high = (numpy.sqrt(numpy.maximum(end, 0.0)) for end in found)
        return low, high

    return replace(statistic, compute=compute, draw=drawn, ends=ends)


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


def _r2_ends(amounts: Amounts, alpha: float) -> Ends:
    errors = _each(amounts, lambda g: _r2_error(amounts, g))
    return explained_ends(r2_score(amounts), errors, numpy.array(amounts.rows, float), alpha)


FIRM = 0.15
"""The standard error that the variance of targets, and the mean squared error, may have as a share
of themselves before R² is not settled."""
SHOWN = 300
"""Rows from which the ends of R² were shown to hold where they are firm: among fewer, those whose
targets seem to spread little are the ones that lack the outliers."""


def _r2_unsure(amounts: Amounts) -> str:
    errors = _each(amounts, lambda g: _r2_error(amounts, g))
    if said := _few(amounts) or _no_spread(errors):
        return said
    for g, n in enumerate(amounts.rows):
        if n < SHOWN:
            return f"R² rests on fewer than {SHOWN} rows"
        of = {name: total[g] / n for name, total in _sums(amounts)}
        spread = _spread(amounts, g) / n
        targets, misses = _fourth(of) / spread**2 - 1, of["s2"] / of["s"] ** 2 - 1
        if max(targets, misses) > n * Fraction(FIRM) ** 2:
            return (
                "the variance of the targets, or the mean squared error, is known to no better "
                f"than {FIRM:.0%} (one standard error)"
            )
    return ""


def _fourth(of: Mapping[str, Fraction]) -> Fraction:
    """The fourth moment of the targets about their mean."""
    mean = of["t"]
    return of["t4"] - 4 * mean * of["t3"] + 6 * mean**2 * of["t2"] - 3 * mean**4


def _r2_error(amounts: Amounts, g: int) -> float:
    """By the delta method: what one row moves is −s/b + (a/b²)(t − mean)², with a the mean of s and
    b that of (t − mean)²; its mean is 0."""
    n, of = amounts.rows[g], {name: total[g] / amounts.rows[g] for name, total in _sums(amounts)}
    b = _spread(amounts, g) / n
    if n < 2 or not b:
        return 0.0
    a, mean = of["s"], of["t"]
    crossed = of["st2"] - 2 * mean * of["st"] + mean**2 * of["s"]
    moved = of["s2"] / b**2 - 2 * a / b**3 * crossed + (a / b**2) ** 2 * _fourth(of)
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


def _median_ends(amounts: Amounts, alpha: float) -> Ends:
    """From the lower end of the bin of one row to the upper end of that of another."""

    def of(g: int) -> tuple[float, float]:
        n = amounts.rows[g]
        low, high = median_ranks(n, alpha)
        return (
            _at(amounts, g, low) if low >= 0 else 0.0,
            bin_end(_at(amounts, g, high)) if high < n else math.inf,
        )

    found = [of(g) if n else (math.nan, math.nan) for g, n in enumerate(amounts.rows)]
    low, high = numpy.array(found, float).reshape(-1, 2).T
    return low, high


def _median_said(amounts: Amounts, g: int) -> str:
    low, high = median_ends(amounts, g)
    return f"the exact median lies from {low:.9g} to {high:.9g}"


_DISTANCES = never_negative("|e|", "e2", "max |e|", fourths="s2"), "max |e|", "s2"
_MEAN_SQUARES = _mean_of("s", "s2", never_negative("s", "s2", "max |e|", power=2), "max |e|")
_SQUARES = replace(_MEAN_SQUARES, greatest=_greatest_square)
_OWN = exactly("x3"), "x3"

STATISTICS = {
    "mean_absolute_error": _mean_of("|e|", "e2", *_DISTANCES),
    "root_mean_squared_error": _rooted(_SQUARES),
    "mean_squared_error": _SQUARES,
    "r2_score": Statistic(
        AMOUNTS, r2_score, fewest=all_rows, draw=_r2_drawn, ends=_r2_ends, unsure=_r2_unsure
    ),
    "mean_absolute_percentage_error": _mean_of(
        "x", "x2", never_negative("x", "x2", "max x"), "max x"
    ),
    "median_absolute_error": Statistic(
        AMOUNTS,
        median_absolute_error,
        fewest=all_rows,
        bound=_median_bound,
        draw=_median_drawn,
        ends=_median_ends,
        said=_median_said,
    ),
    "max_error": Statistic(AMOUNTS, max_error, fewest=all_rows),
    "mean_error": _mean_of("e", "e2", either_sign("e2", "s2", "max |e|"), "max |e|", "s2"),
    "mean_pinball_loss": _mean_of("|e|", "e2", *_DISTANCES, part=Fraction(1, 2)),
    "mean_prediction": _mean_of("x", "x2", *_OWN),
    "mean_target": _mean_of("x", "x2", *_OWN),
}
