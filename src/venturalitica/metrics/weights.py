"""How many rows a weighted share is worth, for the ends of its interval.

Korn & Graubard (Survey Methodology 24, 1998): the ends of a share of as many rows as would give its
variance. With weights that are all equal these are the very rows.
"""

from __future__ import annotations

import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.metrics.intervals import Floats, Integers, divide

FEWEST = 300
"""Rows of a group from which the ends of weighted shares were shown to hold."""
STEADY = 8
"""Rows that the rarer outcome must be worth, times those that each row loses to unequal weights."""
MOST_LOST = 1.0
"""Rows that each row may lose: from half of all on, what they are worth may hang on a weight that
was not drawn. With both bounds 93 % of intervals hold, for weights from uniform ones to those of a
Pareto distribution without a variance, whether they go with the outcome or not."""
_NEXT_TO_NONE = 1e-12
"""A smaller part of a sum is what its rounding left."""

Parts = tuple[Floats, Floats]
"""Sums over the rows that a share counts, and over all that it is a share of."""


class Weights(Struct, frozen=True):
    """Of each cell that a control counts, `(C,)`: sums of weights and of their squares, and the
    `rows` whose weight is above zero.

    Scaled so that all weights together are these rows. `column` is where they were read from.
    """

    column: str
    sums: Floats
    squares: Floats
    rows: Integers

    def of(self, cells: NDArray[numpy.bool_]) -> Weights:
        """Those of some of the cells `(C,)`."""
        return Weights(self.column, self.sums[cells], self.squares[cells], self.rows[cells])

    def are_equal(self, counts: Integers) -> bool:
        """Whether every row has the same weight; `counts` `(C,)` are all rows."""
        own = (self.sums, self.squares, self.rows)
        return all(numpy.array_equal(one, counts) for one in own)


def kish(sums: Floats, squares: Floats) -> Floats:
    """(Σw)² / Σw²: the rows that a mean is worth whatever is averaged; NaN where all weigh 0."""
    return divide(sums, divide(squares, sums))


def effective(sums: Parts, squares: Parts, rows: Floats) -> Parts:
    """Events and trials of a share that has the variance of the weighted one.

    The trials are p(1 − p) over the linearised variance of the ratio; where it is 0 or 1, as many
    as `kish` says; never more than there are `rows`. Any one shape.
    """
    hits, trials = sums
    others, other_squares = trials - hits, squares[1] - squares[0]
    least = _NEXT_TO_NONE * trials
    none, every = hits <= least, others <= least
    with numpy.errstate(invalid="ignore"):
        # The mean weight of an event, seen from the others, and of another, seen from the events.
        mean = divide(
            others * divide(squares[0], hits) + hits * divide(other_squares, others), trials
        )
        mean = numpy.where(none | every, divide(squares[1], trials), mean)
        size, events = divide(trials, mean), divide(hits, mean)
        capped = size > rows
        size = numpy.where(capped, rows, size)
        events = numpy.where(capped, divide(hits, trials) * rows, events)
    events = numpy.where(none, 0.0, numpy.where(every, size, events))
    there = trials > 0
    return numpy.where(there, events, 0.0), numpy.where(there, size, 0.0)


def unsteady(share: Parts, sums: Floats, squares: Floats, rows: Floats) -> NDArray[numpy.bool_]:
    """Where weights differ so much that the rows do not tell the variance of a share.

    Args:
        share: events and trials as `effective` gives them.
        sums, squares, rows: of all that it is a share of, in one shape.
    """
    events, size = share
    lost = divide(rows, kish(sums, squares)) - 1
    few: NDArray[numpy.bool_] = numpy.minimum(events, size - events) + 1 < STEADY * lost
    return few | (lost > MOST_LOST)
