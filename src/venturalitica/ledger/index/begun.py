"""Which runs began and have no end on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from venturalitica.core.record import BEGIN, KINDS, RUN
from venturalitica.ledger.index.tables import runs

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index


def unended(index: Index) -> dict[int, str]:
    """The ids of such runs, by the entry with which each began.

    Of a run that began before something was pruned nobody knows whether its end was in that.
    """
    ends = runs.alias("ends")
    ended = select(ends.c.entry).where(ends.c.run_id == runs.c.run_id, ends.c.kind == KINDS[RUN])
    query = select(runs.c.entry, runs.c.run_id).where(runs.c.kind == KINDS[BEGIN], ~ended.exists())
    with index.connect() as connection:
        found = {row.entry: row.run_id for row in connection.execute(query)}
    start = index.pruned_to() if found else 0
    return {entry: run_id for entry, run_id in found.items() if entry >= start}
