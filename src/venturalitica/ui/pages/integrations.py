"""Integrations: each tracker in five lights, what waits for it, and the way to its runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from venturalitica.review.health.integrations import Link
from venturalitica.system.settings import Settings
from venturalitica.ui.gate import Gate, gate_of
from venturalitica.ui.health import (
    ANSWER_WAIT,
    Shown,
    ci_shown,
    places,
    shown,
    tracker_links,
    waiting_for,
)
from venturalitica.ui.jobs import Job, Jobs
from venturalitica.ui.reader import Desk, Reading
from venturalitica.ui.templating import addresses_of, draw, render

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.ledger.outbox import Undelivered

EXPORT_WAIT = 2.5
"""Seconds that a static export waits for trackers: nobody refreshes it."""

UNSEEN = "0" * 16
"""What a fragment asks its successor with before its own digest is known."""

MOST_WAITING = 10
MOST_PLACES = 12


class Card(Struct, frozen=True):
    """One integration: its lights, and the first of what waits for it."""

    link: Link
    waiting: tuple[Undelivered, ...] = ()


class LinksContext(Struct, frozen=True):
    """The part of the page that changes by itself. `busy` says that it soon will."""

    cards: tuple[Card, ...]
    waiting: int
    job: Job | None
    delivered: tuple[Delivery, ...] = ()
    refused: tuple[Delivery, ...] = ()
    busy: bool = False
    gate: Gate = Gate()


class IntegrationsContext(Struct, frozen=True):
    """What the page shows."""

    live: LinksContext
    places: tuple[Shown, ...]
    more: int = 0
    begun: bool = True


def read(reading: Reading | None, jobs: Jobs, *, wait: float = 0.0) -> IntegrationsContext:
    """Read it from the ledger, and ask the trackers beside."""
    found = () if reading is None else places(reading)
    known = tuple(shown(place, jobs, wait=wait) for place in found[:MOST_PLACES])
    more = max(0, len(found) - MOST_PLACES)
    live = read_links(reading, jobs, wait=wait)
    return IntegrationsContext(live, known, more, reading is not None)


def read_links(reading: Reading | None, jobs: Jobs, *, wait: float = 0.0) -> LinksContext:
    """The cards, and what the last retry came to."""
    # Before what waits is read: that is then what it left, or it is still busy.
    job = jobs.latest("retry")
    links = tracker_links(reading, jobs, wait=wait)
    settings = reading.desk.settings if reading else Settings.current()
    cards = [Card(link, _waiting(reading, link)) for link in links]
    outcomes: tuple[Delivery, ...] = (job.result or ()) if job else ()
    gate = gate_of(reading, jobs, wait=wait)
    asking = gate.busy or any(lamp.word == "Asking" for link in links for lamp in link.lamps)
    return LinksContext(
        cards=(*cards, Card(ci_shown(reading, settings.project_root))),
        waiting=sum(link.waiting for link in links),
        job=job,
        delivered=tuple(outcome for outcome in outcomes if outcome.delivered),
        refused=tuple(outcome for outcome in outcomes if not outcome.delivered),
        busy=asking or (job is not None and job.running),
        gate=gate,
    )


def _waiting(reading: Reading | None, link: Link) -> tuple[Undelivered, ...]:
    return () if reading is None else waiting_for(reading, link.name)[:MOST_WAITING]


# --- Requests -----------------------------------------------------------------------------------


def page(request: Request) -> Response:
    """Answer `/integrations`."""
    with _reading(request) as reading:
        context = read(reading, Jobs.of(request.app), wait=_wait(request))
    return render(request, "integrations.html", context)


def live(request: Request) -> Response:
    """The cards alone."""
    with _reading(request) as reading:
        context = read_links(reading, Jobs.of(request.app))
    return _if_changed(request, "_links.html", context)


def live_place(request: Request) -> Response:
    """The runs of one place alone: their links come up once a server shows them."""
    with _reading(request) as reading:
        found = () if reading is None else places(reading)
        wanted = [place for place in found if place.key == request.path_params["key"]]
        if not wanted:
            raise HTTPException(404, "No record names such a place.")
        context = shown(wanted[0], Jobs.of(request.app))
    return render(request, "_place.html", context)


def retry(request: Request) -> Response:
    """Deliver what waits, beside; back to the page, which tells how it goes."""
    desk: Desk = request.app.state.desk
    Jobs.of(request.app).retry(desk.home)
    return RedirectResponse(request.app.state.addresses.url("integrations"), 303)


def _if_changed(request: Request, template: str, context: object) -> Response:
    """The fragment, if it is another than the asker's: a swap loses what a reader has selected."""
    text = draw(request, template, context)
    seen = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[: len(UNSEEN)]
    if request.query_params.get("seen") == seen:
        return Response(status_code=204)
    return HTMLResponse(text.replace(f"seen={UNSEEN}", f"seen={seen}"))


@contextmanager
def _reading(request: Request) -> Iterator[Reading | None]:
    """The ledger, or None where there is none yet: trackers can be looked at before."""
    desk: Desk = request.app.state.desk
    if not desk.has_evidence:
        yield None
        return
    with desk.reading() as reading:
        yield reading


def _wait(request: Request) -> float:
    return EXPORT_WAIT if addresses_of(request).exported else ANSWER_WAIT
