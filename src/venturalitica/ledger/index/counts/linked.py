"""The tracker runs that the records name, by the place where they are."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import func, select

from venturalitica.ledger.index.tables import links

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index


class Runs(Struct, frozen=True):
    """Run ids with the latest entry that names each, the `latest` first, and how many there are."""

    latest: Mapping[str, int]
    count: int


class Linked:
    """The tracker runs that entries name, by (tracker, address), the latest first; read on where it
    was left. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Of an index that was made again nothing is known."""
        self._last, self._count = -1, 0
        self._places: dict[tuple[str, str], dict[str, int]] = {}

    def of(self, index: Index, *, latest: int) -> dict[tuple[str, str], Runs]:
        """As the index is now, the place that was named last first; of each so many runs."""
        with self._lock:
            total = linked(index)
            new = self._newer(index)
            if total != self._count + len(new):  # pruned, or attached to an older record
                self.forget()
                new = self._newer(index)
            for entry, tracker, uri, run_id in new:
                # A run that a later entry names again stands where that one put it.
                place = self._places.pop((tracker, uri), {})
                place.pop(run_id, None)
                place[run_id] = entry
                self._places[tracker, uri] = place
            if new:
                self._last, self._count = new[-1][0], self._count + len(new)
            return {
                where: Runs(dict(islice(reversed(runs.items()), latest)), len(runs))
                for where, runs in reversed(self._places.items())
            }

    def _newer(self, index: Index) -> list[tuple[int, str, str, str]]:
        columns = (links.c.entry, links.c.tracker, links.c.uri, links.c.run_id)
        query = select(*columns).where(links.c.entry > self._last)
        # Each place by the newest of its entries, and in that the first link last.
        query = query.order_by(links.c.entry, links.c.position.desc())
        with index.connect() as connection:
            return [(e, tracker, uri, run) for e, tracker, uri, run in connection.execute(query)]


def linked(index: Index) -> int:
    """How often entries name a tracker's run."""
    with index.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(links)).scalar_one())
