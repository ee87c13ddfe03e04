"""What one group-by gave, and what becomes of it: levels per cell, tables, score tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy

from venturalitica.rules import LABEL_ROLES
from venturalitica.scoregrid import CELLS, regridded, summed
from venturalitica.tallies import NULL, ScoreTable, Table
from venturalitica.tally.arrays import Cells
from venturalitica.tally.codes import Codes, Ints
from venturalitica.tally.groups import Levels
from venturalitica.tally.labels import label_levels
from venturalitica.tally.scores import ScoreLevels

SCORE_CELLS = 300_000
"""A score table with more cells is put on a coarser grid."""
_LABELS = ("target", "prediction")


@dataclass(frozen=True, slots=True)
class Counted:
    """One group-by: the roles it was made over, and its cells in the same order."""

    roles: tuple[str, ...]
    cells: Cells

    def column(self, role: str) -> Codes:
        return self.cells.columns[self.roles.index(role)]


def labels_first(roles: Iterable[str]) -> tuple[str, ...]:
    names = dict.fromkeys(roles)
    labels = [role for role in LABEL_ROLES if role in names]
    return (*labels, *(role for role in names if role not in LABEL_ROLES))


def shared_labels(levels: dict[str, Levels]) -> dict[str, Levels]:
    """Both label axes on one list, also where a map or bins gave each its own."""
    own = [levels[role] for role in _LABELS if role in levels]
    if len(own) < 2 or own[0].names == own[1].names:
        return levels
    plain = label_levels({role: levels[role].names for role in _LABELS})
    moved = {
        role: Levels(
            plain[role].names,
            {
                key: NULL if index == NULL else int(plain[role].of([levels[role].names[index]])[0])
                for key, index in levels[role].place.items()
            },
            levels[role].note,
        )
        for role in _LABELS
    }
    return levels | moved


def weights_of(column: Codes, counts: Ints) -> list[int]:
    """Rows of each value of a column; int64, so that no count is rounded."""
    totals = numpy.zeros(len(column.values) + 1, dtype=numpy.int64)
    numpy.add.at(totals, column.codes, counts)
    return [int(total) for total in totals[:-1]]


def levels_by_cell(column: Codes, levels: Levels) -> Ints:
    levels_of_codes: Ints = levels.of(column.values)[column.codes]
    return levels_of_codes


def placed(counted: Counted, levels: Mapping[str, Levels]) -> Table:
    columns = [
        levels_by_cell(column, levels[role])
        for role, column in zip(counted.roles, counted.cells.columns, strict=True)
    ]
    matrix = summed(numpy.column_stack([*columns, counted.cells.counts]))
    return Table(counted.roles, tuple(map(tuple, matrix.tolist())))


def fitted(roles: tuple[str, ...], matrix: Ints, found: ScoreLevels) -> ScoreTable:
    """The score table as exact as its size allows."""
    scores, exact, width, rows = found.scores, found.exact, found.width, matrix
    for cells in CELLS:
        if rows.shape[0] <= SCORE_CELLS:
            break
        moved = regridded(found.scores, cells)
        assert moved is not None
        rows = matrix.copy()
        rows[:, -2] = moved.place[rows[:, -2]]
        rows = summed(rows)
        scores, exact, width = moved.scores, False, moved.width
    counted = tuple(map(tuple, rows.tolist()))
    return ScoreTable(roles, scores, counted, exact, width, found.note)
