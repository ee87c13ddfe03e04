"""Evidence: the log, who signed it, what was erased or pruned; verify it, or a bundle, now."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from venturalitica.core.redact import redact_text
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EntryPruned, EvidenceError, VenturaliticaError
from venturalitica.ledger.index.counts.answers import lights_of
from venturalitica.ledger.index.cross_check import stamp_of
from venturalitica.reports.context import ReportContext
from venturalitica.reports.verified import NOT_PROVEN, Apart, Said, of_report
from venturalitica.review.health.evidence import Signer, signers
from venturalitica.review.record_page import BundlePage, bundle_page
from venturalitica.system.settings import Settings
from venturalitica.ui.health import Standing, standing
from venturalitica.ui.jobs import Job, Jobs, Verified
from venturalitica.ui.reader import Desk, NoEvidenceYetError, Reading
from venturalitica.ui.templating import render
from venturalitica.ui.verification_steps import KINDS, Outcome, bundle_command, log_command, outcome

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow

MOST_EVENTS = 5
"""Erasures, prunings and rotations that are listed, the latest of each."""

NONE_YET = Standing("grey", "None yet", "")

KEYS_WAIT = 1.0
"""Seconds that the page waits for the reader's own keys: one held elsewhere may take longer."""


class LogFacts(Struct, frozen=True):
    """The log as it is now. `last` is when the last record was appended."""

    origin: str
    entries: int
    size: int
    last: str
    inbox: int | None
    outbox: int


class RetentionFacts(Struct, frozen=True):
    """How long records are kept: the class of new ones, and of the oldest audit that is here."""

    new: str
    oldest: int | None = None
    until: str = ""


class EvidenceContext(Struct, frozen=True):
    """What the page shows. `log` is None where there is none, or where `fault` says why not."""

    home: str
    log: LogFacts | None = None
    fault: str = ""
    checkpoint: str = ""
    signers: tuple[Signer, ...] = ()
    asking: bool = False
    vault: int = 0
    retention: RetentionFacts | None = None
    events: tuple[tuple[str, tuple[RunRow, ...]], ...] = ()
    standing: Standing = NONE_YET
    outcome: Outcome | None = None
    job: Job | None = None
    upload: int = 0
    prefix: str = ""
    """What stands before our commands where this is not the project's own evidence."""


class JobContext(Struct, frozen=True):
    """A verification that runs, or has ended."""

    job: Job
    outcome: Outcome | None
    verified: Verified | None
    both: Apart | None = None


class BundleContext(Struct, frozen=True):
    """What a dropped bundle came to."""

    name: str
    at: str
    outcome: Outcome
    job: str
    about: BundlePage | None
    both: Apart

    @property
    def kind(self) -> str:
        """What the record is, in words; of a record that has no report."""
        kind = self.about.kind if self.about else ""
        return KINDS.get(kind, kind)


class BundleReportContext(Struct, frozen=True):
    """A bundle's record as a report."""

    name: str
    job: str
    report: ReportContext


def read(reading: Reading, jobs: Jobs) -> EvidenceContext:
    """Read it from the ledger.

    Raises:
        EvidenceError: a part of it cannot be read or trusted.
    """
    ledger, index, home = reading.ledger, reading.index, reading.desk.home
    newest = index.runs(limit=1)
    head = ledger.head()
    log = LogFacts(
        origin=head.origin,
        entries=head.size,
        size=(stamp_of(home / "log" / "entries.jsonl") or (0, 0))[1],
        last=newest[0].appended_at if newest else "",
        inbox=ledger.waiting if (home / "inbox").is_dir() else None,
        outbox=sum(map(len, reading.waiting().values())),
    )
    own = own_keyids(reading.desk, jobs)
    who = reading.kept(f"signers {own}", lambda: signers(home, own), "keys")
    return EvidenceContext(
        home=str(home),
        log=log,
        checkpoint=ledger.checkpoint,
        signers=who,
        asking=own is None,
        vault=_vault(home),
        retention=_retention(reading),
        events=_events(reading),
        standing=standing(jobs.verified, head.size, home),
        outcome=_last_outcome(jobs, home),
        job=_running(jobs),
    )


