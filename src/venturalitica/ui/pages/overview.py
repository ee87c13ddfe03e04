"""The overview: is anything red, and where? One card for each policy and name, failures first; a
table where there are many."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import asdict, replace
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.pipelines import Key, Pipeline, pipelines
from venturalitica.ledger.index.queries import rows_of
from venturalitica.ui.health import HealthRow
from venturalitica.ui.health import rows as health_rows
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.pages.pipeline_cards import Found, PipelineCard, PipelineGroup
from venturalitica.ui.pages.run_query import LONGEST
from venturalitica.ui.pages.taken_logs import TakenPipelines, taken_pipelines
from venturalitica.ui.templating import addresses_of, draw, pages_of, render

if TYPE_CHECKING:
    from venturalitica.ui.reader import Desk, Reading

PER_PAGE = 24
TREND = 30
"""Runs in a picture."""

MOST_CARDS = 12
"""So many pipelines are shown as cards unless asked otherwise; more are a table."""

LINES = 50
"""Pipelines on a page of the table."""

LINE_TREND = 8
"""Runs of each line of the table."""

INSIDE = 6
"""Experiments in a card; the table has the others."""

VIEWS = ("cards", "table")


class OverviewQuery(Struct, frozen=True, kw_only=True):
    """What the address asks for; empty is nothing."""

    light: str = ""
    policy: str = ""
    tracker: str = ""
    view: str = ""
    page: int = 1

    @classmethod
    def of(cls, given: Mapping[str, str]) -> OverviewQuery:
        """The query of an address; what cannot be read is left out."""
        number, light, view = (given.get(name, "") for name in ("page", "light", "view"))
        known = number.isascii() and number.isdecimal() and len(number) < 8
        return cls(
            light=light if light in LIGHTS else "",
            policy=given.get("policy", "")[:LONGEST],
            tracker=given.get("tracker", "")[:LONGEST],
            view=view if view in VIEWS else "",
            page=max(1, int(number)) if known else 1,
        )

    def params(self, **changes: object) -> dict[str, object]:
        """For `url`: what is asked for, with changes. Another choice begins at the first page."""
        changed = replace(self, **({"page": 1} | changes))
        return {
            name: value
            for name, value in asdict(changed).items()
            if value and (name, value) != ("page", 1)
        }

    @property
    def narrowed(self) -> bool:
        """Whether any pipeline may be left out."""
        return bool(self.light or self.policy or self.tracker)


class OverviewContext(Struct, frozen=True, kw_only=True):
    """What the overview shows. `edited` says that the index had to be made again.

    `counts` are the pipelines of each light that fit in all else, `total` those that fit, `every`
    all there are. The table has `cards`, one line each; the cards are those of `groups`.
    """

    query: OverviewQuery
    table: bool
    groups: tuple[PipelineGroup, ...]
    cards: tuple[PipelineCard, ...]
    counts: Mapping[Light, int]
    total: int
    every: int
    pages: int
    policies: tuple[str, ...]
    trackers: tuple[str, ...]
    entries: int
    taken: TakenPipelines = TakenPipelines()
    health: tuple[HealthRow, ...] = ()
    edited: str = ""
    wrong: tuple[str, ...] = ()

    @property
    def page(self) -> int:
        """The number of the page, from 1."""
        return self.query.page

    @property
    def lights(self) -> tuple[Light, ...]:
        """The lights that there are."""
        return tuple(light for light, number in self.counts.items() if number)


class Shell(Struct, frozen=True, kw_only=True):
    """All that changes on the page, drawn. `params` ask for it again, with the digest of it."""

    inner: Markup
    seen: str
    params: Mapping[str, object]
    red: int


def page(request: Request) -> Response:
    """Answer `/`."""
    return render(request, "overview.html", _shell(request))


def live(request: Request) -> Response:
    """Answer `/live/overview`: the inside of the page, if it is another than the asker's."""
    shell = _shell(request)
    if request.query_params.get("seen") == shell.seen:
        return Response(status_code=204)
    return render(request, "_overview_live.html", shell)


def _shell(request: Request) -> Shell:
    context = _context(request)
    inner = Markup(draw(request, "_overview.html", context))
    seen = hashlib.sha256(inner.encode()).hexdigest()[:16]
    params = context.query.params(page=context.page) | {"seen": seen}
    return Shell(
        inner=inner, seen=seen, params=params, red=context.counts["red"] + context.taken.red
    )


def _context(request: Request) -> OverviewContext:
    desk: Desk = request.app.state.desk
    query = OverviewQuery.of(request.query_params)
    with desk.reading(early=True) as reading:
        # First what is held against the log: it says where the index was edited.
        found = read(reading, query)
        taken = taken_pipelines(reading, every=addresses_of(request).exported)
        health = health_rows(reading, Jobs.of(request.app))
        return replace(found, taken=taken, health=health, wrong=_left_out(request.query_params))


