"""`venturalitica attach`: bring an audit on record to the run of a tracker that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    complain,
    delivery_facts,
    emit_json,
    leave,
    new_app,
    progress,
    say,
)

if TYPE_CHECKING:
    from venturalitica.audit.attachment import Attached
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.trackers.base import RunRef

app = new_app()


@app.command()
def attach(
    record: Annotated[
        str,
        typer.Argument(
            metavar="ENTRY", help="An entry, 'last', or the beginning of a run id or digest."
        ),
    ],
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="An id of MLflow's, entity/project/id of W&B, or the folder of an offline run.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Attach an audit to the run of a tracker that was not open when it was made.

    A record says so, signed; it goes to the run with the evidence, policy and report page, and
    'verify --run' knows by it that the audit belongs there. Exit status 0 if the run has them, 1 if
    that could not be confirmed yet ('venturalitica sync' goes on), 2 if there is no such record or
    run.

    \b
    Example:
      venturalitica attach last 0a1b2c3d4e5f60718293a4b5c6d7e8f9
    """
    from venturalitica.audit.attachment import attach as attach_to
    from venturalitica.audit.project import open_ledger
    from venturalitica.system.settings import Settings, ask_trackers_briefly

    ask_trackers_briefly()
    settings = Settings.current()
    ledger = open_ledger(settings, create=False)
    entry = _record(ledger, record)
    with progress("asking the tracker"):
        ref = _run(run)
    _refuse_there(ledger, entry, ref)
    with progress("delivering"):
        done = attach_to(entry, ref, "by hand", settings=settings)
    emit_json(facts(done, ref)) if as_json else show(entry, ref, done)
    leave(PASSED if done.delivered else FAILED)


def _record(ledger: Ledger, ref: str) -> Entry:
    from venturalitica.cli.runs import found
    from venturalitica.errors import EvidenceError

    rows = found(ledger, ref)
    judged = [row for row in rows if row.kind in ("audit", "run")]
    if len(judged) != 1:
        which = ", ".join(f"{row.index} ({row.kind})" for row in rows[:10])
        raise EvidenceError(
            f"'{ref}' is no single record of an audit or a monitored run, but entries {which}: "
            "give the number of one that is"
        )
    return ledger.entry(judged[0].index)


def _run(text: str) -> RunRef:
    from venturalitica.errors import EvidenceError
    from venturalitica.trackers import trackers
    from venturalitica.trackers.base import ask

    for tracker in trackers():
        found: RunRef | None = ask(tracker, "find_run", text)
        if found is not None:
            return found
    raise EvidenceError(
        f"no tracker knows a run {text!r} by its name: expected the 32 digits of an MLflow run "
        "(with MLFLOW_TRACKING_URI set to its store), entity/project/id of a W&B run, or the "
        "folder of an offline one (wandb/offline-run-...)"
    )


def _refuse_there(ledger: Ledger, entry: Entry, run: RunRef) -> None:
    from venturalitica.errors import EvidenceError
    from venturalitica.ledger.lifecycle.ties import attachments_of, place_of, runs_of

    made = [attachment for _, attachment in attachments_of(ledger, entry)]
    places = map(place_of, runs_of(entry.record.trackers, made))
    if (run.tracker, run.run_id) in places:
        raise EvidenceError(
            f"entry {entry.index} belongs to the {run.tracker} run {run.run_id} already; "
            "'venturalitica sync' delivers what is missing there"
        )


def facts(done: Attached, run: RunRef) -> dict[str, Any]:
    """What was put on record and what became of it, as JSON."""
    recorded = done.record.entry
    return {
        "index": recorded.index if recorded else None,
        "tracker": run.tracker,
        "run_id": run.run_id,
        "fault": done.record.fault or done.record.waiting or None,
        "parcels": [
            {"index": outcome.index} | delivery_facts(outcome)
            for outcome in (*done.record.deliveries, *done.deliveries)
        ],
    }


def show(entry: Entry, run: RunRef, done: Attached) -> None:
    """Say where the evidence is now."""
    if done.record.entry is None:
        complain(done.record.fault or done.record.waiting)
        return
    place = f"{run.tracker} run {run.url or run.run_id}"
    say(f"entry {done.record.entry.index}: entry {entry.index} belongs to {place}")
    for outcome in done.deliveries:
        say(f"  {outcome.state}: {outcome.detail}")