def without_log(desk: Desk, jobs: Jobs, fault: str = "") -> EvidenceContext:
    """The page where there is no log, or none that can be read: verifying still goes."""
    told = standing(jobs.verified, 0, desk.home) if fault else NONE_YET
    return EvidenceContext(
        home=str(desk.home),
        fault=fault,
        standing=told,
        outcome=_last_outcome(jobs, desk.home),
        job=_running(jobs),
    )


def _remains(home: Path) -> str:
    """What to say of a folder that has no log; nothing where nothing was ever begun there."""
    if not home.is_dir() or not any(home.iterdir()):
        return ""
    return f"{home}: there is no log here, and other parts of one are: it was lost or removed"


def own_keyids(desk: Desk, jobs: Jobs) -> tuple[str, ...] | None:
    """Ids of the reader's own keys; None while a signer from outside is asked."""
    from venturalitica.review.verification import own_keys

    def ask() -> tuple[str, ...]:
        try:
            return tuple(sorted(own_keys(desk.settings)))
        except VenturaliticaError:
            return ()  # 'doctor' says what is wrong with the key

    return jobs.ask("own keys", ask, wait=KEYS_WAIT)


def _vault(home: Path) -> int:
    from venturalitica.ledger.records.vault import Vault

    return len(Vault(home).digests())


def _retention(reading: Reading) -> RetentionFacts:
    from venturalitica.core.retention import RetentionTerm
    from venturalitica.ledger.lifecycle.place import kept_until
    from venturalitica.review.record_page import UNPLACED

    new = reading.desk.settings.retention
    oldest = reading.index.runs(kind="audit", newest_first=False, limit=1)
    if not oldest:
        return RetentionFacts(new)
    row = oldest[0]
    try:
        record = reading.ledger.entry(row.index).record
        until = kept_until(reading.ledger, record, RetentionTerm.of(record.retention))
    except EntryPruned:
        return RetentionFacts(new)
    except EvidenceError as error:
        return RetentionFacts(new, row.index, f"not known: {error}")
    return RetentionFacts(new, row.index, until.isoformat() if until else UNPLACED)


def _events(reading: Reading) -> tuple[tuple[str, tuple[RunRow, ...]], ...]:
    named = (
        ("Keys handed over", "key-rotation"),
        ("Decisions of a gate", "decision"),
        ("Overrides of a gate", "override"),
        ("Placed on the market", "placement"),
        ("Erased", "erasure"),
        ("Pruned", "prune"),
    )
    found = ((word, reading.index.runs(kind=kind, limit=MOST_EVENTS)) for word, kind in named)
    return tuple((word, rows) for word, rows in found if rows)


def _running(jobs: Jobs) -> Job | None:
    job = jobs.latest("verify")
    return job if job is not None and (job.running or job.error) else None


def _last_outcome(jobs: Jobs, home: Path) -> Outcome | None:
    return None if jobs.verified is None else log_outcome(jobs.verified, home)


def log_outcome(verified: Verified, home: Path) -> Outcome:
    """A verification of the log, each step with the line that makes it anew."""
    pruned = any(step.name == "retention" for step in verified.found.steps)

    def command(step: Step) -> str:
        entry = verified.size - 1 if step.index is None else step.index
        return log_command(step.name, str(home), entry=entry, pruned=pruned)

    found = outcome(verified.found, command)
    now = standing(verified, _size(home), home)
    if found.light != "green" or now.light == "green":
        return found
    # What held then says nothing of what has come, or was changed, since.
    return replace(found, light=now.light, word=now.word, sentence=f"It held then: {now.text}.")


def _size(home: Path) -> int:
    from venturalitica.ledger import Ledger

    try:
        return Ledger.open(home).size
    except EvidenceError:
        return 0


def bundle_outcome(found: Verification) -> Outcome:
    """A verification of a bundle, each step with the line that makes it anew."""
    return outcome(found, lambda step: bundle_command(step.name))


# --- Requests -----------------------------------------------------------------------------------


def page(request: Request) -> Response:
    """Answer `/evidence`."""
    desk, jobs = _desk(request), Jobs.of(request.app)
    try:
        with desk.reading() as reading:
            context = read(reading, jobs)
    except NoEvidenceYetError:
        context = without_log(desk, jobs, _remains(desk.home))
    except EvidenceError as error:
        # The page that says whether evidence holds is the last that may fail with it.
        context = without_log(desk, jobs, redact_text(str(error)))
    return render(
        request, "evidence.html", replace(context, upload=_upload_limit(), prefix=_prefix(desk))
    )


