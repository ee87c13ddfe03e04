"""Who may ask, and what every answer says to the browser.

The attacks that this file is about:

- DNS rebinding: a page of a stranger's lets its own name resolve to 127.0.0.1 and reads our pages
  as its own. Its name stands in `Host`, which therefore must be one of ours.
- Cross-site requests: a stranger's page posts a form to us. A POST must come from a page of ours
  (`Sec-Fetch-Site`, `Origin`) and carry a word that only our pages know (`csrf`).
- Neighbours: where the server listens on more than loopback, a token is asked for first.
- Injection: should a recorded text ever get through as HTML, no script or style of it runs.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from msgspec import field
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from venturalitica.core.concise import Concise
from venturalitica.ui.templating import render_refusal

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'none'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms, too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
NO_STORE = "no-store"
READING = frozenset({"GET", "HEAD"})
WILDCARDS = frozenset({"0.0.0.0", "::", ""})
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?\Z", re.IGNORECASE)


class Guard(Concise, frozen=True):
    """What is let through.

    `host` is where the server listens; `token` must be shown where it is set; `secret` is this
    process's own and makes the word that its forms carry.
    """

    unsaid = frozenset({"token", "secret"})

    host: str
    port: int
    token: str = ""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def csrf(self) -> str:
        """The word that a form of ours carries."""
        return hmac.new(self.secret, b"csrf", hashlib.sha256).hexdigest()

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies know no ports, so that the name must."""
        return f"venturalitica-{self.port}"

    @property
    def pass_word(self) -> str:
        """What the cookie holds: proof of the token, not the token."""
        return hmac.new(self.token.encode(), b"venturalitica ui", hashlib.sha256).hexdigest()

    def knows_host(self, header: str) -> bool:
        """Whether `Host` names this server."""
        match = _AUTHORITY.match(header)
        if match is None:
            return False
        name, port = match[1].lower(), int(match[2] or 80)
        if port != self.port:
            return False
        if self.host in WILDCARDS:
            return True  # by any name: what a stranger's page lacks there is the cookie
        return is_loopback(name) or name == _bracketed(self.host).lower()

    def shows_token(self, given: str) -> bool:
        """Whether this is the token; takes as long whatever is given."""
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())

    def has_cookie(self, cookies: Mapping[str, str]) -> bool:
        """Whether the cookies hold the proof."""
        given = cookies.get(self.cookie, "")
        return hmac.compare_digest(given.encode(errors="replace"), self.pass_word.encode())

    def knows_form(self, word: object) -> bool:
        """Whether a form was one of this process's."""
        given = word if isinstance(word, str) else ""
        return hmac.compare_digest(given.encode(errors="replace"), self.csrf.encode())


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """Lets requests through to `app`, or answers them with why not."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # no websockets are spoken here, and there is nothing to start or stop
        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        for rule in (self._strange_host, self._strange_origin, self._no_token):
            refusal = rule(request)
            if refusal is not None:
                return refusal
        return None

    def _strange_host(self, request: Request) -> Response | None:
        named = request.headers.getlist("host")
        if len(named) == 1 and self._guard.knows_host(named[0]):
            return None
        shown = ", ".join(named)[:100] or "none"
        return render_refusal(
            request,
            421,
            "This address is not one of ours",
            f"The request was for the host {shown!r}; this server answers for "
            f"{_bracketed(self._guard.host)}:{self._guard.port} and the names of this machine at "
            "that port. Open the address that `venturalitica ui` printed; if you forward a port, "
            "forward the same number.",
        )

    def _strange_origin(self, request: Request) -> Response | None:
        if request.method in READING:
            return None
        if is_same_origin(request.headers):
            return None
        return render_refusal(
            request,
            403,
            "This came from another site",
            "Something may only be sent from a page of this server. Go to the page and use its "
            "button.",
        )

    def _no_token(self, request: Request) -> Response | None:
        guard = self._guard
        if not guard.token or request.url.path.startswith("/static/"):
            return None
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        given = [value for name, value in pairs if name == "token"]
        if given and guard.shows_token(given[-1]) and request.method in READING:
            return self._admitted(request, [pair for pair in pairs if pair[0] != "token"])
        if guard.has_cookie(request.cookies):
            return None
        return render_refusal(
            request,
            401,
            "A token is needed",
            "This server listens to more than its own machine. Open the whole address that "
            "`venturalitica ui` printed, with its `?token=`.",
        )

    def _admitted(self, request: Request, rest: list[tuple[str, str]]) -> Response:
        """To the same page, without the token in its address."""
        query = f"?{urlencode(rest)}" if rest else ""
        # Two slashes at the beginning would lead to another server.
        path = "/" + request.url.path.lstrip("/\\")
        response = RedirectResponse(f"{path}{query}", 303)
        response.set_cookie(
            self._guard.cookie, self._guard.pass_word, path="/", httponly=True, samesite="strict"
        )
        return response


def is_same_origin(headers: Headers) -> bool:
    """Whether a browser says that one of our own pages sends this; without a word of it, no."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin in (f"http://{headers.get('host')}", f"https://{headers.get('host')}")
    return site is not None


def bounded(receive: Receive, limit: int) -> Receive:
    """The same body, up to `limit` bytes; then 413."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise too_large(limit)
        return message

    return receive_some


def too_large(limit: int) -> HTTPException:
    """The refusal of what is more than a page takes."""
    size = f"{limit // (1024 * 1024)} MB" if limit >= 1024 * 1024 else f"{limit // 1024} KB"
    return HTTPException(413, f"More was sent than this page takes, which is {size}.")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _with_headers(send: Send, headers: Mapping[str, str] = HEADERS) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            found = MutableHeaders(scope=message)
            for name, value in headers.items():
                found[name] = value
            found.setdefault("cache-control", NO_STORE)
        await send(message)

    return send_guarded
