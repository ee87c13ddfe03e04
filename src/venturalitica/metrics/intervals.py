"""Percentile intervals by resampling counts.

Drawing n rows with replacement and counting them again is one multinomial draw over the cells of
the table: the replicates equal a row bootstrap in distribution, and cost nothing per row. The
generator is seeded from the table's name and its counts, so that a rerun is identical and neither
the order nor the choice of controls matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy
from numpy.typing import NDArray

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verdict import Interval

REPLICATES = 2_000
FEWEST_BEYOND = 10
"""Replicates that must lie beyond each end of an interval that is read from them."""
MOST_UNDEFINED = 0.05
"""With a larger share of undefined replicates nothing is concluded."""

_KEPT = 4_000_000
"""Drawn numbers that are kept for the next control of the same table, or are in memory at once."""


class Resampling:
    """2,000 multinomial replicates of one table's cells.

    `cells` is `(C,)`, integer, not negative. The replicates of equal cells and an equal `seed` are
    equal, however they are batched.
    """

    def __init__(self, cells: Integers, seed: str) -> None:
        self.cells = cells
        self._seed = int(sha256_hex(seed.encode()), 16)
        self._drawn: Floats | None = None

    def each(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """`statistic` maps `(b, C)` counts to `(b, ...)`; the answer is `(2000, ...)`."""
        if self.cells.size * REPLICATES <= _KEPT:
            if self._drawn is None:
                self._drawn = self._draw(self._generator(), REPLICATES)
            return statistic(self._drawn)
        return self._batched(statistic)

    def _batched(self, statistic: Callable[[Floats], Floats]) -> Floats:
        size = max(1, _KEPT // self.cells.size)
        generator = self._generator()
        sizes = [min(size, REPLICATES - start) for start in range(0, REPLICATES, size)]
        return numpy.concatenate([statistic(self._draw(generator, size)) for size in sizes])

    def _generator(self) -> numpy.random.Generator:
        return numpy.random.Generator(numpy.random.PCG64(self._seed))

    def _draw(self, generator: numpy.random.Generator, replicates: int) -> Floats:
        """Empty cells stay empty: rounding of the probabilities must not put a row there."""
        drawn = numpy.zeros((replicates, self.cells.size))
        filled = numpy.flatnonzero(self.cells)
        rows = int(self.cells.sum())
        if rows:
            chances = self.cells[filled] / rows
            drawn[:, filled] = generator.multinomial(rows, chances, size=replicates)
        return drawn


def percentile_interval(replicates: Floats, alpha: float) -> Interval | None:
    """Where the defined replicates, `(B,)`, lie without `alpha` of them on each side.

    By linear interpolation. None where no replicate is defined.
    """
    ordered = numpy.sort(replicates)
    defined = ordered.size - int(numpy.isnan(ordered).sum())
    if not defined:
        return None
    return Interval(_at(ordered, alpha * (defined - 1)), _at(ordered, (1 - alpha) * (defined - 1)))


def interval_around(
    replicates: Floats,
    value: float,
    *,
    low: float,
    high: float,
    raised_by_chance: bool,
    alpha: float,
) -> Interval | None:
    """The percentile interval of `replicates`, `(B,)`; None where no replicate is defined.

    Where chance alone raises the statistic, every replicate is raised once more than the value was,
    and the percentile interval lies too high. The basic (reverse percentile) interval, which turns
    it around the value, takes that off; both are held, within `low` and `high`, so that the upper
    end is never below that of either (Davison & Hinkley, Bootstrap Methods, 1997, section 5.2).
    """
    percentile = percentile_interval(replicates, alpha)
    if percentile is None or not raised_by_chance:
        return percentile
    turned = Interval(2 * value - percentile.high, 2 * value - percentile.low)
    return Interval(
        max(low, min(percentile.low, turned.low)), min(high, max(percentile.high, turned.high))
    )


def undefined_replicates(replicates: Floats) -> int:
    """How many of `(B,)` are NaN."""
    return int(numpy.isnan(replicates).sum())


def holding(interval: Interval, value: float) -> Interval:
    """The interval, stretched to hold the value itself.

    A difference or a ratio of groups is never below 0 or above 1, so where groups are equal every
    replicate lies on one side of the value.
    """
    return Interval(min(interval.low, value), max(interval.high, value))


def _at(ordered: Floats, position: float) -> float:
    """NaNs sort last, so positions among the defined values are positions of the whole."""
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    weight = position - below
    low, high = float(ordered[below]), float(ordered[above])
    # Equal neighbours must give their very value: a width of 1e-17 is no uncertainty.
    value = low if weight == 0.0 or low == high else low + (high - low) * weight
    return value + 0.0


Floats: TypeAlias = NDArray[numpy.float64]
Integers: TypeAlias = NDArray[numpy.int64]


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """`numerator / denominator`, NaN where the denominator is 0. Any one broadcast shape."""
    with numpy.errstate(divide="ignore", invalid="ignore"):
        quotient = numerator / denominator
    return numpy.where(denominator == 0, numpy.nan, quotient)


def segment_sums(values: Floats, segments: Integers, size: int) -> Floats:
    """Sum the last axis by segment: shape `(..., n)` and `(n,)` give `(..., size)`."""
    order = numpy.argsort(segments, kind="stable")
    ordered = segments[order]
    starts = numpy.flatnonzero(numpy.diff(ordered, prepend=-1))
    sums = numpy.zeros((*values.shape[:-1], size))
    if starts.size:
        sums[..., ordered[starts]] = numpy.add.reduceat(values[..., order], starts, axis=-1)
    return sums


def difference(values: Floats) -> Floats:
    """Largest minus smallest."""
    low, high = _extremes(values)
    return _where_compared(values, high - low)


def ratio(values: Floats) -> Floats:
    """Smallest divided by largest; NaN where the largest is 0 or the smallest below it."""
    low, high = _extremes(values)
    return _where_compared(values, numpy.where(low < 0, numpy.nan, divide(low, high)))


def minimum(values: Floats) -> Floats:
    """The smallest of the groups that have a value, `(..., G)` to `(...)`; NaN where none has."""
    return _extremes(values)[0]


def maximum(values: Floats) -> Floats:
    """The largest of them."""
    return _extremes(values)[1]


def between(values: Floats) -> Floats:
    """First minus second: `values` holds just the two, `(..., 2)`."""
    return values[..., 0] - values[..., 1]


COMPARISONS: Mapping[str, Callable[[Floats], Floats]] = {
    "difference": difference,
    "ratio": ratio,
    "min": minimum,
    "max": maximum,
    "between": between,
}


WORST: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "difference": numpy.maximum,
    "ratio": numpy.minimum,
}
"""The worst of several comparisons; NaN in either makes NaN: a worst case of something unknown is
unknown."""


def _extremes(values: Floats) -> tuple[Floats, Floats]:
    undefined = numpy.isnan(values)
    if not undefined.any():
        return values.min(axis=-1), values.max(axis=-1)
    none = undefined.all(axis=-1)
    low = numpy.where(undefined, numpy.inf, values).min(axis=-1)
    high = numpy.where(undefined, -numpy.inf, values).max(axis=-1)
    return numpy.where(none, numpy.nan, low), numpy.where(none, numpy.nan, high)


def _where_compared(values: Floats, compared: Floats) -> Floats:
    enough = (~numpy.isnan(values)).sum(axis=-1) >= 2
    return numpy.where(enough, compared, numpy.nan)
