"""`venturalitica report`: pages about what is on record, to hand to somebody."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    RunArgument,
    complain,
    counter,
    emit_json,
    hint,
    leave,
    new_app,
    progress,
    say,
)
from venturalitica.errors import SettingsError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.reports.context import ReportContext

app = new_app(no_args_is_help=True)


class Form(StrEnum):
    """What a page is written as."""

    html = "html"
    markdown = "markdown"


SUFFIXES = {Form.html: ".html", Form.markdown: ".md"}
STDOUT = Path("-")
MANY = 5
"""So many pages that could not be drawn are named."""


class Page(Struct, frozen=True):
    """A page that is drawn; `path` is None where it goes to stdout."""

    entry: Entry
    context: ReportContext
    text: str
    path: Path | None


@app.callback()
def report() -> None:
    """Draw pages about what is on record.

    \b
    Examples:
      venturalitica report run last
      venturalitica report site audit-2026-11/
    """


@app.command("run")
def report_run(
    ref: RunArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write it: a file, a folder, or - for stdout. If left out: "
            "report-ENTRY.html here on a terminal, stdout on a pipe.",
        ),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="A page, or a short section.")] = Form.html,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the report of a record, as things stand now.

    It is the page that went to the tracker, with what is known since: whether the record verifies,
    sign-offs, retention, what waits. Exit status 1 where the record does not verify: the page is
    drawn all the same, red, and says why.

    \b
    Examples:
      venturalitica report run last
      venturalitica report run 3f2a91c0 --out audit.html
      venturalitica report run last --format markdown >> "$GITHUB_STEP_SUMMARY"
    """
    if as_json and out == STDOUT:
        raise SettingsError(
            "--json prints facts to stdout; give the page a file, or leave --out out"
        )
    ledger, entries = _entries(ref)
    paths = _paths(entries, out, form, to_file=as_json or _has_screen(form))
    _refuse_existing(paths, force=force)
    with progress("drawing"):
        drawn = zip(entries, paths, strict=True)
        pages = [_page(ledger, entry, form, path) for entry, path in drawn]
    for page in pages:
        _write(page, force=force)
    if as_json:
        emit_json([facts(page) for page in pages])
    leave(_told(pages, as_json=as_json))


