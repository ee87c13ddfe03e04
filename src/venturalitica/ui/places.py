"""Where the runs of a log are: each store of each tracker, its experiments and runs, the way there.

A store without pages of its own is shown by a server that a person starts by a line of ours, at a
port of this machine. Which port is looked for anew each time: the first of the store's own that
nothing else listens at and that no other store was given. All of them are watched, so that a server
which was started where something else listens by now is found.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica.audit.parcel import run_ref
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.json_values import Json
from venturalitica.core.record import is_tracker_run
from venturalitica.ledger.index.counts.linked import Runs, Where
from venturalitica.ledger.index.queries import rows_of
from venturalitica.ledger.index.rows import link_of, names_of
from venturalitica.trackers import answer, leads
from venturalitica.trackers.base import Lead, RunRef
from venturalitica.trackers.links import is_loopback
from venturalitica.ui.jobs import Jobs

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ui.reader import Reading

MOST_PLACES = 12
MOST_RUNS = 8
"""Runs and experiments that are listed of one place, the latest ones."""

LISTENS_WITHIN = 0.5
"""Seconds; on this machine a port answers at once, or refuses."""

_RUN = re.compile(r"/runs/[^/?#]+")

Named = Mapping[Where, Runs]


class Place(Struct, frozen=True):
    """Where runs of the log are: one store of one tracker, its latest runs and experiments first,
    each with the entry that names it last. How many there are of each is counted beside."""

    key: str
    where: Where
    runs: tuple[tuple[int, RunRef], ...]
    count: int
    experiments: tuple[tuple[int, RunRef], ...] = ()
    experiment_count: int = 0


class Way(Struct, frozen=True):
    """One run, and the way to it; `url` is a page that is there, `later` one that may be once."""

    entry: int
    run: RunRef
    url: str
    later: str = ""

    @property
    def experiment(self) -> str:
        """The experiment's page: MLflow's, Databricks' and W&B's runs lie below it; empty if none
        is there."""
        return _above(self.url)

    @property
    def later_experiment(self) -> str:
        """Its page at an address that may be there once."""
        return _above(self.later)


def _above(url: str) -> str:
    found = _RUN.sub("", url, count=1)
    return found if found != url else ""


class Shown(Struct, frozen=True):
    """A place with the ways to its runs. `lead` has the line that makes a page where no server
    shows one; None while a port for it is looked for. `taken` are the ports before it that
    something else listens at."""

    place: Place
    ways: tuple[Way, ...]
    experiments: tuple[Way, ...]
    lead: Lead | None
    live: bool
    taken: tuple[str, ...] = ()

    @property
    def looking(self) -> bool:
        """Whether a port is looked for still."""
        return self.lead is None

    @property
    def groups(self) -> tuple[tuple[Way | None, tuple[Way, ...]], ...]:
        """The experiments, each with those of the runs that are in it; the runs of none last."""
        heads: dict[str, Way | None] = {way.run.experiment_name: way for way in self.experiments}
        runs: dict[str, list[Way]] = {}
        for way in self.ways:
            name = way.run.experiment_name or way.run.experiment_id
            heads.setdefault(name, way if name else None)
            runs.setdefault(name, []).append(way)
        return tuple((head, tuple(runs.get(name, ()))) for name, head in heads.items())

    @property
    def awaited(self) -> bool:
        """Whether a server would make links of what is text now."""
        return self.lead is not None and bool(self.lead.live) and not self.live


class Places(Struct, frozen=True):
    """Those that are shown, the one of the latest entry first, and how many more there are."""

    shown: tuple[Place, ...] = ()
    more: int = 0


def places(reading: Reading | None) -> Places:
    """The places that the log names."""
    if reading is None:
        return Places()
    return reading.kept("places", lambda: _places(reading), "index.db")


def _places(reading: Reading) -> Places:
    (found, rows, count), _ = reading.shown(lambda: _find(reading), lambda one: [(one[1], None)])
    named = {row.index: reading.runs(row) for row in rows}
    shown = tuple(_place(where, runs, named) for where, runs in found.items())
    return Places(shown, count - len(shown))


def _find(reading: Reading) -> tuple[Named, tuple[RunRow, ...], int]:
    """The runs of each place, the rows of the latest, and how many places there are."""
    found = reading.desk.linked.of(reading.index, latest=MOST_RUNS)
    first = dict(list(found.items())[:MOST_PLACES])
    several = [(runs.latest, runs.experiments) for runs in first.values()]
    wanted = {entry for both in several for named in both for entry in named.values()}
    return first, rows_of(reading.index, wanted), len(found)


def _place(where: Where, runs: Runs, trackers: Mapping[int, Sequence[Json]]) -> Place:
    """As the records name it: a link leads where a record says, not the index."""

    def named(
        entries: Mapping[str, int], name_of: Callable[[Json], str]
    ) -> Iterator[tuple[int, RunRef]]:
        for name, entry in entries.items():
            for run in filter(is_tracker_run, trackers.get(entry, ())):
                if Where.of(run) == where and name_of(run) == name:
                    yield entry, run_ref({**run, "uri": run.get("uri") or ""})
                    break

    return Place(
        key=sha256_hex("\n".join(where).encode("utf-8", "replace"))[:16],
        where=where,
        runs=tuple(named(runs.latest, lambda run: link_of(run)[2])),
        count=runs.count,
        experiments=tuple(named(runs.experiments, lambda run: names_of(run)[0])),
        experiment_count=runs.experiment_count,
    )


# --- The way there ------------------------------------------------------------------------------

LOOKING = "a free port is looked for: load this page again"

Standing = Literal["shows", "taken", "free"]
"""Of an address: a server there knows the runs, something else listens, or nothing does."""


class _Ways(Struct, frozen=True):
    """The leads to a place, and how the address of each stands: None while they are asked, empty
    where there is nothing to ask."""

    leads: tuple[Lead, ...]
    standings: tuple[Standing, ...] | None = ()


def show(found: Sequence[Place], jobs: Jobs, *, wait: float = 0.0) -> tuple[Shown, ...]:
    """The ways to the runs of places, in their order; the servers that their lines start are asked
    for them, for `wait` seconds in all."""
    ways = _look(found, jobs, wait)
    chosen = _choose(ways)
    return tuple(_shown(place, ways[place.key], chosen.get(place.key)) for place in found)


def _look(found: Sequence[Place], jobs: Jobs, wait: float) -> dict[str, _Ways]:
    ways = {
        place.key: _Ways(tuple(leads(place.runs[0][1])) if place.runs else ()) for place in found
    }
    asked = {
        place.key: (place.runs[0][1], ways[place.key].leads)
        for place in found
        if any(lead.live for lead in ways[place.key].leads)
    }
    answers = jobs.ask_all(
        {f"ports {key}": partial(_standings, *about) for key, about in asked.items()}, wait=wait
    )
    for (key, (_, own)), standings in zip(asked.items(), answers, strict=True):
        ways[key] = _Ways(own, standings)
    return ways


def _standings(run: RunRef, own: Sequence[Lead]) -> tuple[Standing, ...]:
    return tuple(_standing(lead.live, run) for lead in own)


def _standing(live: str, run: RunRef) -> Standing:
    if is_loopback(live) and not _listens(live):
        return "free"
    return "shows" if answer(run.tracker, "shows", live, run) else "taken"


def _listens(live: str) -> bool:
    parts = urlsplit(live)
    try:
        address = (parts.hostname or "", parts.port or 80)
        socket.create_connection(address, timeout=LISTENS_WITHIN).close()
    except (ConnectionRefusedError, ValueError):
        return False
    except OSError:  # it has more callers than it answers
        return True
    return True


def _choose(ways: Mapping[str, _Ways]) -> dict[str, int]:
    """By place which of its leads holds: the one that shows it, else the first that is free and no
    other place's. In the order of their keys: a new record changes none."""
    known = {key: (one.leads, one.standings) for key, one in ways.items() if one.leads}
    chosen: dict[str, int] = {}
    for key, (_, standings) in known.items():
        if standings == ():
            chosen[key] = 0
        elif standings and "shows" in standings:
            chosen[key] = standings.index("shows")
    given = {known[key][0][choice].live for key, choice in chosen.items()} - {""}
    for key in sorted(known.keys() - chosen.keys()):
        own, standings = known[key]
        for number, standing in enumerate(standings or ()):
            if standing == "free" and own[number].live not in given:
                chosen[key] = number
                given.add(own[number].live)
                break
    return chosen


