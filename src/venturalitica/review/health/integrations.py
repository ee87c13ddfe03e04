"""Each tracker in five lights, each lit by something that was measured, never by a setting.

| light | green where |
|---|---|
| installed | its library is there, of this version |
| configured | the place that is set answers now, or has confirmed a delivery |
| reachable | it answered just now |
| delivered | the last attempt was confirmed, and nothing waits |
| read back | the last receipt is of the very record that the log holds |

The functions here put facts together; who asks a tracker, and when, is the caller's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.core.causes import said
from venturalitica.core.verdict import Light, worst_light
from venturalitica.errors import EvidenceError
from venturalitica.ledger.lifecycle.ties import attachments_of, runs_of
from venturalitica.review.health.checks import origins
from venturalitica.trackers.base import CHOSEN, IN_LOG, ask

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger
    from venturalitica.ledger.outbox import Attempt, Undelivered


class Lamp(Struct, frozen=True):
    """One light: what it stands for, its colour, its word, the sentence that explains it.

    `at` is when it was so, where that is not now.
    """

    name: str
    light: Light
    word: str
    text: str = ""
    at: str = ""


class Link(Struct, frozen=True, kw_only=True):
    """One tracker's store: its five lamps, what went wrong last, and the exact thing to do about
    it. `place` is its address, empty where none is set and none recorded."""

    name: str
    title: str
    lamps: tuple[Lamp, ...]
    place: str = ""
    error: str = ""
    fix: str = ""
    waiting: int = 0
    used: bool = False
    beyond: str = ""
    """The lamp of which nothing can be known from here, if there is one; it does not count."""

    @property
    def light(self) -> Light:
        """The worst of its lamps once something was due there; never green before.

        Before, it is red where what somebody set up does not answer, and grey otherwise.
        """
        if not self.used:
            return "red" if self.lamp("reachable").light == "red" and self.chosen else "grey"
        return worst_light(lamp.light for lamp in self.counted)

    @property
    def counted(self) -> tuple[Lamp, ...]:
        """The lamps that make up its light."""
        return tuple(lamp for lamp in self.lamps if lamp.name != self.beyond)

    @property
    def chosen(self) -> bool:
        """Whether somebody has set it up, rather than a default holding."""
        return self.lamp("configured").light != "grey"

    @property
    def types(self) -> bool:
        """Whether the fix is a line to type."""
        return is_command(self.fix)

    def lamp(self, name: str) -> Lamp:
        """The lamp of that name."""
        return next(lamp for lamp in self.lamps if lamp.name == name)


class Deliveries(Struct, frozen=True):
    """What the receipts say of one tracker: the last attempt of all, and the last confirmed."""

    last: Attempt | None = None
    confirmed: Attempt | None = None

    @classmethod
    def of(cls, attempts: Iterable[Attempt], tracker: str) -> Deliveries:
        """From attempts in any order."""
        ours = [attempt for attempt in attempts if attempt.tracker == tracker]
        good = [attempt for attempt in ours if attempt.confirmed]
        return cls(max(ours, key=_when, default=None), max(good, key=_when, default=None))


class Recorded(Struct, frozen=True):
    """What the log says of the last delivery that was confirmed: the record, and its place."""

    evidence_sha256: str
    uri: str = ""

    @classmethod
    def of(cls, ledger: Ledger, good: Attempt | None) -> Recorded | None:
        """From the entry of the attempt; None where the log has none that can be read."""
        if good is None:
            return None
        try:
            entry = ledger.entry(good.index)
        except EvidenceError:
            return None
        made = [attachment for _, attachment in attachments_of(ledger, entry)]
        runs = runs_of(entry.record.deliverable, made)
        where = (run.get("uri") for run in runs if run["run_id"] == good.run_id)
        return cls(entry.evidence_sha256, str(next(where, "") or ""))


def _when(attempt: Attempt) -> tuple[str, int]:
    return attempt.at, attempt.index


def health_of(name: str, place: str = "") -> Mapping[str, Any]:
    """What the tracker says now of its store at `place`, which the log names; it may take seconds.

    Without a place, of what is set up. What only the log names is asked on this machine, and not
    elsewhere: the address in a record may be anybody's.
    """
    from venturalitica.trackers import tracker

    try:
        return dict(ask(tracker(name), "health_at", place, origins()))
    except Exception as error:  # noqa: BLE001 - another package's tracker may fail in any way
        text = f"its health could not be asked: {said(error)}"
        return {"installed": None, "reachable": None, "detail": text}


def link(
    name: str,
    health: Mapping[str, Any] | None,
    deliveries: Deliveries,
    waiting: Sequence[Undelivered],
    recorded: Recorded | None,
    *,
    place: str = "",
) -> Link:
    """The five lamps of a tracker, or of one of its stores.

    Args:
        health: what it said when it was asked (`health_of`); None while it is being asked.
        waiting: what waits for it.
        recorded: what the log says of the last confirmed delivery.
        place: the store that it is about, where the log names one.
    """
    from venturalitica.trackers import answer

    health = _about(health, place)
    known = health or {}
    title = answer(name, "title")
    reachable = _reachable(health)
    lamps = (
        _installed(health),
        _configured(health, reachable, recorded, title),
        reachable,
        _delivered(deliveries, waiting),
        _read_back(deliveries.confirmed, recorded),
    )
    return Link(
        name=name,
        title=title,
        lamps=lamps,
        place=place or str(known.get("uri") or ""),
        error=_error(waiting, reachable),
        fix=_fix(name, known, waiting, reachable),
        waiting=len(waiting),
        used=bool(waiting) or deliveries.last is not None,
    )


def _about(health: Mapping[str, Any] | None, place: str) -> Mapping[str, Any] | None:
    """What was said of this very store: of a tracker that knows of one store alone, nothing is
    known of another."""
    if health is None or not place or health.get("uri") in (place, "", None):
        return health
    text = "not asked: the address is in the log only"
    unknown = {"configured": "", "reachable": None, "detail": text, "fix": ""}
    return {**health, "uri": place} | unknown


def of_no_store(health: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What can be said of runs whose records name no store: whether the tracker is here."""
    if health is None:
        return None
    text = "the records do not say which store these runs are in"
    return {**health, "uri": "", "configured": "", "reachable": None, "detail": text, "fix": ""}


