"""Runs that began: has each its end on record, and is it the end of the very run?"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from venturalitica.core.record import BEGIN, RUN, Run
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.lifecycle.begun import UNDER_WAY, state_of
from venturalitica.ledger.records.chronicle import Chronicle, Record


class _Begun(Struct, frozen=True):
    index: int
    run: Run


class RunEnds(Chronicle):
    """The chronicle `run ends`; of a bundle alone nothing is known of other records."""

    name = "run ends"
    meaning = "a run ended otherwise than it began"

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._begun = 0
        self._open: dict[str, _Begun] = {}
        self._ended: set[str] = set()

    def pass_over(self, head: Head) -> None:
        """Ends may be among pruned entries: of what began before, nothing more is known."""
        self._open.clear()

    def read(self, record: Record) -> None:
        """Keep what began; hold an end against its beginning."""
        if record.kind not in (BEGIN, RUN):
            return
        run = record.statement.run
        began = self._open.pop(run.id, None)
        if record.kind == BEGIN:
            self._begun += 1
            if began or run.id in self._ended:
                raise EvidenceError(f"the run {run.id[:32]} began, or ended, before this")
            self._open[run.id] = _Begun(record.index, run)
            return
        self._ended.add(run.id)
        for name in ("name", "started_at", "parent"):
            said = getattr(run, name)
            if began and said != getattr(began.run, name):
                raise EvidenceError(
                    f"its run's {name} is {str(said)[:64]!r}; entry {began.index}, with which it "
                    f"began, says {str(getattr(began.run, name))[:64]!r}"
                )

    def step(self) -> Step | None:
        """Which runs have no end on record; None where none began, or of a bundle."""
        if self._home is None or not self._begun:
            return None
        states = [(one, state_of(self._home, one.run.id)) for one in self._open.values()]
        texts = [f"entry {one.index}, {one.run.name[:80]!r}: {state}" for one, state in states[:5]]
        more = f" (and {len(states) - 5} more)" if len(states) > 5 else ""
        told = "; ".join(texts) + more
        if all(state == UNDER_WAY for _, state in states):
            rest = f" ({told})" if told else ""
            return Step(self.name, True, f"of {self._begun} that began each has its end{rest}")
        first = next(one.index for one, state in states if state != UNDER_WAY)
        return Step(self.name, None, f"{len(states)} of {self._begun} that began: {told}", first)
