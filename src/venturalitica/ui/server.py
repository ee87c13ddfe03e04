"""The server: a free port, the address to open, and an end without noise."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator

import uvicorn
from msgspec.structs import replace

from venturalitica.core.concise import Concise
from venturalitica.errors import SettingsError
from venturalitica.ui.app import create_app
from venturalitica.ui.read_ahead import ReadAhead, is_long
from venturalitica.ui.reader import Desk
from venturalitica.ui.security import WILDCARDS, Guard, is_loopback
from venturalitica.ui.signing import Signing

PORT = 8610
PORTS = 20
"""How many ports are tried, from the one asked for on."""
SHORTEST_TOKEN = 16
BACKLOG = 128
OBJECTS = 50_000
"""New objects between two searches for cycles. A page reads records, which are many and have none:
at Python's own 700 a tenth of the first page is spent searching."""

AHEAD = 5
"""Pages of the overview that are read ahead: 250 pipelines."""

TOKEN_VARIABLE = "VENTURALITICA_UI_TOKEN"


class Listening(Concise, frozen=True):
    """A socket that is listened at; `busy` is the port that was asked for and taken."""

    unsaid = frozenset({"token"})

    socket: socket.socket
    host: str
    port: int
    token: str = ""
    busy: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """What to open; with the token, where one is needed."""
        return self._address("127.0.0.1" if self.host in WILDCARDS else self.host)

    @property
    def without_token(self) -> str:
        """What may be sent to others: who opens it needs the token from somebody."""
        return self.from_elsewhere.partition("?")[0]

    @property
    def from_elsewhere(self) -> str:
        """What to open on another machine."""
        return self._address(socket.gethostname() if self.host in WILDCARDS else self.host)

    def _address(self, host: str) -> str:
        shown = f"[{host}]" if ":" in host else host
        query = f"?token={self.token}" if self.token else ""
        return f"http://{shown}:{self.port}/{query}"


def listen(host: str, port: int, *, token: str = "") -> Listening:
    """Listen at the first free port from `port` on; 0 is any.

    Anything but loopback needs a token: the one given, else a new one.

    Raises:
        SettingsError: the host is unknown, no port is free or allowed, or the token is too short.
    """
    token = _token(host, token)
    for number in range(port, port + (PORTS if port else 1)):
        try:
            found = _bound(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _refused(host, number, error) from error
            continue
        taken = found.getsockname()[1]
        return Listening(found, host, taken, token, port if port and taken != port else None)
    raise SettingsError(
        f"the ports {port} to {port + PORTS - 1} of {host} are all in use; give another --port"
    )


def serve(desk: Desk, listening: Listening, signing: Signing | None = None) -> None:
    """Serve until the process is asked to end (Ctrl-C, SIGTERM)."""
    guard = Guard(listening.host, listening.port, listening.token)
    config = uvicorn.Config(
        create_app(desk, guard, signing),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    if is_long(desk.home):
        desk.ahead = ReadAhead(lambda: read_ahead(desk))
        desk.ahead.start()
    try:
        with collecting_rarely(), contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening.socket])
    finally:
        desk.close()
        listening.socket.close()


@contextlib.contextmanager
def collecting_rarely() -> Iterator[None]:
    """Python searches for cycles as it does while pages are served, and as before afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def read_ahead(desk: Desk) -> None:
    """Read what pages keep: what waits, the sign-offs, the places, the rows of all pipelines.

    Raises:
        EvidenceError: the log cannot be read or was altered.
    """
    from venturalitica.ui.pages.overview import PLAIN, read
    from venturalitica.ui.places import places

    with desk.reading() as reading:
        pages = read(reading).pages
        for number in range(2, min(pages, AHEAD) + 1):
            read(reading, replace(PLAIN, page=number))
        for place in places(reading).shown[:1]:
            desk.deliveries.newest_at(place.where, desk.linked)
    # What is kept from here on is kept for as long as the server runs: no search for cycles need
    # go through it again.
    gc.freeze()


def open_browser(address: str) -> None:
    """Open a browser in the background; where there is none, nothing happens."""

    def go() -> None:
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(address)

    threading.Thread(target=go, name="venturalitica-browser", daemon=True).start()


def has_screen() -> bool:
    """Whether somebody sits here who would see a browser come up."""
    if not sys.stdout.isatty() or os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in screens)


def _token(host: str, given: str) -> str:
    if given and len(given) < SHORTEST_TOKEN:
        raise SettingsError(
            f"the token has {len(given)} characters: expected {SHORTEST_TOKEN} or more, that "
            "nobody can guess; leave it out and one is made"
        )
    if given or is_loopback(host):
        return given
    return secrets.token_urlsafe(24)


def _bound(host: str, port: int) -> socket.socket:
    try:
        places = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise SettingsError(
            f"--host {host}: not a name or address of this machine ({error})"
        ) from error
    family, kind, protocol, _, address = places[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _refused(host: str, port: int, error: OSError) -> SettingsError:
    hint = "; ports below 1024 are for the system" if error.errno == errno.EACCES else ""
    return SettingsError(f"cannot listen at {host}:{port}: {error.strerror or error}{hint}")
