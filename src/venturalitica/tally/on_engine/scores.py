"""Numbers by their levels: their very values where these are few, or the cells of a grid.

The grid over [0, 1] needs no look at the range first: what is outside is counted apart, and the
rows are placed once more only where they are no probabilities. A table that would be too large for
a tally is not asked for: the cells are joined on the engine, as they would be in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.core.levels import NULL
from venturalitica.core.scores import (
    CELLS,
    EVIDENCE_CELLS,
    EXACT_LIMIT,
    SCORE_CELLS,
    Grid,
    ScoreTable,
    clipped,
    fitted,
    grid_over,
    summed,
)
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines import queries
from venturalitica.tally.engines.arrays import Codes, Ints, encode
from venturalitica.tally.engines.narwhals import series_array
from venturalitica.tally.engines.traced import Plan, Traced, chosen, name
from venturalitica.tally.groups import fine_grid, is_near_one, refuse_infinite
from venturalitica.tally.in_memory import Grouped
from venturalitica.tally.on_engine.keyed import Keyed, roles_of, row_counts

_Cells = NDArray[numpy.int64]
_value, _itself = nw.col("value"), nw.col("itself")


def score_tables(
    number: Number, sets: Sequence[tuple[str, ...]], given: Grouped
) -> tuple[list[ScoreTable], int]:
    """As `tally.in_memory.score_tables`."""
    keyed, plan = Keyed(number, roles_of(sets), given), Plan(len(number.of))
    traced: Traced = number.compute(*plan.inputs)
    frame, value = plan.computed(keyed.frame), traced.column
    plain = f"plain_{name(traced.place)}"
    if traced.place >= len(number.of):  # what is computed of numbers may be none
        value = nw.when(~value.is_nan()).then(value)
    itself = nw.col(plain) if plain in keyed.names else value
    frame = frame.with_columns(value.alias("value"), itself.alias("itself"))
    if number.probability and _shows_many(frame):
        found = _at_once(number, sets, keyed, frame)
        if found is not None:
            return found
    facts = queries.one_row(
        frame,
        {
            "rows": nw.len(),
            "present": (~_value.is_null()).cast(nw.Int64).sum(),
            "low": _value.min(),
            "high": _value.max(),
            "below": (_value < 0.0).cast(nw.Int64).sum(),
            "above": (_value > 1.0).cast(nw.Int64).sum(),
        },
    )
    present, low, high, note = int(facts["present"] or 0), 0.0, 0.0, ""
    if present:
        low, high = facts["low"] + 0.0, facts["high"] + 0.0
        refuse_infinite(number.of[-1], low, high)
    if number.probability and is_near_one(low, high):
        note = clipped(int(facts["below"]) + int(facts["above"]))
        low, high = max(low, 0.0), min(high, 1.0)
        ends = [(_value < 0.0, nw.lit(0.0)), (_value > 1.0, nw.lit(1.0))]
        held = nw.when(~_value.is_null()).then(chosen(ends, _value))
        frame = frame.with_columns(held.alias("value"))
    lacking = int(facts["rows"]) - present
    if present > EXACT_LIMIT and _too_many(frame):
        gridded = _gridded(keyed, frame, fine_grid(number, low, high), sets)
        return [_on_grid(number, one, note) for one in gridded], lacking
    return _exact(number, keyed, frame, sets, note), lacking


def _shows_many(frame: Any) -> bool:
    """Whether the first rows alone have more different numbers than are kept as they are."""
    first = frame.head(2 * EXACT_LIMIT)
    return queries.different(first, ["value"])["value"] > EXACT_LIMIT + 1


def _too_many(frame: Any) -> bool:
    present = frame.filter(~_value.is_null())
    return queries.different(present, ["value"], at_most=EXACT_LIMIT)["value"] > EXACT_LIMIT


def _at_once(
    number: Number, sets: Sequence[tuple[str, ...]], keyed: Keyed, frame: Any
) -> tuple[list[ScoreTable], int] | None:
    """The tables of many probabilities in one pass each; None where they are none."""
    gridded, note = _gridded(keyed, frame, fine_grid(number, 0.0, 1.0), sets), ""
    first = gridded[0]
    outside = first.rows_at(first.grid.cells + 2) + first.rows_at(first.grid.cells + 3)
    if outside:
        facts = queries.one_row(frame, {"low": _value.min(), "high": _value.max()})
        refuse_infinite(number.of[-1], facts["low"], facts["high"])
        if not is_near_one(facts["low"], facts["high"]):
            return None
        note = clipped(outside)
    return [_on_grid(number, one, note) for one in gridded], first.rows_at(NULL)


class _Gridded(Struct, frozen=True):
    """Rows by levels and place on a grid, `(level per role ..., place, count)`; beyond its end
    two more places are for what is below it, and above."""

    roles: tuple[str, ...]
    grid: Grid
    cells: _Cells

    def over(self, roles: tuple[str, ...]) -> _Gridded:
        """The table of fewer roles: no pass over the rows, which are in it already."""
        kept = [*(self.roles.index(role) for role in roles), -2, -1]
        return _Gridded(roles, self.grid, summed(self.cells[:, kept]))

    def rows_at(self, place: int) -> int:
        return int(self.cells[self.cells[:, -2] == place, -1].sum())


def _gridded(
    keyed: Keyed, frame: Any, fine: Grid, sets: Sequence[tuple[str, ...]]
) -> list[_Gridded]:
    """Each table on the finest grid on which it has so few cells as a tally keeps."""
    low, high, end = fine.low, fine.high, fine.cells + 1
    is_unit = (low, high) == (0.0, 1.0)
    number = _itself if is_unit else _value
    beyond = [(number < low, nw.lit(end + 1.0)), (number > high, nw.lit(end + 2.0))]
    if is_unit:
        # Nearly every probability is placed in one step, as it is; the rest in another.
        within = queries.unit_level(number, fine.cells)
        outside = nw.when(~number.is_null() & ~number.is_nan()).then(chosen(beyond, nw.lit(0.0)))
        place = nw.when((number >= 0.0) & (number <= 1.0)).then(within).otherwise(outside)
    else:
        place = chosen(beyond, queries.grid_level(number, low, high, fine.cells))
    frame = frame.with_columns(place.alias("place"))
    found: dict[tuple[str, ...], _Gridded] = {}
    for roles in sorted(sets, key=len, reverse=True):
        wider = (one for one in found.values() if one.grid == fine and {*roles} <= {*one.roles})
        one = next(wider, None)
        found[roles] = one.over(roles) if one else _fitting(keyed, frame, fine, roles)
    return [found[roles] for roles in sets]


def _fitting(keyed: Keyed, frame: Any, fine: Grid, roles: tuple[str, ...]) -> _Gridded:
    for cells in (fine.cells, *CELLS):
        grid = grid_over(fine.low, fine.high, cells)
        if not _nests(fine, grid):
            break
        size = cells + 5
        counted = _numbered(frame, _joined(fine.cells, cells))
        at_most = None if cells == EVIDENCE_CELLS else SCORE_CELLS
        try:
            found = keyed.counted(counted, roles, "place", size, at_most)
        except queries.TooWide:
            continue
        found[:, -2] -= 1
        return _Gridded(roles, grid, summed(found))
    found = keyed.counted(_numbered(frame, nw.col("place")), roles, "place", fine.cells + 5)
    found[:, -2] -= 1
    return _Gridded(roles, fine, summed(found))


def _joined(fine: int, cells: int) -> nw.Expr:
    """The place on a coarser grid of a place on the fine one, as of the middle of its cell."""
    place, many = nw.col("place"), fine // cells
    if many == 1:
        return place
    inner = ((place - 0.5) / float(many)).floor() + 1.0
    return chosen([(place < 1.0, place), (place > float(fine), place - float(fine - cells))], inner)


def _numbered(frame: Any, place: nw.Expr) -> Any:
    """One more than the place, 0 where there is none."""
    is_missing = nw.col("place").is_null()
    number = nw.when(is_missing).then(nw.lit(0.0)).otherwise(place + 1.0).cast(nw.Int64)
    return frame.with_columns(number.alias("place"))


def _nests(fine: Grid, grid: Grid) -> bool:
    """Whether each middle of a fine cell is where `_joined` has it: floats may be too coarse."""
    places = numpy.arange(fine.cells + 2)
    expected = (places - 1) // (fine.cells // grid.cells) + 1
    expected[0], expected[-1] = 0, grid.cells + 1
    return grid == fine or bool((grid.place(fine.centres(places)) == expected).all())


def _on_grid(number: Number, found: _Gridded, note: str) -> ScoreTable:
    cells, grid = found.cells.copy(), found.grid
    places = cells[:, -2]
    places[places == grid.cells + 2] = 0
    places[places == grid.cells + 3] = grid.cells + 1
    used = numpy.unique(places[places != NULL])
    places[places != NULL] = numpy.searchsorted(used, places[places != NULL])
    scores = tuple((grid.centres(used) + 0.0).tolist())
    own = ScoreTable(found.roles, scores, (), False, grid.width, note, number.name)
    return fitted(own, summed(cells))


def _exact(
    number: Number, keyed: Keyed, frame: Any, sets: Sequence[tuple[str, ...]], note: str
) -> list[ScoreTable]:
    """The tables of numbers that are kept as they are."""
    found = [keyed.grouped(frame, roles, ["value"], {"rows": nw.len()}) for roles in sets]
    levels = [encode(series_array(one["value"]), f"{number.of[-1]}=") for one in found]
    used = sorted({level for codes in levels for level in codes.values})
    values = tuple((numpy.array(used, dtype=numpy.float64) + 0.0).tolist())
    tables = []
    for roles, one, codes in zip(sets, found, levels, strict=True):
        own = ScoreTable(roles, values, (), note=note, number=number.name)
        matrix = [*keyed.places(one, roles), _placed(codes, used), row_counts(one)]
        tables.append(fitted(own, summed(numpy.column_stack(matrix))))
    return tables


def _placed(codes: Codes, used: Sequence[Any]) -> Ints:
    place = {value: index for index, value in enumerate(used)}
    return numpy.array([*(place[v] for v in codes.values), NULL], dtype=numpy.int64)[codes.codes]
