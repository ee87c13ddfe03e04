"""The list of runs as a file: every record that fits the address, not the page of it alone.

A portion is read, held against the log and sent before the next is read: whatever is on record, the
server holds a portion of it. What goes wrong before the first is a page; after it the transfer
breaks off, so that half a list never looks like a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from venturalitica.ledger.index.queries import find_entries, light_of, rows_of
from venturalitica.review.run_facts import run_facts
from venturalitica.review.run_list import Listed
from venturalitica.ui.pages.run_query import RunQuery, parse
from venturalitica.ui.run_files import FORMATS, NEEDS_PYARROW, formats

if TYPE_CHECKING:
    from venturalitica.ui.reader import Desk, Reading
    from venturalitica.ui.run_files import Facts

PORTION = 500


def page(request: Request) -> Response:
    """Answer `/runs.csv` and its like, with the filters of `/runs`.

    Raises:
        HTTPException: there is no such format, it cannot be written here, or a filter cannot be
            read: a file of more than was asked for would pass for the list.
    """
    name: str = request.path_params["format"]
    made = FORMATS.get(name)
    if made is None:
        raise HTTPException(404, f"There is no list as {name[:20]!r}: {', '.join(FORMATS)}.")
    if name not in formats():
        raise HTTPException(501, NEEDS_PYARROW)
    query, wrong = parse(request.query_params.multi_items())
    if wrong:
        said = " ".join(wrong).replace(" It is left out.", "")
        raise HTTPException(400, f"No file was made. {said}")
    portions = _portions(request.app.state.desk, query)
    first = list(next(portions, ()))
    return StreamingResponse(
        made.write(chain([first], portions)),
        headers={
            "content-type": made.media_type,
            "content-disposition": f'attachment; filename="runs.{name}"',
        },
    )


def _portions(desk: Desk, query: RunQuery) -> Iterator[Sequence[Facts]]:
    """All records that fit as `runs list --json` has them.

    Raises:
        EvidenceError: the log was altered.
    """
    # By its light a record fits once it was held against the log, and not before: one that does
    # not verify is red, whatever the index says.
    wide = replace(query.filters, light=None)
    with desk.reading() as reading:
        entries = find_entries(
            reading.index,
            wide,
            waiting=reading.known(),
            sort=query.sort,
            descending=query.order == "desc",
        )
    for start in range(0, len(entries), PORTION):
        # Each of its own: who downloads slowly keeps nobody waiting.
        with desk.reading() as reading:
            found = list(_facts(reading, entries[start : start + PORTION], query))
        yield found


def _facts(reading: Reading, entries: Sequence[int], query: RunQuery) -> Iterator[Facts]:
    rows, _ = reading.shown(lambda: rows_of(reading.index, entries), lambda found: [(found, None)])
    known, approvals, notes = reading.known(), reading.approvals(), reading.notes()
    for row in rows:
        if query.filters.light in (None, light_of(row, known)):
            signed = approvals.get(row.index, ())
            last = signed[-1] if signed else None
            noted = len(notes.get(row.index, ()))
            listed = Listed(row, known, last, noted, tuple(reading.runs(row)))
            yield run_facts(listed, reading.ledger)
