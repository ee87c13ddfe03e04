"""The rows of one audit: a table, arrays beside it, or arrays alone, counted the same way."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import narwhals as nw
import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.errors import BindingError, EngineError, listed
from venturalitica.tally.binding import Binding
from venturalitica.tally.engines import narwhals as frames
from venturalitica.tally.engines import queries
from venturalitica.tally.engines.arrays import (
    MISSING,
    Cells,
    Codes,
    as_array,
    combine,
    encode,
    not_labels,
    same_length,
)
from venturalitica.tally.engines.coded import text_codes
from venturalitica.tally.engines.lazy import beside_arrays
from venturalitica.tally.values import RoleError, is_number

Source = tuple[str, str]
"""`("column", name)` in the data, or `("array", role)` that the caller passed."""

SMALL = 100_000
"""Up to so many rows a table in memory is counted by codes, of more by its engine's group-by."""
SAMPLE = 65_536
"""So many rows are looked at to plan the pass; what they show never changes a count."""


class Slot(Struct, frozen=True):
    """One key of the count: a source, cut at points where these are given.

    A cut value is the number of cut points at or below it: groups are closed on the left.
    """

    source: Source
    cuts: tuple[float, ...] | None = None


def sources_of(binding: Binding) -> dict[str, Source]:
    """Role -> where its values are."""
    named: dict[str, Source] = {r: ("column", column) for r, column in binding.columns.items()}
    return {**named, **{role: ("array", role) for role in binding.arrays}}


class Rows:
    """Rows that can be counted over any of their sources.

    Raises DataError where the data is no table, a length differs, or a column can hold no labels;
    BindingError where a bound column is not there.
    """

    def __init__(self, data: Any, binding: Binding) -> None:
        self._arrays: dict[Source, NDArray[Any]] = {}
        self._codes: dict[Source, Codes] = {}
        self._by_row: dict[Slot, Codes] = {}
        self._frame: frames.Frame | None = None
        self._kinds: dict[str, Any] = {}
        self._eager_length: int | None = None
        self._whole: frames.Frame | None = None
        columns = list(dict.fromkeys(binding.columns.values()))
        for role, values in binding.arrays.items():
            self._arrays["array", role] = as_array(values, f"{role}=")
        frame = frames.open_frame(data)
        if frame is None:
            self._take_mapping(data or {}, columns)
        else:
            self._take_frame(frame, columns)
        self.length = self._checked_length()

    def _take_mapping(self, data: Mapping[str, Any], columns: Sequence[str]) -> None:
        for name in columns:
            if name not in data:
                raise BindingError(f"there is no array '{name}' in the data ({listed(data, 30)})")
            self._arrays["column", name] = as_array(data[name], f"column '{name}'")
        if data and not columns:
            first = next(iter(data))
            self._eager_length = as_array(data[first], f"column '{first}'").size

    def _take_frame(self, frame: frames.Frame, columns: Sequence[str]) -> None:
        known = frames.names_of(frame)
        self._whole = frame
        for name in columns:
            if name not in known:
                raise BindingError(f"there is no column '{name}' (columns: {listed(known, 30)})")
        if isinstance(frame, nw.DataFrame) and len(frame) <= SMALL:
            columns, self._eager_length = self._take_small(frame, columns), len(frame)
            if not columns:
                return
        if isinstance(frame, nw.LazyFrame) and not columns and not self._arrays:
            return  # nothing is counted but how many rows there are
        try:
            frame = frames.prepared(frame, columns)
        except AssertionError as error:  # PySpark's, where its session has ended
            raise EngineError(queries.stopped(frame.implementation.name.lower(), error)) from error
        if isinstance(frame, nw.LazyFrame) and self._arrays:
            frame = beside_arrays(frame)
        kinds = frames.schema_of(frame)
        keyed = [name for name in columns if frames.is_keyed(frame, name, kinds[name])]
        for name in columns:
            if name not in keyed:
                if isinstance(frame, nw.LazyFrame):
                    raise not_labels(f"column '{name}'", type(kinds[name]).__name__)
                values = frames.series_array(frames.series_of(frame, name))
                self._arrays["column", name] = as_array(values, f"column '{name}'")
        self._frame = frames.picked(frame, keyed) if keyed else None
        self._kinds = {name: kinds[name] for name in keyed}
        if isinstance(frame, nw.DataFrame):
            self._eager_length = frames.row_count(frame if columns else self._whole)

    def _take_small(self, frame: nw.DataFrame[Any], columns: Sequence[str]) -> list[str]:
        """A small table's columns as codes, which are counted in less time than an engine takes to
        begin; the names of those that only the engine can tell apart."""
        rest = []
        for name in columns:
            found = frames.coded_column(frame, name)
            if found is None:
                rest.append(name)
                continue
            self._arrays["column", name], codes = found
            if codes is not None:
                self._codes["column", name] = codes
        return rest

    def _checked_length(self) -> int | None:
        lengths = {name: array.size for (_, name), array in self._arrays.items()}
        if self._eager_length is None:
            return same_length(lengths) if self._whole is None else None
        return same_length({"the data": self._eager_length, **lengths})

    def count_rows(self) -> int:
        """How many rows there are."""
        if self.length is None:
            assert self._whole is not None
            self.length = frames.row_count(self._whole)
        return self.length

    def is_numeric(self, source: Source) -> bool:
        """Whether the values are numbers, and so can be cut into bins."""
        if source in self._arrays:
            array = self._arrays[source]
            if array.dtype.kind in "iuf":
                return True
            return array.dtype.kind == "O" and all(map(is_number, self.codes(source).values))
        return bool(self._kinds[source[1]].is_numeric())

    def is_cuttable(self, source: Source) -> bool:
        """Whether the engine itself can compare the values with cut points, exactly."""
        if source in self._arrays:
            return self.is_numeric(source)
        kind = self._kinds[source[1]]
        # Text that decimals become on the way to floats is only worth it where rows stay away.
        return bool(kind.is_integer() or kind.is_float() or (self.is_lazy and kind == nw.Decimal))

    def is_whole(self, source: Source) -> bool:
        """Whether a column of the table is of a type of integers."""
        return bool(self._kinds[source[1]].is_integer())

    @property
    def is_lazy(self) -> bool:
        return isinstance(self._frame, nw.LazyFrame)

    def seen(self, sources: Sequence[Source]) -> dict[Source, int]:
        """How many different values a sample of the rows shows: a lower bound, for planning."""
        found = {s: self._different(s) for s in sources if s in self._arrays}
        columns = [name for kind, name in sources if (kind, name) not in found]
        if columns and isinstance(self._frame, nw.LazyFrame):
            found |= self._seen_there(columns)
        elif columns and self._frame is not None:
            sample = frames.sampled(frames.picked(self._frame, columns), SAMPLE)
            found |= {
                ("column", name): _different_in(frames.series_of(sample, name), name)
                for name in columns
            }
        return found

    def different(self, source: Source) -> int:
        """How many different values a column of a table that stays where it is has."""
        return self._seen_there([source[1]], whole=True)[source]

    def _seen_there(self, columns: Sequence[str], *, whole: bool = False) -> dict[Source, int]:
        """The same of the first rows, or all, of such a table; numbers without NaN."""
        short = {name: f"column{place}" for place, name in enumerate(columns)}
        numeric = {name for name in columns if self._kinds[name].is_float()}
        keys = {short[n]: Slot(("column", n)) for n in columns if n not in numeric}
        numbers: dict[str, Source] = {short[n]: ("column", n) for n in columns if n in numeric}
        rows = self.on_engine(keys, numbers)
        counts = queries.different(rows if whole else rows.head(SAMPLE), list(short.values()))
        return {("column", name): counts[short[name]] for name in columns}

    def _different(self, source: Source) -> int:
        known = self._codes.get(source)
        return _different(self._arrays[source], source) if known is None else len(known.values)

    def numbers(self, source: Source) -> NDArray[Any]:
        """The numbers that are not missing, unordered, shape `(m,)`."""
        if source in self._arrays:
            array = self._arrays[source]
            if array.dtype.kind == "O":
                codes = self.codes(source)
                found: NDArray[Any] = _numbers(codes.values)[codes.codes[codes.codes != MISSING]]
                return found
            if numpy.ma.isMaskedArray(array):
                array = numpy.ma.compressed(array)
        else:
            assert self._frame is not None
            table = frames.collected(frames.picked(self._frame, [source[1]]))
            column = frames.series_of(table, source[1]).drop_nulls()
            array = frames.series_array(column)
            if array.dtype.kind == "O":  # wider than 64 bits
                array = _numbers(array.tolist())
        present: NDArray[Any] = array[~numpy.isnan(array)] if array.dtype.kind == "f" else array
        return present

    def floats(self, source: Source, role: str, expected: str) -> NDArray[numpy.float64]:
        """One float64 per row, NaN where missing; DataError where a value is no number."""
        if source in self._arrays:
            array = self._arrays[source]
            if numpy.ma.isMaskedArray(array):
                return numpy.ma.filled(array.astype(numpy.float64), numpy.nan)
            if array.dtype.kind in "iuf":
                return array.astype(numpy.float64)
            codes = self.codes(source)
            if not all(map(is_number, codes.values)):
                raise RoleError(role, _no_numbers(source, role, expected))
            return numpy.array([*codes.values, numpy.nan], dtype=numpy.float64)[codes.codes]
        assert isinstance(self._frame, nw.DataFrame)
        series = frames.series_of(self._frame, source[1])
        if not self.is_numeric(source):
            if series.null_count() < len(series):
                raise RoleError(role, _no_numbers(source, role, expected))
            return numpy.full(len(series), numpy.nan)  # of no type that could be told
        return frames.float_array(series)

    def checked_numbers(self, source: Source, role: str, expected: str) -> Source:
        """The source, whose values are numbers; RoleError where they are none."""
        if not self.is_numeric(source):
            raise RoleError(role, _no_numbers(source, role, expected))
        return source

    def on_engine(
        self,
        keys: Mapping[str, Slot],
        numbers: Mapping[str, Source],
        *,
        whole: bool = False,
        plain: bool = False,
    ) -> nw.LazyFrame[Any]:
        """The rows where they are, with columns under these names: slots, and numbers as floats.

        Args:
            whole: the numbers are integers, and left as they are.
            plain: of a column of float64 also itself is given, under its name with `plain_` before.
        """
        assert isinstance(self._frame, nw.LazyFrame)
        columns = []
        for name, slot in keys.items():
            column = frames.exactly(self._frame, slot.source[1])
            kind = self._kinds[slot.source[1]]
            columns.append(queries.key(column, slot.cuts, kind).alias(name))
        for name, source in numbers.items():
            column = frames.exactly(self._frame, source[1])
            number = nw.col(column) if whole else queries.number(column, self._kinds[source[1]])
            columns.append(number.alias(name))
            if plain and self._kinds[source[1]] == nw.Float64:
                columns.append(nw.col(column).alias(f"plain_{name}"))
        return self._frame.select(*columns)

    def codes(self, source: Source) -> Codes:
        """The codes of an array beside the table, made once."""
        if source not in self._codes:
            self._codes[source] = encode(self._arrays[source], _said(source))
        return self._codes[source]

    def add(self, source: Source, codes: Codes) -> None:
        """Put a coded column beside the others, one code per row."""
        self._arrays[source] = codes.codes
        self._codes[source] = codes

    def count(self, slots: Sequence[Slot], *, at_most: int | None = None) -> Cells:
        """Rows of each combination of the slots' values, missing values kept: one pass.

        `queries.TooWide` where there is a table with more combinations than `at_most`.
        """
        beside = {
            index: self._slot_codes(slot)
            for index, slot in enumerate(slots)
            if slot.source in self._arrays
        }
        if self._frame is None or len(beside) == len(slots):
            return combine([beside[index] for index in range(len(slots))])
        keys = [(slot.source[1], slot.cuts) for slot in slots]
        return frames.count_groups(self._frame, keys, beside, at_most)

    def row_codes(self, slot: Slot) -> Codes:
        """The values of a slot as codes, one per row."""
        if slot.source in self._arrays:
            return self._slot_codes(slot)
        if slot not in self._by_row:
            assert isinstance(self._frame, nw.DataFrame)
            name = slot.source[1]
            column = frames.series_of(self._frame, name)
            self._by_row[slot] = _row_codes(column, slot.cuts, f"column '{name}'")
        return self._by_row[slot]

    def _slot_codes(self, slot: Slot) -> Codes:
        if slot.cuts is None:
            return self.codes(slot.source)
        return _cut(self._arrays[slot.source], slot.cuts, partial(self.codes, slot.source))

    def nulls(self, sources: Sequence[Source]) -> dict[Source, int]:
        """Missing values of each source."""
        beside = [source for source in sources if source in self._arrays]
        found = {s: _missing(self._arrays[s], partial(self.codes, s)) for s in beside}
        columns = [name for kind, name in sources if (kind, name) not in found]
        if columns and self._frame is not None:
            counts = frames.null_counts(self._frame, columns)
            found |= {("column", name): count for name, count in counts.items()}
        return found


