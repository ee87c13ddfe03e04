"""The counts of a tally as arrays, for tests to look at."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError


def dense(tally: Tally, roles: tuple[str, ...]) -> NDArray[numpy.int64]:
    """Row counts over `roles`, in the order asked.

    Returns int64 of shape `(len(levels) + 1, ...)`, one axis per role; the last index of each is
    missing or unmapped. The sum is always `tally.rows`. For `()` the array is the row count, 0-d.
    Raises DataError where no table of the tally holds all these roles.
    """
    if not roles:
        return numpy.array(tally.rows, dtype=numpy.int64)
    table = tally.table(roles)
    return _scatter(table.cells, _shape(tally, roles))


def dense_scores(
    score_table: ScoreTable, roles: tuple[str, ...], tally: Tally
) -> NDArray[numpy.int64]:
    """Row counts over `roles` and, as the last axis, the score levels.

    Returns int64 of shape `(len(levels) + 1, ..., len(score_table.scores) + 1)`; the last index of
    the last axis is for rows without a score. Raises DataError where the table lacks a role.
    """
    absent = [role for role in roles if role not in score_table.roles]
    if absent:
        raise DataError(
            f"the score table holds {', '.join(score_table.roles)} and not {', '.join(absent)}: "
            "build the tally for the policy that needs it"
        )
    shape = (*_shape(tally, roles), len(score_table.scores) + 1)
    kept = [score_table.roles.index(role) for role in roles]
    return _scatter(score_table.cells, shape, [*kept, len(score_table.roles)])


def _shape(tally: Tally, roles: tuple[str, ...]) -> tuple[int, ...]:
    axes = {axis.role: len(axis.levels) + 1 for axis in tally.axes}
    return tuple(axes[role] for role in roles)


def _scatter(
    cells: tuple[tuple[int, ...], ...], shape: tuple[int, ...], columns: list[int] | None = None
) -> NDArray[numpy.int64]:
    counts: NDArray[Any] = numpy.zeros(shape, dtype=numpy.int64)
    if cells:
        array = numpy.array(cells, dtype=numpy.int64)
        kept = range(array.shape[1] - 1) if columns is None else columns
        numpy.add.at(counts, tuple(array[:, column] for column in kept), array[:, -1])
    return counts
