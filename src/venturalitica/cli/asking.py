"""Ask before what cannot be undone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from venturalitica.cli.output import hint, inert
from venturalitica.errors import SettingsError

YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask; needed where nobody can answer.")
]


def agree(question: str, *, yes: bool) -> bool:
    """Whether the person at the terminal agrees to `question`; True without asking for `yes`.

    Raises:
        SettingsError: nobody can be asked, and `yes` is not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SettingsError(f"{question} There is no terminal to answer at: give --yes to agree")
    if typer.confirm(inert(question), err=True):
        return True
    hint("Nothing was done.")
    return False
