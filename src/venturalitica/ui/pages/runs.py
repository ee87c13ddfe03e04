"""The list of runs: filtered, sorted, searched; two of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from venturalitica.ledger.listing import (
    Choices,
    Found,
    choices,
    find_page,
    light_of,
    verdicts_of,
)
from venturalitica.records import Light
from venturalitica.reports.markup import Markup, is_web_address
from venturalitica.reports.parts.strip import strip
from venturalitica.reports.parts.trend import signed
from venturalitica.ui.desk import places_of
from venturalitica.ui.explaining import KINDS, explanation, marks
from venturalitica.ui.pages.run_query import PER_PAGE, RunQuery, parse
from venturalitica.ui.rendering import render

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ui.desk import Desk, Reading


@dataclass(frozen=True, slots=True)
class TrackerLink:
    """One tracker's run: its name, a page for people or empty, what is known of the delivery."""

    tracker: str
    run_id: str
    url: str
    state: str

    @property
    def waits(self) -> bool:
        """Whether it is still to be delivered."""
        return self.state in ("waits", "kept, not uploaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """One line of the list."""

    entry: int
    light: Light
    why: str
    strip: Markup | None
    kind: str
    name: str
    run_id: str
    policy: str
    version: str
    sha256: str
    model: str
    revision: str
    signer: str
    margin: str
    trackers: tuple[TrackerLink, ...]
    decision: str
    decided: str
    started_at: str
    appended_at: str
    judged: bool

    @property
    def model_name(self) -> str:
        """The class without its modules."""
        return self.model.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsContext:
    """What the list shows."""

    query: RunQuery
    runs: tuple[ListedRun, ...]
    total: int
    entries: int
    choices: Choices
    kinds: Mapping[str, str]
    wrong: tuple[str, ...] = ()
    edited: str = ""

    @property
    def first(self) -> int:
        """The number of the first line shown, from 1."""
        return (self.query.page - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        """The number of the last line shown."""
        return self.first + len(self.runs) - 1

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PER_PAGE))

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
    with desk.reading() as reading:
        return render(request, "runs.html", read(reading, query, wrong))


def read(reading: Reading, query: RunQuery, wrong: tuple[str, ...] = ()) -> RunsContext:
    """What the list shows for a query."""
    (found, verdicts), edited = reading.shown(
        lambda: _find(reading, query), lambda one: [(one[0].rows, one[1])]
    )
    return RunsContext(
        query=query,
        runs=listed(reading, found.rows, verdicts),
        total=found.total,
        entries=reading.ledger.size,
        choices=reading.kept("choices", lambda: choices(reading.index)),
        kinds=KINDS,
        wrong=wrong,
        edited=edited,
    )


def _find(reading: Reading, query: RunQuery) -> tuple[Found, dict[int, tuple[VerdictRow, ...]]]:
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


def listed(
    reading: Reading, rows: Sequence[RunRow], verdicts: Mapping[int, Sequence[VerdictRow]]
) -> tuple[ListedRun, ...]:
    """Lines of a list, of rows that were held against the log."""
    return tuple(_listed(reading, row, verdicts.get(row.index, ())) for row in rows)


def _listed(reading: Reading, row: RunRow, verdicts: Sequence[VerdictRow]) -> ListedRun:
    known = reading.known()
    late = {item.tracker for item in reading.waiting().get(row.index, ())}
    approvals = reading.approvals().get(row.index, ())
    return ListedRun(
        entry=row.index,
        light=light_of(row, known),
        why=explanation(row, verdicts, sorted(late), known),
        strip=strip(() if known.fault(row) else marks(verdicts)),
        kind=KINDS.get(row.kind, row.kind),
        name=row.name,
        run_id=row.run_id,
        policy=row.policy_name or "",
        version=row.policy_version or "",
        sha256=row.policy_sha256 or "",
        model=row.model_class or "",
        revision=row.revision or "",
        signer=row.signer,
        margin="" if row.margin is None else signed(row.margin),
        trackers=tuple(tracker_link(reading, [row], run) for run in row.trackers),
        decision=approvals[-1].decision if approvals else "",
        decided=approvals[-1].decided_at if approvals else "",
        started_at=row.started_at,
        appended_at=row.appended_at,
        judged=row.kind in ("audit", "run"),
    )


def tracker_link(reading: Reading, rows: Sequence[RunRow], run: Mapping[str, Any]) -> TrackerLink:
    """The link that a record names; what is no web address is told as text.

    Only a receipt for the very record says that it was delivered; `rows` are all that the link is
    shown for.
    """
    tracker, run_id, url = (str(run.get(name) or "") for name in ("tracker", "run_id", "url"))
    due = [row for row in rows if (tracker, run_id) in places_of(row.trackers)]
    receipts = {(row.index, tracker, run_id, row.evidence_sha256) for row in due}
    state = "waits" if receipts else "not delivered"
    if receipts and receipts <= reading.confirmed():
        state = "delivered"
    elif any(_is_kept(reading, row, (tracker, run_id)) for row in due):
        state = "kept, not uploaded"
    return TrackerLink(tracker, run_id, url if is_web_address(url) else "", state)


def _is_kept(reading: Reading, row: RunRow, run: tuple[str, str]) -> bool:
    """Whether it lies with an offline run on this machine, and no server has it."""
    waiting = reading.waiting().get(row.index, ())
    return any(item.kept and (item.tracker, item.run_id) == run for item in waiting)
