"""What a tally on record can be a reference for: the distributions of its columns and roles."""

from __future__ import annotations

from venturalitica.core.drift import Distribution, told
from venturalitica.core.levels import CUT, NULL
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Axis, Table, Tally


def distributions(
    tally: Tally, least: int, *, compared: bool = True
) -> dict[tuple[bool, str], Distribution]:
    """What a run's tally can be a reference for: its axes, and what it was compared by itself.

    An axis that was cut at the quartiles of its own rows is none. No cell holds from 1 to
    `least` - 1 rows.
    """
    found: dict[tuple[bool, str], Distribution] = {}
    for axis in tally.axes:
        if CUT not in axis.note:
            found[True, axis.role] = _of_axis(tally, axis)
    if compared:
        found |= {(t.role, t.name): t.current for t in tally.drift if not t.why}
    safe = {key: told(one, least) for key, one in found.items()}
    return {key: one for key, one in safe.items() if one is not None}


def _of_axis(tally: Tally, axis: Axis) -> Distribution:
    tables: tuple[Table | ScoreTable, ...] = (*tally.tables, *tally.scores)
    held = [table for table in tables if axis.role in table.roles]
    counts = [0] * (len(axis.levels) + 1)
    for cell in held[0].cells if held else ():
        place = cell[held[0].roles.index(axis.role)]
        if place != NULL:
            counts[place] += cell[-1]
    kept = [(level, count) for level, count in zip(axis.levels, counts, strict=False) if count]
    levels = tuple(level for level, _ in kept)
    return Distribution(axis.role, True, (), levels, (*(count for _, count in kept), 0))
