"""The difference of two policies as JSON, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import or_null, picked, say, styled
from venturalitica.cli.terminal import speaks_unicode
from venturalitica.errors import SettingsError
from venturalitica.policy.changes import MARKS
from venturalitica.reports.markdown import markdown_text
from venturalitica.review.policies import Compared, Side, label_of, outcome

if TYPE_CHECKING:
    from venturalitica.policy.changes import Aspect, Change, Kind, PolicyDiff


def facts(found: Compared) -> dict[str, Any]:
    """The comparison as JSON."""
    rules = found.rules
    return {
        "old": _side_facts(found.old),
        "new": _side_facts(found.new),
        "same_text": found.old.data == found.new.data,
        "direction": rules.direction if rules else None,
        "summary": rules.summary if rules else None,
        "changes": [change_facts(change) for change in rules.changes] if rules else None,
        "faults": list(found.faults),
        "text": list(found.text),
    }


def _side_facts(side: Side) -> dict[str, Any]:
    edition = {"policy": side.edition.name} | picked(side.edition, "version sha256")
    return edition | or_null(picked(side, "source problem"), "problem")


def change_facts(change: Change) -> dict[str, Any]:
    """One change as JSON."""
    found = or_null(picked(change, "place name old_name kind direction rule affects"), "rule")
    aspects = [picked(aspect, "key old new direction note") for aspect in change.aspects]
    return found | {"aspects": [or_null(aspect, "old", "new", "note") for aspect in aspects]}


def show(found: Compared) -> None:
    styled((f"{found.old.edition} {arrow()} {found.new.edition}", "bold"))
    for word, side in (("old", found.old), ("new", found.new)):
        styled((f"{word}  {side.source}  sha256 {side.edition.sha256}", ""))
    say()
    say_faults(found.faults)
    for side in (found.old, found.new):
        if side.problem:
            styled(("RULES NOT COMPARED  ", "bold red"), (f"{label_of(side)}: {side.problem}", ""))
    if found.rules is not None:
        say(outcome(found.rules))
        for change in found.rules.changes:
            _show_change(change)
    if found.text:
        say()
        for line in found.text:
            _show_line(line)


def _show_change(change: Change) -> None:
    styled(
        (f"{mark(change.kind)} {change.kind:<10}", STYLES.get(change.kind, "")),
        (f"{change.place} ", ""),
        (_named(change), "bold"),
    )
    for line in _lines(change):
        say(f"             {line}")


def _named(change: Change) -> str:
    if change.name == change.old_name:
        return change.name
    return f"{change.old_name} {arrow()} {change.name}"


def _lines(change: Change) -> list[str]:
    lines = [_aspect(aspect) for aspect in change.aspects if aspect.key != "id"]
    if change.kind == "removed":
        lines.append(f"was: {change.rule} (a rule less: looser)")
    elif change.kind == "added":
        lines.append(f"{change.rule} (a rule more: tighter)")
    if change.affects:
        lines.append(f"used by {', '.join(change.affects)}")
    return lines


def _aspect(aspect: Aspect) -> str:
    if aspect.key.startswith("role "):
        return aspect.note + ", see below"
    said = f"{aspect.key}: {_clipped(aspect.old)} {arrow()} {_clipped(aspect.new)}"
    if aspect.direction not in ("loosened", "tightened"):
        return said + (f" ({aspect.note})" if aspect.note else "")
    return said + f" ({aspect.direction}: {aspect.note})"


def _clipped(text: str) -> str:
    """A remedy can be long; JSON and the text below have it whole."""
    return f"{text[:_WIDEST]}…" if len(text) > _WIDEST else text or "none"


_WIDEST = 160


def _show_line(line: str) -> None:
    # The sign at the beginning tells; the colour only helps.
    style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    say(line, style=style)


def markdown(found: Compared) -> str:
    """The comparison for a pull request or a document."""
    old, new = found.old, found.new
    lines = [f"### {markdown_text(old.edition)} {arrow()} {markdown_text(new.edition)}", ""]
    for word, side in (("Old", old), ("New", new)):
        lines.append(
            f"- {word}: {markdown_text(side.source)}, SHA-256 `{inert_digest(side.edition.sha256)}`"
        )
    lines.append("")
    lines += [f"**FAULT** {markdown_text(fault)}\n" for fault in found.faults]
    lines += [
        f"**RULES NOT COMPARED** {markdown_text(label_of(side))}: {markdown_text(side.problem)}\n"
        for side in (old, new)
        if side.problem
    ]
    if found.rules is not None:
        lines += [markdown_text(outcome(found.rules)), *_markdown_changes(found.rules)]
    return "\n".join([*lines, *_fenced(found.text)])


def inert_digest(sha256: str) -> str:
    """A recorded digest is hostile text too."""
    return "".join(c for c in sha256 if c in "0123456789abcdef")


def _markdown_changes(rules: PolicyDiff) -> list[str]:
    if not rules.changes:
        return []
    rows = [
        f"| {mark(change.kind)} {change.kind} | {change.place} {markdown_text(_named(change))} | "
        + "<br>".join(map(markdown_text, _lines(change)))
        + " |"
        for change in rules.changes
    ]
    return ["", "| | Rule | What differs |", "|---|---|---|", *rows]


def _fenced(text: tuple[str, ...]) -> list[str]:
    """The text diff in a fence that nothing in it can close."""
    if not text:
        return []
    fence = "```"
    while any(fence in line for line in text):
        fence += "`"
    return ["", f"{fence}diff", *text, fence]


SHORT = 16
"""Digits of a digest where the whole is too wide; JSON has it whole."""


class Format(StrEnum):
    """How the facts are printed."""

    text = "text"
    markdown = "markdown"
    json = "json"


FormatOption = Annotated[
    Format | None, typer.Option("--format", help="text (default), markdown, or json.")
]

_ASCII_MARKS: Mapping[Kind, str] = {
    "removed": "-",
    "loosened": "v",
    "changed": "!",
    "tightened": "^",
    "added": "+",
    "renamed": ">",
    "reworded": "~",
}
STYLES: Mapping[str, str] = {"removed": "yellow", "loosened": "yellow", "changed": "bold"}


def chosen(form: Format | None, *, as_json: bool) -> Format:
    """The format asked for; `--json` is short for `--format json`."""
    if as_json and form not in (None, Format.json):
        raise SettingsError(f"--json and --format {form} ask for two formats; give one of them")
    return Format.json if as_json else form or Format.text


def mark(kind: Kind) -> str:
    """The sign of a kind: its shape tells it, and the word stands beside it."""
    return (MARKS if speaks_unicode() else _ASCII_MARKS)[kind]


def say_faults(faults: Iterable[str]) -> None:
    """A line for each contradiction."""
    for fault in faults:
        styled(("FAULT  ", "bold red"), (fault, ""))


def arrow() -> str:
    """Between what was and what is."""
    return "→" if speaks_unicode() else "->"
