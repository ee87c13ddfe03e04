"""`venturalitica sync`: deliver the evidence that trackers have not confirmed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    counter,
    delivery_facts,
    emit_json,
    hint,
    leave,
    new_app,
    say,
    table,
)

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.system.settings import Settings

app = new_app()


@app.command()
def sync(as_json: JsonOption = False) -> None:
    """Deliver evidence that still waits for its tracker.

    Before that, models that were logged in the runs of the latest audited trainings, and that no
    record speaks of yet, are put on record as logged afterwards ('venturalitica bind').

    On a file system without locks, evidence that waits in the inbox is taken into the log first.
    Delivering twice is harmless. Exit status 0 if nothing waits any more, 1 if something still
    does, 2 if there is no evidence log.

    \b
    Example:
      venturalitica sync
    """
    from venturalitica.audit.delivery import sync as deliver_waiting
    from venturalitica.audit.project import take_in
    from venturalitica.ledger import Ledger
    from venturalitica.system.settings import Settings, ask_trackers_briefly

    ask_trackers_briefly()
    settings = Settings.current()
    ledger = Ledger.open(settings.home)
    inbox = take_in(settings)
    _tie(settings)
    with counter("delivering") as progress:
        outcomes = deliver_waiting(ledger, progress=progress)
    emit_json(facts(outcomes, inbox)) if as_json else _show(outcomes)
    if inbox and not as_json:
        say(f"{inbox} in the inbox: not ours to seal; 'venturalitica verify' says more.")
    leave(PASSED if not inbox and all(outcome.delivered for outcome in outcomes) else FAILED)


def _tie(settings: Settings) -> None:
    """Only with a key that is here, and to what it signed: another would be new to the log."""
    from venturalitica.audit.model_ties import bind, untied
    from venturalitica.audit.project import open_ledger
    from venturalitica.errors import SigningKeyError
    from venturalitica.ledger.signing.signer import has_own_key

    own = settings.config is not None and has_own_key(settings.config)
    if not (settings.signer or settings.signing_key or own):
        return
    try:
        ledger = open_ledger(settings, create=False)
        outcomes, failed = bind(ledger, untied(ledger, signed_by=ledger.signer_id))
    except SigningKeyError as error:
        hint(f"no model was looked for: {error}")
        return
    for outcome in outcomes:
        if outcome.entry is not None:
            hint(f"entry {outcome.entry.index}: the files of a model that was logged afterwards")
    for line in failed:
        hint(f"no model was looked for in {line}")


def facts(outcomes: tuple[Delivery, ...], inbox: int = 0) -> dict[str, Any]:
    """What became of each parcel, as JSON."""
    return {
        "delivered": sum(outcome.delivered for outcome in outcomes),
        "waiting": sum(not outcome.delivered for outcome in outcomes),
        "inbox": inbox,
        "parcels": [{"index": outcome.index} | delivery_facts(outcome) for outcome in outcomes],
    }


def _show(outcomes: tuple[Delivery, ...]) -> None:
    if not outcomes:
        say("Nothing waits: every tracker has confirmed what it was sent.")
        return
    rows = [(str(o.index), o.run.tracker, o.run.run_id, o.state, o.detail) for o in outcomes]
    table(("entry", "tracker", "run", "state", "detail"), rows, right=("entry",), whole=("run",))
    waiting = sum(not outcome.delivered for outcome in outcomes)
    say()
    say(f"{len(outcomes) - waiting} delivered, {waiting} still waiting.")
