"""`venturalitica bind`: put on record which model files a run of a tracker holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    complain,
    emit_json,
    leave,
    new_app,
    progress,
    say,
)

if TYPE_CHECKING:
    from venturalitica.audit.recording import Outcome
    from venturalitica.ledger.records.kinds.model_tie import ModelTie

app = new_app()


@app.command()
def bind(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="The tracker's own id of the run: 'runs show' names it."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Put on record which model files a run holds that were logged after an audited training.

    The training's own process does that when its run ends, and says whether the files give the same
    predictions; here, without the audited rows, the record says "logged afterwards" and no more.
    Nothing is loaded. Exit status 0 if all that the run holds is on record, 1 if it could not be
    asked, 2 if no training in that run is on record.

    \b
    Example:
      venturalitica bind 0a1b2c3d4e5f60718293a4b5c6d7e8f9
    """
    from venturalitica.audit.model_ties import bind as bind_run
    from venturalitica.audit.model_ties import untied
    from venturalitica.audit.project import open_ledger
    from venturalitica.errors import EvidenceError
    from venturalitica.system.settings import ask_trackers_briefly

    ask_trackers_briefly()
    run_id = run.removeprefix("runs:/")
    ledger = open_ledger(create=False)
    trainings = untied(ledger, run_id=run_id)
    if not trainings:
        raise EvidenceError(
            f"no audit of a training in a tracker's run '{run_id}' is on record in {ledger.home}; "
            "'venturalitica runs list' shows what is, 'runs show' the ids of their runs"
        )
    with progress("fetching and reading models"):
        outcomes, failed = bind_run(ledger, trainings, run_id=run_id)
    emit_json(facts(outcomes, failed)) if as_json else show(outcomes, failed)
    leave(FAILED if failed or any(outcome.fault for outcome in outcomes) else PASSED)


def facts(outcomes: list[Outcome], failed: list[str]) -> dict[str, Any]:
    """What was put on record, as JSON."""
    return {"models": [_facts(outcome) for outcome in outcomes], "not_asked": failed}


def _facts(outcome: Outcome) -> dict[str, Any]:
    made = _tie(outcome)
    return {
        "index": outcome.entry.index if outcome.entry else None,
        "name": made.name if made else None,
        "sha256": made.manifest.root if made else None,
        "tie": made.likeness.tie if made else None,
        "fault": outcome.fault or None,
    }


def show(outcomes: list[Outcome], failed: list[str]) -> None:
    """Say what was put on record, and what could not be asked."""
    for outcome in outcomes:
        made = _tie(outcome)
        if outcome.entry is None or made is None:
            complain(outcome.fault or outcome.waiting)
            continue
        say(f"entry {outcome.entry.index}: model {made.name}, {made.likeness.tie}")
        say(f"  root {made.manifest.root}")
    for line in failed:
        complain(f"not asked: {line}")
    if not outcomes and not failed:
        say("Nothing new: what the run holds is on record, or was made before the training.")


def _tie(outcome: Outcome) -> ModelTie | None:
    from venturalitica.ledger.records.kinds.model_tie import ModelTie

    return ModelTie.of(outcome.entry.record.predicate) if outcome.entry else None
