"""Two samples of one column as shares by cell, which a page may show: no cell of few rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from venturalitica.core.drift import DriftTable, few_levels, joined_bins
from venturalitica.core.policy import MIN_CELL


class Cell(Struct, frozen=True):
    """What a cell holds, and the shares of it in the reference and in the rows judged, 0 to 1."""

    words: str
    then: float
    now: float


class Compared(Struct, frozen=True):
    """One column or role: its cells, in their order."""

    name: str
    cells: tuple[Cell, ...]


def compared(table: DriftTable, least: int) -> Compared | None:
    """The shares of both samples; None where they cannot be shown.

    Args:
        least: no cell of either sample holds from 1 to `least` - 1 rows; never less than 5.
    """
    least = max(least, MIN_CELL)
    cells = _bins(table, least) if table.cuts else _levels(table, least)
    every = [rows for _, then, now in cells for rows in (then, now)]
    if len(cells) < 2 or any(0 < rows < least for rows in every):
        return None
    then, now = sum(rows for _, rows, _ in cells), sum(rows for _, _, rows in cells)
    if not then or not now:
        return None
    return Compared(table.name, tuple(Cell(words, a / then, b / now) for words, a, b in cells))


def _bins(table: DriftTable, least: int) -> list[tuple[str, int, int]]:
    cuts, (now, then) = joined_bins(table.cuts, (table.counts, table.reference), least)
    cuts, (then, now) = joined_bins(cuts, (then, now), least)
    words = [f"{low:,.6g} to {high:,.6g}" for low, high in pairwise(cuts)]
    ends = [f"below {cuts[0]:,.6g}", *words, f"{cuts[-1]:,.6g} and more"] if cuts else []
    return list(zip(ends, then, now, strict=False))


def _levels(table: DriftTable, least: int) -> list[tuple[str, int, int]]:
    """Rare ones with the others, which have no name of their own."""
    names, counts, reference = table.levels, table.counts, table.reference
    other = {len(names), *few_levels(counts, least), *few_levels(reference, least)}
    found = [
        (str(name), reference[at], counts[at]) for at, name in enumerate(names) if at not in other
    ]
    then, now = (sum(sample[at] for at in other) for sample in (reference, counts))
    return [*found, ("other values", then, now)] if then or now else found


def most_moved(cells: Sequence[Cell], most: int) -> list[Cell]:
    """The cells whose shares moved most, in the order of all."""
    ranked = sorted(range(len(cells)), key=lambda at: -abs(cells[at].now - cells[at].then))
    return [cells[at] for at in sorted(ranked[:most])]