def _shown(place: Place, ways: _Ways, choice: int | None) -> Shown:
    standings = ways.standings or ()
    live = choice is not None and standings[choice : choice + 1] == ("shows",)
    taken = (
        ()
        if live
        else tuple(
            lead.live
            for lead, standing in zip(ways.leads[: choice or 0], standings, strict=False)
            if standing == "taken"
        )
    )
    return Shown(
        place=place,
        ways=tuple(_way(*named, choice, live=live) for named in place.runs),
        experiments=tuple(_way(*named, choice, live=live) for named in place.experiments),
        lead=_lead(ways, choice),
        live=live,
        taken=taken,
    )


def _lead(ways: _Ways, choice: int | None) -> Lead | None:
    if choice is not None:
        return ways.leads[choice]
    if not ways.leads or ways.standings is None:
        return None if ways.leads else Lead()
    first, last = ways.leads[0].live, ways.leads[-1].live
    return Lead(note=f"something else listens wherever this page looks, from {first} to {last}")


def _way(entry: int, run: RunRef, choice: int | None, *, live: bool) -> Way:
    own = leads(run)
    one = own[min(choice or 0, len(own) - 1)]
    later = one.page if choice is not None else ""
    return Way(entry, run, later if live else one.url, later)


def lead_of(run: RunRef, found: Sequence[Place], jobs: Jobs, *, wait: float = 0.0) -> Lead:
    """The way to one run, at the port that its store has on the page of all."""
    place = next((one for one in found if Where.of(asdict(run)) == one.where), None)
    if place is None:
        return leads(run)[0]
    ways = _look(found, jobs, wait)
    choice, own = _choose(ways).get(place.key), leads(run)
    if choice is not None:
        return own[min(choice, len(own) - 1)]
    return _lead(ways[place.key], None) or Lead(note=LOOKING)
