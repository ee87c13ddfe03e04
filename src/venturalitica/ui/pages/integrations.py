"""Integrations: each tracker's store in five lights, what waits for it, the way to its runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from venturalitica.review.health.integrations import Link
from venturalitica.system.settings import Settings
from venturalitica.ui.gate import Gate, gate_of
from venturalitica.ui.health import ANSWER_WAIT, ci_shown, stores
from venturalitica.ui.jobs import Job, Jobs
from venturalitica.ui.places import Shown, places, show
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


class Card(Struct, frozen=True):
    """One store of a tracker, or the CI: its lights, the way to its runs where the log names some,
    and the first of what waits for it."""

    link: Link
    anchor: str
    shown: Shown | None = None
    waiting: tuple[Undelivered, ...] = ()


class LinksContext(Struct, frozen=True):
    """What the page shows, all of which changes by itself. `busy` says that it soon will, `more`
    how many places are not shown."""

    cards: tuple[Card, ...]
    waiting: int
    job: Job | None
    delivered: tuple[Delivery, ...] = ()
    refused: tuple[Delivery, ...] = ()
    busy: bool = False
    gate: Gate = Gate()
    more: int = 0
    begun: bool = True

    @property
    def every(self) -> str:
        """When to ask again: at once while something is under way, soon while a server is awaited
        that somebody may have started, seldom otherwise."""
        awaited = any(card.shown is not None and card.shown.awaited for card in self.cards)
        return "1s" if self.busy else "5s" if awaited else "15s"

    @property
    def linked(self) -> bool:
        """Whether a record names a run of a tracker."""
        return any(card.shown is not None for card in self.cards)


def read(reading: Reading | None, jobs: Jobs, *, wait: float = 0.0) -> LinksContext:
    """The cards, and what the last retry came to; the trackers are asked beside."""
    # Before what waits is read: that is then what it left, or it is still busy.
    job = jobs.latest("retry")
    found = stores(reading, jobs, wait=wait)
    known = places(reading)
    ways = {one.place.key: one for one in show(known.shown, jobs, wait=wait)}
    settings = reading.desk.settings if reading else Settings.current()
    cards = [
        Card(
            store.link,
            store.anchor,
            ways.get(store.place.key) if store.place else None,
            store.waiting[:MOST_WAITING],
        )
        for store in found
    ]
    outcomes: tuple[Delivery, ...] = (job.result or ()) if job else ()
    gate = gate_of(reading, jobs, wait=wait)
    asking = any(lamp.word == "Asking" for store in found for lamp in store.link.lamps)
    looking = any(one.looking for one in ways.values())
    return LinksContext(
        cards=(*cards, Card(ci_shown(reading, settings.project_root), "link-ci")),
        waiting=sum(map(len, reading.waiting().values())) if reading else 0,
        job=job,
        delivered=tuple(outcome for outcome in outcomes if outcome.delivered),
        refused=tuple(outcome for outcome in outcomes if not outcome.delivered),
        busy=gate.busy or asking or looking or (job is not None and job.running),
        gate=gate,
        more=known.more,
        begun=reading is not None,
    )


# --- Requests -----------------------------------------------------------------------------------


def page(request: Request) -> Response:
    """Answer `/integrations`."""
    return render(request, "integrations.html", _read(request))


def live(request: Request) -> Response:
    """The cards alone."""
    return _if_changed(request, "_links.html", _read(request))


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


def _read(request: Request) -> LinksContext:
    desk: Desk = request.app.state.desk
    jobs, wait = Jobs.of(request.app), _wait(request)
    # Trackers can be looked at before there is a log.
    if not desk.has_evidence:
        return read(None, jobs, wait=wait)
    with desk.reading() as reading:
        return read(reading, jobs, wait=wait)


def _wait(request: Request) -> float:
    return EXPORT_WAIT if addresses_of(request).exported else ANSWER_WAIT
