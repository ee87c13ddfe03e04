"""The application: a route for each page, and errors as pages."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from venturalitica.core.concise import Concise
from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.errors import VenturaliticaError
from venturalitica.ui.drawn import Drawn
from venturalitica.ui.pages import PAGES, Page
from venturalitica.ui.reader import Desk, NoEvidenceYetError
from venturalitica.ui.security import READING, Gate, Guard, bounded, too_large
from venturalitica.ui.signing import Signing
from venturalitica.ui.templating import (
    ServerAddresses,
    as_segment,
    of_segment,
    render,
    render_error,
)

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
MAX_FIELDS = 100
FOR_GOOD = "private, max-age=31536000, immutable"


def create_app(desk: Desk, guard: Guard, signing: Signing | None = None) -> Starlette:
    """The application over one ledger. `app.state` has `desk`, `guard` and `addresses`.

    Without `signing` nothing is ever written by it.
    """
    register_url_convertor("text", _Text())
    app = Starlette(
        routes=[
            *(_route(page) for page in PAGES),
            Route("/static/{name}", _asset, name="static"),
            Route("/favicon.ico", _no_icon),
            Route("/needs-the-server", _not_exported),
        ],
        middleware=[Middleware(Gate, guard=guard)],
        exception_handlers={HTTPException: _http_error},
    )
    app.state.desk, app.state.guard, app.state.drawn = desk, guard, Drawn()
    app.state.signing = signing
    app.state.addresses = ServerAddresses(versions())
    return app


class _Text(Convertor[str]):
    """Any text as one part of a path; see `addresses.as_segment`."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return of_segment(value)

    def to_string(self, value: str) -> str:
        return as_segment(value)


def _route(page: Page) -> Route:
    return Route(page.path, _endpoint(page), methods=list(page.methods), name=page.name)


def _endpoint(page: Page) -> Endpoint:
    """Calls the page's function; whatever goes wrong in it becomes a page."""

    async def endpoint(request: Request) -> Response:
        try:
            if request.method not in READING:
                request = await _with_form(request, page)
            elif page.waits and _is_looked_at(request) and request.app.state.desk.is_read_ahead():
                return _still_reading(request)
            return await _answer(page, request)
        except HTTPException:
            raise
        except NoEvidenceYetError as error:
            # A record or a file that was asked for is not there: who saves it is to be told so.
            status = 404 if request.path_params else 200
            return render(request, "nothing.html", str(error), status)
        except ClientDisconnect:
            return Response(status_code=400)
        except VenturaliticaError as error:
            return _our_error(request, error)
        except Exception as error:  # noqa: BLE001 - a page, not a trace; the trace is logged
            log.error("%s failed\n%s", page.name, redacted_traceback(error))
            return render_error(
                request,
                500,
                "This page could not be drawn",
                "That is a fault in venturalitica, not in what you did. The evidence is not "
                "touched by it.",
                "The terminal that runs `venturalitica ui` shows where; please report it.",
            )

    return endpoint


async def _answer(page: Page, request: Request) -> Response:
    function: Callable[[Request], Any] = getattr(
        importlib.import_module(f"venturalitica.ui.pages.{page.module}"), page.function
    )
    if inspect.iscoroutinefunction(function):
        answer = await function(request)
    else:
        answer = await run_in_threadpool(function, request)
    assert isinstance(answer, Response)
    return answer


def _is_looked_at(request: Request) -> bool:
    """Whether a person looks at the answer; whoever fetches it waits for what it shows."""
    return request.headers.get("sec-fetch-mode") == "navigate"


def _still_reading(request: Request) -> Response:
    answer = render(request, "reading.html", None, 503)
    answer.headers.update({"refresh": "1", "retry-after": "1"})
    return answer


async def _with_form(request: Request, page: Page) -> Request:
    """The request with its form read in limits (`request.state.form`), if it is one of ours.

    Raises:
        HTTPException: it is too large, or does not carry this process's word.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > page.body:
        raise too_large(page.body)
    request = Request(request.scope, bounded(request.receive, page.body))
    # A file goes to disk as it comes; fields are kept in memory.
    form = await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=page.body)
    if not request.app.state.guard.knows_form(form.get("csrf")):
        await form.close()
        raise HTTPException(403, "The form is from before this server was started: load it again.")
    request.state.form = form
    return request


def _our_error(request: Request, error: VenturaliticaError) -> Response:
    return render_error(
        request,
        503,
        "The evidence cannot be shown",
        redact_text(str(error)),
        "`venturalitica verify` says in full what holds and what does not; `venturalitica doctor` "
        "looks for what is broken.",
    )


async def _http_error(request: Request, error: Exception) -> Response:
    """What a page refuses: its `detail` is for people."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    title, message, advice = _ANSWERS.get(status, (HTTPStatus(status).phrase, "", ""))
    plain = error.detail == HTTPStatus(status).phrase
    response = render_error(request, status, title, message if plain else error.detail, advice)
    response.headers.update(error.headers or {})
    return response


_ANSWERS = {
    400: ("This address asks for something else", "", "Begin again from one of the pages above."),
    403: ("That was not accepted", "", ""),
    404: ("There is no such page", "Nothing has this address.", "These pages exist:"),
    405: ("That cannot be done here", "This address takes other requests than this one.", ""),
    409: ("That is no longer what was shown", "", ""),
    413: ("That is too large", "", "A bundle file (evidence.json) is what can be checked here."),
}


async def _asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return Response(
        found.data, headers={"content-type": found.media_type, "cache-control": FOR_GOOD}
    )


async def _not_exported(request: Request) -> Response:
    """Stands in a static export for what has no file there."""
    return render(request, "needs_server.html", None)


async def _no_icon(request: Request) -> Response:
    return Response(status_code=204)


FOLDER = Path(__file__).with_name("static")
CSS, JS = "text/css; charset=utf-8", "text/javascript; charset=utf-8"


class Asset(Concise, frozen=True):
    """One file: its bytes and what they are."""

    unsaid = frozenset({"data"})

    data: bytes
    media_type: str

    @property
    def version(self) -> str:
        """Changes when the bytes do."""
        return hashlib.sha256(self.data).hexdigest()[:12]


@cache
def assets() -> Mapping[str, Asset]:
    """Style sheet and scripts by the name in their address; read from the package once."""
    from venturalitica.reports.html.theme import page_style

    style = page_style().encode() + b"\n" + (FOLDER / "app.css").read_bytes()
    scripts = {name: (FOLDER / name).read_bytes() for name in SCRIPTS}
    return {"app.css": Asset(style, CSS)} | {
        name: Asset(data, JS) for name, data in scripts.items()
    }


SCRIPTS = ("htmx.min.js", "times.js", "live.js")


@cache
def versions() -> Mapping[str, str]:
    """What each one's address ends in, so that a browser keeps it until it changes."""
    return {name: asset.version for name, asset in assets().items()}
