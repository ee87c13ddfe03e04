"""Scores on a fixed grid: how a column of scores becomes a bounded number of levels.

A grid cuts `[low, high]` into `cells` equal, left-closed cells; its two ends are levels of their
own, because a score of exactly 0 or 1 is a different claim than one near it. A score is then
moved by at most half a cell. 480 cells share their edges with calibration bins of 5, 6, 8, 10, 12,
15, 16, 20 and 24; every finer grid has a whole number of cells in each of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

from venturalitica.tallies import ScoreTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_LIMIT = 65_536
"""Up to this many different scores, the table in memory holds the very values."""
FINE_CELLS = 65_280
EVIDENCE_CELLS = 480
CELLS = (16_320, 3_840, EVIDENCE_CELLS)
"""Where groups make a table too large, the scores go to the first of these grids that fits."""
EVIDENCE_LIMIT = 512
"""A table kept in evidence has at most this many score levels."""
ROWS_PER_LEVEL = 2
"""Evidence keeps exact scores only where a score is shared by this many rows on average."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal cells over `[low, high]`; level 0 is `low` itself, level `cells + 1` is `high`."""

    low: float
    high: float
    cells: int

    @property
    def width(self) -> float:
        """How much score one level stands for."""
        return (self.high - self.low) / self.cells

    def place(self, scores: NDArray[numpy.float64]) -> NDArray[numpy.int64]:
        """The level of each score, shape `(n,)`."""
        share = (scores - self.low) / (self.high - self.low)
        inner = numpy.clip(numpy.floor(share * self.cells), 0, self.cells - 1)
        levels = inner.astype(numpy.int64) + 1
        levels[scores <= self.low] = 0
        levels[scores >= self.high] = self.cells + 1
        return levels

    def centres(self, levels: NDArray[numpy.int64]) -> NDArray[numpy.float64]:
        """The score that each level stands for: the middle of its cell, or the end itself."""
        middles = self.low + (levels - 0.5) / self.cells * (self.high - self.low)
        middles[levels == 0] = self.low
        middles[levels == self.cells + 1] = self.high
        return middles


def grid_over(low: float, high: float, cells: int) -> Grid:
    """The grid on [0, 1] where all scores are in it, else on the range that they span."""
    return Grid(0.0, 1.0, cells) if low >= 0.0 and high <= 1.0 else Grid(low, high, cells)


def coarsen(table: ScoreTable, limit: int = EVIDENCE_LIMIT) -> ScoreTable:
    """The form kept in evidence: at most `limit` levels and no score that singles out a row.

    Returns the table itself where it is on a grid already, or exact with few, shared scores.
    """
    rows = sum(cell[-1] for cell in table.cells)
    few = len(table.scores) <= limit
    if few and (not table.exact or len(table.scores) * ROWS_PER_LEVEL <= rows):
        return table
    return regrid(table, EVIDENCE_CELLS)


def regrid(table: ScoreTable, cells: int) -> ScoreTable:
    """The same counts with the scores on a grid of `cells` cells."""
    moved = regridded(table.scores, cells)
    if moved is None or not table.cells:
        return table
    matrix = numpy.array(table.cells, dtype=numpy.int64)
    matrix[:, -2] = moved.place[matrix[:, -2]]
    return ScoreTable(
        roles=table.roles,
        scores=moved.scores,
        cells=tuple(map(tuple, summed(matrix).tolist())),
        exact=False,
        width=moved.width,
        note=table.note,
    )


@dataclass(frozen=True, slots=True)
class Regridded:
    """`place[i]` is the new level of old level i, and `place[-1]` is -1, the level of a missing
    score; `scores` are those of the new levels."""

    scores: tuple[float, ...]
    place: NDArray[numpy.int64]
    width: float


def regridded(scores: tuple[float, ...], cells: int) -> Regridded | None:
    """Ascending scores on a grid; None where there is none, or one score that no grid can hold."""
    if not scores:
        return None
    values = numpy.array(scores, dtype=numpy.float64)
    low, high = float(values[0]), float(values[-1])
    if low == high and not 0.0 <= low <= 1.0:
        return None
    grid = grid_over(low, high, cells)
    levels, place = numpy.unique(grid.place(values), return_inverse=True)
    centres = tuple(grid.centres(levels).tolist())
    return Regridded(centres, numpy.append(place, -1).astype(numpy.int64), grid.width)


def summed(matrix: NDArray[numpy.int64]) -> NDArray[numpy.int64]:
    """Cells `(level ..., count)`, shape `(m, k + 1)`, sorted, with each combination once."""
    if matrix.shape[0] == 0:
        return matrix
    ordered = matrix[numpy.lexsort(matrix[:, -2::-1].T)]
    keys = ordered[:, :-1]
    changes = numpy.ones(ordered.shape[0], dtype=bool)
    changes[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    starts = numpy.flatnonzero(changes)
    totals = numpy.add.reduceat(ordered[:, -1], starts)
    return numpy.column_stack([keys[starts], totals])
