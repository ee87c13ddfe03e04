"""`venturalitica runs`: what is on record."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli import record_view
from venturalitica.cli.gates.shown import show_list
from venturalitica.cli.output import (
    STYLES,
    JsonOption,
    RunArgument,
    emit_json,
    emit_json_items,
    hint,
    leave,
    new_app,
    say,
    table,
)
from venturalitica.cli.terminal import console, inert
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.review.gate.facts import KINDS as OF_A_GATE
from venturalitica.review.run_facts import shown_facts

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, RunRow
    from venturalitica.review.carried_records import Shown

app = new_app(no_args_is_help=True)


class LightName(StrEnum):
    """A traffic light."""

    green = "green"
    amber = "amber"
    red = "red"
    grey = "grey"


class KindName(StrEnum):
    """A judged audit, a closed monitor, or a record about the log itself."""

    audit = "audit"
    run = "run"
    approval = "approval"
    erasure = "erasure"
    prune = "prune"
    placement = "placement"
    rotation = "key-rotation"
    model = "model"
    commitment = "commitment"
    begin = "begin"
    attachment = "attachment"
    decision = "decision"
    override = "override"
    carried = "carried"
    note = "note"


CARE = tuple(kind.value for kind in KindName if kind not in (KindName.audit, KindName.run))
"""Kinds that are listed only when asked for: they are about other records, or about keys. That a
run began is told where there is no end of it."""

BEGAN = KindName.begin.value


@app.callback()
def runs() -> None:
    """List the runs on record, or show one in full.

    \b
    Examples:
      venturalitica runs list --light red
      venturalitica runs show last
    """


@app.command("list")
def list_runs(
    light: Annotated[LightName | None, typer.Option(help="Only records with this light.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Only this policy: its name, or 8+ digits of its digest."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only runs of this name, here or at a tracker."),
    ] = None,
    kind: Annotated[KindName | None, typer.Option(help="Only records of this kind.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="On record since then: 2026-11-23, UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="On record before then: 2026-12-01, UTC.")
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only this log: 'own', or the beginning of the name of one that was taken in.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most so many, newest first.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """List records, newest first; those of logs that were taken in too, as NAME:ENTRY.

    \b
    Examples:
      venturalitica runs list
      venturalitica runs list --light red --since 2026-11-01 --json
    """
    from venturalitica.review.carried_records import Lists

    ledger = own_ledger()
    filters: dict[str, Any] = {
        "kind": kind.value if kind else None,
        "without": () if kind else CARE,
        "name": name,
        "policy": policy,
        "since": moment("--since", since),
        "until": moment("--until", until),
    }
    listing, doubts = Lists(ledger, filters, light, most=limit + 1, log=log), _Doubts()
    if as_json:
        # Each as soon as it is read: a list of all that is on record is never held as a whole.
        every = (doubts.of(listed) for listed in islice(listing, limit))
        emit_json_items(shown_facts(one) for one in every)
    else:
        fitting = list(islice(listing, limit + 1))
        shown = [doubts.of(listed) for listed in fitting[:limit]]
        if shown and kind is not None and kind.value in OF_A_GATE:
            show_list(one.ledger.entry(one.listed.row.index) for one in shown)
        else:
            _show(shown)
        if len(fitting) > limit:
            hint(f"there are more; '--limit {limit * 5}' shows more of them")
    for said in (*listing.unreadable, *listing.edited, *doubts.said):
        hint(said)


class _Doubts:
    """What is to be said of records that were listed, each thing once."""

    def __init__(self) -> None:
        self.said: dict[str, None] = {}

    def of(self, shown: Shown) -> Shown:
        """The record, whose doubts are remembered."""
        from venturalitica.ledger.index.rows import UNREADABLE

        listed = shown.listed
        if listed.row.kind == UNREADABLE:
            entry = shown.place
            self.said[f"entry {entry} cannot be read: 'venturalitica verify' says why"] = None
        if listed.doubt:
            self.said[listed.doubt] = None
        return shown


@app.command("show")
def show_run(
    ref: RunArgument,
    details: Annotated[
        bool, typer.Option("--details", help="Show groups, model, data, environment too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one record: verdicts, links, evidence.

    \b
    Examples:
      venturalitica runs show last --details
      venturalitica runs show 3f2a91c0
    """
    from venturalitica.review.carried_records import meant, whose, words
    from venturalitica.review.record_page import readable

    these = meant(own_ledger(), ref, found)
    ledger, taken = these.ledger, these.taken
    entries = [ledger.entry(row.index) for row in these.rows]
    if as_json:
        shown = []
        for entry in entries:
            with readable(entry):
                log = whose(taken, entry.record) if taken else None
                shown.append(record_view.facts(ledger, entry) | {"log": log})
        emit_json(shown)
        leave(0)
    for position, entry in enumerate(entries):
        if position:
            say()
        with readable(entry):
            if taken:
                by = words(whose(taken, entry.record))
                say(inert(f"Of the log {taken.name}, taken in entry {taken.entry}: {by}."))
            record_view.show(ledger, entry, details=details)


