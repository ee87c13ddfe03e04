"""Health in six rows or so, for the overview: what is red, what waits, what nobody looked at.

No row is green that was not measured: evidence is green once it was verified in this process and
has not changed since, a tracker once it answered and gave back what it was sent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.audit.parcel import run_ref
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.record import is_tracker_run
from venturalitica.core.verdict import Light
from venturalitica.ledger.index.counts.linked import Runs, linked
from venturalitica.ledger.index.queries import UNREAD, rows_of
from venturalitica.ledger.index.rows import link_of
from venturalitica.review.health import ci
from venturalitica.review.health import integrations as links
from venturalitica.review.health.checks import policy, policy_file
from venturalitica.review.health.evidence import Finding
from venturalitica.review.health.integrations import Link, is_command
from venturalitica.system.settings import Settings
from venturalitica.trackers import answer, lead, trackers
from venturalitica.trackers.base import Lead, RunRef, ask
from venturalitica.ui.jobs import Jobs, Verified, stamp_of_log
from venturalitica.ui.templating import count

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ledger.outbox import Undelivered
    from venturalitica.ui.reader import Reading


ANSWER_WAIT = 0.05
"""Seconds that a page waits for a tracker's first answer: most on this machine take less."""


class HealthRow(Struct, frozen=True):
    """One row: what it is about, its light in word and colour, a sentence, and where to look.

    `page` is empty where there is nowhere to go; `fix` is a line to type.
    """

    subject: str
    light: Light
    word: str
    text: str
    page: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    fix: str = ""
    at: str = ""

    @property
    def types(self) -> bool:
        """Whether the fix is a line to type."""
        return is_command(self.fix)


def rows(
    reading: Reading | None, jobs: Jobs, *, wait: float = ANSWER_WAIT
) -> tuple[HealthRow, ...]:
    """The rows in their order; `reading` is None where there is no log yet."""
    settings = reading.desk.settings if reading else Settings.current()
    if reading is not None and reading.early:
        row = HealthRow("Outbox and trackers", "amber", "Being checked", UNREAD, "integrations")
        return (policy_row(reading, settings), evidence_row(reading, jobs), row)
    return (
        policy_row(reading, settings),
        evidence_row(reading, jobs),
        outbox_row(reading),
        *gate_rows(reading, jobs),
        *(link_row(link) for link in tracker_links(reading, jobs, wait=wait)),
        link_row(ci_shown(reading, settings.project_root)),
    )


def policy_row(reading: Reading | None, settings: Settings) -> HealthRow:
    """Whether the project's policy file can be read."""
    path = policy_file(settings)
    findings = _kept(reading, settings, path)
    first = findings[0]
    lights: dict[str, Light] = {"ok": "green", "note": "grey", "broken": "red"}
    word = {"ok": "In order", "note": "None", "broken": "Wrong"}[first.state]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    fix = "venturalitica policy lint" if first.state == "broken" else first.fix
    return HealthRow(
        "Policy file", lights[first.state], word, f"{first.text}{more}", "policies", fix=fix
    )


def _kept(reading: Reading | None, settings: Settings, path: Path | None) -> tuple[Finding, ...]:
    def make() -> tuple[Finding, ...]:
        return tuple(policy(settings))

    if reading is None or path is None:
        return make()
    return reading.kept("policy file", make, str(path))


def evidence_row(reading: Reading | None, jobs: Jobs) -> HealthRow:
    """Whether the log was verified here, and how much of it."""
    if reading is None:
        return HealthRow("Evidence chain", "grey", "None yet", "no record yet", "evidence")
    found = standing(jobs.verified, reading.ledger.size, reading.desk.home)
    return HealthRow("Evidence chain", found.light, found.word, found.text, "evidence", at=found.at)


class Standing(Struct, frozen=True):
    """What the last verification of this process is worth now; `at` is when it was made."""

    light: Light
    word: str
    text: str
    at: str = ""


def standing(verified: Verified | None, size: int, home: Path) -> Standing:
    """How the last verification stands to a log that has `size` entries now."""
    if verified is None:
        text = f"{count(size, 'record')}; not verified since this server was started"
        return Standing("grey", "Not verified", text)
    if not verified.ok:
        fault = verified.found.fault
        said = f"{fault.name}: {fault.detail}" if fault else "no step could be made"
        return Standing("red", "Not verified", said, verified.at)
    upto = f"{count(verified.size, 'record')}, up to entry {verified.size - 1}"
    if verified.files == stamp_of_log(home):
        return Standing("green", "Verified", upto, verified.at)
    if size > verified.size:
        more = f"{upto}; {size - verified.size:,} more since"
        return Standing("amber", "Grown since", more, verified.at)
    changed = f"{upto}; its files changed since: verify again"
    return Standing("amber", "Changed since", changed, verified.at)


def gate_rows(reading: Reading | None, jobs: Jobs) -> tuple[HealthRow, ...]:
    """How the aliases stand to a gate's decisions; no row where no gate was ever asked."""
    # It judges anew, with all that counts are judged with: none of it is for a first page.
    from venturalitica.ui.gate import gate_of

    found = gate_of(reading, jobs)
    worst = found.worst
    if worst is None:
        return ()
    words = {"red": "Look", "amber": "Observed", "grey": "Not known", "green": "In order"}
    text = f"{worst.called} {worst.sentence}"
    if worst.light == "green":
        text = f"{count(len(found.standings), 'alias', 'aliases')} by a decision on record"
    params = {"_anchor": "aliases"}
    return (HealthRow("Gate", worst.light, words[worst.light], text, "integrations", params),)


