"""How a metric brings its own counts: what a family says of each statistic that it computes.

A control's rows are counted as cells (`Counts`). A statistic says in which `Shape` it wants them,
and computes its value from that; the same functions give the value and its 2,000 replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy
from msgspec import Struct, field

from venturalitica.metrics.ends import Ends, rate_ends
from venturalitica.metrics.intervals import Floats, Integers

Function: TypeAlias = Callable[..., Floats]


class Counts(Struct, frozen=True, kw_only=True):
    """The rows that a control counts, none of which misses a value.

    `indices` is `(C, labels)`: the level of each label role that the metric needs, in that order;
    `group` `(C,)` which of the `size` groups (all 0 where there is none); `counts` `(C,)` the rows
    of each cell. `favorable` is the index of the favorable label. `values` `(S,)` are the levels of
    the metric's number, and `level` `(C,)` which of them. `missing` maps a role to the rows that
    miss it, where missing values are all that is counted.
    """

    indices: Integers
    group: Integers
    counts: Integers
    size: int = 1
    favorable: int | None = None
    level: Integers | None = None
    values: Floats | None = None
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def rows(self) -> Integers:
        """Rows of each group, `(G,)`."""
        summed: Integers = numpy.zeros(self.size, dtype=numpy.int64)
        numpy.add.at(summed, self.group, self.counts)
        return summed


class Sample(Struct, frozen=True):
    """Cells `(C,)` that are resampled, and how they become the counts `(..., G, *shape)`.

    The same `expand` serves the measured cells and their replicates.
    """

    cells: Integers
    expand: Callable[[Floats], Floats]

    @property
    def measured(self) -> Floats:
        """The counts themselves, `(G, *shape)`."""
        return self.expand(self.cells.astype(float))


class Amounts(Struct, frozen=True):
    """Exact sums by group, G of them: `rows` are counts, `sums` maps a quantity to its totals,
    `bins` are the lower ends and the rows of each group's histogram, ascending."""

    rows: Sequence[int]
    sums: Mapping[str, Sequence[Fraction]]
    bins: Sequence[Sequence[tuple[float, int]]]


class Shape(Struct, frozen=True):
    """In which form a statistic takes its counts; statistics of one shape share their replicates.

    `lay` puts the cells in that form. `name` is part of the seed of the replicates: one that is
    changed changes intervals. `bins` `(S,) -> (S,)` gives the bin of each level of a number: levels
    of different bins are never joined.
    """

    name: str
    lay: Callable[[Counts], Sample]
    bins: Callable[[Floats], Integers] | None = None


class Proportion(Struct, frozen=True):
    """Ends of a value that is a share of rows, or made of several: such a one can be weighted.

    `of` gives of the counts the rows that are counted, and those that they are a share of;
    `ends` of both, at an error, the ends of the value.
    """

    of: Callable[[Floats], tuple[Floats, Floats]]
    ends: Callable[[Floats, Floats, float], Ends] = rate_ends

    def __call__(self, counts: Floats, alpha: float) -> Ends:
        """The ends of counts of rows."""
        return self.ends(*self.of(counts), alpha)


