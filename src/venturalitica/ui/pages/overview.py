"""The overview: is anything red, and where? One card for each pipeline, failures first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.pipelines import Key, Pipeline, Point, pipelines, trends
from venturalitica.ledger.index.queries import rows_of, verdicts_of
from venturalitica.reports.html.interval_chart import Mark, strip
from venturalitica.reports.html.trend_chart import TrendPoint, signed, trend
from venturalitica.ui.health import HealthRow
from venturalitica.ui.health import rows as health_rows
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.pages.runs import TrackerLink, tracker_link
from venturalitica.ui.templating import count, draw, pages_of, render
from venturalitica.ui.verification_steps import begun_sentence, explanation, marks

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ledger.index.cross_check import Lines
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ui.reader import Desk, Reading

PER_PAGE = 24
TREND = 30
"""Runs in a picture."""


class PipelineCard(Struct, frozen=True, kw_only=True):
    """One pipeline: how its last run went, and how the runs before it did.

    `entry` is the record that explains the light, `last` the newest. `only` is the experiment that
    its runs are asked for by, empty where it has all runs of its policy and name. `before` is what
    the last audit says came before it, empty where it says nothing.
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

    @property
    def strip(self) -> Markup | None:
        """The controls of the last run."""
        return strip(self.marks)

    @property
    def trend(self) -> Markup | None:
        """The runs before it, too."""
        return trend([_drawn(point) for point in self.line])

    @property
    def margin(self) -> str:
        """The worst margin of the last run; empty where nothing was measured."""
        margin = self.line[-1].margin if self.line else None
        return "" if margin is None else signed(margin)

    @property
    def margin_control(self) -> str:
        """The control that has it."""
        return (self.line[-1].row.margin_control or "") if self.line else ""


class OverviewContext(Struct, frozen=True, kw_only=True):
    """What the overview shows. `edited` says that the index had to be made again."""

    cards: tuple[PipelineCard, ...]
    counts: Mapping[Light, int]
    total: int
    page: int
    entries: int
    health: tuple[HealthRow, ...] = ()
    edited: str = ""

    @property
    def pages(self) -> int:
        """How many pages of cards there are."""
        return pages_of(self.total, PER_PAGE)


class Shell(Struct, frozen=True, kw_only=True):
    """All that changes on the page, drawn; `seen` changes with it."""

    inner: Markup
    seen: str
    page: int
    red: int


def page(request: Request) -> Response:
    """Answer `/`."""
    return render(request, "overview.html", _shell(request))


def live(request: Request) -> Response:
    """Answer `/live/overview`: the inside of the page, if it is another than the asker's."""
    shell = _shell(request)
    if request.query_params.get("seen") == shell.seen:
        return Response(status_code=204)
    return render(request, "_overview_live.html", shell)


def _shell(request: Request) -> Shell:
    context = _context(request)
    inner = Markup(draw(request, "_overview.html", context))
    seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
    return Shell(inner=inner, seen=seen, page=context.page, red=context.counts["red"])


def _context(request: Request) -> OverviewContext:
    desk: Desk = request.app.state.desk
    number = request.query_params.get("page", "1")
    known = number.isascii() and number.isdecimal() and len(number) < 8
    with desk.reading() as reading:
        # First what is held against the log: it says where the index was edited.
        found = read(reading, page=max(1, int(number)) if known else 1)
        return replace(found, health=health_rows(reading, Jobs.of(request.app)))


def read(reading: Reading, *, page: int = 1) -> OverviewContext:
    """What the overview shows of the evidence; the health is put to it.

    The first page is kept until the log, the receipts or the index change.
    """
    if page == 1:
        files = ("receipts.jsonl", "index.db")
        # A process that was killed changes no file.
        now = f"overview {reading.desk.refuted} {reading.begun()}"
        return reading.kept(now, lambda: _read(reading, 1), *files)
    return _read(reading, page)


def _read(reading: Reading, page: int) -> OverviewContext:
    found, edited = reading.shown(lambda: _Found.read(reading, page), _Found.lines)
    known, lights = reading.known(), [pipeline.light for pipeline in found.all]
    return OverviewContext(
        cards=tuple(found.card(reading, pipeline, known) for pipeline in found.shown),
        counts={light: lights.count(light) for light in LIGHTS},
        total=len(found.all),
        page=page,
        entries=reading.ledger.size,
        edited=edited,
    )


class _Found(Struct, frozen=True, kw_only=True):
    """The rows that the cards are made of."""

    all: Sequence[Pipeline]
    shown: Sequence[Pipeline]
    trends: Mapping[Key, tuple[Point, ...]]
    rows: Mapping[int, RunRow]
    verdicts: Mapping[int, Sequence[VerdictRow]]

    @classmethod
    def read(cls, reading: Reading, page: int) -> _Found:
        known, index = reading.known(), reading.index
        found = pipelines(index, known)
        shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
        lines = trends(index, shown, known, limit=TREND)
        told = {entry for item in shown for entry in (item.last, item.worst)}
        last_runs = {row.index: row for line in lines.values() for row in _last_records(line)}
        rows = {row.index: row for row in rows_of(index, told - last_runs.keys())} | last_runs
        return cls(
            all=found,
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
        )

    def _of(self, pipeline: Pipeline) -> list[int]:
        """The entries of the last run, oldest first; its own record too."""
        records = {row.index for row in _last_records(self.trends[pipeline.key])}
        return sorted(records | {pipeline.last, pipeline.worst})


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


def _drawn(point: Point) -> TrendPoint:
    row = point.row
    day = row.started_at[:16].replace("T", " ")
    version = f", version {row.policy_version}" if row.policy_version else ""
    value = "nothing measured"
    if point.margin is not None:
        value = f"{signed(point.margin)} at {row.margin_control}"
    words = f"entry {row.index}, {day} UTC{version}: {point.light}, {value}"
    return TrendPoint(point.light, point.margin, point.interval, words)
