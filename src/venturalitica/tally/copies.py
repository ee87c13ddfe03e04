"""What the given rows are beside their counts: copies of each other, or of the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy

from venturalitica.core.circumstances import CLEARLY, Share
from venturalitica.tally.engines.narwhals import open_frame
from venturalitica.tally.repeats import Trained, copies_among, share_trained_on, trained_part
from venturalitica.tally.row_keys import RowKeys, column_bits, is_text, is_whole, mixed

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
    return copies_among([one for one in given if not _identifies(one)] or given)


def _identifies(values: Any) -> bool:
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
    if isinstance(found, nw.Series):
        return found
    import numpy

    return numpy.asarray(values)


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