class Statistic(Struct, frozen=True):
    """How one base metric is computed.

    `compute` takes the counts in the shape asked and gives `(..., G)`. `support` gives in the same
    way the rows that stand behind the value (a recall rests on the rows with the favorable target
    only); None means all rows. `absent`: a group that the policy names and no row belongs to has
    the value 0.

    `fewest` gives in the same way the fewest rows behind any part of the value: of a class that it
    looks at, or in what it divides by; a class without rows is no part of it. Fewer than `min_cell`
    and the value is shown nowhere. None means the rarest label of any label role that is needed;
    `all_rows` that only all rows together stand behind it.

    Of a number, `compute`, `support`, `fewest` and `bound` get its levels `(S,)` too. `bound`, with
    half the width of a level as a third argument, gives how far off the value can be where numbers
    were cut into cells; without one nothing is settled there. `refuse` says why such levels can not
    be measured, "" where they can.

    Of amounts (the shape `AMOUNTS`) `compute` and `bound` get `Amounts` alone. `draw` gives from
    these and from `(B, G)` draws of Student's t what the value might have been; without it there
    is no interval. `greatest` is the share that the greatest row has in the sum, `(G,)`; `said` a
    note on the value of one group, "" for none.
    """

    shape: Shape
    compute: Function
    support: Function | None = None
    fewest: Function | None = None
    absent: bool = False
    bound: Function | None = None
    refuse: Callable[[Floats], str] | None = None
    ends: Callable[..., tuple[Floats, Floats] | None] | None = None
    of_all: bool = False
    unsure: Callable[..., str] | None = None
    draw: Callable[[Amounts, Floats], Floats] | None = None
    greatest: Callable[[Amounts], Floats] | None = None
    said: Callable[[Amounts, int], str] | None = None

    @property
    def is_share(self) -> bool:
        """Whether the value is k of n rows."""
        return isinstance(self.ends, Proportion) and self.ends.ends is rate_ends

    def share(self, counts: Floats) -> tuple[Floats, Floats] | None:
        """The rows that are counted and those that they are a share of, `(G,)` each; None where
        the value is no share of rows."""
        return self.ends.of(counts) if isinstance(self.ends, Proportion) and self.is_share else None


def all_rows(counts: Floats, levels: Floats | None = None) -> Floats:
    """As `fewest`: no part of the value rests on fewer than all rows."""
    return numpy.array([numpy.inf])


def least_of(*parts: Floats) -> Floats:
    """The fewest rows of the parts `(...)`; of those that have any."""
    stacked = numpy.stack(parts)
    least: Floats = numpy.where(stacked > 0, stacked, numpy.inf).min(axis=0)
    return least


def rarest_label(counts: Counts) -> Floats:
    """By group `(G,)`: the rows of the rarest label of any label role; infinite without labels."""
    least: Floats = numpy.full(counts.size, numpy.inf)
    for column in counts.indices.T:
        rows = numpy.zeros((counts.size, int(column.max(initial=0)) + 1))
        numpy.add.at(rows, (counts.group, column), counts.counts)
        least = numpy.minimum(least, least_of(*rows.T))
    return least


def dense(
    name: str,
    slots: Callable[[Counts], Integers],
    *inner: int,
    bins: Callable[[Floats], Integers] | None = None,
) -> Shape:
    """The shape `(..., G, *inner)`, or `(..., G, *inner, S)` of a number.

    `slots` `(C,)` says where in `inner` each cell belongs.
    """

    def lay(counts: Counts) -> Sample:
        if counts.values is None or counts.level is None:
            return laid(counts, slots(counts), inner)
        levels = counts.values.size
        return laid(counts, slots(counts) * levels + counts.level, (*inner, levels))

    return Shape(name, lay, bins)


def laid(counts: Counts, slots: Integers, inner: tuple[int, ...]) -> Sample:
    """One cell per group and place in `inner`."""
    size = int(numpy.prod(inner)) if inner else 1
    cells: Integers = numpy.zeros(counts.size * size, dtype=counts.counts.dtype)
    numpy.add.at(cells, counts.group * size + slots, counts.counts)
    return Sample(cells, lambda drawn: drawn.reshape(*drawn.shape[:-1], counts.size, *inner))


def nowhere(counts: Counts) -> Integers:
    """All cells in one place."""
    return numpy.zeros(counts.counts.size, dtype=numpy.int64)


def favorable(counts: Counts) -> Integers:
    """1 where the first label role is favorable."""
    chosen: Integers = (counts.indices[:, 0] == counts.favorable).astype(numpy.int64)
    return chosen


ROWS = dense("rows", nowhere)
"""`(...)`: rows."""


def _no_cells(counts: Counts) -> Sample:
    raise TypeError("it is not laid out of the cells of groups")


AMOUNTS = Shape("amounts", _no_cells)
"""Exact sums and histograms of amounts, as `Amounts`."""
DRIFT = Shape("drift", _no_cells)
"""`(..., 2, K)`: the rows of a reference and of the data in K cells."""
