"""Every page as a file: a folder to hand over, to attach, to put on any web server, to open from
disk.

The pages are those of the server, asked for in this process and drawn by the same templates. The
export follows the links from the overview and from every record: `url` gives the relative name of
a file and remembers that the file is wanted. What needs the server (searches, buttons) has one
page that says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from msgspec import Struct, field
from starlette.applications import Starlette
from starlette.types import Message, Scope

from venturalitica.errors import SettingsError
from venturalitica.ui.app import assets, create_app
from venturalitica.ui.pages import find
from venturalitica.ui.reader import Desk
from venturalitica.ui.security import Guard
from venturalitica.ui.templating import fill, of_segment, query_pairs

HOST, PORT = "localhost", 80
SERVER_ONLY = "/needs-the-server"
STATIC = ("app.css", "times.js")
SUFFIXES = {"bundle": ".json", "report": ".html", "policy": ".txt", "oscal": ".json"}
"""What a download is, by the last part of its address."""
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_OTHER = re.compile(r"[^a-z0-9._-]+")


class Written(Struct, frozen=True):
    """What an export left: its files by address, and the addresses that could not be drawn."""

    folder: Path
    files: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        """How many of them are pages."""
        return sum(name.endswith(".html") for name in self.files.values())


def export(
    desk: Desk, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> Written:
    """Write every page of `desk` into a folder, which is made if absent.

    Raises:
        SettingsError: a file cannot be written.
    """
    site = _Site()
    app = create_app(desk, Guard(HOST, PORT))
    for entry in _entries(desk):
        # No page leads to every record: those about other records are not in the list of runs.
        site.file(fill(find("run").path, {"entry": entry})[0])
    try:
        for name in STATIC:
            _write(folder / "static" / name, assets()[name].data)
        while site.waiting:
            address = site.waiting.popleft()
            answer = asyncio.run(_ask(app, address, _Standing(site, address)))
            if answer.status >= 400:
                site.problems[address] = f"status {answer.status}"
            _write(folder / site.files[address], answer.body)
            if progress is not None:
                progress(len(site.files) - len(site.waiting), len(site.files))
    except OSError as error:
        raise SettingsError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}"
        ) from error
    return Written(folder, site.files, site.problems)


def _entries(desk: Desk) -> list[int]:
    with desk.reading() as reading:
        return [row.index for row in reading.index.runs()]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class _Site:
    """The files of an export: those that are wanted, those still to be drawn."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.waiting: deque[str] = deque()
        self.problems: dict[str, str] = {}
        self._names: set[str] = set()
        self.file("/")

    def file(self, address: str) -> str:
        """The file of an address; from now on it is wanted."""
        if address not in self.files:
            name = file_name(address)
            if name in self._names:
                stem, suffix = posixpath.splitext(name)
                name = f"{stem}-{_digest(address)}{suffix}"
            self._names.add(name)
            self.files[address] = name
            self.waiting.append(address)
        return self.files[address]


class _Standing(Struct, frozen=True):
    """The addresses as seen from one page of the site."""

    site: _Site
    here: str
    exported: bool = True

    def url(self, name: str, /, **params: object) -> str:
        """See `addresses.Addresses`."""
        page = find(name)
        path, rest = fill(page.path, params)
        anchor = rest.pop("_anchor", None)
        pairs = list(query_pairs(rest))
        if not page.static or any(key not in page.query for key, _ in pairs):
            return self._relative(self.site.file(SERVER_ONLY))
        query = f"?{urlencode(pairs, errors='replace')}" if pairs else ""
        target = self._relative(self.site.file(path + query))
        return f"{target}#{quote(str(anchor), safe='', errors='replace')}" if anchor else target

    def asset(self, name: str) -> str:
        """See `addresses.Addresses`."""
        return self._relative(f"static/{name}")

    def _relative(self, file: str) -> str:
        return posixpath.relpath(file, posixpath.dirname(self.site.files[self.here]) or ".")


def file_name(address: str) -> str:
    """`/runs/3` -> `runs/3.html`; whatever is in an address, a name that every disk takes."""
    path, _, query = address.partition("?")
    parts = [_part(of_segment(unquote(part))) for part in path.split("/") if part]
    suffix = SUFFIXES.get(parts[-1], ".html") if "download" in parts[:-1] else ".html"
    tail = "".join(f"-{_part(value)}" for _, value in parse_qsl(query, keep_blank_values=True))
    return f"{'/'.join(parts) or 'index'}{tail}{suffix}"


def _part(text: str) -> str:
    if _SHA256.match(text):
        return text[:12]
    if _PLAIN.match(text) and not text.endswith("."):
        return text
    readable = _OTHER.sub("-", text.lower()).strip("-.")[:40]
    return f"{readable}-{_digest(text)}".lstrip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]


class _Answer(Struct):
    status: int = 0
    body: bytes = b""


async def _ask(app: Starlette, address: str, standing: _Standing) -> _Answer:
    """GET one page, without a server."""
    path, _, query = address.partition("?")
    answer = _Answer()
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", HOST.encode())],
        "client": None,
        "server": (HOST, PORT),
        "venturalitica.addresses": standing,
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer
