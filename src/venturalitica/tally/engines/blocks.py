"""Whole numbers counted within the engine, block by block as its rows stream by.

Polars' own group-by of some hundred thousand groups holds gigabytes at a hundred million rows. It
runs in this process, though, and lets a function of ours see each block: that adds it to an array
of counts, and lets it go. DuckDB counts whole numbers of a known range into an array itself, where
it may make one so large. Of other engines a group-by is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import narwhals as nw
import numpy

from venturalitica.errors import EngineError
from venturalitica.tally.engines.arrays import Ints
from venturalitica.tally.engines.queries import answered, stopped, whole_array

_DENSE = 1 << 22
"""Up to so many possible numbers are counted into an array."""
_ROOM = 1 << 24
"""Up to so many counts, of some nine bytes, DuckDB's threads may have in their arrays together."""


def counted(frame: nw.LazyFrame[Any], size: int, at_most: int | None = None) -> tuple[Ints, Ints]:
    """The different numbers, 0 or more and less than `size`, of the one column of a lazy frame,
    and in how many rows each is.

    Raises:
        EngineError: the engine failed.
        TooWide: another engine than Polars has more than `at_most` of them.
    """
    if frame.implementation.is_polars() and size <= _DENSE:
        return _streamed(frame, size)
    (column,) = frame.collect_schema().names()
    if frame.implementation.is_duckdb() and size <= _DENSE:
        native = frame.to_native()
        with _room(native, size):
            # What remains of a division has a range that DuckDB knows before it counts.
            within = f'CAST("{column}" AS UINTEGER) % {size}'
            asked = native.aggregate(f'{within} AS "{column}", count(*) AS "rows"', within)
            found = answered(nw.from_native(asked), at_most)
    else:
        found = answered(frame.group_by(column).agg(nw.len().alias("rows")), at_most)
    return tuple(whole_array(found[name]) for name in (column, "rows"))  # type: ignore[return-value]


@contextmanager
def _room(native: Any, size: int) -> Iterator[None]:
    """The connection of a relation may count `size` numbers into an array for each of its threads,
    if these have room enough; afterwards its settings are as they were."""

    def said(query: str) -> int:
        return int(native.query("venturalitica", query).fetchall()[0][0])

    before = bits = 0
    with suppress(Exception):  # whatever is wrong with the connection, the question itself meets it
        before = said("SELECT current_setting('perfect_ht_threshold')")
        wanted = size.bit_length() + 1
        if before < wanted and said("SELECT current_setting('threads')") << wanted <= _ROOM:
            native.query("venturalitica", f"SET perfect_ht_threshold = {wanted}")
            bits = wanted
    try:
        yield
    finally:
        if bits:
            with suppress(Exception):
                native.query("venturalitica", f"SET perfect_ht_threshold = {before}")


def _streamed(frame: nw.LazyFrame[Any], size: int) -> tuple[Ints, Ints]:
    native, counts, lock = frame.to_native(), numpy.zeros(size, dtype=numpy.int64), Lock()
    (column,) = native.collect_schema().names()

    def add(block: Any) -> Any:
        found = numpy.bincount(block[column].to_numpy())
        with lock:  # Polars may ask for several blocks at once
            counts[: found.size] += found
        return type(block)({column: [len(block)]}, schema=block.schema)

    said = nw.from_native(native.map_batches(add, streamable=True)).select(nw.col(column).sum())
    rows = answered(said)[column].to_list()[0] or 0
    if rows != int(counts.sum()):
        # A block was shown twice: what its rows are, one more question would not tell either.
        raise EngineError(stopped("polars", RuntimeError()))
    places = numpy.flatnonzero(counts)
    return places.astype(numpy.int64), counts[places]
