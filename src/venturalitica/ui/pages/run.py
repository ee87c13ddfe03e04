"""One record: can this ship, what was found, where it comes from, and whether it still verifies.

Drawn by the sections that draw `report.html`, from the ledger, when it is asked for: no light here
was measured before. A record about records (a sign-off, say) says in plain words what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from venturalitica.core.gate import Standing as StandingAlias
from venturalitica.core.json_values import Json, text
from venturalitica.core.record import is_tracker_run
from venturalitica.core.verdict import Light
from venturalitica.errors import EntryPruned, EvidenceError
from venturalitica.ledger.index.queries import Filters, find_rows, rows_of
from venturalitica.ledger.index.rows import Outline, run_row
from venturalitica.ledger.lifecycle.ties import superseded
from venturalitica.reports.context import ReportContext, Standing
from venturalitica.ui.gate import gate_of
from venturalitica.ui.health import ANSWER_WAIT
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.lifecycle_records import Care, read_care
from venturalitica.ui.pages.compared_run import entry_of
from venturalitica.ui.places import lead_of, places
from venturalitica.ui.run_audits import DataSet, data_sets, inside_of
from venturalitica.ui.run_before import BeforeShown, read_before
from venturalitica.ui.run_judged import JudgedShown, judged_of
from venturalitica.ui.run_unread import UnreadShown, unread
from venturalitica.ui.templating import render
from venturalitica.ui.verification_steps import begun_sentence

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, RunRow
    from venturalitica.ledger.outbox import Undelivered
    from venturalitica.trackers.base import Lead, RunRef
    from venturalitica.ui.reader import Reading

GONE = 410
Url = Callable[..., str]


class TrackerPlace(Struct, frozen=True, kw_only=True):
    """One tracker run in which the record should be, and the way there.

    `light` is green only where a receipt for this very record confirms it.
    """

    tracker: str
    name: str
    run_id: str
    light: Light
    state: str
    at: str = ""
    run: RunRef | None = None
    lead: Lead


class RunContext(Struct, frozen=True, kw_only=True):
    """A record that is there. `report` is None for a record about records, which has a `care`.

    `problem` says why neither can be shown. `own`: it verifies, by the reader's own key. `unended`
    says that its run, which began with `unended_entry`, has no end on record. `aliases` are those
    that a gate's decision on it let a version have. `came` is what came before, `judged`
    what it is bound to by digests, `unread` what no rule looked at, `sets` the audits inside a run,
    each data set apart. `before` and `after` are the neighbours among the runs of the same name
    under the same policy.
    """

    entry: int
    size: int
    kind: str
    name: str
    experiment: str
    evidence_sha256: str
    signer: str
    appended_at: str
    standing: Standing
    report: ReportContext | None = None
    care: Care | None = None
    problem: str = ""
    own: bool = False
    unended: str = ""
    unended_entry: int | None = None
    kept: tuple[TrackerPlace, ...] = ()
    aliases: tuple[StandingAlias, ...] = ()
    came: BeforeShown | None = None
    judged: JudgedShown = JudgedShown()
    unread: UnreadShown = UnreadShown()
    sets: tuple[DataSet, ...] = ()
    before: RunRow | None = None
    after: RunRow | None = None

    @property
    def inside(self) -> int:
        """How many audits of a run are shown on its page."""
        return sum(len(one.audits) for one in self.sets)

    @property
    def downloads(self) -> tuple[tuple[str, str], ...]:
        """What can be downloaded, and what it is."""
        found = [("bundle", "Bundle (evidence.json)")]
        if self.report is not None:
            found.append(("report", "Report (HTML)"))
            if self.report.policy is not None and self.report.policy.intact:
                found.append(("policy", "Policy file"))
        return tuple(found)

    def source(self, url: Url) -> Callable[[int], str] | None:
        """The line of a rule, on the page of the policy's text."""
        policy = self.report.policy if self.report else None
        if policy is None or not policy.intact:
            return None
        named = {"name": policy.name, "sha256": policy.sha256}
        return lambda line: url("policy_text", **named, _anchor=f"line-{line}")

    def charts(self, url: Url) -> Callable[[str], str] | None:
        """A control in the runs of the same pipeline."""
        policy = self.report.policy if self.report else None
        if policy is None:
            return None
        named = {"policy": policy.name, "name": self.name, "experiment": self.experiment}
        return lambda control: url("trends", **named, control=control)


class GoneContext(Struct, frozen=True):
    """A record that was pruned."""

    entry: int
    size: int
    message: str


def page(request: Request) -> Response:
    """The page of an entry."""
    entry: int = request.path_params["entry"]
    with request.app.state.desk.reading() as reading:
        found = read(reading, entry)
        if isinstance(found, RunContext):
            found = replace(found, kept=_with_ports(reading, found.kept, Jobs.of(request.app)))
    if isinstance(found, GoneContext):
        return render(request, "run_gone.html", found, GONE)
    return render(request, "run.html", found)


def by_digest(request: Request) -> Response:
    """Lead to the record of an evidence digest: an address that holds wherever its entry is."""
    with request.app.state.desk.reading() as reading:
        entry = entry_of(reading, request.path_params["sha256"])
    return RedirectResponse(request.app.state.addresses.url("run", entry=entry), 303)


