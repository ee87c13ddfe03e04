"""Numbers as levels: the very values, or cells of a grid where there are too many."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

from venturalitica.core.tally import EXACT_LIMIT, FINE_CELLS, grid_over
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines.arrays import MISSING, Codes, spread
from venturalitica.tally.values import RoleError

_SAMPLE = 200_000
HAIR = 1e-6
"""How far outside of [0, 1] rounding may take a probability."""


class NumberLevels:
    """A number as levels: `values` ascending, `codes` one per row, -1 where missing."""

    __slots__ = ("codes", "exact", "name", "note", "role", "values", "width")

    def __init__(self, number: Number, values: NDArray[numpy.float64]) -> None:
        self.name, self.role, self.note = number.name, number.of[-1], ""
        missing = numpy.isnan(values)
        present = values[~missing] if missing.any() else values
        if present.size and not numpy.isfinite([present.min(), present.max()]).all():
            raise RoleError(
                self.role, f"{self.role}= holds infinite values: expected finite numbers"
            )
        self.exact, self.width = True, 0.0
        if number.probability:
            present, self.note = _within_one(present)
        if _too_many(present):
            levels, codes = self._on_grid(present)
        else:
            levels, codes = numpy.unique(present, return_inverse=True)
        self.values: tuple[float, ...] = tuple((levels + 0.0).tolist())
        self.codes = spread(codes.astype(numpy.int64), missing)

    def _on_grid(
        self, present: NDArray[numpy.float64]
    ) -> tuple[NDArray[numpy.float64], NDArray[numpy.int64]]:
        grid = grid_over(float(present.min()), float(present.max()), FINE_CELLS)
        if not numpy.isfinite(grid.width):
            raise RoleError(
                self.role, f"{self.role}= spans more than a float can hold: scale the {self.name}s"
            )
        self.exact, self.width = False, grid.width
        placed = grid.place(present)
        used = numpy.flatnonzero(numpy.bincount(placed, minlength=FINE_CELLS + 2))
        moved = numpy.zeros(FINE_CELLS + 2, dtype=numpy.int64)
        moved[used] = numpy.arange(used.size)
        return grid.centres(used), moved[placed]

    @property
    def nulls(self) -> int:
        return int((self.codes == MISSING).sum())

    @property
    def column(self) -> Codes:
        """The levels as a coded column that can be counted beside others."""
        return Codes(tuple(range(len(self.values))), self.codes)


def _within_one(present: NDArray[numpy.float64]) -> tuple[NDArray[numpy.float64], str]:
    """Probabilities whose last bits took them out of [0, 1], as float32 softmax does, put back.

    Only where all are within a hair of that range: a margin of 1.0000001 among others is no slip.
    """
    if not present.size or (present.min() >= 0 and present.max() <= 1):
        return present, ""
    if present.min() < -HAIR or present.max() > 1 + HAIR:
        return present, ""
    out = int(((present < 0) | (present > 1)).sum())
    return numpy.clip(present, 0.0, 1.0), (
        f"{out:,} score{'s' if out > 1 else ''} within {HAIR:g} outside of [0, 1], taken as 0 or 1"
    )


def _too_many(present: NDArray[numpy.float64]) -> bool:
    """Whether there are more different scores than are kept exactly; most often a part shows it."""
    part = present[:: max(1, present.size // _SAMPLE)]
    if numpy.unique(part).size > EXACT_LIMIT:
        return True
    return part.size < present.size and numpy.unique(present).size > EXACT_LIMIT
