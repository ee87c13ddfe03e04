"""The trackers and the CI as pages show them: who is asked, what the receipts say, what waits."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.canonical import sha256_hex
from venturalitica.delivery import run_ref
from venturalitica.examination import ci, links
from venturalitica.ledger.listing import linked, rows_of
from venturalitica.ledger.projection import can_be_delivered, link_of
from venturalitica.settings import Settings
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.leads import Lead, lead, page_at

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ledger.outbox import Undelivered
    from venturalitica.ui.desk import Reading
    from venturalitica.ui.jobs import Jobs

MOST_RUNS = 8
"""Runs that are listed of one place, the latest ones."""


Runs = dict[tuple[str, str], dict[str, int]]
"""By tracker and address: the runs there, each with its latest entry; the latest first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs of the log are: one store of one tracker, its latest runs first."""

    key: str
    tracker: str
    uri: str
    runs: tuple[tuple[int, RunRef], ...]
    count: int
    """How many different runs there are."""


@dataclass(frozen=True, slots=True)
class Way:
    """One run, and the way to it; `url` is a page that is there, `later` one that may be once."""

    entry: int
    run: RunRef
    url: str
    later: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A place with the ways to its runs. `command` makes a page where no server shows one."""

    place: Place
    ways: tuple[Way, ...]
    lead: Lead
    live: bool


def places(reading: Reading) -> tuple[Place, ...]:
    """The places that the log names, the one of the latest entry first."""
    return reading.kept("places", lambda: _places(reading), "index.db")


def _places(reading: Reading) -> tuple[Place, ...]:
    (found, rows), _ = reading.shown(lambda: _find_places(reading), lambda one: [(one[1], None)])
    named = {row.index: row.trackers for row in rows}
    return tuple(
        Place(_key(*where), *where, tuple(_named(_latest(runs), named, *where)), len(runs))
        for where, runs in found.items()
    )


def _find_places(reading: Reading) -> tuple[Runs, tuple[RunRow, ...]]:
    """The runs of each place, and the rows of the latest."""
    found: Runs = {}
    for entry, tracker, uri, run_id in linked(reading.index):
        found.setdefault((tracker, uri), {}).setdefault(run_id, entry)
    wanted = {entry for runs in found.values() for entry in _latest(runs).values()}
    return found, rows_of(reading.index, wanted)


def _latest(runs: Mapping[str, int]) -> dict[str, int]:
    return dict(islice(runs.items(), MOST_RUNS))


def _named(
    runs: Mapping[str, int], trackers: Mapping[int, Sequence[Any]], tracker: str, uri: str
) -> Iterator[tuple[int, RunRef]]:
    """The runs as the records name them: a link leads where a record says, not the index."""
    for run_id, entry in runs.items():
        for run in filter(can_be_delivered, trackers.get(entry, ())):
            if link_of(run) == (tracker, uri, run_id):
                yield entry, run_ref(run | {"uri": run.get("uri") or ""})
                break


def _key(tracker: str, uri: str) -> str:
    return sha256_hex(f"{tracker} {uri}".encode("utf-8", "replace"))[:16]


def shown(place: Place, jobs: Jobs, *, wait: float = 0.0) -> Shown:
    """The ways to the runs of a place; a local server that its command starts is asked for them."""
    host = os.environ.get("DATABRICKS_HOST", "")
    first = lead(place.runs[0][1], databricks_host=host)
    live = bool(first.live) and _answers(first.live, place, jobs, wait)
    ways = tuple(_way(entry, run, first, host, live=live) for entry, run in place.runs)
    return Shown(place, ways, first, live)


def _answers(live: str, place: Place, jobs: Jobs, wait: float) -> bool:
    from venturalitica.trackers.mlflow.live import shows

    run_id = place.runs[0][1].run_id
    return bool(jobs.ask(f"live {place.key}", lambda: shows(live, run_id), wait=wait))


def _way(entry: int, run: RunRef, first: Lead, host: str, *, live: bool) -> Way:
    if not first.live:
        return Way(entry, run, lead(run, databricks_host=host).url)
    later = page_at(first.live, run)
    return Way(entry, run, later if live else "", later)


def tracker_links(
    reading: Reading | None, jobs: Jobs, *, wait: float = 0.0
) -> tuple[links.Link, ...]:
    """MLflow and W&B, and whatever else the log names or another package offers."""
    from venturalitica.trackers import trackers

    named = {} if reading is None else {place.tracker: place.uri for place in places(reading)[::-1]}
    names = [tracker.name for tracker in trackers() if tracker.name != "memory"]
    names += [name for name in named if name not in names and name]
    asked = {name: _asked(name, named.get(name, ""), jobs) for name in names}
    return tuple(_link(name, jobs, reading, asked[name], wait) for name in names)


def _asked(name: str, place: str, jobs: Jobs) -> tuple[str, str]:
    jobs.ask(f"health {name} {place}", lambda: links.health_of(name, place))
    return name, place


def _link(
    name: str, jobs: Jobs, reading: Reading | None, asked: tuple[str, str], wait: float
) -> links.Link:
    health: Mapping[str, Any] | None = jobs.ask(
        f"health {asked[0]} {asked[1]}", lambda: links.health_of(*asked), wait=wait
    )
    if reading is None:
        return links.link(name, health, links.Deliveries(), (), None)
    deliveries = links.Deliveries.of(reading.delivered().values(), name)
    recorded = links.Recorded.of(reading.ledger, deliveries.confirmed)
    found = links.link(name, health, deliveries, waiting_for(reading, name), recorded)
    return replace(found, fix=at_home(reading.desk.home, found.fix))


def at_home(home: Path, line: str) -> str:
    """A line to type, with the evidence that it is about said where it is not the project's own."""
    if not line.endswith("venturalitica sync") or home == Settings.current().home:
        return line
    return f"VENTURALITICA_HOME={shlex.quote(str(home))} {line}"


def waiting_for(reading: Reading, name: str) -> tuple[Undelivered, ...]:
    """What waits for one tracker, oldest first."""
    items = (item for several in reading.waiting().values() for item in several)
    return tuple(item for item in items if item.tracker == name)


def ci_shown(reading: Reading | None, root: Path) -> links.Link:
    """The CI, from the project's files and from the records."""
    made = reading.kept("ci", lambda: ci.last_made(reading.ledger)) if reading else None
    return ci.ci_link(ci.pipelines(root), made)
