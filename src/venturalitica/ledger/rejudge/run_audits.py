"""The audits that a run's record names: are they in the log, and as it says they are?

A run's light rests on its audits. Whoever writes its record could call a red audit green, or name
one that nobody ever made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import is_place
from venturalitica.core.json_values import text, texts
from venturalitica.core.record import AUDIT, RUN, Statement
from venturalitica.core.verdict import light_in, worst_light
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.records.chronicle import Chronicle, Record


class Audited(Struct, frozen=True):
    """What an audit's own record says of it; `controls` are those judged and those left out."""

    evidence_sha256: str
    light: str
    policy: str | None
    run: str
    light_of_judged: str
    judged: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, evidence_sha256: str, record: Statement) -> Audited:
        """From the audit's own record."""
        verdicts = record.verdict_items
        return cls(
            evidence_sha256,
            record.light,
            record.policy.sha256 if record.policy else None,
            record.run.id,
            worst_light(map(light_in, verdicts)),
            tuple(text(verdict.get("control")) for verdict in verdicts),
            record.left_out,
        )


class RunAudits(Chronicle):
    """Looks up in the log what the records of runs say of their audits. `alone`: there is none."""

    name = "run audits"
    meaning = "the record of a run does not say of its audits what their own records say"

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._audits: dict[int, Audited] = {}
        self._alike: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._of_run: dict[str, list[int]] = {}
        self._unknown: set[int] = set()
        self._pruned = 0
        self._checked = 0
        self._unseen: list[str] = []

    def pass_over(self, head: Head) -> None:
        """Audits among pruned entries cannot be looked up any more."""
        self._pruned = head.end

    def read(self, record: Record) -> None:
        """Keep an audit; hold a run against the audits before it."""
        if not record.statement.understood:
            # Of another format than this version reads; of other kinds a run names none.
            if record.statement.judged:
                self._unknown.add(record.index)
        elif record.kind == AUDIT:
            audit = self._shared(Audited.of(record.evidence_sha256, record.statement))
            self._audits[record.index] = audit
            self._of_run.setdefault(audit.run, []).append(record.index)
        elif record.kind == RUN:
            self._hold(record)

    def step(self) -> Step | None:
        """What was looked up; None where no run names an audit."""
        if self._unseen:
            more = f" (and {len(self._unseen) - 1} more)" if len(self._unseen) > 1 else ""
            return Step(self.name, None, f"{self._unseen[0]}{more}")
        if not self._checked:
            return None
        return Step(self.name, True, f"as runs say of them: {self._checked}")

    def _shared(self, audit: Audited) -> Audited:
        """The controls of a policy once for all its audits: a log may hold 100,000 of them."""
        names = [self._alike.setdefault(one, one) for one in (audit.judged, audit.left_out)]
        return replace(audit, judged=names[0], left_out=names[1])

    def _hold(self, record: Record) -> None:
        run = record.statement.run.id
        named = set()
        for said in record.statement.audits:
            place = said["index"]
            if place is None:
                continue  # it was not in the log when the run ended: it waited, or was not written
            if not is_place(place) or place >= record.index:
                raise EvidenceError(
                    f"it names the audit in entry {str(place)[:20]}, which is later"
                )
            named.add(place)
            self._look_up(record.index, place, said, run)
        for place in self._of_run.get(run, ()):
            if place not in named and not self._alone:
                light = self._audits[place].light
                self._unseen.append(
                    f"entry {record.index} does not name entry {place} ({light}), an audit of its "
                    "run: another process made it, or it was left out"
                )

    def _look_up(self, index: int, place: int, said: Mapping[str, Any], run: str) -> None:
        found = self._audits.get(place)
        if found is None and (self._alone or place < self._pruned or place in self._unknown):
            why = "was pruned" if place < self._pruned else "cannot be read by this version"
            self._unseen.append(
                f"not checked: entry {index} names the audit in entry {place}, which "
                f"{'is another entry of its log' if self._alone else why}"
            )
            return
        if found is None:
            raise EvidenceError(f"it names the audit in entry {place}, which is no audit")
        fault = disagreement(said, found, run)
        if fault:
            raise EvidenceError(f"it says of the audit in entry {place} {fault}")
        self._checked += 1


def disagreement(said: Mapping[str, Any], found: Audited, run: str) -> str:
    """Where a run says something else of an audit than the audit's own record; "" where not."""
    pairs = [
        ("evidence", said.get("evidence_sha256"), found.evidence_sha256),
        ("light", said.get("light"), found.light),
        ("policy", said.get("policy"), found.policy),
        ("run", run, found.run),
    ]
    # Runs of before do not say which controls their audits judged.
    if "light_of_judged" in said:
        pairs.append(("light of what was judged", said["light_of_judged"], found.light_of_judged))
    for key, names in (("judged", found.judged), ("left_out", found.left_out)):
        if key in said:
            pairs.append((key.replace("_", " "), ", ".join(texts(said[key])), ", ".join(names)))
    for name, claimed, right in pairs:
        if claimed != right:
            return f"{name} {str(claimed)[:64]}; its own record says {str(right)[:64]}"
    return ""
