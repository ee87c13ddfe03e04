"""The tracker runs that the records name, by the place where they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from sqlalchemy import case, func, select

from venturalitica.core.json_values import Json
from venturalitica.ledger.index.rows import OWNER, link_of, owner_of
from venturalitica.ledger.index.tables import links

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index


class Where(NamedTuple):
    """One store of one tracker, as records name it; `owner` is whose part of a host it is, where a
    tracker has such (W&B's entity). What is not recorded is empty."""

    # No Struct: a server looks one up for each receipt, which a tuple's hash makes cheap.
    tracker: str
    uri: str
    owner: str = ""

    @classmethod
    def of(cls, run: Json) -> Where:
        """Where a record says that a run is."""
        tracker, uri, _ = link_of(run)
        return cls(tracker, uri, owner_of(run))


class Runs(Struct, frozen=True):
    """Run ids with the latest entry that names each, the `latest` first, and how many there are;
    likewise the names of their experiments."""

    latest: Mapping[str, int]
    count: int
    experiments: Mapping[str, int]
    experiment_count: int


class _Place:
    """One place: run ids and experiments, each with the latest entry that names it."""

    __slots__ = ("experiments", "runs")

    def __init__(self) -> None:
        self.runs: dict[str, int] = {}
        self.experiments: dict[str, int] = {}


class Linked:
    """The tracker runs that entries name, by their place, the latest first; read on where it was
    left. A run stands where it was named last, and nowhere else: an address may be spelt in two
    ways. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.readings = 0
        """How often what was known before may have become wrong."""
        self._forget()

    def forget(self) -> None:
        """Of an index that was made again nothing is known."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self.readings += 1
        self._last, self._count = -1, 0
        self._places: dict[Where, _Place] = {}
        self._at: dict[tuple[str, str], Where] = {}

    def of(self, index: Index, *, latest: int) -> dict[Where, Runs]:
        """As the index is now, the place that was named last first; of each so many runs."""
        with self._lock:
            self._refresh(index)
            return {
                where: Runs(
                    _first(place.runs, latest),
                    len(place.runs),
                    _first(place.experiments, latest),
                    len(place.experiments),
                )
                for where, place in reversed(self._places.items())
            }

    def where(self, tracker: str, run_id: str) -> Where | None:
        """Where a run is; None where no entry that was read names it."""
        with self._lock:
            return self._at.get((tracker, run_id))

    def _refresh(self, index: Index) -> None:
        total = linked(index)
        new = list(self._newer(index))
        if total != self._count + len(new):  # pruned, or attached to an older record
            self._forget()
            new = list(self._newer(index))
        for entry, where, run_id, experiment in new:
            self._take(entry, where, run_id, experiment)
        if new:
            self._last, self._count = new[-1][0], self._count + len(new)

    def _take(self, entry: int, where: Where, run_id: str, experiment: str) -> None:
        before = self._at.get((where.tracker, run_id), where)
        if before != where:
            self._leave(before, run_id)
        self._at[where.tracker, run_id] = where
        # What a later entry names again stands where that one put it.
        place = self._places.pop(where, None) or _Place()
        place.runs.pop(run_id, None)
        place.runs[run_id] = entry
        place.experiments.pop(experiment, None)
        if experiment:
            place.experiments[experiment] = entry
        self._places[where] = place

    def _leave(self, where: Where, run_id: str) -> None:
        self.readings += 1
        place = self._places[where]
        del place.runs[run_id]
        if not place.runs:
            del self._places[where]

    def _newer(self, index: Index) -> Iterator[tuple[int, Where, str, str]]:
        # Of the runs as JSON only those are fetched that name an owner: most do not.
        owned = case((links.c.run.contains(f'"{OWNER}"'), links.c.run))
        columns = (links.c.entry, links.c.tracker, links.c.uri, links.c.run_id)
        query = select(*columns, links.c.experiment_name, owned).where(links.c.entry > self._last)
        # Each place by the newest of its entries, and in that the first link last.
        query = query.order_by(links.c.entry, links.c.position.desc())
        with index.connect() as connection:
            for entry, tracker, uri, run_id, experiment, run in connection.execute(query):
                owner = owner_of(json.loads(run)) if run else ""
                yield entry, Where(tracker, uri, owner), run_id, experiment


def _first(entries: dict[str, int], most: int) -> dict[str, int]:
    return dict(islice(reversed(entries.items()), most))


def linked(index: Index) -> int:
    """How often entries name a tracker's run."""
    with index.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(links)).scalar_one())
