"""What the given rows are beside their counts: copies of each other, or of the target.

Where rows have few different values they repeat of themselves, and copies tell nothing. Rows are
copied, and do not just repeat, where a column tells nearly all different rows apart, where every
row occurs a multiple of the same number of times, or where many columns together leave hardly
any chance for the repeats that there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import filterfalse
from typing import Any

import narwhals as nw
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.core.circumstances import Share
from venturalitica.tally.engines.narwhals import (
    exactly,
    light,
    numeric_columns,
    open_frame,
    schema_of,
)
from venturalitica.tally.engines.queries import is_copy
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
SAMPLE = 20_000
_PIECE = 1 << 17
CELLS = 2_000_000
"""Of larger tables a part of the rows is searched for copies, so many values in all."""


def share_of_copies(rows: RowKeys) -> Share:
    """How many rows are exact copies of another one that stays."""
    part = share_looked_at(rows.keys.size)
    _, counts = counted(rows.keys, part)
    looked_at = int(counts.sum())
    copies = looked_at - counts.size
    if not looked_at:
        return Share(0.0)
    share = copies / looked_at
    explained = share if share <= FEW else by_chance(rows, counts, copies)
    return Share(round(share, 6), round(explained, 6), looked_at)


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
    step = -(-rows // SAMPLE)
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


def _few_copies(columns: Iterable[Any], rows: int) -> Share | None:
    """The share of copies of a table of few rows where it is small; None where it is not, or where
    a column cannot be read, or none tells what was observed.

    Each column is read at the rows alone that none before it told apart.
    """
    places, keys = numpy.arange(rows), numpy.zeros(rows, dtype=numpy.uint64)
    read = 0
    for column in columns:
        if _is_identifier(column):
            continue
        found = copy_keys([column if places.size == rows else column[places]])
        if found is None or len(column) != rows:
            return None
        read += 1
        keys = mixed([keys, found.keys])
        _, where, counts = numpy.unique(keys, return_inverse=True, return_counts=True)
        twins = counts[where] > 1
        places, keys = places[twins], keys[twins]
        if not places.size:
            return Share(0.0, rows=rows)
    share = round((places.size - numpy.unique(keys).size) / rows, 6)
    return Share(share, share, rows) if read and share <= FEW else None


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


def counted(keys: Keys, part: float) -> tuple[Keys, NDArray[numpy.int64]]:
    """Different keys in order, and how often each occurs."""
    picked = chosen(keys, part)
    ordered = numpy.sort(keys if picked is None else keys[picked])
    first = (
        numpy.append(True, ordered[1:] != ordered[:-1]) if ordered.size else numpy.zeros(0, bool)
    )
    starts = numpy.flatnonzero(first)
    return ordered[starts], numpy.diff(numpy.append(starts, ordered.size))


def by_chance(rows: RowKeys, counts: NDArray[numpy.int64], copies: int) -> float:
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
    """Places of about `SAMPLE` different rows."""
    picked = chosen(rows.keys, SAMPLE / max(different, 1))
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
_PROBE = 64


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
    beside = _Sliceable((data, arrays) if isinstance(data, Mapping) else (arrays,))
    rows = len(next(iter(beside), ())) if frame is None else len(frame)
    if 0 < rows <= SAMPLE:
        few = _few_copies(_cheap_first(frame, beside), rows)
        if few is not None:
            return few
    given = [*([] if frame is None else map(frame.get_column, frame.columns)), *beside]
    return copies_among([one for one in given if not _is_identifier(one)] or given)


class _Sliceable(Struct, frozen=True):
    """The columns of all these, each read only when it is its turn."""

    given: tuple[Mapping[str, Any], ...]

    def __iter__(self) -> Iterator[Any]:
        for columns in self.given:
            yield from map(_sliceable, columns.values())


def _cheap_first(frame: nw.DataFrame[Any] | None, beside: Iterable[Any]) -> Iterator[Any]:
    """The columns, numbers first; those of the table are only taken out of it when asked for."""
    yield from filter(is_numeric, beside)
    if frame is not None:
        numeric = numeric_columns(frame)
        others = [name for name in frame.columns if name not in numeric]
        yield from (light(frame.get_column(name)) for name in (*numeric, *others))
    yield from filterfalse(is_numeric, beside)


def _is_identifier(values: Any) -> bool:
    """Whether these are whole numbers or text, another in every row; the first rows first."""
    if not is_whole(values) and not is_text(values):
        return False
    try:
        first = values[:_PROBE].to_list() if isinstance(values, nw.Series) else values[:_PROBE]
        return len(set(first)) == len(first) and _different(values) == len(values)
    except TypeError:  # values without a hash are no identifiers
        return False


def _different(values: Any) -> int:
    return values.n_unique() if isinstance(values, nw.Series) else len(set(values.tolist()))


def copies_of_target(
    data: Any, columns: Mapping[str, str], arrays: Mapping[str, Any]
) -> tuple[str, ...]:
    """Which of prediction and score equal the target in every row, whatever their types.

    Where the rows stay on their engine it is asked, and numbers are compared with numbers only.
    """
    frame = open_frame(data)
    if isinstance(frame, nw.LazyFrame):
        return _copies_there(frame, columns)
    target = _values(data, "target", columns, arrays)
    if target is None or not len(target):
        return ()
    roles = ("prediction", "score")
    given = {role: _values(data, role, columns, arrays) for role in roles}
    return tuple(role for role in roles if given[role] is not None and _equal(target, given[role]))


def _copies_there(frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    if "target" not in columns:
        return ()
    kinds = schema_of(frame)

    def named(role: str) -> tuple[str, Any]:
        return exactly(frame, columns[role]), kinds[columns[role]]

    given = (role for role in ("prediction", "score") if role in columns)
    return tuple(role for role in given if is_copy(frame, named("target"), named(role)))


def _values(data: Any, role: str, columns: Mapping[str, str], arrays: Mapping[str, Any]) -> Any:
    if role in arrays:
        return _sliceable(arrays[role])
    if role not in columns:
        return None
    if isinstance(data, Mapping):
        return _sliceable(data[columns[role]])
    frame = open_frame(data)
    return light(frame.get_column(columns[role])) if isinstance(frame, nw.DataFrame) else None


def _equal(one: Any, other: Any) -> bool:
    """The first rows first: they differ, unless one is a copy or the model is very good."""
    counts = dict.fromkeys(min(count, len(one)) for count in (_PROBE, _FIRST, len(one)))
    return all(_same(one[:count], other[:count]) for count in counts)


def _same(one: Any, other: Any) -> bool:
    a, b = column_bits(one, near=True), column_bits(other, near=True)
    return a is not None and b is not None and a.size == b.size and bool((a == b).all())


def _sliceable(values: Any) -> Any:
    """A column of a library as narwhals has it; anything else as an array."""
    if isinstance(values, numpy.ndarray):
        return values
    found = nw.from_native(values, series_only=True, pass_through=True)
    return found if isinstance(found, nw.Series) else numpy.asarray(values)