def verify(request: Request) -> Response:
    """Begin a verification of the log, or find the one that runs."""
    form: Mapping[str, Any] = request.state.form
    job = Jobs.of(request.app).verify(_desk(request), witnesses=form.get("witnesses") == "1")
    return _to(request, "verify_job", job=job.id)


def verify_job(request: Request) -> Response:
    """How far a verification is, or what it came to."""
    return render(request, "verify_job.html", _job(request))


def live_verify(request: Request) -> Response:
    """The same, the part that changes."""
    return render(request, "_verify_job.html", _job(request))


def _job(request: Request) -> JobContext:
    job = Jobs.of(request.app).get("verify", request.path_params["job"])
    if job is None:
        raise HTTPException(404, "This verification is not known any more: begin another.")
    found = job.result if isinstance(job.result, Verified) else None
    home = _desk(request).home
    if found is None:
        return JobContext(job, None, None)
    told = log_outcome(found, home)
    return JobContext(job, told, found, _apart(_desk(request), found.found, told))


def _apart(desk: Desk, found: Verification, told: Outcome) -> Apart:
    """The lights that the log records, the worst of them first, beside what its steps came to."""
    evidence = Said(told.light, told.word, told.sentence)
    try:
        with desk.reading() as reading:
            lights = lights_of(reading.index, reading.known())
    except EvidenceError:
        return Apart(None, evidence)  # the log cannot be read: the steps say why
    if not lights:
        return Apart(None, evidence)
    words = ", ".join(f"{number:,} {light}" for light, number in lights)
    shown = Said(lights[0][0], words) if found.ok else Said("grey", f"It says {words}", NOT_PROVEN)
    return Apart(shown, evidence)


def verify_bundle(request: Request) -> Response:
    """Verify a bundle that was sent; nothing of it is kept but what it came to."""
    from venturalitica.core.encoding import MAX_LINE
    from venturalitica.ledger.verify.verify import verify_bundle as verified
    from venturalitica.review.verification import reader_keys

    sent = request.state.form.get("bundle")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise HTTPException(400, "No file was chosen: choose a bundle (evidence.json).")
    with sent.file:
        data = sent.file.read(2 * MAX_LINE + 1)
    try:
        own = reader_keys(_desk(request).settings)
    except VenturaliticaError:
        own = {}
    found = verified(data, known_keys=own)
    # Anybody can make a bundle, with a key of his own in it: none is taken on its word, as the key
    # that began a log is by a reader without any.
    about = bundle_page(data, found, own=True)
    both = of_report(found, about.report if about else None)
    jobs = Jobs.of(request.app)
    job = jobs.keep("bundle", (sent.filename[:200], bundle_outcome(found), about, both))
    return _to(request, "bundle", job=job.id)


def bundle(request: Request) -> Response:
    """What a bundle came to."""
    job = _dropped(request)
    name, found, about, both = job.result
    context = BundleContext(name, job.ended, found, job.id, about, both)
    return render(request, "bundle.html", context)


def bundle_report(request: Request) -> Response:
    """The record of a bundle as a report."""
    job = _dropped(request)
    name, _, about, _ = job.result
    if about is None or about.report is None:
        raise HTTPException(404, "This file holds no audit and no run: it has no report.")
    return render(request, "bundle_report.html", BundleReportContext(name, job.id, about.report))


def _dropped(request: Request) -> Job:
    job = Jobs.of(request.app).get("bundle", request.path_params["job"])
    if job is None:
        raise HTTPException(404, "This result is not known any more: drop the file again.")
    return job


def _prefix(desk: Desk) -> str:
    own = desk.home == Settings.current().home
    return "" if own else f"VENTURALITICA_HOME={shlex.quote(str(desk.home))} "


def _upload_limit() -> int:
    from venturalitica.ui.pages import BUNDLE_BODY

    return BUNDLE_BODY // (1024 * 1024)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _to(request: Request, name: str, **params: object) -> Response:
    return RedirectResponse(request.app.state.addresses.url(name, **params), 303)