def _installed(health: Mapping[str, Any] | None) -> Lamp:
    if health is None:
        return Lamp("installed", "grey", "Asking")
    if health.get("installed"):
        version = str(health.get("version") or "")
        return Lamp("installed", "green", "Installed", version or "its version is not known")
    if health.get("installed") is None:
        return Lamp("installed", "red", "Broken", str(health.get("detail") or ""))
    return Lamp("installed", "grey", "Not installed", str(health.get("fix") or ""))


def _configured(
    health: Mapping[str, Any] | None, reachable: Lamp, recorded: Recorded | None, title: str
) -> Lamp:
    source = str((health or {}).get("configured") or "")
    text = f"from {_from(source, title)}" if source and source != "not configured" else ""
    if not (health or {}).get("installed"):
        return Lamp("configured", "grey", "Unknown")
    proven = recorded is not None and recorded.uri == (health or {}).get("uri")
    if text and (reachable.light == "green" or proven):
        return Lamp("configured", "green", "Configured", text)
    if source in CHOSEN:
        return Lamp("configured", "amber", "Set, not proven", f"{text}; nothing came of it yet")
    word = "From the log" if source == IN_LOG else "Default" if text else "Not configured"
    return Lamp("configured", "grey", word, "" if source == IN_LOG else text)


def _from(source: str, title: str) -> str:
    names = {"environment": "the environment", "default": f"{title}'s default"}
    return names.get(source, source)


def _reachable(health: Mapping[str, Any] | None) -> Lamp:
    if health is None:
        return Lamp("reachable", "grey", "Asking", "no answer yet; two seconds at most")
    detail = str(health.get("detail") or "")
    if health.get("reachable"):
        return Lamp("reachable", "green", "Answers", detail)
    if health.get("reachable") is False:
        return Lamp("reachable", "red", "Does not answer", detail)
    return Lamp("reachable", "grey", "Not asked", detail)


def _delivered(deliveries: Deliveries, waiting: Sequence[Undelivered]) -> Lamp:
    last = deliveries.last
    waits = f"{len(waiting):,} waiting" if waiting else ""
    if last is None:
        word = "Waiting" if waiting else "Nothing yet"
        return Lamp("delivered", "amber" if waiting else "grey", word, waits)
    if waiting and all(item.kept for item in waiting):
        text = f"{waits}; entry {last.index} is {waiting[-1].last_error}"
        return Lamp("delivered", "amber", "Kept, not uploaded", text, last.at)
    if not last.confirmed and not last.kept and waiting:
        return Lamp("delivered", "red", "Failed", f"{waits}; entry {last.index} failed", last.at)
    if waiting:
        text = f"{waits}; the last was entry {last.index}"
        return Lamp("delivered", "amber", "Waiting", text, last.at)
    good = deliveries.confirmed
    if good is None:
        return Lamp("delivered", "grey", "Nothing yet", "")
    return Lamp("delivered", "green", "Delivered", f"entry {good.index}", good.at)


def _read_back(good: Attempt | None, recorded: Recorded | None) -> Lamp:
    if good is None:
        return Lamp("read back", "grey", "Nothing yet", "no receipt: nothing was read back")
    if recorded is None:
        text = f"entry {good.index} is no longer in the log: its receipt cannot be compared"
        return Lamp("read back", "grey", "Not compared", text)
    digest = recorded.evidence_sha256
    if digest != good.evidence_sha256:
        text = f"the receipt of entry {good.index} is of another record than the log holds"
        return Lamp("read back", "red", "Differs", text)
    text = f"entry {good.index}, SHA-256 {digest[:16]}…, as the log has it"
    return Lamp("read back", "green", "Matches", text, good.at)


def _error(waiting: Sequence[Undelivered], reachable: Lamp) -> str:
    # What is kept on this machine is no error; its lamp says where it lies.
    said = [item.last_error for item in waiting if item.last_error and not item.kept]
    if said:
        return said[-1]
    return reachable.text if reachable.light == "red" else ""


def _fix(
    name: str, health: Mapping[str, Any], waiting: Sequence[Undelivered], reachable: Lamp
) -> str:
    from venturalitica.audit.parcel import run_ref
    from venturalitica.trackers import answer

    if not waiting or reachable.light == "red":
        return str(health.get("fix") or "")
    return str(answer(name, "remedy", [run_ref(item.run) for item in waiting], health))


def is_command(fix: str) -> bool:
    """Whether what is to be done is a line to type, not a sentence."""
    from venturalitica.trackers import names

    found = _LINE.match(fix)
    return found is not None and found[1] in ("venturalitica", "pip", *names())


_LINE = re.compile(r"(?:[A-Z_]+=(?:'[^']*'|\S+) )*(\S+) ")
"""Variables, then the program."""