def _left_out(given: Mapping[str, str]) -> tuple[str, ...]:
    """What the address asks for and cannot be had, in words."""
    return tuple(
        f"'{name}' is {given[name][:40]!r}; expected one of {', '.join(known)}. It is left out."
        for name, known in (("light", LIGHTS), ("view", VIEWS))
        if given.get(name, "") not in ("", *known)
    )


PLAIN = OverviewQuery()


def read(reading: Reading, query: OverviewQuery = PLAIN) -> OverviewContext:
    """What the overview shows of the evidence; the health is put to it.

    The first page is kept until the log, the receipts or the index change.
    """
    if query == PLAIN:
        files = ("receipts.jsonl", "index.db")
        # A process that was killed changes no file.
        now = f"overview {reading.early} {reading.desk.refuted} {reading.begun()}"
        return reading.kept(now, lambda: _read(reading, query), *files)
    return _read(reading, query)


def _read(reading: Reading, query: OverviewQuery) -> OverviewContext:
    chosen, edited = reading.shown(
        lambda: _Chosen.of(reading, query), lambda one: one.found.lines()
    )
    known, found = reading.known(), chosen.found
    cards = {item.key: found.card(reading, item, known) for item in found.shown}
    lights = [pipeline.light for pipeline in chosen.but_light]
    return OverviewContext(
        query=query,
        table=chosen.table,
        groups=() if chosen.table else tuple(_cards(chosen.grouped, cards)),
        cards=tuple(cards.values()),
        counts={light: lights.count(light) for light in LIGHTS},
        total=len(chosen.fitting),
        every=len(chosen.every),
        pages=chosen.pages,
        policies=tuple(sorted({item.policy for item in chosen.every if item.policy})),
        trackers=chosen.trackers,
        entries=reading.ledger.size,
        edited=edited,
    )


class _Chosen(Struct, frozen=True, kw_only=True):
    """The pipelines that a query chooses. `but_light` are those that fit in all but the light."""

    every: Sequence[Pipeline]
    but_light: Sequence[Pipeline]
    fitting: Sequence[Pipeline]
    trackers: tuple[str, ...]
    table: bool
    pages: int
    grouped: Sequence[Sequence[Pipeline]]
    found: Found

    @classmethod
    def of(cls, reading: Reading, query: OverviewQuery) -> _Chosen:
        every = pipelines(reading.index, reading.known())
        trackers = _trackers(reading, every)
        but_light = [
            item
            for item in every
            if query.policy in ("", item.policy)
            and (not query.tracker or query.tracker in trackers[item.last])
        ]
        fitting = [item for item in but_light if query.light in ("", item.light)]
        table = (query.view or _usual(fitting)) == "table"
        each = LINES if table else PER_PAGE
        groups = [[item] for item in fitting] if table else _grouped(fitting)
        shown = groups[(query.page - 1) * each : query.page * each]
        drawn = [item for group in shown for item in group[:INSIDE]]
        # The pictures are drawn of what is read ahead, and each run in them held against the log.
        runs = 1 if reading.early else LINE_TREND if table else TREND
        return cls(
            every=every,
            but_light=but_light,
            fitting=fitting,
            trackers=tuple(sorted(set().union(*trackers.values()))),
            table=table,
            pages=pages_of(len(groups), each),
            grouped=shown,
            found=Found.of(reading, drawn, runs=runs),
        )


def _usual(fitting: Sequence[Pipeline]) -> str:
    return "table" if len(fitting) > MOST_CARDS else "cards"


def _trackers(reading: Reading, every: Sequence[Pipeline]) -> dict[int, frozenset[str]]:
    """By the last entry of each pipeline: the trackers that it is at."""
    found: dict[int, frozenset[str]] = dict.fromkeys((item.last for item in every), frozenset())
    rows = rows_of(reading.index, found)
    return found | {
        row.index: frozenset(tracker for tracker, _ in reading.places(row)) for row in rows
    }


def _grouped(fitting: Iterable[Pipeline]) -> list[list[Pipeline]]:
    """Those of one policy and name together, where the first of them stands."""
    found: dict[tuple[str | None, str], list[Pipeline]] = {}
    for item in fitting:
        found.setdefault((item.policy, item.name), []).append(item)
    return list(found.values())


def _cards(
    groups: Iterable[Sequence[Pipeline]], cards: Mapping[Key, PipelineCard]
) -> Iterable[PipelineGroup]:
    for group in groups:
        inside = [cards[item.key] for item in islice(group, INSIDE) if item.key in cards]
        if inside:
            yield PipelineGroup(
                policy=group[0].policy,
                name=group[0].name,
                light=group[0].light,
                cards=tuple(inside),
                more=len(group) - len(inside),
            )
