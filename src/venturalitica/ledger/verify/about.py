"""What verified evidence says: which records, from when, of which policy, with which lights.

"Verified" alone answers whether anybody changed the evidence. Who reads it also asks what it is
evidence of: a red record that verifies is no all-green result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from venturalitica.core.verdict import LIGHTS, About, Told
from venturalitica.ledger.records.chronicle import Chronicle, Record

MOST_TOLD = 20
"""Records told one by one; of more only the counts are."""


class Telling(Chronicle):
    """Collects what the records of a log or bundle say; has no step of its own."""

    name = "told"
    meaning = "a record cannot be told of"

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._records = 0
        self._lights: Counter[str] = Counter()
        self._signers: dict[str, None] = {}
        self._first = self._last = ""
        self._each: list[Told] = []

    def read(self, record: Record) -> None:
        """Count a record; of a bundle, keep what it says."""
        self._records += 1
        self._signers |= dict.fromkeys(record.signers)
        at = record.statement.appended_at
        self._first, self._last = self._first or at, at
        if record.statement.understood and record.statement.judged:
            self._lights[record.statement.light] += 1
            if self._alone:
                self._each.append(told_of(record))

    def about(self) -> About:
        """All that was read."""
        return About(
            self._records,
            {light: self._lights[light] for light in LIGHTS if self._lights[light]},
            self._first,
            self._last,
            tuple(self._signers),
            tuple(self._each),
        )


def told_of(record: Record) -> Told:
    """What a record says of itself."""
    said = record.statement
    statuses = Counter(verdict["status"] for verdict in said.verdict_items)
    named = ((_short(link.get("tracker")), _short(link.get("run_id"))) for link in said.trackers)
    return Told(
        index=record.index,
        kind=said.kind,
        name=_short(said.run.name),
        run_id=_short(said.run.id),
        at=_short(said.run.ended_at),
        policy=_short(said.policy.name) if said.policy else "",
        version=_short(said.policy.version) if said.policy else "",
        light=said.light,
        controls=sum(statuses.values()),
        failed=statuses["failed"],
        unevaluated=statuses["not_evaluated"] + statuses["error"],
        signers=record.signers,
        runs=tuple(f"{tracker} run {run}" for tracker, run in named),
    )


def about_all(parts: Iterable[About | None]) -> About | None:
    """Several bundles as one; None where none could be read."""
    known = [part for part in parts if part is not None and part.records]
    if not known:
        return None
    lights: Counter[str] = Counter()
    for part in known:
        lights.update(part.lights)
    return About(
        sum(part.records for part in known),
        {light: lights[light] for light in LIGHTS if lights[light]},
        min(part.first for part in known),
        max(part.last for part in known),
        tuple(dict.fromkeys(signer for part in known for signer in part.signers)),
        tuple(told for part in known for told in part.each),
        logs=len(known),
    )


def outcome_words(told: Told) -> str:
    """`3 of 6 controls failed, 1 not evaluated`; `all 6 controls passed`."""
    if not told.controls:
        return "no control was judged in it"
    of = f"of {told.controls} control{'s' if told.controls > 1 else ''}"
    parts = [f"{told.failed} {of} failed"] if told.failed else []
    if told.unevaluated:
        parts.append(f"{told.unevaluated}{'' if parts else ' ' + of} not evaluated")
    if parts:
        return ", ".join(parts)
    return f"all {told.controls} controls passed" if told.controls > 1 else "its control passed"


def lights_words(about: About) -> str:
    """`1 RED, 2 amber, 14 green`."""
    named = [f"{count} {light_word(light)}" for light, count in about.lights.items()]
    return ", ".join(named) or "none was judged"


def light_word(light: str) -> str:
    """Red in capitals: nobody may read over it."""
    return light.upper() if light == "red" else light


def genuine_words(about: About) -> str:
    """What a verification that held came to: never the word "verified" over a red light alone."""
    if len(about.each) == 1:
        told = about.each[0]
        return (
            f"the evidence is genuine; the light it records is {light_word(told.light)}: "
            f"{outcome_words(told)}"
        )
    if about.taken is not None:
        taken = f"the logs that were taken in record: {lights_words(about.taken)}"
        own = lights_words(about) if about.lights else "none"
        return f"the evidence is genuine; the lights its own log records: {own}; {taken}"
    if not about.lights:
        return "the evidence is genuine; no record in it holds a light"
    return f"the evidence is genuine; the lights it records: {lights_words(about)}"


def _short(value: object) -> str:
    return str(value)[:200]
