"""Quartiles, and numbers by their levels: their very values, or the cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any

import narwhals as nw
import numpy

from venturalitica.core.levels import NULL
from venturalitica.core.scores import EXACT_LIMIT, FINE_CELLS, ScoreTable, clipped, fitted, summed
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines import queries
from venturalitica.tally.engines.arrays import Codes, Ints, encode
from venturalitica.tally.engines.narwhals import series_array
from venturalitica.tally.engines.traced import Plan, Traced, chosen
from venturalitica.tally.groups import (
    fine_grid,
    is_near_one,
    plain,
    quartile_ranks,
    refuse_infinite,
)
from venturalitica.tally.in_memory import Grouped
from venturalitica.tally.on_engine.keyed import Keyed, roles_of, row_counts
from venturalitica.tally.rows import Rows, Source


def quartiles(rows: Rows, source: Source) -> tuple[tuple[float, ...], bool]:
    """As `tally.groups.quartile_cuts` and `are_whole`, of a column of the engine."""
    whole, column = rows.is_whole(source), "value"
    frame = rows.on_engine({}, {column: source}, whole=whole)
    value = nw.col(column)
    facts = {"rows": (~value.is_null()).cast(nw.Int64).sum()}
    if not whole:
        # Ibis takes the floor as an integer, which no large float may become; it is whole anyway.
        small = nw.when(value.abs() < 2.0**53).then(value)
        facts["broken"] = (small != small.floor()).cast(nw.Int64).sum()
    found = queries.one_row(frame, facts)
    ranks = quartile_ranks(int(found["rows"]))
    *quarters, lowest = queries.ranked(frame, column, ranks, whole=whole)
    cuts = tuple(sorted({plain(one) for one in quarters if one > lowest}))
    if not cuts:
        is_finite = lowest >= -queries.GREATEST
        above = value > lowest if is_finite else value >= -queries.GREATEST
        cuts = (plain(queries.one_row(frame.filter(above), {"next": value.min()})["next"]),)
    return cuts, not found.get("broken")


def quantiles(rows: Rows, source: Source, parts: int) -> tuple[float, ...]:
    """The numbers of a column at or below which 1, 2, ... of so many equal parts of its rows lie,
    without the least one and without infinite ones, each once."""
    whole, column = rows.is_whole(source), "value"
    frame = rows.on_engine({}, {column: source}, whole=whole)
    present = {"rows": (~nw.col(column).is_null()).cast(nw.Int64).sum()}
    size = int(queries.one_row(frame, present)["rows"] or 0)
    if not size:
        return ()
    ranks = [ceil(at * size / parts) - 1 for at in range(1, parts)]
    *found, lowest = queries.ranked(frame, column, ranks, whole=whole)
    return tuple(sorted({plain(one) for one in found if one > lowest and isfinite(one)}))


def score_tables(
    number: Number, sets: Sequence[tuple[str, ...]], given: Grouped
) -> tuple[list[ScoreTable], int]:
    """As `tally.in_memory.score_tables`."""
    keyed, plan = Keyed(number, roles_of(sets), given), Plan(len(number.of))
    traced: Traced = number.compute(*plan.inputs)
    value, role = traced.column, number.of[-1]
    frame = plan.computed(keyed.frame)
    frame = frame.with_columns(nw.when(~value.is_nan()).then(value).alias("value"))
    value = nw.col("value")
    facts = queries.one_row(
        frame,
        {
            "rows": nw.len(),
            "present": (~value.is_null()).cast(nw.Int64).sum(),
            "low": value.min(),
            "high": value.max(),
            "below": (value < 0.0).cast(nw.Int64).sum(),
            "above": (value > 1.0).cast(nw.Int64).sum(),
        },
    )
    present, low, high, note = int(facts["present"] or 0), 0.0, 0.0, ""
    if present:
        low, high = facts["low"] + 0.0, facts["high"] + 0.0
        refuse_infinite(role, low, high)
    if number.probability and is_near_one(low, high):
        note = clipped(int(facts["below"]) + int(facts["above"]))
        low, high = max(low, 0.0), min(high, 1.0)
        ends = [(value < 0.0, nw.lit(0.0)), (value > 1.0, nw.lit(1.0))]
        held = nw.when(~value.is_null()).then(chosen(ends, value))
        frame = frame.with_columns(held.alias("value"))
    whole = ScoreTable((), (), (), note=note, number=number.name)
    if present > EXACT_LIMIT and _too_many(frame):
        grid = fine_grid(number, low, high)
        level = queries.grid_level(value, grid.low, grid.high, FINE_CELLS)
        frame = frame.with_columns(level.alias("value"))
        whole = ScoreTable((), (), (), False, grid.width, note, number.name)
    found = [keyed.grouped(frame, roles, ["value"], {"rows": nw.len()}) for roles in sets]
    levels = [encode(series_array(one["value"]), f"{role}=") for one in found]
    used = sorted({level for codes in levels for level in codes.values})
    values = numpy.array(used, dtype=numpy.float64)
    if not whole.exact:
        values = grid.centres(numpy.array(used, dtype=numpy.int64))
    tables = []
    for roles, one, codes in zip(sets, found, levels, strict=True):
        own = ScoreTable(
            roles, tuple((values + 0.0).tolist()), (), whole.exact, whole.width, note, number.name
        )
        matrix = [*keyed.places(one, roles), _placed(codes, used), row_counts(one)]
        tables.append(fitted(own, summed(numpy.column_stack(matrix))))
    return tables, int(facts["rows"]) - present


def _too_many(frame: Any) -> bool:
    present = frame.filter(~nw.col("value").is_null())
    return queries.different(present, ["value"], at_most=EXACT_LIMIT)["value"] > EXACT_LIMIT


def _placed(codes: Codes, used: Sequence[Any]) -> Ints:
    place = {value: index for index, value in enumerate(used)}
    return numpy.array([*(place[v] for v in codes.values), NULL], dtype=numpy.int64)[codes.codes]
