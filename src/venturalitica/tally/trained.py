"""The rows that a model was trained on, known again among others: as keys, never as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.core.circumstances import CLEARLY, Share
from venturalitica.core.policy import MIN_CELL
from venturalitica.tally.copies import FEW, SAMPLE, by_chance, counted, share_of_copies
from venturalitica.tally.row_keys import Keys, RowKeys, chosen, mixed, share_looked_at

_OF_PARTS = 1_000_000
"""So many rows of a training are kept by each part of their columns."""


class Trained(Struct, frozen=True):
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
    keys, counts = counted(rows.keys, part)
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
    different, counts = counted(keys, 1.0)
    if share_of_copies(rows).excess > FEW:
        _, counts = counted(keys[numpy.unique(whole, return_index=True)[1]], 1.0)
    return Trained(tuple(names), different, _twins(counts), share)


def share_trained_on(judged: Keys, trained: Trained) -> Share:
    """How many of the judged rows are among those of the training."""
    part = min(trained.part, share_looked_at(judged.size))
    keys, counts = counted(judged, part)
    known = trained.keys
    if not known.size or not keys.size:
        return Share(0.0, trained.by_chance, int(counts.sum()))
    near = numpy.minimum(numpy.searchsorted(known, keys), known.size - 1)
    found = int(counts[known[near] == keys].sum())
    rows = int(counts.sum())
    return Share(round(found / rows, 6), round(trained.by_chance, 6), rows)


def _twins_by_chance(rows: RowKeys, counts: NDArray[numpy.int64]) -> float:
    """Rows that have a twin: so often would a further one have one too, unless they are copies."""
    looked_at = int(counts.sum())
    if not looked_at:
        return 0.0
    twins = _twins(counts)
    copies = looked_at - counts.size
    if copies / looked_at <= FEW:
        return twins
    expected = by_chance(rows, counts, copies)
    return twins if expected >= copies / looked_at else expected


def _twins(counts: NDArray[numpy.int64]) -> float:
    """The share of rows that have a twin; 0 where so few have one that they could be named."""
    twins = int(counts[counts > 1].sum())
    return twins / max(int(counts.sum()), 1) if twins >= MIN_CELL else 0.0


COARSE = 3
"""Significant digits that float16 and rounded tables still have."""
_FEWEST = 4
_PARTS = 3
_TELLING = 8
"""So many of the most telling columns are compared by few digits; each may round another way."""

Keyed = Callable[[Sequence[str], int], RowKeys | None]
"""Keys of a table's rows by columns of those names and so many digits."""


class Views(Struct, frozen=True):
    """`parts` are the rows by some columns, `coarse` by few digits of the most telling ones."""

    parts: tuple[Trained, ...] = ()
    coarse: Trained | None = None


def views_of(rows: RowKeys, whole: Trained, keyed: Keyed) -> Views:
    """What else is kept of a training beside its whole rows."""
    names = whole.names
    if not rows.keys.size or whole.by_chance > CLEARLY[1]:
        return Views()
    order = _most_telling_first(rows)
    parts = []
    for kept in _without_a_third(order) if len(names) >= _FEWEST else ():
        part = RowKeys(mixed([rows.columns[i] for i in kept]), ())
        parts.append(trained_part(rows, part, [names[i] for i in kept]))
    telling = [names[i] for i in order[:_TELLING]]
    cut = keyed(telling, COARSE)
    return Views(tuple(parts), None if cut is None else trained_part(rows, cut, telling))


def share_seen(judged: RowKeys, whole: Trained, views: Views, keyed: Keyed) -> Share:
    """How many of the judged rows are among those of the training, by what shows most of them."""
    found = share_trained_on(judged.keys, whole)
    others = [_share_of_part(judged, whole, part) for part in views.parts]
    cut = None if views.coarse is None else keyed(views.coarse.names, COARSE)
    if views.coarse is not None and cut is not None:
        others.append(share_trained_on(cut.keys, views.coarse))
    sure = [share for share in others if share.clear and share.excess > CLEARLY[1]]
    return max([found, *sure], key=lambda share: share.excess)


def _share_of_part(judged: RowKeys, whole: Trained, part: Trained) -> Share:
    columns = [judged.columns[whole.names.index(name)] for name in part.names]
    return share_trained_on(mixed(columns), part)


def _most_telling_first(rows: RowKeys) -> list[int]:
    step = -(-rows.keys.size // SAMPLE)
    values = [numpy.unique(column[::step]).size for column in rows.columns]
    return sorted(range(len(values)), key=lambda place: -values[place])


def _without_a_third(order: Sequence[int]) -> list[list[int]]:
    """Three times all columns but a third of them, the telling ones dealt out evenly."""
    left_out = [set(order[start::_PARTS]) for start in range(_PARTS)]
    return [[place for place in order if place not in third] for third in left_out]
