"""Rows that occur more than once, or in two tables: how many, and how many by chance.

Where rows have few different values they repeat of themselves, and copies tell nothing. Rows are
copied, and do not just repeat, where a column tells nearly all different rows apart, where every
row occurs a multiple of the same number of times, or where many columns together leave hardly
any chance for the repeats that there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.core.circumstances import Share
from venturalitica.tally.row_keys import (
    Keys,
    RowKeys,
    chosen,
    copy_keys,
    is_numeric,
    share_looked_at,
)

FEW = 0.05
"""So few repeats are taken as they are; and chance is believed to be small below it."""
APART = 0.8
"""A column in which so many of the different rows differ identifies them."""
_IDENTITIES = 200
_WIDE = 8
"""Few columns that depend on each other repeat far more often than their frequencies say."""
_MULTIPLE_OF = 30
_SAMPLE = 20_000
_PIECE = 1 << 17
CELLS = 2_000_000
"""Of larger tables a part of the rows is searched for copies, so many values in all."""
_OF_PARTS = 1_000_000
"""So many rows of a training are kept by each part of their columns."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The rows a model was trained on: `keys` sorted, each once, of the columns `names`.

    `by_chance` is how probable it is that a row of somebody else is among them.
    """

    names: tuple[str, ...]
    keys: Keys
    by_chance: float
    part: float = 1.0


def trained_rows(rows: RowKeys, names: Sequence[str]) -> Trained:
    """What is kept of the rows of a training."""
    part = share_looked_at(rows.keys.size)
    keys, counts = _counted(rows.keys, part)
    return Trained(tuple(names), keys, _twins_by_chance(rows, counts), part)


def trained_part(rows: RowKeys, part: RowKeys, names: Sequence[str]) -> Trained:
    """What is kept of the rows by some of their columns, `names`, whose keys are `part`.

    By chance as many are found as rows of the training, each different one once where copies are
    among them, have a twin in that part.
    """
    share = min(1.0, _OF_PARTS / part.keys.size)
    picked = chosen(part.keys, share)
    keys, whole = part.keys, rows.keys
    if picked is not None:
        keys, whole = keys[picked], whole[picked]
    different, counts = _counted(keys, 1.0)
    if share_of_copies(rows).excess > FEW:
        _, counts = _counted(keys[numpy.unique(whole, return_index=True)[1]], 1.0)
    twins = int(counts[counts > 1].sum()) / max(int(counts.sum()), 1)
    return Trained(tuple(names), different, twins, share)


def share_trained_on(judged: Keys, trained: Trained) -> Share:
    """How many of the judged rows are among those of the training."""
    part = min(trained.part, share_looked_at(judged.size))
    keys, counts = _counted(judged, part)
    known = trained.keys
    if not known.size or not keys.size:
        return Share(0.0, trained.by_chance, int(counts.sum()))
    near = numpy.minimum(numpy.searchsorted(known, keys), known.size - 1)
    found = int(counts[known[near] == keys].sum())
    rows = int(counts.sum())
    return Share(round(found / rows, 6), round(trained.by_chance, 6), rows)


def share_of_copies(rows: RowKeys) -> Share:
    """How many rows are exact copies of another one that stays."""
    part = share_looked_at(rows.keys.size)
    _, counts = _counted(rows.keys, part)
    looked_at = int(counts.sum())
    copies = looked_at - counts.size
    if not looked_at:
        return Share(0.0)
    share = copies / looked_at
    by_chance = share if share <= FEW else _by_chance(rows, counts, copies)
    return Share(round(share, 6), round(by_chance, 6), looked_at)


def copies_among(columns: Sequence[Any]) -> Share | None:
    """How many rows of a table are copies of another one that stays, by six significant digits.

    Args:
        columns: narwhals series or arrays, shape `(n,)`: all that the table has.

    Returns:
        The share; None where a column cannot be read, or where rows have so few different values
        that they repeat of themselves. Of large tables a part of the rows is looked at, chosen by
        the values of one column, so that copies stay together.
    """
    rows = min((len(column) for column in columns), default=0)
    if not rows:
        return None
    step = -(-rows // _SAMPLE)
    sample = copy_keys(columns if step == 1 else [column[::step] for column in columns])
    if sample is None:
        return None
    found = share_of_copies(sample)
    if found.share > FEW and found.excess == 0.0:
        return None
    if step == 1:
        return found
    part = min(share_looked_at(rows), CELLS / (rows * len(columns)))
    whole = copy_keys(columns if part >= 1 else _part(columns, sample, part))
    return None if whole is None else share_of_copies(whole)


def _part(columns: Sequence[Any], sample: RowKeys, part: float) -> list[Any]:
    """The rows that the most telling column chooses; numbers tell it faster than text."""

    def telling(place: int) -> float:
        values = numpy.unique(sample.columns[place]).size
        return float(values) if is_numeric(columns[place]) else values / 4

    guide = columns[max(range(len(columns)), key=telling)]
    found = []
    for start in range(0, len(guide), _PIECE):
        keys = copy_keys([guide[start : start + _PIECE]])
        picked = None if keys is None else chosen(keys.keys, part)
        if picked is None:
            return list(columns)
        found.append(numpy.flatnonzero(picked) + start)
    places = numpy.concatenate(found)
    return [column[places] for column in columns]


def _counted(keys: Keys, part: float) -> tuple[Keys, NDArray[numpy.int64]]:
    """Different keys in order, and how often each occurs."""
    picked = chosen(keys, part)
    ordered = numpy.sort(keys if picked is None else keys[picked])
    first = (
        numpy.append(True, ordered[1:] != ordered[:-1]) if ordered.size else numpy.zeros(0, bool)
    )
    starts = numpy.flatnonzero(first)
    return ordered[starts], numpy.diff(numpy.append(starts, ordered.size))


def _twins_by_chance(rows: RowKeys, counts: NDArray[numpy.int64]) -> float:
    """Rows that have a twin: so often would a further one have one too, unless they are copies."""
    looked_at = int(counts.sum())
    if not looked_at:
        return 0.0
    twins = int(counts[counts > 1].sum()) / looked_at
    copies = looked_at - counts.size
    if copies / looked_at <= FEW:
        return twins
    expected = _by_chance(rows, counts, copies)
    return twins if expected >= copies / looked_at else expected


def _by_chance(rows: RowKeys, counts: NDArray[numpy.int64], copies: int) -> float:
    """The share of copies that chance explains: all of them, unless something speaks against it."""
    looked_at = int(counts.sum())
    sample = _different_rows(rows, counts.size)
    if counts.size >= _MULTIPLE_OF and int(numpy.gcd.reduce(counts)) > 1:
        return 0.0
    if any(_identifies(column, sample, counts.size) for column in rows.columns):
        return 0.0
    if len(rows.columns) < _WIDE:
        return copies / looked_at
    expected = _expected(rows.columns, sample, counts.size, looked_at)
    least = expected * looked_at + 3 * math.sqrt(expected * looked_at + 1)
    return expected if expected < FEW and copies > least else copies / looked_at


def _different_rows(rows: RowKeys, different: int) -> NDArray[numpy.int64]:
    """Places of about `_SAMPLE` different rows."""
    picked = chosen(rows.keys, _SAMPLE / max(different, 1))
    places = numpy.arange(rows.keys.size) if picked is None else numpy.flatnonzero(picked)
    _, first = numpy.unique(rows.keys[places], return_index=True)
    found: NDArray[numpy.int64] = places[first]
    return found


def _identifies(column: Keys, sample: NDArray[numpy.int64], different: int) -> bool:
    """Whether the column tells most different rows apart, in a sample first and then in all."""
    if numpy.unique(column[sample]).size < APART * sample.size:
        return False
    values = numpy.unique(column).size
    return values >= _IDENTITIES and values >= APART * different


def _expected(
    columns: Sequence[Keys], sample: NDArray[numpy.int64], different: int, rows: int
) -> float:
    """The share of copies among so many rows if columns knew nothing of each other."""
    together = math.prod(_alike(column[sample], different) for column in columns)
    if rows * together < 1e-9:
        return 0.0
    return 1.0 + math.expm1(-rows * together) / (rows * together)


def _alike(values: Keys, different: int) -> float:
    """The chance that two of the different rows, perhaps the same one, have the same value."""
    counts = numpy.unique(values, return_counts=True)[1].astype(float)
    others = float((counts * (counts - 1)).sum() / max(values.size * (values.size - 1.0), 1.0))
    return others * (1 - 1 / different) + 1 / different
