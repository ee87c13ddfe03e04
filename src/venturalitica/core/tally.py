"""Tallies: the counts that every verdict is computed from.

A `Tally` is what one pass over the data leaves: for each axis its levels, and for each table the
number of rows in each cell. All numbers are integers, levels are in a canonical order, so the same
values give the same tally, and the same digest, on every engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


FORMAT = "venturalitica/tally/v1"
"""Of the stored form. A change of meaning gets the next number; `from_json` keeps reading this."""
NULL = -1
"""The level index of a missing value."""


MIN_CELL = 5
"""No smaller count of rows, but none at all, is shown to anybody who reads a record."""


def masked(count: int | None) -> int | None:
    """The count as it may be shown: None where it is of fewer than `MIN_CELL` rows, or unknown."""
    return None if count is not None and 0 < count < MIN_CELL else count


OTHERS = re.compile(r"\(([0-9,]+) other values?\)")


def others(count: int) -> str:
    """The key under which unmapped values that are not named are counted."""
    return f"({count:,} other value{'s' if count != 1 else ''})"


@dataclass(frozen=True, slots=True)
class Axis:
    """One role of the tally.

    `levels` are label values (target, prediction: in the order booleans, numbers, text, each
    ascending; both label axes share one list, so index i means the same label on both) or group
    names (grouping roles, in the order of their bins, else sorted; only groups that have rows).
    `unmapped` counts rows by value where the role's `map` has no entry for it; such rows have no
    level and are at `NULL`. At most 20 such values are named, and only those of enough rows; the
    rest are counted under one key (`others`).
    """

    role: str
    column: str
    levels: tuple[Label, ...]
    nulls: int = 0
    unmapped: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Row counts over some axes: each cell is `(level index per role ..., count)`.

    Cells are sorted, without zero counts; `NULL` marks a missing value on that axis.
    """

    roles: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ScoreTable:
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


@dataclass(frozen=True)
class Tally:
    """All counts of one audit.

    `rows` is the number of rows seen, missing values included. `tables` hold label and grouping
    axes; `scores` the same with the score. `nulls` maps each bound role to its missing values,
    also roles that no table needs.
    """

    rows: int
    axes: tuple[Axis, ...]
    tables: tuple[Table, ...] = ()
    scores: tuple[ScoreTable, ...] = ()
    nulls: Mapping[str, int] = field(default_factory=dict)

    def axis(self, role: str) -> Axis | None:
        return next((axis for axis in self.axes if axis.role == role), None)

    def table(self, roles: tuple[str, ...]) -> Table:
        """Row counts over exactly `roles`, summed out of the smallest table that holds them all.

        Raises DataError where no table holds them: the tally was built for another policy.
        """
        holding = [table for table in self.tables if set(roles) <= set(table.roles)]
        if not holding:
            known = " | ".join(" × ".join(table.roles) for table in self.tables) or "none"
            raise DataError(
                f"this tally has no counts over {' × '.join(roles)} (it has: {known}): "
                "judge the data itself under this policy"
            )
        smallest = min(holding, key=lambda table: (table.roles != roles, len(table.cells)))
        return smallest if smallest.roles == roles else _summed(smallest, roles)

    def to_json(self) -> dict[str, Any]:
        """The form kept in evidence."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "nulls": dict(self.nulls),
            "axes": [asdict(axis) | {"levels": list(axis.levels)} for axis in self.axes],
            "tables": [
                {"roles": list(t.roles), "cells": [list(c) for c in t.cells]} for t in self.tables
            ],
            "scores": [
                {
                    "roles": list(s.roles),
                    "scores": list(s.scores),
                    "cells": [list(c) for c in s.cells],
                    "exact": s.exact,
                    "width": s.width,
                    # Left out where empty: a tally from before has the digest that it had.
                    **({"note": s.note} if s.note else {}),
                    **({"number": s.number} if s.number != "score" else {}),
                }
                for s in self.scores
            ],
        }

    def axes_json(self) -> list[dict[str, Any]]:
        """What a record says of its axes, which anybody may read.

        A count of 1 to 4 rows is left out (None): it may speak of one person.
        """
        return [
            asdict(axis)
            | {
                "levels": list(axis.levels),
                "nulls": masked(axis.nulls),
                "unmapped": {value: masked(count) for value, count in axis.unmapped.items()},
            }
            for axis in self.axes
        ]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        """Read back what `to_json` wrote; DataError where the format is another."""
        if data.get("format") != FORMAT:
            raise DataError(
                f"a tally of format {data.get('format')!r}: this version reads {FORMAT!r}; "
                "read it with the version of venturalitica that wrote it, or a newer one"
            )
        return cls(
            rows=data["rows"],
            nulls=dict(data["nulls"]),
            axes=tuple(
                Axis(
                    a["role"], a["column"], tuple(a["levels"]), a["nulls"], a["unmapped"], a["note"]
                )
                for a in data["axes"]
            ),
            tables=tuple(
                Table(tuple(t["roles"]), tuple(tuple(c) for c in t["cells"]))
                for t in data["tables"]
            ),
            scores=tuple(
                ScoreTable(
                    tuple(s["roles"]),
                    tuple(float(score) for score in s["scores"]),
                    tuple(tuple(c) for c in s["cells"]),
                    s["exact"],
                    s["width"],
                    s.get("note", ""),
                    s.get("number", "score"),
                )
                for s in data["scores"]
            ),
        )

    def for_evidence(self) -> Tally:
        """The form that is stored and hashed: each score table on at most 512 levels.

        Label and group counts stay as they are. Doing it twice changes nothing.
        """
        if not self.scores:
            return self

        coarse = tuple(coarsen(table) for table in self.scores)
        return self if coarse == self.scores else replace(self, scores=coarse)

    @property
    def sha256(self) -> str:
        """Digest of the evidence form.

        A tally read back from evidence has the digest of the first.
        """
        # Not `cached_property`: up to Python 3.11 it holds one lock for all objects, which a child
        # forked while another thread computes a digest would wait for without end.
        found: str | None = self.__dict__.get("_sha256")
        if found is None:
            found = sha256_hex(canonical_json(self.for_evidence().to_json()))
            self.__dict__["_sha256"] = found
        return found


def _summed(table: Table, roles: tuple[str, ...]) -> Table:
    kept = [table.roles.index(role) for role in roles]
    counts: dict[tuple[int, ...], int] = {}
    for cell in table.cells:
        key = tuple(cell[index] for index in kept)
        counts[key] = counts.get(key, 0) + cell[-1]
    return Table(roles, tuple((*key, count) for key, count in sorted(counts.items())))


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
    import numpy

    moved = regridded(table.scores, cells)
    if moved is None or not table.cells:
        return table
    matrix = numpy.array(table.cells, dtype=numpy.int64)
    matrix[:, -2] = moved.place[matrix[:, -2]]
    cells_moved = tuple(map(tuple, summed(matrix).tolist()))
    return replace(table, scores=moved.scores, cells=cells_moved, exact=False, width=moved.width)


@dataclass(frozen=True, slots=True)
class Regridded:
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
