"""Scores as levels: grids of equal cells, and the limits up to which scores stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.levels import Moves, moved, places
from venturalitica.errors import DataError

if TYPE_CHECKING:
    import numpy
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
SCORE_CELLS = 300_000
"""A score table with more cells is put on a coarser grid."""
HAIR = 1e-6
"""How far outside of [0, 1] rounding may take a probability."""
CLIPPED = re.compile(r"([0-9,]+) scores? within [^ ]+ outside of \[0, 1\], taken as 0 or 1")


def clipped(count: int) -> str:
    """The note of a table of which so many scores were put back into [0, 1]."""
    plural = "s" if count > 1 else ""
    return f"{count:,} score{plural} within {HAIR:g} outside of [0, 1], taken as 0 or 1"


class Grid(Struct, frozen=True):
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
        import numpy

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


class Regridded(Struct, frozen=True):
    """`place[i]` is the new level of old level i, and `place[-1]` is -1, the level of a missing
    score; `scores` are those of the new levels."""

    scores: tuple[float, ...]
    place: NDArray[numpy.int64]
    width: float


def regridded(scores: tuple[float, ...], cells: int) -> Regridded | None:
    """Ascending scores on a grid; None where there is none, or one score that no grid can hold."""
    import numpy

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
    import numpy

    if matrix.shape[0] == 0:
        return matrix
    ordered = matrix[numpy.lexsort(matrix[:, -2::-1].T)]
    keys = ordered[:, :-1]
    changes = numpy.ones(ordered.shape[0], dtype=bool)
    changes[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    starts = numpy.flatnonzero(changes)
    totals = numpy.add.reduceat(ordered[:, -1], starts)
    return numpy.column_stack([keys[starts], totals])


class ScoreTable(Struct, frozen=True, dict=True):
    """Counts by (label roles ..., grouping roles ..., level of a number, most often the score).

    `number` names it. `scores[i]` is the number at level i, ascending. `exact` is True where these
    are the very values of the data; otherwise each stands for `width` around it: no number was
    moved by more than half of that. `roles` are the axes; the last index of a cell before its count
    is the level, `NULL` where the number is missing. `note` says what was done to the numbers.
    """

    roles: tuple[str, ...]
    scores: tuple[float, ...]
    cells: tuple[tuple[int, ...], ...]
    exact: bool = True
    width: float = 0.0
    note: str = ""
    number: str = "score"

    def matrix(self) -> NDArray[numpy.int64]:
        """The cells as an array, shape `(m, k + 2)`, made once; not to be written to."""
        import numpy

        found: NDArray[numpy.int64] | None = self.__dict__.get("_matrix")
        if found is None:
            width = len(self.roles) + 2
            found = numpy.array(self.cells, dtype=numpy.int64).reshape(-1, width)
            self._with(found)
        return found

    def _with(self, matrix: NDArray[numpy.int64]) -> ScoreTable:
        matrix.setflags(write=False)
        self.__dict__["_matrix"] = matrix
        return self


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
    matrix = table.matrix().copy()
    matrix[:, -2] = moved.place[matrix[:, -2]]
    found = replace(table, scores=moved.scores, exact=False, width=moved.width)
    return _of_cells(found, summed(matrix))


def fitted(table: ScoreTable, cells: NDArray[numpy.int64]) -> ScoreTable:
    """The table with these cells, shape `(m, k + 1)`, as exact as their number allows."""
    rows, found = cells, table
    for grid in CELLS:
        if rows.shape[0] <= SCORE_CELLS:
            break
        found, rows = _on_grid(table, cells, grid)
    return _of_cells(found, rows)


def _of_cells(table: ScoreTable, cells: NDArray[numpy.int64]) -> ScoreTable:
    return replace(table, cells=tuple(map(tuple, cells.tolist())))._with(cells)


def _on_grid(
    table: ScoreTable, cells: NDArray[numpy.int64], grid: int
) -> tuple[ScoreTable, NDArray[numpy.int64]]:
    moved = regridded(table.scores, grid)
    assert moved is not None
    rows = cells.copy()
    rows[:, -2] = moved.place[rows[:, -2]]
    return replace(table, scores=moved.scores, exact=False, width=moved.width), summed(rows)


def added(parts: Sequence[ScoreTable], moves: Sequence[Moves]) -> ScoreTable:
    import numpy

    parts = _on_one_scale(parts)
    scores = tuple(sorted({score for part in parts for score in part.scores}))
    every = []
    for part, move in zip(parts, moves, strict=True):
        matrix = moved(part.roles, part.cells, move, width=len(part.roles) + 2)
        matrix[:, -2] = places(part.scores, scores)[matrix[:, -2]]
        every.append(matrix)
    whole = replace(parts[0], scores=scores, cells=(), note=_note_of(parts))
    cells = summed(numpy.concatenate(every))
    if len(scores) > EXACT_LIMIT:
        whole, cells = _on_grid(whole, cells, FINE_CELLS)
    return fitted(whole, cells)


def _on_one_scale(parts: Sequence[ScoreTable]) -> Sequence[ScoreTable]:
    """All exact, or all on the coarsest grid of any; 480 cells divide every other grid."""
    grids = {round(1 / part.width) for part in parts if not part.exact}
    if not grids:
        return parts
    if any(_is_outside(part) for part in parts):
        raise DataError(
            f"{parts[0].number}s outside of [0, 1] are on a grid over the range of each part, "
            "which others do not share: give probabilities"
        )
    cells = min(grids)
    if any(grid % cells for grid in grids):
        cells = EVIDENCE_CELLS
    return [
        part
        if not part.exact and round(1 / part.width) == cells
        else replace(regrid(part, cells), exact=False, width=1 / cells)
        for part in parts
    ]


def _is_outside(table: ScoreTable) -> bool:
    return bool(table.scores) and (table.scores[0] < 0 or table.scores[-1] > 1)


def _note_of(parts: Sequence[ScoreTable]) -> str:
    found = [CLIPPED.fullmatch(part.note) for part in parts if part.note]
    if not found:
        return ""
    if not all(found) or any(_is_outside(part) for part in parts):
        raise DataError(
            f"{parts[0].number}s of one part are probabilities, of which rounding was undone, and "
            "those of another are not: give every part the same"
        )
    return clipped(sum(int(match[1].replace(",", "")) for match in found if match))
