"""95 % percentile intervals by resampling counts.

Drawing n rows with replacement and counting them again is one multinomial draw over the cells of
the table: the replicates equal a row bootstrap in distribution, and cost nothing per row. The
generator is seeded from the table's name and its counts, so that a rerun is identical and neither
the order nor the choice of controls matters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

from venturalitica.canonical import sha256_hex
from venturalitica.metrics.arrays import Floats, Integers
from venturalitica.records import Interval

REPLICATES = 2_000
LEVEL = 0.95
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


def percentile_interval(replicates: Floats) -> Interval | None:
    """The middle 95 % of the defined replicates, `(B,)`, by linear interpolation.

    None where no replicate is defined.
    """
    ordered = numpy.sort(replicates)
    defined = ordered.size - int(numpy.isnan(ordered).sum())
    if not defined:
        return None
    tail = (1 - LEVEL) / 2
    return Interval(_at(ordered, tail * (defined - 1)), _at(ordered, (1 - tail) * (defined - 1)))


def interval_around(
    replicates: Floats, value: float, *, low: float, high: float, raised_by_chance: bool
) -> Interval | None:
    """The percentile interval of `replicates`, `(B,)`; None where no replicate is defined.

    Where chance alone raises the statistic, every replicate is raised once more than the value was,
    and the percentile interval lies too high. The basic (reverse percentile) interval, which turns
    it around the value, takes that off; both are held, within `low` and `high`, so that the upper
    end is never below that of either (Davison & Hinkley, Bootstrap Methods, 1997, section 5.2).
    """
    percentile = percentile_interval(replicates)
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