@app.command("site")
def report_site(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the pages.")],
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty.")
    ] = False,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only records of this policy: its name or digest."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only records since then: 2026-11-23, UTC.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only so many records, the newest.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write every page of the dashboard as files that link to each other.

    The folder can be opened from disk, attached, or put on any web server: it needs no server and
    no network. Called again, also after an interruption, it makes only what is new or changed. Exit
    status 1 where a page could not be drawn; the others are written all the same.

    \b
    Examples:
      venturalitica report site audit-2026-11/
      venturalitica report site audit-2026-11/ --since 2026-11-01 --policy credit-scoring
      venturalitica report site public/ --force
    """
    from venturalitica.ui import require

    require()
    from venturalitica.cli.runs import moment, own_ledger
    from venturalitica.system.settings import Settings
    from venturalitica.ui.reader import Desk
    from venturalitica.ui.site_memory import Memory
    from venturalitica.ui.static_export import Selection, export

    selection = Selection(policy=policy, since=moment("--since", since), limit=limit)
    ledger = own_ledger()
    # Into a folder that an earlier call filled, this one goes on.
    _refuse_full(out, force=force or not Memory.read(out, ledger.home).is_empty)
    desk = Desk(ledger.home, settings=Settings.current())
    with counter("drawing pages") as count:
        written = export(desk, out, selection=selection, progress=count)
    with desk.reading() as reading:
        names_people = bool(reading.approvals() or reading.notes())
    desk.close()
    if as_json:
        emit_json(
            {
                "folder": str(out),
                "index": str(out / "index.html"),
                "pages": written.pages,
                "files": len(written.files),
                "kept": written.kept,
                "entries": ledger.size,
                "problems": [{"page": p, "detail": d} for p, d in written.problems.items()],
            }
        )
    else:
        say(f"wrote {written.pages} pages and {len(written.files) - written.pages} other files")
        if written.kept:
            say(f"{written.kept} of them were there already, as they would be made now")
        say(f"open {out / 'index.html'}")
    for address, detail in list(written.problems.items())[:MANY]:
        complain(f"{address} could not be drawn ({detail}); its file says so")
    if len(written.problems) > MANY:
        complain(f"and {len(written.problems) - MANY} more")
    if names_people:
        hint("it names who signed off: 'venturalitica erase' does not reach copies of it")
    leave(FAILED if written.problems else PASSED)


def _refuse_full(out: Path, *, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file; give a folder")
    if not force and out.is_dir() and any(out.iterdir()):
        raise SettingsError(
            f"{out} is not empty; --force writes into it and leaves other files alone"
        )


def facts(page: Page) -> dict[str, Any]:
    """What was drawn, as JSON."""
    standing = page.context.standing
    assert standing is not None
    fault = standing.fault
    return {
        "index": page.entry.index,
        "evidence_sha256": page.entry.evidence_sha256,
        "path": str(page.path),
        "light": page.context.light,
        "verified": fault is None,
        "fault": {"name": fault.name, "detail": fault.detail} if fault else None,
        "approvals": len(page.context.approvals),
        "notes": len(page.context.notes),
        "waiting": list(standing.waiting),
        "kept_until": standing.kept_until or None,
    }


def _entries(ref: str) -> tuple[Ledger, list[Entry]]:
    """The audits and runs that are meant; alone, a record of another kind is refused."""
    from venturalitica.cli.runs import found, own_ledger
    from venturalitica.review.carried_records import meant
    from venturalitica.review.record_page import refuse_other_kinds

    these = meant(own_ledger(), ref, found)
    ledger = these.ledger
    entries = [ledger.entry(row.index) for row in these.rows]
    fitting = [entry for entry in entries if entry.record.judged]
    if not fitting:
        refuse_other_kinds(entries[0])
    return ledger, fitting


def _has_screen(form: Form) -> bool:
    """Whether a person would get the page in their face: Markdown reads well there, HTML not."""
    return form is Form.html and sys.stdout.isatty()


def _paths(
    entries: Sequence[Entry], out: Path | None, form: Form, *, to_file: bool
) -> list[Path | None]:
    several = len(entries) > 1
    if out is None and to_file:
        out = Path()
    if out is not None and out != STDOUT:
        if out.is_dir():
            return [out / f"report-{entry.index}{SUFFIXES[form]}" for entry in entries]
        if not several:
            return [out]
    elif form is Form.markdown or not several:
        return [None] * len(entries)
    which = ", ".join(str(entry.index) for entry in entries[:10])
    raise SettingsError(
        f"that run is {len(entries)} records (entries {which}), a page each; give the number of "
        "one, or a folder that exists as --out"
    )


def _refuse_existing(paths: Sequence[Path | None], *, force: bool) -> None:
    for path in paths:
        if path is not None and not force and path.exists():
            raise SettingsError(f"{path} exists and is kept; --force overwrites it")


def _page(ledger: Ledger, entry: Entry, form: Form, path: Path | None) -> Page:
    from venturalitica.reports.html.page import draw_page
    from venturalitica.reports.markdown import draw_section
    from venturalitica.review.record_page import page_context, readable

    with readable(entry):
        context = page_context(ledger, entry)
        text = draw_page(context) if form is Form.html else draw_section(context)
    return Page(entry, context, text, path)


def _write(page: Page, *, force: bool) -> None:
    data = page.text.encode()
    if page.path is None:
        typer.echo(data, nl=False)
        return
    try:
        with page.path.open("wb" if force else "xb") as file:
            file.write(data)
    except OSError as error:
        raise SettingsError(f"{page.path}: cannot be written: {error.strerror}") from error


def _told(pages: Sequence[Page], *, as_json: bool) -> int:
    """Say what was written, and the exit status."""
    status = PASSED
    for page in pages:
        if page.path is not None and not as_json:
            say(f"wrote {page.path}")
        standing = page.context.standing
        fault = standing.fault if standing else None
        if fault is not None:
            complain(f"entry {page.entry.index} does not verify: {fault.name}: {fault.detail}")
            status = FAILED
    said = (one for page in pages for one in (*page.context.approvals, *page.context.notes))
    if any(one.get("person") for one in said):
        hint(
            "it names who signed off or wrote a note: 'venturalitica erase' does not reach copies "
            "of it"
        )
    return status
