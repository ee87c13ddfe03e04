"""Numbers of rows in memory: their levels and exact sums, by the groups that roles make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from venturalitica.core.amounts import AmountTable
from venturalitica.core.policy import WEIGHT
from venturalitica.core.scores import ScoreTable, fitted, summed
from venturalitica.metrics.catalog.spec import Number
from venturalitica.metrics.catalog.weights import WEIGHTS
from venturalitica.tally.engines.arrays import MISSING, Codes, Ints
from venturalitica.tally.groups import Levels, NumberLevels
from venturalitica.tally.rows import Rows, Slot, Source


class Grouped(Struct, frozen=True):
    """Rows, and how each role makes groups of them: by the values of a slot, as levels.

    `columns` says what the role of a number is called, `least` how few rows no error counts.
    """

    rows: Rows
    slots: Mapping[str, Slot]
    levels: Mapping[str, Levels]
    columns: Mapping[str, str]
    least: int

    def floats(self, number: Number) -> list[NDArray[numpy.float64]]:
        """The values of the roles that a number is made of, `(n,)` each, NaN where missing."""
        return [self.rows.floats(self.slots[r].source, r, number.expected) for r in number.of]


def score_tables(
    number: Number, sets: Sequence[tuple[str, ...]], given: Grouped
) -> tuple[list[ScoreTable], int]:
    """The tables of a number by its levels, one for each of `sets` of roles, and how many rows
    lack it."""
    found = NumberLevels(number, number.compute(*given.floats(number)))
    place: Source = ("array", f"{number.name} level")
    given.rows.add(place, found.column)
    return [_score_table(roles, found, place, given) for roles in sets], found.nulls


def _score_table(
    roles: tuple[str, ...], found: NumberLevels, at: Source, given: Grouped
) -> ScoreTable:
    slots = [given.slots[role] for role in roles]
    different = list(dict.fromkeys(slots))
    cells = given.rows.count([*different, Slot(at)])
    columns = [
        levels_by_cell(cells.columns[different.index(s)], given.levels[r])
        for s, r in zip(slots, roles, strict=True)
    ]
    last = cells.columns[-1]
    places = numpy.array([*last.values, MISSING], dtype=numpy.int64)[last.codes]
    matrix = summed(numpy.column_stack([*columns, places, cells.counts]))
    whole = ScoreTable(roles, found.values, (), found.exact, found.width, found.note, found.name)
    return fitted(whole, matrix)


def amount_tables(
    number: Number, sets: Sequence[tuple[str, ...]], given: Grouped
) -> list[AmountTable]:
    """What is kept of amounts by the groups of each of `sets` of roles."""
    from venturalitica.tally.amounts import amount_table, check_weights

    values, named, found = given.floats(number), "", []
    if number == WEIGHTS:
        named = given.columns[WEIGHT]
        check_weights(values[0], named, given.least)
    for roles in sets:
        placed = numpy.zeros((values[0].size, len(roles)), dtype=numpy.int64)
        for column, role in enumerate(roles):
            codes = given.rows.row_codes(given.slots[role])
            placed[:, column] = levels_by_cell(codes, given.levels[role])
        found.append(replace(amount_table(number, roles, placed, values), column=named))
    return found


def levels_by_cell(column: Codes, levels: Levels) -> Ints:
    """The level of each cell, or row, of a coded column."""
    levels_of_codes: Ints = levels.of(column.values)[column.codes]
    return levels_of_codes
