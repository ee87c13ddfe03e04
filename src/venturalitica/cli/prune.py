"""`venturalitica prune`: take out whole segments of the log whose retention has passed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    PASSED,
    JsonOption,
    YesOption,
    agree,
    counter,
    emit_json,
    hint,
    leave,
    new_app,
    say,
)
from venturalitica.errors import SettingsError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ledger.lifecycle.prune import Plan

app = new_app()


@app.command()
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken out.")
    ] = False,
    placed: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="For records from before 'venturalitica place': when the system was placed on the "
            "market; their ten years count from there, not from the record.",
        ),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take whole segments of 1,024 records out of the log once all in them were kept long enough.

    Their leaf hashes stay, so the log, its proofs and its witnesses verify as before; their
    contents are gone for good. A signed record says what was taken out. A log that does not verify
    is left as it is.

    \b
    Example:
      venturalitica prune --dry-run
    """
    from venturalitica.audit.project import open_ledger
    from venturalitica.cli.runs import own_ledger
    from venturalitica.ledger.lifecycle import prune as pruner

    today = datetime.now(UTC).date()
    ledger = own_ledger() if dry_run else open_ledger(create=False)
    with counter("reading the log") as progress:
        plan = pruner.plan(
            ledger, today, segment=pruner.SEGMENT, placed=_day(placed), progress=progress
        )
    if dry_run:
        emit_json(facts(plan, None)) if as_json else _show(plan)
        return
    if plan.entries and not agree(_question(plan, today), yes=yes):
        leave(PASSED)
    entry = pruner.prune(ledger, plan)
    emit_json(facts(plan, entry)) if as_json else _show(plan, entry, done=True)


def facts(plan: Plan, entry: Entry | None) -> dict[str, Any]:
    """What is, or would be, taken out, as JSON; `record` is null where nothing was."""
    return {
        "entries": plan.entries,
        "ranges": [
            {"start": item.start, "count": item.count}
            for item in sorted((*plan.left, *plan.ranges))
        ],
        "classes": dict(plan.classes),
        "until": plan.until.isoformat() if plan.until else None,
        "waiting_segments": plan.waiting,
        "waiting_for": plan.why,
        "record": entry.index if entry else None,
        "evidence_sha256": entry.evidence_sha256 if entry else None,
    }


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsError(f"--placed {text!r}: expected a date such as 2026-11-26") from None


def _question(plan: Plan, today: date) -> str:
    # A clock that is years ahead is how records would be lost too early: let a person see it.
    return (
        f"Today is {today}, the newest record is of {plan.newest[:10]}. "
        f"Take {plan.entries} entries out for good ({_kept(plan)})?"
    )


def _kept(plan: Plan) -> str:
    kept = [f"kept until {plan.until} at the latest"] if plan.ranges else []
    left = sum(item.count for item in plan.left)
    if left:
        kept.append(f"{left} of them named by an earlier pruning that was interrupted")
    return "; ".join(kept)


def _show(plan: Plan, entry: Entry | None = None, *, done: bool = False) -> None:
    if not plan.entries:
        say("Nothing to take out: no complete segment has been kept long enough.")
    else:
        going = sorted((*plan.left, *plan.ranges))
        places = ", ".join(map(str, going[:5])) + (", …" if len(going) > 5 else "")
        verb = "Taken out" if done else "Would be taken out"
        say(f"{verb}: {plan.entries} entries ({places}), {_kept(plan)}")
        if entry:
            say(f"Entry {entry.index} says so; their places in the log are proven as before.")
    if plan.waiting:
        say(f"{plan.waiting} segment(s) stay: {plan.why}")
    if not plan.placed and plan.classes.get("ten-years"):
        hint(
            "ten-year records from before 'venturalitica place' count from their own day; where "
            "the system was placed on the market later, give --placed DATE"
        )
