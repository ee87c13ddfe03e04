"""Health in six rows or so, for the overview: what is red, what waits, what nobody looked at.

No row is green that was not measured: evidence is green once it was verified in this process and
has not changed since, a tracker once it answered and gave back what it was sent.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.redact import redact_uri
from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.counts.linked import Where, linked
from venturalitica.ledger.index.queries import UNREAD
from venturalitica.review.health import ci
from venturalitica.review.health import integrations as links
from venturalitica.review.health.checks import policy, policy_file
from venturalitica.review.health.evidence import Finding, outbox_fix
from venturalitica.review.health.integrations import Link, is_command
from venturalitica.system.settings import Settings
from venturalitica.trackers import trackers
from venturalitica.trackers.base import CHOSEN, ask
from venturalitica.ui.jobs import Jobs, Verified, stamp_of_log
from venturalitica.ui.pages.taken_logs import logs_taken
from venturalitica.ui.places import Place, places
from venturalitica.ui.templating import count

if TYPE_CHECKING:
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
        *tracker_rows(stores(reading, jobs, wait=wait)),
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
    taken = len(logs_taken(reading))
    more = f"; beside it {count(taken, 'log')} taken in" if taken else ""
    return HealthRow(
        "Evidence chain", found.light, found.word, found.text + more, "evidence", at=found.at
    )


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
    kept = sum(1 for item in waiting if item.kept)
    if kept:
        text += f"; {kept:,} with an offline run: upload it, then 'venturalitica sync' confirms it"
    fix = at_home(reading.desk.home, outbox_fix(waiting))
    return HealthRow("Outbox", "amber", "Waiting", text, "integrations", fix=fix)


def _empty_outbox(reading: Reading) -> HealthRow:
    """All that is due is confirmed; a receipt of what is not due proves nothing."""
    due = reading.kept("due", lambda: linked(reading.index), "index.db")
    if not due:
        text = "no record of this log was due at a tracker"
        return HealthRow("Outbox", "grey", "Nothing due", text, "integrations")
    text = f"nothing waits; {due:,} confirmed"
    return HealthRow("Outbox", "green", "Empty", text, "integrations")


def tracker_rows(found: Sequence[Store]) -> Iterator[HealthRow]:
    """Each tracker by the worst of its stores; of several it is said which."""
    by_name: dict[str, list[Store]] = {}
    for store in found:
        by_name.setdefault(store.link.name, []).append(store)
    for several in by_name.values():
        # What is only set up, and as it should be, hides nothing of the others.
        of = [one for one in several if one.link.used or one.link.light == "red"] or several[:1]
        worst = min(of, key=lambda one: LIGHTS.index(one.link.light))
        row = link_row(worst.link, worst.anchor)
        if len(several) > 1:
            which = redact_uri(worst.link.place) or "runs of no recorded store"
            row = replace(row, text=f"{which}: {row.text}; {count(len(several), 'store')} in all")
        yield row


def link_row(link: Link, anchor: str = "link-ci") -> HealthRow:
    """A tracker's store, or the CI, by its worst lamp."""
    params = {"_anchor": anchor}
    if link.light == "grey" and not link.used and not link.chosen:
        text = "no record of this log names it, and nothing is set up"
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


class Store(Struct, frozen=True):
    """One store of a tracker: how it stands, and what waits for it. `place` is None where the log
    names none, and it is only set up. `anchor` is where its card is."""

    link: Link
    anchor: str
    place: Place | None = None
    waiting: tuple[Undelivered, ...] = ()


def stores(reading: Reading | None, jobs: Jobs, *, wait: float = 0.0) -> tuple[Store, ...]:
    """Every tracker there is, and whatever else the log names: each store of it by itself.

    They are asked all at once, for `wait` seconds.
    """
    found = places(reading).shown
    names = [tracker.name for tracker in trackers() if ask(tracker, "lasts")]
    names = list(dict.fromkeys((*names, *(place.where.tracker for place in found))))
    about = [(name, "") for name in names]
    about += [(place.where.tracker, place.where.uri) for place in found if place.where.uri]
    questions = {_question(*one): partial(links.health_of, *one) for one in about}
    health = dict(zip(questions, jobs.ask_all(questions, wait=wait), strict=True))
    waiting = _waiting_by_place(reading, found)
    return tuple(
        store
        for name in names
        for store in _stores(
            reading,
            name,
            [place for place in found if place.where.tracker == name],
            health,
            waiting,
        )
    )


Health = Mapping[str, Mapping[str, Any] | None]
Waiting = Mapping[Where | str, Sequence["Undelivered"]]


def _question(name: str, place: str) -> str:
    return f"health {name} {place}"


def _stores(
    reading: Reading | None, name: str, found: Sequence[Place], health: Health, waiting: Waiting
) -> Iterator[Store]:
    here = health[_question(name, "")]
    for place in found:
        said = links.of_no_store(here)
        if place.where.uri:
            said = health[_question(name, place.where.uri)]
        alone = len(found) == 1 and not _is_elsewhere(here, found)
        # A record may name a tracker of any name; the CI's card is `link-ci`.
        known = name.isidentifier() and name != "ci"
        anchor = f"link-{name}" if alone and known else f"link-{place.key}"
        yield _store(reading, name, said, place, waiting.get(place.where, ()), anchor)
    if not found or _is_elsewhere(here, found):
        yield _store(reading, name, here, None, waiting.get(name, ()), f"link-{name}")


def _is_elsewhere(here: Mapping[str, Any] | None, found: Sequence[Place]) -> bool:
    """Whether somebody has set up a store that no record names yet."""
    uri = str((here or {}).get("uri") or "")
    chosen = (here or {}).get("configured") in CHOSEN
    return chosen and bool(uri) and all(place.where.uri != uri for place in found)


def _store(
    reading: Reading | None,
    name: str,
    health: Mapping[str, Any] | None,
    place: Place | None,
    waiting: Sequence[Undelivered],
    anchor: str,
) -> Store:
    deliveries, recorded = links.Deliveries(), None
    if reading is not None:
        if place is not None:
            attempts = reading.desk.deliveries.newest_at(place.where, reading.desk.linked)
            deliveries = links.Deliveries(*attempts)
        recorded = links.Recorded.of(reading.ledger, deliveries.confirmed)
    uri = place.where.uri if place else ""
    link = links.link(name, health, deliveries, waiting, recorded, place=uri)
    if reading is not None:
        link = replace(link, fix=at_home(reading.desk.home, link.fix))
    return Store(link, anchor, place, tuple(waiting))


def _waiting_by_place(reading: Reading | None, found: Sequence[Place]) -> Waiting:
    """What waits, oldest first, by the place that is shown; the rest by its tracker."""
    by_place: dict[Where | str, list[Undelivered]] = {}
    shown = {place.where for place in found}
    if reading is None:
        return by_place
    for items in reading.waiting().values():
        for item in items:
            where = reading.desk.linked.where(item.tracker, item.run_id) or Where.of(item.run)
            by_place.setdefault(where if where in shown else item.tracker, []).append(item)
    return by_place


def at_home(home: Path, line: str) -> str:
    """A line to type, with the evidence that it is about said where it is not the project's own."""
    if not line.endswith("venturalitica sync") or home == Settings.current().home:
        return line
    return f"VENTURALITICA_HOME={shlex.quote(str(home))} {line}"


def ci_shown(reading: Reading | None, root: Path) -> links.Link:
    """The CI, from the project's files and from the records."""
    made = reading.kept("ci", lambda: reading.desk.ci.of(reading.ledger)) if reading else None
    return ci.ci_link(ci.pipelines(root), made)
