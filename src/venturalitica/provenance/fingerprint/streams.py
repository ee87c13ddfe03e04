"""Lazy tables read in batches, in order, each hashed without those before: none need fit in memory.

Polars and DuckDB hand rows over so, and what DuckDB scans (files, Arrow datasets, its own tables).
Others have no order of rows, or a new one each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from venturalitica.errors import EngineError
from venturalitica.provenance.fingerprint import digest
from venturalitica.provenance.fingerprint.digest import Column
from venturalitica.provenance.fingerprint.frames import (
    POLARS_AS_A_WHOLE,
    arrow_column,
    polars_column,
)

if TYPE_CHECKING:
    import narwhals as nw

_BATCH = 1 << 20


def in_batches(frame: nw.LazyFrame[Any], columns: Sequence[str]) -> Iterator[list[Column]] | None:
    """The columns, in pieces that but for the last hold whole blocks; None where the engine hands
    them over in no order, or in one piece only."""
    native, engine = frame.to_native(), frame.implementation
    if engine.is_polars():
        kinds = {type(kind).__name__ for kind in native.collect_schema().dtypes()}
        if not kinds.isdisjoint(POLARS_AS_A_WHOLE):
            return None
        return (
            [polars_column(piece[name].alias("values"), name) for name in columns]
            for piece in _whole_blocks(
                native.collect_batches(chunk_size=_BATCH, maintain_order=True),
                lambda one, other: one.vstack(other),
            )
        )
    return _of_duckdb(native, columns) if engine.is_duckdb() else None


def _of_duckdb(relation: Any, columns: Sequence[str]) -> Iterator[list[Column]]:
    import pyarrow

    batches = (pyarrow.Table.from_batches([batch]) for batch in relation.to_arrow_reader(_BATCH))
    for piece in _whole_blocks(batches, lambda one, other: pyarrow.concat_tables([one, other])):
        yield [arrow_column(piece.column(name), name) for name in columns]


def _whole_blocks(batches: Iterator[Any], joined: Callable[[Any, Any], Any]) -> Iterator[Any]:
    """The batches, cut again so that each but the last holds whole blocks."""
    rest: Any = None
    for batch in _answered(batches):
        rest = batch if rest is None else joined(rest, batch)
        ready = len(rest) - len(rest) % digest.BLOCK
        if ready:
            yield rest[:ready]
            rest = rest[ready:]
    if rest is not None:
        yield rest


def _answered(batches: Iterator[Any]) -> Iterator[Any]:
    """As `tally.engines.queries.answered`."""
    from venturalitica.tally.engines.queries import stopped

    try:
        yield from batches
    except Exception as error:
        raise EngineError(stopped("the engine", error)) from error
