"""The list of runs: filtered, sorted, searched; two of them can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import asdict, fields, replace
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.text import is_web_address, timestamp
from venturalitica.core.verdict import Light
from venturalitica.errors import did_you_mean
from venturalitica.ledger.index.counts.answers import Choices, choices
from venturalitica.ledger.index.queries import (
    EVERY,
    JUDGED,
    RANKS,
    SORTS,
    Filters,
    Known,
    RunPage,
    find_page,
    light_of,
    verdicts_of,
)
from venturalitica.reports.html.interval_chart import Mark, strip
from venturalitica.reports.html.trend_chart import signed
from venturalitica.review.carried_records import Lists, Shown, words
from venturalitica.ui.reader import places_of
from venturalitica.ui.run_files import formats
from venturalitica.ui.templating import count, pages_of, render
from venturalitica.ui.verification_steps import KINDS, explanation, marks

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ui.reader import Desk, Reading


class TrackerLink(Struct, frozen=True):
    """One tracker's run: its name, a page for people or empty, what is known of the delivery."""

    tracker: str
    run_id: str
    url: str
    state: str

    @property
    def waits(self) -> bool:
        """Whether it is still to be delivered."""
        return self.state in ("waits", "kept, not uploaded")


class ListedRun(Struct, frozen=True, kw_only=True):
    """One line of the list: the row of the index, and what is made of it."""

    row: RunRow
    light: Light
    why: str
    marks: tuple[Mark, ...]
    kind: str
    trackers: tuple[TrackerLink, ...]
    decision: str
    decided: str
    told: bool
    judged: bool

    @property
    def strip(self) -> Markup | None:
        """Its controls."""
        return strip(self.marks)

    @property
    def margin(self) -> str:
        """The worst margin of its controls; empty where nothing was measured."""
        return "" if self.row.margin is None else signed(self.row.margin)


class TakenRun(Struct, frozen=True, kw_only=True):
    """One line of the list of records of logs that were taken in; `place` is NAME:ENTRY."""

    place: str
    row: RunRow
    light: Light
    kind: str
    doubt: str
    by: str
    url: str


class RunsContext(Struct, frozen=True, kw_only=True):
    """What the list shows. `taken` are the newest records of logs that were taken in."""

    query: RunQuery
    runs: tuple[ListedRun, ...]
    total: int
    more: bool
    entries: int
    choices: Choices
    kinds: Mapping[str, str]
    formats: tuple[str, ...]
    taken: tuple[TakenRun, ...] = ()
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
        """How many pages there are; at least, where there are more records than were counted."""
        return pages_of(self.total, PER_PAGE)

    @property
    def goes_on(self) -> bool:
        """Whether there is a page after this one, as far as is known."""
        return self.query.page < self.pages or (self.more and len(self.runs) == PER_PAGE)

    @property
    def counted(self) -> str:
        """How many records fit, in words."""
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
        return render(request, "runs.html", read(reading, query, wrong))


def read(reading: Reading, query: RunQuery, wrong: tuple[str, ...] = ()) -> RunsContext:
    """What the list shows for a query."""
    (found, verdicts), edited = reading.shown(
        lambda: _find(reading, query), lambda one: [(one[0].rows, one[1])]
    )
    known = reading.known()
    return RunsContext(
        query=query,
        runs=tuple(_listed(reading, row, verdicts.get(row.index, ()), known) for row in found.rows),
        total=found.total,
        more=found.more,
        entries=reading.ledger.size,
        choices=reading.kept("choices", lambda: choices(reading.index)),
        kinds=KINDS,
        formats=formats(),
        taken=_taken(reading) if query.page == 1 else (),
        wrong=wrong,
        edited=edited,
    )


def _taken(reading: Reading) -> tuple[TakenRun, ...]:
    from venturalitica.ledger.carrying.taken import LOGS

    if not (reading.desk.home / LOGS).is_dir():
        return ()
    others = tuple(kind for kind in KINDS if kind not in ("audit", "run"))
    lists = Lists(reading.ledger, {"without": others}, None, most=PER_PAGE, own=False)
    return tuple(map(_taken_run, lists))


def _taken_run(shown: Shown) -> TakenRun:
    listed, by = shown.listed, shown.by() or {}
    return TakenRun(
        place=shown.place,
        row=listed.row,
        light=listed.light,
        kind=KINDS.get(listed.row.kind, listed.row.kind),
        doubt=listed.doubt,
        by=words(by),
        url=by["url"] if is_web_address(by["url"] or "") else "",
    )


def _find(reading: Reading, query: RunQuery) -> tuple[RunPage, dict[int, tuple[VerdictRow, ...]]]:
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
        told=row.kind in JUDGED or row.index in known.begun,
        judged=row.kind in JUDGED,
    )