def own_ledger() -> Ledger:
    """The project's ledger, to read."""
    from venturalitica.ledger import Ledger
    from venturalitica.system.settings import Settings

    return Ledger.open(Settings.current().home)


def found(ledger: Ledger, ref: str) -> tuple[RunRow, ...]:
    """The records meant: one, or all those of one run."""
    from venturalitica.ledger import Index

    with Index.open(ledger) as index:
        rows = index.runs(without=CARE, limit=1) if ref == "last" else index.find(ref)
    if any(row.kind not in CARE for row in rows):  # what is about a run is shown with it
        rows = tuple(row for row in rows if row.kind not in CARE or row.kind == BEGAN)
    if any(row.kind == "run" for row in rows):
        rows = tuple(row for row in rows if row.kind != BEGAN)
    if not rows:
        if ref.isdecimal() and int(ref) < ledger.size:
            ledger.entry(int(ref))  # it was pruned, and this says when
        raise EvidenceError(
            f"no record fits '{ref}' in {ledger.home}; 'venturalitica runs list' shows them "
            "(a beginning needs 4 characters or more)"
        )
    if len({row.run_id for row in rows}) > 1:
        some = ", ".join(f"{row.index} ({row.run_id[:12]})" for row in rows[:5])
        raise SettingsError(f"'{ref}' fits several runs: entries {some}; give more of it")
    return rows


def moment(option: str, text: str | None) -> str | None:
    """A date or time, as the log writes it: RFC 3339 in UTC with microseconds."""
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{option} {text!r}: expected a date such as 2026-11-23 or 2026-11-23T15:00"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return timestamp(moment)


def _show(shown: list[Shown]) -> None:
    from rich.text import Text

    if not shown:
        say("Nothing on record fits.")
        return
    wide = console().width >= WIDE
    headings = ["entry", "light", "started (UTC)", "name", "policy", "passed", "run"]
    cells: list[list[str | Text]] = [
        [
            one.place,
            Text(inert(listed.light), style=STYLES.get(listed.light, "")),
            row.started_at[:16].replace("T", " "),
            row.name,
            f"{row.policy_name or ''} {row.policy_version or ''}".strip(),
            listed.begun or _counts(row),
            row.run_id[:10],
        ]
        for one in shown
        for listed in [one.listed]
        for row in [listed.row]
    ]
    if any(one.listed.approval for one in shown):
        headings.append("sign-off")
        for line, one in zip(cells, shown, strict=True):
            line.append(one.listed.approval.decision if one.listed.approval else "")
    if any(one.taken for one in shown):
        from venturalitica.review.carried_records import words

        headings.append("taken from")
        for line, one in zip(cells, shown, strict=True):
            by = one.by()
            line.append(words(by) if by else "")
    if wide:
        headings += ["kind", "sent to"]
        for line, listed in zip(cells, (one.listed for one in shown), strict=True):
            kind = "monitor" if listed.row.kind in ("run", BEGAN) else listed.row.kind
            line += [kind, ", ".join(str(link.get("tracker", "")) for link in listed.trackers)]
    table(headings, cells, right=("entry",), whole=("light", "started (UTC)", "run"))


WIDE = 110
"""Columns from which there is room for what is told last."""


def _counts(row: RunRow) -> str:
    count = row.passed + row.failed + row.not_evaluated + row.errors
    return f"{row.passed} of {count}" if count else ""
