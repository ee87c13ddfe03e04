"""What the given rows are beside their counts: copies of each other, or of the target.

Where rows have few different values they repeat of themselves, and copies tell nothing. Rows are
copied, and do not just repeat, where a column tells nearly all different rows apart, where every
row occurs a multiple of the same number of times, or where many columns together leave hardly
any chance for the repeats that there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy
from numpy.typing import NDArray

from venturalitica.core.circumstances import CLEARLY, Share
from venturalitica.core.policy import MIN_CELL
from venturalitica.tally.engines.narwhals import open_frame
from venturalitica.tally.row_keys import (
    Keys,
    RowKeys,
    chosen,
    column_bits,
    copy_keys,
    is_numeric,
    is_text,
    is_whole,
    mixed,
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
    return Trained(tuple(names), different, _twins(counts), share)


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
    twins = _twins(counts)
    copies = looked_at - counts.size
    if copies / looked_at <= FEW:
        return twins
    expected = _by_chance(rows, counts, copies)
    return twins if expected >= copies / looked_at else expected


def _twins(counts: NDArray[numpy.int64]) -> float:
    """The share of rows that have a twin; 0 where so few have one that they could be named."""
    twins = int(counts[counts > 1].sum())
    return twins / max(int(counts.sum()), 1) if twins >= MIN_CELL else 0.0


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


_FIRST = 1_000


def doubled_share(data: Any, arrays: Mapping[str, Any]) -> Share | None:
    """How many rows are copies of another; None where nobody can say.

    An identifier, such as the numbers that `reset_index()` leaves, tells copies apart and is no
    part of what was observed: it is left out, unless nothing else is there.

    Args:
        data: the table as it was given, all columns of it. A lazy one is never pulled in for this.
        arrays: values besides, shape `(n,)` each.
    """
    frame = open_frame(data)
    if isinstance(frame, nw.LazyFrame):
        return None
    own = [_sliceable(one) for one in data.values()] if isinstance(data, Mapping) else []
    own = own if frame is None else [frame.get_column(name) for name in frame.columns]
    given = [*own, *(_sliceable(values) for values in arrays.values())]
    return copies_among([one for one in given if not _is_identifier(one)] or given)


def _is_identifier(values: Any) -> bool:
    """Whether these are whole numbers or text, another in every row; the first rows first."""
    if not is_whole(values) and not is_text(values):
        return False
    counts = (min(_FIRST, len(values)), len(values))
    return all(_different(values[:count]) == count for count in counts)


def _different(values: Any) -> int:
    try:
        return values.n_unique() if isinstance(values, nw.Series) else len(set(values.tolist()))
    except TypeError:  # values without a hash are no identifiers
        return -1


def copies_of_target(
    data: Any, columns: Mapping[str, str], arrays: Mapping[str, Any]
) -> tuple[str, ...]:
    """Which of prediction and score equal the target in every row, whatever their types."""
    target = _values(data, "target", columns, arrays)
    if target is None or not len(target):
        return ()
    roles = ("prediction", "score")
    given = {role: _values(data, role, columns, arrays) for role in roles}
    return tuple(role for role in roles if given[role] is not None and _equal(target, given[role]))


def _values(data: Any, role: str, columns: Mapping[str, str], arrays: Mapping[str, Any]) -> Any:
    if role in arrays:
        return _sliceable(arrays[role])
    if role not in columns:
        return None
    if isinstance(data, Mapping):
        return _sliceable(data[columns[role]])
    frame = open_frame(data)
    return frame.get_column(columns[role]) if isinstance(frame, nw.DataFrame) else None


def _equal(one: Any, other: Any) -> bool:
    """The first rows first: they differ, unless one is a copy or the model is very good."""
    return all(_same(one[:count], other[:count]) for count in (min(_FIRST, len(one)), len(one)))


def _same(one: Any, other: Any) -> bool:
    a, b = column_bits(one, near=True), column_bits(other, near=True)
    return a is not None and b is not None and a.size == b.size and bool((a == b).all())


def _sliceable(values: Any) -> Any:
    """A column of a library as narwhals has it; anything else as an array."""
    found = nw.from_native(values, series_only=True, pass_through=True)
    return found if isinstance(found, nw.Series) else numpy.asarray(values)


COARSE = 3
"""Significant digits that float16 and rounded tables still have."""
_FEWEST = 4
_PARTS = 3
_TELLING = 8
"""So many of the most telling columns are compared by few digits; each may round another way."""

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
