"""`venturalitica erase`: delete what records keep in the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    PASSED,
    JsonOption,
    YesOption,
    agree,
    emit_json,
    leave,
    new_app,
    say,
)
from venturalitica.errors import listed

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.ledger.lifecycle.erase import Erased

app = new_app()


@app.command()
def erase(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Entry number, or the beginning of a run id or digest, as for 'runs show'.",
        ),
    ],
    approvals: Annotated[
        bool,
        typer.Option("--approvals", help="Erase what the approvals of the run keep too."),
    ] = False,
    notes: Annotated[
        bool, typer.Option("--notes", help="Erase what the notes on the run keep too.")
    ] = False,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; it is kept in the vault itself.")
    ] = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete what a record keeps in the vault, for good; the log still verifies.

    Of an audit that is its tally: its verdicts cannot be computed again afterwards. Of an approval
    or a note it is the person's name and what was said. The record keeps salted digests, which tell
    nobody anything, and an erasure record is signed. It cannot be undone. A tally that was
    published (disclosure: {tallies: publish}) lies at the tracker still: it is said where. What is
    erased of a log that was taken in (NAME:ENTRY) is not taken again.

    \b
    Example:
      venturalitica erase 12 --approvals --reason "asked for on 26 November"
    """
    from venturalitica.audit.project import open_ledger
    from venturalitica.cli.runs import found
    from venturalitica.ledger.lifecycle import erase as eraser
    from venturalitica.ledger.records.kinds.erasure import held_by
    from venturalitica.review.carried_records import meant
    from venturalitica.review.published import copies

    ledger = open_ledger(create=False)
    these = meant(ledger, ref, found)
    log, taken = these.ledger, these.taken
    entries = [log.entry(row.index) for row in these.rows]
    entries += _about(log, entries, approvals=approvals, notes=notes)
    held = sum(len(held_by(entry.record)) for entry in entries)
    if held and not agree(f"Erase {held} value(s) of {_places(entries)} for good?", yes=yes):
        leave(PASSED)
    if taken is None:
        done = eraser.erase(ledger, entries, reason=reason)
    else:
        done = eraser.erase_taken(ledger, taken, entries, reason=reason)
    published = [copy for entry in entries for copy in copies(log, entry)]
    if as_json:
        emit_json(facts(entries, done) | {"published": published})
    else:
        _show(entries, held, done, looked=approvals and notes)
        _show_copies(published)


def facts(entries: list[Entry], done: Erased) -> dict[str, Any]:
    """What was done, as JSON."""
    return {
        "entries": [entry.index for entry in entries],
        "pairs": done.pairs,
        "record": done.entry.index if done.entry else None,
        "evidence_sha256": done.entry.evidence_sha256 if done.entry else None,
    }


def _about(ledger: Ledger, entries: list[Entry], *, approvals: bool, notes: bool) -> list[Entry]:
    """What persons signed about these, as far as it is asked for."""
    from venturalitica.ledger.lifecycle.approve import noted, signed_off

    known = {entry.index for entry in entries}
    found = {one.index for e in entries if approvals for one in signed_off(ledger, e)}
    found |= {one.index for e in entries if notes for one in noted(ledger, e)}
    return [ledger.entry(index) for index in sorted(found - known)]


def _show(entries: list[Entry], held: int, done: Erased, *, looked: bool) -> None:
    places = _places(entries)
    if not held:
        also = "" if looked else "; '--approvals' and '--notes' look at what was signed about it"
        say(f"{places.capitalize()} keeps nothing in the vault{also}.")
        return
    if done.entry is None:
        say(f"What {places} kept in the vault was erased already ({done.pairs} deleted now).")
    else:
        say(f"Erased: {done.pairs} deleted of what {places} kept in the vault.")
        say(f"Entry {done.entry.index} says so; the log verifies as before.")
    say("Copies that others have made of the vault are not reached.")


def _show_copies(published: list[dict[str, str]]) -> None:
    """What the policy published is another's to delete; nothing here does."""
    for copy in published:
        at = f" ({copy['uri']})" if copy["uri"] else ""
        say(
            f"Its tally was published at the {copy['tracker']} run {copy['run_id']}{at}: delete "
            f"{copy['path']} there, which this did not."
        )


def _places(entries: list[Entry]) -> str:
    named = listed((entry.index for entry in entries), 20)
    return f"entry {named}" if len(entries) == 1 else f"entries {named}"
