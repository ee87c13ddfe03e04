"""Which documents are asked for, and where each goes: read before anything is judged.

`--format FORMAT=FILE` names both at once. A `--output FILE` belongs to the first `--format` that
has no file yet, the second to the second, as behave pairs them. What has no file goes to
stdout, and where everything has one, the table is printed there: a CI's log shows what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from venturalitica.errors import SettingsError, did_you_mean


class Form(StrEnum):
    """What can be written."""

    table = "table"
    json = "json"
    junit = "junit"
    sarif = "sarif"
    github = "github"
    gitlab = "gitlab"
    markdown = "markdown"
    html = "html"


FORMS = ", ".join(Form)
LINES = (Form.table, Form.github)
"""Both may be on stdout: GitHub takes its commands out of whatever a step prints."""

FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT[=FILE]",
        help=f"Write this: {FORMS}; repeatable. Without a file it goes to stdout.",
    ),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="The file of the first --format that has none; repeatable. - is stdout.",
    ),
]


class Destination(Struct, frozen=True):
    """A document and its place; None is stdout."""

    form: Form
    path: Path | None = None


def destinations(
    formats: Sequence[str] | None, outputs: Sequence[str] | None, *, as_json: bool
) -> tuple[Destination, ...]:
    """What to write, in the order it was asked for.

    Raises:
        SettingsError: a format that is not known, a file without a format, two documents for one
            place.
        MissingExtra: a format needs a library that is not installed.
    """
    named = [_parted(text) for text in formats or ()]
    waiting = [place for place, (_, file) in enumerate(named) if not file]
    given = list(outputs or ())
    if len(given) > len(waiting):
        raise SettingsError(
            f"--output {given[len(waiting)]} has no --format: give one before it, "
            "as in --format junit --output junit.xml"
        )
    files = dict(zip(waiting, given, strict=False))
    found = [Destination(form, _path(file or files.get(place, "-")))
             for place, (form, file) in enumerate(named)]  # fmt: skip
    if as_json:
        found.append(Destination(Form.json))
    if not any(one.path is None for one in found):
        found.append(Destination(Form.table))
    _refuse_two_in_one_place(found)
    if any(one.form is Form.junit for one in found):
        from venturalitica.reports.formats.junit import library

        library()
    return tuple(found)


def _parted(text: str) -> tuple[Form, str]:
    name, equals, file = text.partition("=")
    if name not in list(Form):
        near = did_you_mean(name, list(Form))
        raise SettingsError(f"--format {name}: there is no such format{near}; there are {FORMS}")
    if equals and not file:
        raise SettingsError(f"--format {text}: a file is missing after =")
    return Form(name), file


def _path(text: str) -> Path | None:
    return None if text == "-" else Path(text)


def _refuse_two_in_one_place(found: Sequence[Destination]) -> None:
    files = [str(one.path.absolute()) for one in found if one.path is not None]
    for file in files:
        if files.count(file) > 1:
            raise SettingsError(f"{file}: two formats go to this file; give each its own")
    on_stdout = [one.form for one in found if one.path is None]
    documents = [form for form in on_stdout if form not in LINES]
    if len(set(on_stdout)) < len(on_stdout) or (documents and len(on_stdout) > 1):
        both = " and ".join(dict.fromkeys(on_stdout))
        raise SettingsError(
            f"{both} would both go to stdout: give one of them a file, as in "
            f"--format {documents[0] if documents else on_stdout[0]}=FILE"
        )