def tracker_link(reading: Reading, rows: Sequence[RunRow], run: Mapping[str, Any]) -> TrackerLink:
    """The link that a record names; what is no web address is told as text.

    Only a receipt for the very record says that it was delivered; `rows` are all that the link is
    shown for.
    """
    tracker, run_id, url = (str(run.get(name) or "") for name in ("tracker", "run_id", "url"))
    due = [row for row in rows if (tracker, run_id) in places_of(reading.runs(row))]
    receipts = {(row.index, tracker, run_id, row.evidence_sha256) for row in due}
    state = "waits" if receipts else "not delivered"
    if reading.early:
        state = "being checked"
    elif receipts and reading.are_confirmed(receipts):
        state = "delivered"
    elif any(_is_kept(reading, row, (tracker, run_id)) for row in due):
        state = "kept, not uploaded"
    return TrackerLink(tracker, run_id, url if is_web_address(url) else "", state)


def _is_kept(reading: Reading, row: RunRow, run: tuple[str, str]) -> bool:
    """Whether it lies with an offline run on this machine, and no server has it."""
    waiting = reading.waiting().get(row.index, ())
    return any(item.kept and (item.tracker, item.run_id) == run for item in waiting)


PER_PAGE = 50
MOST_PAGES = 1_000_000
LONGEST = 200
ORDERS = ("desc", "asc")
_DATES = ("since", "until")


class RunQuery(Struct, frozen=True, kw_only=True):
    """What the address asks for, as text; empty is nothing."""

    q: str = ""
    light: str = ""
    policy: str = ""
    version: str = ""
    sha256: str = ""
    name: str = ""
    experiment: str = ""
    kind: str = ""
    model: str = ""
    failing: str = ""
    since: str = ""
    until: str = ""
    sort: str = "time"
    order: str = "desc"
    page: int = 1

    def params(self, **changes: object) -> dict[str, object]:
        """For `url`: what differs from the plain list. Another order begins at the first page."""
        changed = replace(self, **({"page": 1} | changes))
        found = asdict(changed)
        return {name: value for name, value in found.items() if value != _DEFAULTS[name]}

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out of the list."""
        return any(getattr(self, name) for name in FILTERS)

    @property
    def filters(self) -> Filters:
        """What the index is asked for."""
        same = ("policy", "version", "sha256", "name", "experiment", "kind", "model", "failing")
        wanted: dict[str, Any] = {name: getattr(self, name) or None for name in same}
        return Filters(
            **wanted,
            light=next((light for light in RANKS if light == self.light), None),
            since=_moment(self.since),
            until=_moment(self.until, end=True),
            search=self.q or None,
        )


FILTERS = (
    "q", "light", "policy", "version", "sha256", "name", "experiment", "kind", "model", "failing",
    *_DATES,
)  # fmt: skip
_DEFAULTS = {item.name: item.default for item in fields(RunQuery)}


def parse(given: Sequence[tuple[str, str]]) -> tuple[RunQuery, tuple[str, ...]]:
    """The query of these pairs, and what is wrong with them."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in given:
        if name not in _DEFAULTS:
            wrong.append(f"There is no filter '{name[:40]}'{did_you_mean(name[:40], _DEFAULTS)}.")
        elif value.strip():
            problem = _problem(name, value.strip())
            if problem:
                wrong.append(f"{problem} It is left out.")
            else:
                found[name] = _read(name, value.strip())
    return RunQuery(**found), tuple(wrong[:5])


def _read(name: str, value: str) -> str | int:
    return int(value) if name == "page" else value


def _problem(name: str, value: str) -> str:
    """What is wrong with one value; empty where nothing is."""
    if len(value) > LONGEST:
        return f"'{name}' is {len(value)} characters long; at most {LONGEST} are looked for."
    check = _CHECKS.get(name)
    return check(value) if check else ""


def _one_of(name: str, known: Sequence[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value in known:
            return ""
        return f"'{name}' is {value!r}; expected one of {', '.join(known)}."

    return check


def _page_number(value: str) -> str:
    if value.isascii() and value.isdecimal() and 1 <= int(value) <= MOST_PAGES:
        return ""
    return f"'page' is {value!r}; expected a number from 1."


def _date(name: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if _parsed(value) is not None:
            return ""
        return f"'{name}' is {value!r}; expected a date such as 2026-11-23 or 2026-11-23T15:00."

    return check


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "light": _one_of("light", tuple(RANKS)),
    "kind": _one_of("kind", (EVERY, *KINDS)),
    "sort": _one_of("sort", SORTS),
    "order": _one_of("order", ORDERS),
    "page": _page_number,
} | {name: _date(name) for name in _DATES}


def _parsed(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return aware if aware.year < 9999 else None
    except (ValueError, OverflowError):
        return None


def _moment(text: str, *, end: bool = False) -> str | None:
    """As the log writes it. An end that is a date alone has all of that day in it."""
    found = _parsed(text) if text else None
    if found is None:
        return None
    if end and len(text) <= len("2026-11-23"):
        found += timedelta(days=1)
    return timestamp(found)
