"""Make the documents that were asked for, and bring each to its place."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from msgspec import Struct

from venturalitica.cli.formats.destinations import Destination, Form
from venturalitica.cli.output import as_json_text, emit_json
from venturalitica.errors import SettingsError
from venturalitica.reports.context import ReportContext
from venturalitica.reports.formats.findings import Findings, of_error, plain

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The file whose Markdown GitHub shows on the page of the run."""


class Told(Struct, frozen=True, kw_only=True):
    """What a command found, in every way it can be told. `record` gives what its pages are drawn
    of, or None where nothing is on record: they list the findings then. `page` draws the HTML where
    that is another one."""

    findings: Findings
    facts: dict[str, Any]
    table: Callable[[], None]
    record: Callable[[], ReportContext | None] = lambda: None
    page: Callable[[], str] | None = None


def write(places: Sequence[Destination], told: Told) -> None:
    """Write all documents, those on stdout first.

    Raises:
        SettingsError: a file cannot be written; the others are.
    """
    for one in places:
        if one.path is None:
            _print(one.form, told)
    faults = [_fault(one.path, one.form, told) for one in places if one.path is not None]
    if any(one.form is Form.github for one in places) and os.environ.get(SUMMARY):
        faults.append(_summarize(Path(os.environ[SUMMARY]), told))
    if said := list(filter(None, faults)):
        raise SettingsError("; ".join(said))


@contextlib.contextmanager
def reporting(
    places: Sequence[Destination], command: str, *, file: Callable[[], str]
) -> Iterator[None]:
    """Tell of an error in every file that was asked for, and let it go on.

    A file of an earlier run would else stand there, and be taken for this run's.
    """
    try:
        yield
    except Exception as error:
        items = of_error(error, name=command, file=file())
        found = Findings(
            command=command,
            subject=command,
            light="red",
            sentence="Nothing was judged: the call, a file or the policy is wrong.",
            items=tuple(items),
            complete=False,
        )
        facts = {"error": [one.message for one in items]}
        others = [one for one in places if one.path is not None or one.form is Form.github]
        with contextlib.suppress(SettingsError):  # the first error is the one to be told
            write(others, Told(findings=found, facts=facts, table=lambda: None))
        raise


def document(form: Form, told: Told) -> str:
    """The text of a document; of a table what would be printed, without colour."""
    if form is Form.json:
        return as_json_text(told.facts) + "\n"
    if form is Form.table:
        return _captured(told.table)
    if form is Form.markdown:
        return _markdown(told)
    if form is Form.html:
        return _page(told)
    from venturalitica.reports.formats.github import github
    from venturalitica.reports.formats.gitlab import gitlab
    from venturalitica.reports.formats.junit import junit
    from venturalitica.reports.formats.sarif import sarif

    make = {Form.junit: junit, Form.sarif: sarif, Form.github: github, Form.gitlab: gitlab}[form]
    return make(told.findings)


def _markdown(told: Told) -> str:
    record = told.record()
    if record is None:
        from venturalitica.reports.formats.markdown import findings_markdown

        return findings_markdown(told.findings)
    from venturalitica.reports.markdown import draw_section

    return draw_section(record)


def _page(told: Told) -> str:
    if told.page is not None:
        return told.page()
    record = told.record()
    if record is None:
        from venturalitica.reports.formats.html import findings_page

        return findings_page(told.findings)
    from venturalitica.reports.html.page import draw_page

    return draw_page(record)


def _captured(table: Callable[[], None]) -> str:
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding="utf-8", newline="\n")
    with contextlib.redirect_stdout(stream):
        table()
    stream.flush()
    return kept.getvalue().decode()


def _print(form: Form, told: Told) -> None:
    if form is Form.table:
        told.table()
    elif form is Form.json:
        emit_json(told.facts)
    else:
        typer.echo(document(form, told).encode(), nl=False)


def _fault(path: Path, form: Form, told: Told) -> str:
    """Write a document over what is there, and say what went wrong, if anything."""
    data = document(form, told).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.write(data)
    except OSError as error:
        return f"{plain(path)}: cannot be written: {error.strerror}"
    return ""


def _summarize(path: Path, told: Told) -> str:
    """Append the Markdown to the summary of the step; other commands write there too."""
    try:
        with path.open("ab") as stream:
            stream.write(f"{_markdown(told)}\n".encode())
    except OSError as error:
        return f"{SUMMARY} names a file that cannot be written: {error.strerror}"
    return ""