def read(reading: Reading, index: int) -> RunContext | GoneContext:
    """All that the page of an entry shows.

    Raises:
        HTTPException: there is no such entry.
        EvidenceError: the log was altered.
    """
    size = reading.ledger.size
    if index >= size:
        last = f"the last is entry {size - 1}" if size else "it is empty"
        raise HTTPException(404, f"There is no entry {index} in this log: {last}.")
    try:
        entry = reading.ledger.entry(index)
    except EntryPruned as error:
        return GoneContext(index, size, str(error))
    return _read_entry(reading, entry, size)


def _read_entry(reading: Reading, entry: Entry, size: int) -> RunContext:
    from venturalitica.review.record_page import readable, standing_of

    report, care, problem = None, None, ""
    try:
        with readable(entry):
            if entry.record.judged:
                report = reading.page_context(entry)
            else:
                care = read_care(reading.ledger, entry)
    except EvidenceError as error:
        problem = str(error)
    standing = report.standing if report else None
    row = run_row(Outline.of(entry.index, entry.envelope))
    before, after = _neighbours(reading, row) if report else (None, None)
    began, state = _unended(reading, row)
    inside = inside_of(reading, entry) if report else ()
    return RunContext(
        entry=entry.index,
        size=size,
        kind=row.kind,
        name=row.name,
        experiment=row.experiment,
        evidence_sha256=entry.evidence_sha256,
        signer=entry.signer,
        appended_at=row.appended_at,
        standing=standing or standing_of(reading.ledger, entry, doubts=reading.known()),
        report=report,
        care=care,
        problem=problem,
        own=report is not None
        and standing is not None
        and standing.fault is None
        and entry.signer in reading.own_keys(),
        unended=begun_sentence(state),
        unended_entry=began,
        kept=_kept(reading, entry, report) if report else (),
        aliases=gate_of(reading).of_record(entry.evidence_sha256) if report else (),
        came=read_before(reading, entry, row, inside) if report and _tries(report) else None,
        judged=judged_of(reading, entry, report, inside) if report else JudgedShown(),
        unread=unread(report) if report else UnreadShown(),
        sets=data_sets(inside, reading.known()),
        before=before,
        after=after,
    )


def _tries(report: ReportContext) -> bool:
    """Whether it judges anything, or was to: a run without a policy is no attempt at one."""
    return report.policy is not None or bool(report.audits)


def _unended(reading: Reading, row: RunRow) -> tuple[int | None, str]:
    """The entry with which a record's run began, where that has no end, and what is known of it."""
    begun = reading.begun()
    entries = (one.index for one in rows_of(reading.index, begun) if one.run_id == row.run_id)
    entry = next(entries, None)
    return entry, "" if entry is None else begun[entry]


def _neighbours(reading: Reading, row: RunRow) -> tuple[RunRow | None, RunRow | None]:
    """The runs of its pipeline before and after it; the index is good enough to lead there."""
    same = Filters(
        policy=row.policy_name,
        name=row.name,
        experiment=row.experiment,
        kind=row.kind,
    )
    earlier = find_rows(reading.index, same, before=row.index, limit=1)
    later = find_rows(reading.index, same, after=row.index, descending=False, limit=1)
    return next(iter(earlier), None), next(iter(later), None)


def _kept(reading: Reading, entry: Entry, report: ReportContext) -> tuple[TrackerPlace, ...]:
    waiting = {item.run_id: item for item in reading.waiting().get(entry.index, ())}
    gone = superseded(reading.attached(entry.index, entry.evidence_sha256))
    found = (_kept_at(reading, entry, run, waiting) for run in report.trackers)
    return tuple(
        replace(place, state=f"{place.state}; superseded, it belongs to run {made.run['run_id']}")
        if (made := gone.get((place.tracker, place.run_id)))
        else place
        for place in found
    )


def _kept_at(
    reading: Reading, entry: Entry, run: Json, waiting: Mapping[str, Undelivered]
) -> TrackerPlace:
    from venturalitica.audit.parcel import run_ref
    from venturalitica.trackers import lead
    from venturalitica.trackers.base import Lead

    tracker, run_id = text(run.get("tracker")), text(run.get("run_id"))
    known = is_tracker_run(run)
    light, state, at = _state(reading, entry, (tracker, run_id), waiting.get(run_id))
    return TrackerPlace(
        tracker=tracker,
        name=text(run.get("run_name")) or run_id,
        run_id=run_id,
        light=light if known else "grey",
        state=state if known else "the record names no run of a tracker",
        at=at,
        run=run_ref(run) if known else None,
        lead=lead(run_ref(run)) if known else Lead(),
    )


def _with_ports(
    reading: Reading, kept: tuple[TrackerPlace, ...], jobs: Jobs
) -> tuple[TrackerPlace, ...]:
    """Where a line starts a server, with the port that the store has under Integrations."""
    return tuple(
        replace(one, lead=lead_of(one.run, places(reading).shown, jobs, wait=ANSWER_WAIT))
        if one.run is not None and one.lead.live
        else one
        for one in kept
    )


def _state(
    reading: Reading, entry: Entry, run: tuple[str, str], waits: Undelivered | None
) -> tuple[Light, str, str]:
    """Whether the run has the record, by a receipt for this very record and by nothing else; and
    when that was."""
    if waits is not None and waits.kept:
        return "amber", waits.last_error, ""
    if waits is not None:
        why = f": {waits.last_error}" if waits.last_error else ""
        return "amber", f"not confirmed yet{why}", ""
    last = reading.last_attempt(entry.index, *run)
    if last and last.confirmed and last.evidence_sha256 == entry.evidence_sha256:
        return "green", "confirmed", last.at
    return "grey", "not known: there is no receipt of it here", ""
