"""One-sided ends of means of amounts, from exact sums, and of medians, from ranks.

Amounts have no end, so nothing holds whatever they are: `benchmarks/coverage.py` shows how far.
Each side is at half of the error, as in `ends` where a variance is estimated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy

from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.statistic import Amounts

FEWEST = 100
"""Rows from which the ends below were measured to hold, for errors as skewed as lognormal ones."""

Thirds = Callable[[Amounts, int], tuple[Fraction, Fraction]]
"""Between which two numbers the sum of the third powers of a group lies."""


def mean_ends(amounts: Amounts, total: str, squares: str, thirds: Thirds, alpha: float) -> Ends:
    """Student's ends, farther out by what the skewness can be (Hall, JRSS B 54, 1992).

    By the cubic transform of t, which has an inverse; never nearer than Student's own.
    """

    def of(g: int) -> tuple[float, float]:
        n = amounts.rows[g]
        if n < 2:
            return -math.inf, math.inf
        mean, square = amounts.sums[total][g] / n, amounts.sums[squares][g] / n
        variance = square - mean**2
        if variance <= 0:
            return float(mean), float(mean)
        central = (third / n - 3 * mean * square + 2 * mean**3 for third in thirds(amounts, g))
        # As fractions: the third power of a spread may be no float, its ratio to another is.
        least, most = (
            math.copysign(math.sqrt(float(own**2 / variance**3)), own) for own in central
        )
        error = math.sqrt(float(variance / (n - 1)))
        return (
            float(mean) - error * _reach(n, -least, alpha),
            float(mean) + error * _reach(n, most, alpha),
        )

    return _each(amounts, of)


def _each(amounts: Amounts, of: Callable[[int], tuple[float, float]]) -> Ends:
    """The ends of each group that has rows, `(G,)`; NaN elsewhere."""
    found = [of(g) if rows else (math.nan, math.nan) for g, rows in enumerate(amounts.rows)]
    low, high = numpy.array(found, dtype=float).reshape(-1, 2).T
    return low, high


def _reach(rows: int, skewness: float, alpha: float) -> float:
    """Standard errors to the end on the side of the long tail, where there is one."""
    from scipy.special import stdtrit  # imported when the first interval is made

    student = float(stdtrit(rows - 1, 1 - alpha / 2))
    bent = skewness / math.sqrt(rows)
    if bent <= 1e-9:
        return student
    return max(student, 3 / bent * (1 - math.cbrt(1 - bent * (student + bent / 6))))


def exactly(name: str) -> Thirds:
    """The sum itself, where it is kept."""
    return lambda amounts, g: (amounts.sums[name][g], amounts.sums[name][g])


def never_negative(
    total: str, squares: str, greatest: str, *, fourths: str = "", power: int = 1
) -> Thirds:
    """By Cauchy and Schwarz, and by the greatest amount, which is `greatest` to the `power`."""

    def thirds(amounts: Amounts, g: int) -> tuple[Fraction, Fraction]:
        sums = amounts.sums
        first, second = sums[total][g], sums[squares][g]
        least = second**2 / first if first else Fraction(0)
        most = sums[greatest][g] ** power * second
        if fourths:
            most = min(most, _between(second, sums[fourths][g]))
        return least, max(least, most)

    return thirds


def either_sign(squares: str, fourths: str, greatest: str) -> Thirds:
    """By the distances from 0."""

    def thirds(amounts: Amounts, g: int) -> tuple[Fraction, Fraction]:
        second = amounts.sums[squares][g]
        most = min(amounts.sums[greatest][g] * second, _between(second, amounts.sums[fourths][g]))
        return -most, most

    return thirds


def _between(squares: Fraction, fourths: Fraction) -> Fraction:
    """No sum of third powers is greater than the root of these two multiplied."""
    return squares * Fraction(math.sqrt(float(fourths / squares))) if squares else squares


def explained_ends(values: Floats, errors: Floats, rows: Floats, alpha: float) -> Ends:
    """Of R², from its standard error: the low end on the scale of log(1 - R²), the high one not.

    One outlier among the targets makes R² too high by far, one among the errors too low by less.
    """
    from scipy.special import stdtrit

    reach = stdtrit(numpy.maximum(rows - 1, 1.0), 1 - alpha / 2) * errors
    rest = 1 - values
    with numpy.errstate(divide="ignore", invalid="ignore", over="ignore"):
        low = numpy.where(rest > 0, 1 - rest * numpy.exp(reach / rest), 1.0)
    return low, numpy.minimum(values + reach, 1.0)


def median_ranks(rows: int, alpha: float) -> tuple[int, int]:
    """The ranks, from 0, of the rows that are the ends of the median; -1 and `rows` where none is.

    As many rows lie below the true median as heads fall in so many throws: exact, whatever the
    amounts are.
    """
    from scipy.special import bdtr

    below, above = -1, rows // 2
    while above - below > 1:
        middle = (below + above) // 2
        if float(bdtr(middle, rows, 0.5)) <= alpha:
            below = middle
        else:
            above = middle
    return below, rows - 1 - below
