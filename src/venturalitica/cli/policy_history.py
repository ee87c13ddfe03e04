"""`venturalitica policy history`: which rules were active when, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    NOT_EVALUATED,
    PASSED,
    JsonOption,
    console,
    emit_json,
    hint,
    leave,
    say,
    styled,
    table,
)
from venturalitica.cli.policy_words import SHORT, Format, FormatOption, chosen, say_faults
from venturalitica.comparing import Line, follow

if TYPE_CHECKING:
    from venturalitica.editions import Recorded


def history(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only the policy of this name.")
    ] = None,
    form: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the policies on record in time: when each was used, for how many audits, what changed.

    One version number over two texts is a fault. Exit status 0, 1 with a fault, 3 where a policy
    on record cannot be read by this version (it is listed all the same).

    \b
    Examples:
      venturalitica policy history
      venturalitica policy history credit-scoring --format markdown
    """
    from venturalitica.editions import contradictions, recorded_policies
    from venturalitica.ledger import Ledger
    from venturalitica.settings import Settings

    shape = chosen(form, as_json=as_json)
    record = recorded_policies(Ledger.open(Settings.current().home), name)
    found = record.policies
    lines, faults = follow(found), contradictions(found)
    if shape is Format.json:
        listed = [facts(line) for line in lines]
        emit_json({"policies": listed, "faults": list(faults), "missing": record.missing})
    elif shape is Format.markdown:
        say(*markdown(lines, faults).splitlines())
    else:
        _show(lines, faults)
    if record.missing:
        hint(
            f"{record.missing:,} entries of the log were pruned: policies used only in them are "
            "not listed, and the others may have been in use earlier"
        )
    leave(_status(found, faults))


def _status(found: tuple[Recorded, ...], faults: tuple[str, ...]) -> int:
    if faults:
        return FAILED
    return NOT_EVALUATED if any(one.problem for one in found) else PASSED


def facts(line: Line) -> dict[str, Any]:
    """A line of the history as JSON."""
    from venturalitica.cli.policy_changes import change_facts

    one, difference = line.recorded, line.difference
    return {
        "policy": one.edition.name,
        "version": one.edition.version,
        "sha256": one.edition.sha256,
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "first_entry": one.first,
        "last_entry": one.last,
        "entries": one.entries,
        "audits": one.audits,
        "problem": one.problem or None,
        "fault": one.fault or None,
        "before": line.before.edition.sha256 if line.before else None,
        "summary": difference.summary if difference else None,
        "direction": difference.direction if difference else None,
        "changes": [change_facts(change) for change in difference.changes] if difference else None,
    }


_HEADS = (
    "version",
    "first used (UTC)",
    "last used (UTC)",
    "audits",
    "sha256",
    "against the one before",
)


def _by_name(lines: tuple[Line, ...]) -> dict[str, list[Line]]:
    named: dict[str, list[Line]] = {}
    for line in lines:
        named.setdefault(line.recorded.edition.name, []).append(line)
    return named


def _cells(line: Line, *, digits: int = 16) -> tuple[str, ...]:
    """`digits` of a time: 16 are minutes, 10 are days."""
    one = line.recorded
    return (
        one.edition.version,
        one.first_seen[:digits].replace("T", " "),
        one.last_seen[:digits].replace("T", " "),
        f"{one.audits:,}",
        one.edition.sha256[:SHORT],
        line.words,
    )


def _show(lines: tuple[Line, ...], faults: tuple[str, ...]) -> None:
    if not lines:
        say("No record holds a policy.")
        return
    digits = 16 if console().width >= WIDE else 10
    for position, (name, of) in enumerate(_by_name(lines).items()):
        if position:
            say()
        styled((name, "bold"), (f": {_count(of)}", ""))
        table(
            _HEADS,
            [_cells(line, digits=digits) for line in of],
            right=("audits",),
            whole=("sha256",),
        )
    if faults:
        say()
        say_faults(faults)


WIDE = 90
"""Columns from which there is room for the minutes."""


def _count(of: list[Line]) -> str:
    texts = "1 text" if len(of) == 1 else f"{len(of)} texts"
    audits = sum(line.recorded.audits for line in of)
    return f"{texts}, {audits:,} audit{'' if audits == 1 else 's'}"


def markdown(lines: tuple[Line, ...], faults: tuple[str, ...]) -> str:
    """The history for a document."""
    from venturalitica.cli.policy_changes import inert_digest
    from venturalitica.reports.markdown import markdown_text

    said = [] if lines else ["No record holds a policy."]
    for name, of in _by_name(lines).items():
        said += [f"### {markdown_text(name)}", "", _count(of), "", "| " + " | ".join(_HEADS) + " |"]
        said += ["|---|---|---|---:|---|---|"]
        for line in of:
            cells = [markdown_text(cell) for cell in _cells(line)]
            cells[4] = f"`{inert_digest(line.recorded.edition.sha256)}`"
            said.append("| " + " | ".join(cells) + " |")
        said.append("")
    said += [f"**FAULT** {markdown_text(fault)}\n" for fault in faults]
    return "\n".join(said).rstrip("\n")
