"""Pipelines as the overview shows them: a card for each policy and name, the experiments apart
inside, or a line of a table for each pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct

from venturalitica.core.json_values import Json, text
from venturalitica.core.verdict import Light
from venturalitica.ledger.index.pipelines import Key, Pipeline, Point, trends
from venturalitica.ledger.index.queries import rows_of, verdicts_of
from venturalitica.reports.html.interval_chart import Mark, strip
from venturalitica.reports.html.trend_chart import TrendPoint, signed, trend
from venturalitica.ui.pages.tracker_links import TrackerLink, tracker_link
from venturalitica.ui.pages.trends import address
from venturalitica.ui.templating import count
from venturalitica.ui.verification_steps import begun_sentence, explanation, marks

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ledger.index.cross_check import Lines
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ui.reader import Reading


class PipelineCard(Struct, frozen=True, kw_only=True):
    """One pipeline: how its last run went, and how the runs before it did.

    `entry` is the record that explains the light, `last` the newest. `only` is the experiment that
    its runs are asked for by, empty where it has all runs of its policy and name. `before` is what
    the last audit says came before it, empty where it says nothing. `called` are the names of its
    experiments, or the experiments as the index spells them.
    """

    of: Pipeline
    last: RunRow
    entry: int
    only: str
    why: str
    decision: str
    trackers: tuple[TrackerLink, ...]
    marks: tuple[Mark, ...]
    line: tuple[Point, ...]
    before: str
    called: str

    @property
    def strip(self) -> Markup | None:
        """The controls of the last run."""
        return strip(self.marks)

    def trend(self, url: Callable[..., str]) -> Markup | None:
        """The runs before it, too; `url` gives the address of each run's page."""
        return trend([_drawn(point, url) for point in self.line])

    @property
    def runs(self) -> tuple[tuple[Point, TrendPoint], ...]:
        """Each run, and its light and words; oldest first."""
        return tuple((point, _drawn(point)) for point in self.line)

    @property
    def charts(self) -> dict[str, object]:
        """The parameters of its charts over time."""
        return address(self.of)

    @property
    def margin(self) -> str:
        """The worst margin of the last run; empty where nothing was measured."""
        margin = self.line[-1].margin if self.line else None
        return "" if margin is None else signed(margin)

    @property
    def margin_control(self) -> str:
        """The control that has it."""
        return (self.line[-1].row.margin_control or "") if self.line else ""


class PipelineGroup(Struct, frozen=True, kw_only=True):
    """All pipelines of one policy and name: one for each experiment, failures first.

    `light` is the worst of them; `more` are those that are not shown.
    """

    policy: str | None
    name: str
    light: Light
    cards: tuple[PipelineCard, ...]
    more: int = 0

    @property
    def entry(self) -> int:
        """The record that explains the light."""
        return self.cards[0].entry


class Found(Struct, frozen=True, kw_only=True):
    """The rows that the cards of these pipelines are made of."""

    shown: Sequence[Pipeline]
    trends: Mapping[Key, tuple[Point, ...]]
    rows: Mapping[int, RunRow]
    verdicts: Mapping[int, Sequence[VerdictRow]]

    @classmethod
    def of(cls, reading: Reading, shown: Sequence[Pipeline], *, runs: int) -> Found:
        """Ask the index for them, and for so many of the last runs of each."""
        index = reading.index
        lines = trends(index, shown, reading.known(), limit=runs)
        told = {entry for item in shown for entry in (item.last, item.worst)}
        last_runs = {row.index: row for line in lines.values() for row in _last_records(line)}
        rows = {row.index: row for row in rows_of(index, told - last_runs.keys())} | last_runs
        return cls(
            shown=[item for item in shown if {item.last, item.worst} <= rows.keys()],
            trends=lines,
            rows=rows,
            verdicts=verdicts_of(index, rows),
        )

    def lines(self) -> list[Lines]:
        """All that is shown of the index."""
        drawn = {
            row.index: row for line in self.trends.values() for one in line for row in one.records
        }
        older = [row for entry, row in drawn.items() if entry not in self.rows]
        return [(list(self.rows.values()), self.verdicts), (older, None)]

    def card(self, reading: Reading, pipeline: Pipeline, known: Known) -> PipelineCard:
        """The card of one pipeline."""
        line = self.trends[pipeline.key]
        last, worst = self.rows[pipeline.last], self.rows[pipeline.worst]
        late = reading.waiting()
        entries = self._of(pipeline)
        waits = {item.tracker for e in entries for item in late.get(e, ())}
        records = [self.rows[e] for e in entries if e in self.rows]
        judged = [verdict for e in entries for verdict in self.verdicts.get(e, ())]
        approvals = reading.approvals().get(pipeline.last, ())
        began = [known.begun[e] for e in entries if e in known.begun and e != worst.index]
        why = explanation(worst, judged, sorted(waits), known)
        return PipelineCard(
            of=pipeline,
            last=last,
            entry=worst.index,
            only="" if pipeline.untracked else pipeline.experiment,
            why=" ".join([why, *map(begun_sentence, began)]),
            decision=approvals[-1].decision if approvals else "",
            trackers=tuple(tracker_link(reading, records, run) for run in reading.runs(last)),
            marks=() if known.fault(worst) else marks(judged),
            line=line,
            before=_before(records),
            called=_called(pipeline.experiment, reading.runs(last)),
        )

    def _of(self, pipeline: Pipeline) -> list[int]:
        """The entries of the last run, oldest first; its own record too."""
        records = {row.index for row in _last_records(self.trends[pipeline.key])}
        return sorted(records | {pipeline.last, pipeline.worst})


def _called(experiment: str, runs: Sequence[Json]) -> str:
    """The experiments by the names that their trackers showed, with what tells them apart."""
    names = {text(run.get("experiment_name")) for run in runs} - {""}
    plain = " and ".join(sorted(name for name in names if name not in experiment))
    return f"{plain} ({experiment})" if plain and experiment else experiment


def _before(records: Sequence[RunRow]) -> str:
    """What the newest audit of a run says came before it."""
    audits = [row for row in records if row.kind == "audit"]
    last = max(audits, key=lambda row: row.index, default=None)
    if last is None or last.attempts is None:
        return ""
    committed = (
        "no commitment" if last.committed is None else f"committed in entry {last.committed}"
    )
    counted = f"{count(last.attempts, 'earlier audit')} of these data in this log"
    later = last.before_policy or 0
    changed = f"policy changed after {count(later, 'audit')} of them"
    return "; ".join((counted, *([changed] if later else []), committed))


def _last_records(line: Sequence[Point]) -> Sequence[RunRow]:
    return line[-1].records if line else ()


def _drawn(point: Point, url: Callable[..., str] | None = None) -> TrendPoint:
    row = point.row
    day = row.started_at[:16].replace("T", " ")
    version = f", version {row.policy_version}" if row.policy_version else ""
    value = "nothing measured"
    if point.margin is not None:
        value = f"{signed(point.margin)} at {row.margin_control}"
    words = f"entry {row.index}, {day} UTC{version}: {point.light}, {value}"
    link = url("run", entry=row.index) if url else ""
    return TrendPoint(point.light, point.margin, point.interval, words, link)