def outbox_row(reading: Reading | None) -> HealthRow:
    """Whether everything has reached the trackers it should be at."""
    if reading is None:
        return HealthRow("Outbox", "grey", "None yet", "no record yet", "integrations")
    waiting = [item for items in reading.waiting().values() for item in items]
    if not waiting:
        return _empty_outbox(reading)
    failed = sum(1 for item in waiting if item.attempts)
    places = ", ".join(sorted({item.tracker for item in waiting}))
    text = f"{len(waiting):,} waiting for {places}; the oldest is entry {waiting[0].index}"
    text += f"; {failed:,} of them failed at least once" if failed else ""
    fix = at_home(reading.desk.home, "venturalitica sync")
    return HealthRow("Outbox", "amber", "Waiting", text, "integrations", fix=fix)


def _empty_outbox(reading: Reading) -> HealthRow:
    """All that is due is confirmed; a receipt of what is not due proves nothing."""
    due = reading.kept("due", lambda: linked(reading.index), "index.db")
    if not due:
        text = "no record was due at a tracker"
        return HealthRow("Outbox", "grey", "Nothing due", text, "integrations")
    text = f"nothing waits; {due:,} confirmed"
    return HealthRow("Outbox", "green", "Empty", text, "integrations")


def link_row(link: Link) -> HealthRow:
    """A tracker, or the CI, by its worst lamp."""
    params = {"_anchor": f"link-{link.name}"}
    if link.light == "grey" and not link.used and not link.chosen:
        text = "no record names it, and nothing is set up"
        return HealthRow(link.title, "grey", "Not used", text, "integrations", params)
    lamp = next(lamp for lamp in (*link.counted, *link.lamps) if lamp.light == link.light)
    said = ": ".join(part for part in (lamp.name, lamp.text) if part)
    if link.light == "green":
        lamp = link.lamp("delivered")
        said = f"last delivered: {lamp.text}; what was read back matches"
        if not any(one.name == "read back" for one in link.lamps):
            said = f"last seen: {lamp.text}"  # nothing is ever asked back of a CI
        return HealthRow(link.title, "green", "In order", said, "integrations", params, at=lamp.at)
    return HealthRow(
        link.title, link.light, lamp.word, said, "integrations", params, link.fix, lamp.at
    )


MOST_RUNS = 8
"""Runs that are listed of one place, the latest ones."""


_RUN = re.compile(r"/runs/[^/?#]+")

Places = Mapping[tuple[str, str], Runs]
"""By tracker and address: the runs there, each with its latest entry; the latest first."""


class Place(Struct, frozen=True):
    """Where runs of the log are: one store of one tracker, its latest runs first."""

    key: str
    tracker: str
    uri: str
    runs: tuple[tuple[int, RunRef], ...]
    count: int
    """How many different runs there are."""


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
        found = _RUN.sub("", self.url, count=1)
        return found if found != self.url else ""


class Shown(Struct, frozen=True):
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
        Place(_key(*where), *where, tuple(_named(runs.latest, named, *where)), runs.count)
        for where, runs in found.items()
    )


def _find_places(reading: Reading) -> tuple[Places, tuple[RunRow, ...]]:
    """The runs of each place, and the rows of the latest."""
    found = reading.desk.linked.of(reading.index, latest=MOST_RUNS)
    wanted = {entry for runs in found.values() for entry in runs.latest.values()}
    return found, rows_of(reading.index, wanted)


def _named(
    runs: Mapping[str, int], trackers: Mapping[int, Sequence[Any]], tracker: str, uri: str
) -> Iterator[tuple[int, RunRef]]:
    """The runs as the records name them: a link leads where a record says, not the index."""
    for run_id, entry in runs.items():
        for run in filter(is_tracker_run, trackers.get(entry, ())):
            if link_of(run) == (tracker, uri, run_id):
                yield entry, run_ref(run | {"uri": run.get("uri") or ""})
                break


def _key(tracker: str, uri: str) -> str:
    return sha256_hex(f"{tracker} {uri}".encode("utf-8", "replace"))[:16]


def shown(place: Place, jobs: Jobs, *, wait: float = 0.0) -> Shown:
    """The ways to the runs of a place; a local server that its command starts is asked for them."""
    first = lead(place.runs[0][1])
    live = bool(first.live) and _answers(first.live, place, jobs, wait)
    ways = tuple(_way(entry, run, live=live) for entry, run in place.runs)
    return Shown(place, ways, first, live)


def _answers(live: str, place: Place, jobs: Jobs, wait: float) -> bool:
    run = place.runs[0][1]
    asked = f"live {place.key}"
    return bool(jobs.ask(asked, lambda: answer(run.tracker, "shows", live, run), wait=wait))


def _way(entry: int, run: RunRef, *, live: bool) -> Way:
    own = lead(run)
    return Way(entry, run, own.page if live else own.url, own.page)


def tracker_links(
    reading: Reading | None, jobs: Jobs, *, wait: float = 0.0
) -> tuple[links.Link, ...]:
    """Every tracker there is, and whatever else the log names."""
    named = {} if reading is None else {place.tracker: place.uri for place in places(reading)[::-1]}
    names = [tracker.name for tracker in trackers() if ask(tracker, "lasts")]
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
    deliveries = links.Deliveries(*reading.desk.deliveries.newest(name))
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
    made = reading.kept("ci", lambda: reading.desk.ci.of(reading.ledger)) if reading else None
    return ci.ci_link(ci.pipelines(root), made)
