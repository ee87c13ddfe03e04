"""The list of runs: filtered, sorted, searched; two of them can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.verdict import Light
from venturalitica.ledger.index.counts.answers import Choices, choices
from venturalitica.ledger.index.counts.groups import MOST_GROUPED
from venturalitica.ledger.index.queries import (
    JUDGED,
    Known,
    RunPage,
    find_page,
    light_of,
    verdicts_of,
)
from venturalitica.reports.html.interval_chart import Mark, strip
from venturalitica.reports.html.trend_chart import signed
from venturalitica.ui.pages.run_groups import ListedGroup, read_groups
from venturalitica.ui.pages.run_query import RunQuery, parse
from venturalitica.ui.pages.taken_logs import TakenRuns, newest_taken
from venturalitica.ui.pages.tracker_links import TrackerLink, tracker_link
from venturalitica.ui.run_files import formats
from venturalitica.ui.templating import count, draw, pages_of, render
from venturalitica.ui.verification_steps import KINDS, explanation, marks

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ui.reader import Desk, Reading

PER_PAGE = 50


class ListedRun(Struct, frozen=True, kw_only=True):
    """One line of the list: the row of the index, and what is made of it.

    `inside` are the audits of a monitored run that its line opens to.
    """

    row: RunRow
    light: Light
    why: str
    marks: tuple[Mark, ...]
    kind: str
    trackers: tuple[TrackerLink, ...]
    decision: str
    decided: str
    notes: int
    told: bool
    judged: bool
    inside: tuple[ListedRun, ...] = ()

    def among(self, chosen: Sequence[int]) -> tuple[int, ...]:
        """Which of its records are among the chosen."""
        entries = {self.row.index, *(run.row.index for run in self.inside)}
        return tuple(entry for entry in chosen if entry in entries)

    @property
    def strip(self) -> Markup | None:
        """Its controls."""
        return strip(self.marks)

    @property
    def margin(self) -> str:
        """The worst margin of its controls; empty where nothing was measured."""
        found = [row.margin for row in (self.row, *(run.row for run in self.inside))]
        worst = min((margin for margin in found if margin is not None), default=None)
        return "" if worst is None else signed(worst)


class RunsContext(Struct, frozen=True, kw_only=True):
    """What the list shows: `runs`, or their `groups` where the query groups them.

    `older` as in `GroupPage`. `taken` are the newest records of logs that were taken in.
    """

    query: RunQuery
    runs: tuple[ListedRun, ...]
    total: int
    more: bool
    entries: int
    choices: Choices
    kinds: Mapping[str, str]
    formats: tuple[str, ...]
    groups: tuple[ListedGroup, ...] = ()
    older: int | None = None
    taken: TakenRuns = TakenRuns()
    wrong: tuple[str, ...] = ()
    edited: str = ""

    @property
    def first(self) -> int:
        """The number of the first record shown, from 1."""
        return (self.query.page - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        """The number of the last record shown."""
        return self.first + self.shown - 1

    @property
    def shown(self) -> int:
        """How many records the page has, also those inside a line."""
        return len(self.groups) or sum(1 + len(run.inside) for run in self.runs)

    @property
    def elsewhere(self) -> tuple[int, ...]:
        """What is chosen to be compared and is not on this page."""
        here = {entry for run in self.runs for entry in run.among(self.query.run)}
        return tuple(entry for entry in self.query.run if entry not in here)

    @property
    def most(self) -> int:
        """Of so many records groups are made one by one."""
        return MOST_GROUPED

    @property
    def numbers(self) -> tuple[int, ...]:
        """The pages to lead to: first, last, and those around this one; 0 for a gap."""
        here = self.query.page
        near = {1, self.pages, *range(max(1, here - 2), min(self.pages, here + 2) + 1)}
        found: list[int] = []
        for number in sorted(near):
            if found and number > found[-1] + 1:
                found.append(number - 1 if number == found[-1] + 2 else 0)
            found.append(number)
        return tuple(found)

    @property
    def pages(self) -> int:
        """How many pages there are; at least, where there are more records than were counted."""
        return pages_of(self.total, PER_PAGE)

    @property
    def goes_on(self) -> bool:
        """Whether there is a page after this one, as far as is known."""
        return self.query.page < self.pages or (self.more and self.shown == PER_PAGE)

    @property
    def counted(self) -> str:
        """How many records fit, or groups there are, in words."""
        if self.query.group:
            return count(self.total, "group")
        return ("more than " if self.more else "") + count(self.total, "record")

    def order_of(self, sort: str) -> str | None:
        """How the list is sorted by a column, for `aria-sort`."""
        if self.query.sort != sort:
            return None
        return "descending" if self.query.order == "desc" else "ascending"

    def sorted_by(self, sort: str) -> dict[str, object]:
        """The query that sorts by a column; asked again, the other way round."""
        # What is worst comes first when a light or a margin is asked for.
        first = "asc" if sort in ("light", "margin", "name", "policy", "model") else "desc"
        other = "desc" if self.query.order == "asc" else "asc"
        return self.query.params(sort=sort, order=other if self.query.sort == sort else first)


def page(request: Request) -> Response:
    """Answer `/runs`."""
    desk: Desk = request.app.state.desk
    query, wrong = parse(request.query_params.multi_items())
    with desk.reading(early=True) as reading:
        return render(request, "runs.html", _shell(request, read(reading, query, wrong)))


def live(request: Request) -> Response:
    """Answer `/live/runs`: the list, if it is another than the asker's."""
    desk: Desk = request.app.state.desk
    given = [pair for pair in request.query_params.multi_items() if pair[0] != "seen"]
    query, _ = parse(given)
    with desk.reading() as reading:
        shell = _shell(request, read(reading, query))
    if request.query_params.get("seen") == shell.seen:
        return Response(status_code=204)
    return render(request, "_runs_live.html", shell)


