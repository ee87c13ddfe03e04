"""Quartiles and other quantiles of a column, exact."""

from __future__ import annotations

from math import ceil, isfinite

import narwhals as nw

from venturalitica.tally.engines import queries
from venturalitica.tally.groups import plain, quartile_ranks
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
