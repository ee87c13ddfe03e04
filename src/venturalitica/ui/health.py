"""Health in six rows or so, for the overview: what is red, what waits, what nobody looked at.

No row is green that was not measured: evidence is green once it was verified in this process and
has not changed since, a tracker once it answered and gave back what it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.examination.finding import Finding
from venturalitica.examination.links import Link, is_command
from venturalitica.examination.policy import policy, policy_file
from venturalitica.ledger.listing import linked
from venturalitica.records import Light
from venturalitica.settings import Settings
from venturalitica.ui.connections import at_home, ci_shown, tracker_links
from venturalitica.ui.jobs import Jobs, Verified, stamp_of_log

if TYPE_CHECKING:
    from venturalitica.ui.desk import Reading

ANSWER_WAIT = 0.05
"""Seconds that a page waits for a tracker's first answer: most on this machine take less."""


@dataclass(frozen=True, slots=True)
class HealthRow:
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
    return (
        policy_row(reading, settings),
        evidence_row(reading, jobs),
        outbox_row(reading),
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


@dataclass(frozen=True, slots=True)
class Standing:
    """What the last verification of this process is worth now; `at` is when it was made."""

    light: Light
    word: str
    text: str
    at: str = ""


def standing(verified: Verified | None, size: int, home: Path) -> Standing:
    """How the last verification stands to a log that has `size` entries now."""
    if verified is None:
        text = f"{_records(size)}; not verified since this server was started"
        return Standing("grey", "Not verified", text)
    if not verified.ok:
        fault = verified.found.fault
        said = f"{fault.name}: {fault.detail}" if fault else "no step could be made"
        return Standing("red", "Not verified", said, verified.at)
    upto = f"{_records(verified.size)}, up to entry {verified.size - 1}"
    if verified.files == stamp_of_log(home):
        return Standing("green", "Verified", upto, verified.at)
    if size > verified.size:
        more = f"{upto}; {size - verified.size:,} more since"
        return Standing("amber", "Grown since", more, verified.at)
    changed = f"{upto}; its files changed since: verify again"
    return Standing("amber", "Changed since", changed, verified.at)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


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
    due = reading.kept("due", lambda: len(linked(reading.index)), "index.db")
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
        return HealthRow(link.title, "green", "In order", said, "integrations", params, at=lamp.at)
    return HealthRow(
        link.title, link.light, lamp.word, said, "integrations", params, link.fix, lamp.at
    )
