"""Rows of a training looked for by some of their columns, or by fewer digits.

One column that was drawn again, scaled or emptied makes every row another one; so do numbers cut to
a few digits. Seen without a third of the columns, or by three digits, such rows are what they were.
Rows that are alike in a part are no rare thing: what counts is how often rows of the training that
differ as a whole are alike in that part themselves, and no small excess over that is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy

from venturalitica.circumstances import CLEARLY, Share
from venturalitica.tally.repeats import Trained, share_trained_on, trained_part
from venturalitica.tally.row_keys import RowKeys, mixed

COARSE = 3
"""Significant digits that float16 and rounded tables still have."""
_FEWEST = 4
_PARTS = 3
_TELLING = 8
"""So many of the most telling columns are compared by few digits; each may round another way."""
_SAMPLE = 20_000

Keyed = Callable[[Sequence[str], int], RowKeys | None]
"""Keys of a table's rows by columns of those names and so many digits."""


@dataclass(frozen=True, slots=True)
class Views:
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
    step = -(-rows.keys.size // _SAMPLE)
    values = [numpy.unique(column[::step]).size for column in rows.columns]
    return sorted(range(len(values)), key=lambda place: -values[place])


def _without_a_third(order: Sequence[int]) -> list[list[int]]:
    """Three times all columns but a third of them, the telling ones dealt out evenly."""
    left_out = [set(order[start::_PARTS]) for start in range(_PARTS)]
    return [[place for place in order if place not in third] for third in left_out]
