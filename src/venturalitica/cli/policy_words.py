"""What `policy diff` and `policy history` share: formats, marks, faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from venturalitica.cli.output import speaks_unicode, styled
from venturalitica.errors import SettingsError
from venturalitica.policy.changes import MARKS

if TYPE_CHECKING:
    from venturalitica.policy.changes import Kind

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