class Shell(Struct, frozen=True, kw_only=True):
    """The page, and the list in it, drawn; `seen` changes with the list."""

    context: RunsContext
    inner: Markup
    seen: str


def _shell(request: Request, context: RunsContext) -> Shell:
    inner = Markup(draw(request, "_run_list.html", context))
    seen = hashlib.sha256(inner.encode("utf-8", "replace")).hexdigest()[:16]
    return Shell(context=context, inner=inner, seen=seen)


def read(reading: Reading, query: RunQuery, wrong: tuple[str, ...] = ()) -> RunsContext:
    """What the list shows for a query."""
    if query.group:
        return _grouped(reading, query, wrong)
    (found, verdicts), edited = reading.shown(
        lambda: _find(reading, query), lambda one: [(one[0].rows, one[1])]
    )
    taken = newest_taken(reading, query.log) if query.page == 1 else TakenRuns()
    return RunsContext(
        query=query,
        runs=tuple(_lines(reading, query, (found, verdicts))),
        total=found.total,
        more=found.more,
        entries=reading.ledger.size,
        choices=reading.kept("choices", lambda: choices(reading.index)),
        kinds=KINDS,
        formats=formats(),
        taken=taken,
        wrong=wrong,
        edited=edited,
    )


def _grouped(reading: Reading, query: RunQuery, wrong: tuple[str, ...]) -> RunsContext:
    found, groups, edited = read_groups(reading, query, each=PER_PAGE)
    return RunsContext(
        query=query,
        runs=(),
        total=found.total,
        more=False,
        entries=reading.ledger.size,
        choices=reading.kept("choices", lambda: choices(reading.index)),
        kinds=KINDS,
        formats=formats(),
        groups=groups,
        older=found.older,
        wrong=wrong,
        edited=edited,
    )


Found = tuple[RunPage, Mapping[int, Sequence["VerdictRow"]]]
"""The rows of a page, and the verdicts of each."""


def _find(reading: Reading, query: RunQuery) -> Found:
    found = find_page(
        reading.index,
        query.filters,
        waiting=reading.known(),
        sort=query.sort,
        descending=query.order == "desc",
        offset=(query.page - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    return found, verdicts_of(reading.index, [row.index for row in found.rows])


def _lines(reading: Reading, query: RunQuery, found: Found) -> Iterator[ListedRun]:
    """The lines, the audits of a monitored run inside its own record's, where both are on the page;
    it stands where the first of them stood. Sorted by anything but time, each stands for itself."""
    known, (page, verdicts) = reading.known(), found
    runs = {row.run_id: row for row in page.rows if row.kind == "run" and query.sort == "time"}
    lines: dict[int, list[RunRow]] = {}
    for row in page.rows:
        own = runs.get(row.run_id, row) if row.kind in JUDGED else row
        lines.setdefault(own.index, [own]).extend([row] if row is not own else [])
    for own, *audits in lines.values():
        judged = [verdict for row in (own, *audits) for verdict in verdicts.get(row.index, ())]
        inside = (_listed(reading, row, verdicts.get(row.index, ()), known) for row in audits)
        yield replace(_listed(reading, own, judged, known), inside=tuple(inside))


def _listed(
    reading: Reading, row: RunRow, verdicts: Sequence[VerdictRow], known: Known
) -> ListedRun:
    late = {item.tracker for item in reading.waiting().get(row.index, ())}
    approvals = reading.approvals().get(row.index, ())
    return ListedRun(
        row=row,
        light=light_of(row, known),
        why=explanation(row, verdicts, sorted(late), known),
        marks=() if known.fault(row) else marks(verdicts),
        kind=KINDS.get(row.kind, row.kind),
        trackers=tuple(tracker_link(reading, [row], run) for run in reading.runs(row)),
        decision=approvals[-1].decision if approvals else "",
        decided=approvals[-1].decided_at if approvals else "",
        notes=len(reading.notes().get(row.index, ())),
        told=row.kind in JUDGED or row.index in known.begun,
        judged=row.kind in JUDGED,
    )
