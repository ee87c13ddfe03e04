"""Templates: what each is given, and how values are shown in it.

Everything is escaped, and what could deceive a reader (control characters, turned-around text) is
spelled out, as in reports. A missing name in a template is an error, never an empty place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment
from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from venturalitica._version import __version__
from venturalitica.core.redact import redact_uri
from venturalitica.core.text import is_web_address, timestamp, visible
from venturalitica.core.verdict import LIGHTS
from venturalitica.reports.html.markup import join, tag
from venturalitica.reports.html.templating import environment as reports
from venturalitica.ui.drawn import Drawn
from venturalitica.ui.pages import PAGES, find

TEMPLATES = Path(__file__).with_name("templates")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d)(?:\.\d{1,9})?)?Z\Z", re.ASCII)
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{16,128})\Z")


def render(request: Request, template: str, context: object, status: int = 200) -> Response:
    """The page of a template.

    The template is given `page` (the context), `nav`, `here` (the request's path), `csrf`,
    `url(name, **params)`, `asset(name)`, `exported`, `now`, `home`, `version`, `refuted`, `link`
    (where this view is found again), `signs` (whether sign-offs are signed here), and
    `part(template, **values)`, which draws a template of these values, of `url` and `exported`
    alone: where a server answers it is kept by them (`drawn.Drawn`).
    """
    return HTMLResponse(draw(request, template, context), status)


def draw(request: Request, template: str, context: object) -> str:
    """The same as text."""
    state = request.app.state
    addresses = addresses_of(request)
    return environment().get_template(template).render(
        page=context,
        nav=_navigation(addresses),
        here=request.url.path,
        csrf=state.guard.csrf,
        url=addresses.url,
        asset=addresses.asset,
        signs=state.signing is not None,
        link=_link(request, addresses, context),
        part=_parts(state.drawn, addresses),
        exported=addresses.exported,
        now=datetime.now(UTC),
        home=str(state.desk.home),
        index=state.desk.index_shown,
        refuted=state.desk.refuted,
        version=__version__,
    )  # fmt: skip


def _link(request: Request, addresses: Addresses, context: object) -> str:
    """Where this view is found again, whatever comes into the log; empty of what was sent."""
    if request.method not in ("GET", "HEAD"):
        return ""
    digest = getattr(context, "evidence_sha256", "")
    if digest:
        return addresses.url("record", sha256=digest)
    compared = getattr(context, "permanent", None)
    if compared:
        return addresses.url("compare", **compared)
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def _parts(drawn: Drawn, addresses: Addresses) -> Callable[..., Markup]:
    """What draws the parts of a page."""

    def part(template: str, /, **values: object) -> Markup:
        def draw() -> str:
            found = environment().get_template(template)
            shared = {"url": addresses.url, "exported": addresses.exported, "part": part}
            return found.render(**values, **shared)

        # Who makes files is told of each address that a page leads to: nothing is left out there.
        return Markup(draw()) if addresses.exported else drawn.of(template, values, draw)

    return part


def addresses_of(request: Request) -> Addresses:
    """Who gives addresses: this server, or an export of its pages."""
    found: Addresses = request.scope.get("venturalitica.addresses") or request.app.state.addresses
    return found


class ErrorContext(Struct, frozen=True):
    """What an error page says: what happened, why, what to do.

    `part` is the path of the page that leads to the address, if one of the navigation does.
    """

    status: int
    title: str
    message: str
    advice: str = ""
    part: str = ""


def render_error(
    request: Request, status: int, title: str, message: str, advice: str = ""
) -> Response:
    """An error as a page."""
    part = f"/{request.url.path.split('/')[1]}"
    context = ErrorContext(status, title, message, advice, part)
    return render(request, "error.html", context, status)


def render_refusal(request: Request, status: int, title: str, message: str) -> Response:
    """A page for who is not let in: it shows nothing of what is here."""
    context = ErrorContext(status, title, message)
    text = environment().get_template("refused.html").render(page=context)
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """The templates of these pages, over those of reports."""
    made = reports(TEMPLATES)
    made.filters.update(FILTERS)
    made.globals.update(lights=LIGHTS)
    return made


class NavItem(Struct, frozen=True):
    """A word in the navigation."""

    word: str
    name: str
    path: str
    address: str

    def holds(self, here: str) -> bool:
        """Whether the page at `here` is it, or belongs to it."""
        return here == self.path or (self.path != "/" and here.startswith(self.path + "/"))


def _navigation(addresses: Addresses) -> tuple[NavItem, ...]:
    return tuple(
        NavItem(page.nav, page.name, page.path, addresses.url(page.name))
        for page in PAGES
        if page.nav
    )


def moment(value: datetime | str | None, *, seconds: bool = False) -> Markup:
    """A time as `<time>`: UTC from the server; `times.js` puts it into the viewer's zone."""
    if value is None or value == "":
        return Markup("–")
    if isinstance(value, datetime):
        value = timestamp(value)
    text = value
    match = _MOMENT.match(text)
    if match is None:
        return tag("span", text)
    clock = f"{match[2]}:{match[3]}" if seconds and match[3] else match[2]
    return tag(
        "time",
        f"{match[1]} {clock} UTC",
        datetime=text,
        title=f"{match[1]} {match[2]}:{match[3] or '00'} UTC",
        data_seconds="" if seconds else None,
    )


def digest(value: str | None, digits: int = 12) -> Markup:
    """A digest or commit by its beginning; the whole is in its title."""
    text = value or ""
    match = _DIGEST.match(text)
    if match is None:
        return tag("span", text or "–")
    return tag("code", match[1][:digits], title=text, cls="vl-digest")


def count(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`, `1,024 runs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def pages_of(total: int, each: int) -> int:
    """How many pages hold `total` things, `each` to a page; nothing at all is shown on one, too."""
    return max(1, -(-total // each))


def web_link(url: str | None, label: str = "") -> Markup:
    """A link to elsewhere for plain http and https addresses; for all else, its text."""
    shown = redact_uri(url or "")
    if not is_web_address(shown):
        return join((label or shown,))
    return tag("a", label or shown, href=shown, rel="noopener noreferrer", cls="ui-out")


_BREAKS = re.compile(r"(?<=[/.:@&=?_-])(?=[^/.:@&=?_-])")


def address(uri: str) -> Markup:
    """An address that breaks after a `/`, `.` or `-` where it is too long, and never in a word."""
    return Markup("<wbr>").join(_BREAKS.split(visible(uri)))


FILTERS: Mapping[str, Callable[..., object]] = {
    "moment": moment,
    "digest": digest,
    "count": count,
    "redacted": redact_uri,
    "address": address,
    "web_link": web_link,
}


_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_RESERVED = re.compile(r"[/%\\\x00-\x1f\x7f]")
_EMPTY = "%"


class Addresses(Protocol):
    """Gives addresses: the server's, or those of files that link to each other."""

    exported: bool

    def url(self, name: str, /, **params: object) -> str:
        """The address of the page `name`.

        `params` are what its path asks for, then its query: None is left out, a list is several;
        `_anchor` is the part of the page.
        """

    def asset(self, name: str) -> str:
        """The address of a style sheet or script."""


class ServerAddresses:
    """The addresses in the running server."""

    exported = False

    def __init__(self, versions: Mapping[str, str]) -> None:
        self._versions = versions

    def url(self, name: str, /, **params: object) -> str:
        """See `Addresses`."""
        path, rest = fill(find(name).path, params)
        anchor = rest.pop("_anchor", None)
        pairs = list(query_pairs(rest))
        text = f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path
        return f"{text}#{quote(str(anchor), safe='', errors='replace')}" if anchor else text

    def asset(self, name: str) -> str:
        """See `Addresses`; the version lets a browser keep it for good."""
        return f"/static/{name}?v={self._versions[name]}"


def fill(path: str, params: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """The path with its places filled, percent-encoded, and the parameters that were left over."""
    rest = dict(params)
    parts: list[str] = []
    done = 0
    for place in _PLACE.finditer(path):
        value = str(rest.pop(place[1]))
        parts.append(path[done : place.start()])
        parts.append(quote(as_segment(value), safe="", errors="replace"))
        done = place.end()
    return "".join(parts) + path[done:], rest


def query_pairs(params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The query of these parameters, in their order."""
    for name, value in params.items():
        if value is None:
            continue
        several = value if isinstance(value, list | tuple) else (value,)
        yield from ((name, str(one)) for one in several)


def as_segment(value: str) -> str:
    """A text as one part of a path, whatever is in it.

    A server decodes a path before it is split, and a browser folds `..` away, encoded or not: what
    would be taken for either is encoded once more.
    """
    if not value:
        return _EMPTY
    if value in (".", ".."):
        return value.replace(".", "%2E")
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", value)


def of_segment(segment: str) -> str:
    """What `as_segment` was given."""
    return "" if segment == _EMPTY else unquote(segment)