def _numbers(values: Sequence[Any]) -> NDArray[Any]:
    """Numbers as an array; as floats, integers beyond 2^53 would be others."""
    if not all(isinstance(value, int) for value in values):
        return numpy.array(values, dtype=numpy.float64)
    low, high = min(values, default=0), max(values, default=0)
    if low >= -(2**63) and high < 2**63:
        return numpy.array(values, dtype=numpy.int64)
    return numpy.array(values, dtype=numpy.uint64 if low >= 0 and high < 2**64 else object)


def _row_codes(column: nw.Series[Any], cuts: tuple[float, ...] | None, said: str) -> Codes:
    if cuts is None and column.dtype == nw.String:
        return text_codes(column)
    array = as_array(frames.series_array(column), said)
    codes = partial(encode, array, said)
    return codes() if cuts is None else _cut(array, cuts, codes)


def _different(array: NDArray[Any], source: Source) -> int:
    sample = array[:: max(1, array.size // SAMPLE)]
    if sample.dtype.kind in "iuf" and not numpy.ma.isMaskedArray(sample):
        present = sample[~numpy.isnan(sample)] if sample.dtype.kind == "f" else sample
        return int(numpy.unique(present).size)
    return len(encode(sample, _said(source)).values)


def _different_in(series: nw.Series[Any], name: str) -> int:
    """Missing values are no value, whatever the engine thinks of NaN."""
    present = series.drop_nulls()
    if present.dtype.is_float():
        return _different(present.to_numpy(), ("column", name))
    return int(present.n_unique())


def _missing(array: NDArray[Any], codes: Callable[[], Codes]) -> int:
    if numpy.ma.isMaskedArray(array) or array.dtype.kind in "OMT":
        return int((codes().codes == MISSING).sum())
    return int(numpy.isnan(array).sum()) if array.dtype.kind == "f" else 0


def _cut(array: NDArray[Any], cuts: tuple[float, ...], codes: Callable[[], Codes]) -> Codes:
    """How many cut points are at or below each number, as codes."""
    values = tuple(range(len(cuts) + 1))
    if numpy.ma.isMaskedArray(array) or array.dtype.kind not in "iuf":
        found = codes()
        # Not as floats, which integers beyond 2^53 would share.
        numbers = (value for value in found.values if not isinstance(value, str))
        places = [bisect_right(cuts, value) for value in numbers]
        return Codes(values, numpy.array([*places, MISSING], dtype=numpy.int64)[found.codes])
    whole = array.dtype.kind in "iu" and all(cut.is_integer() for cut in map(float, cuts))
    points = numpy.array([int(cut) for cut in cuts] if whole else cuts)
    placed = numpy.searchsorted(points, array, side="right").astype(numpy.int64)
    if array.dtype.kind == "f":
        placed[numpy.isnan(array)] = MISSING
    return Codes(values, placed)


def _said(source: Source) -> str:
    kind, name = source
    return f"column '{name}'" if kind == "column" else f"{name}="


def _no_numbers(source: Source, role: str, expected: str) -> str:
    return (
        f"{_said(source)} is bound to {role} and does not hold numbers: expected {expected}, one "
        "per row"
    )
