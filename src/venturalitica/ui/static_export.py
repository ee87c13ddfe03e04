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
from venturalitica.ui.pages.runs import PER_PAGE
from venturalitica.ui.reader import Desk
from venturalitica.ui.security import Guard
from venturalitica.ui.site_memory import Made, Memory, entry_of, stamps_of
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
    kept: int = 0
    """How many of them an earlier export had made already."""

    @property
    def pages(self) -> int:
        """How many of them are pages."""
        return sum(name.endswith(".html") for name in self.files.values())


class Selection(Struct, frozen=True, kw_only=True):
    """Which records have pages of their own: all, or the newest `limit` of a policy since a moment,
    as `Index.runs` takes them. A link to another leads to the page that says so."""

    policy: str | None = None
    since: str | None = None
    limit: int | None = None


EVERYTHING = Selection()


def export(
    desk: Desk,
    folder: Path,
    *,
    selection: Selection = EVERYTHING,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write the pages of `desk` into a folder, which is made if absent.

    The page of a record, and what can be downloaded there, is left as an earlier export made it,
    also one that was interrupted, where nothing that it shows can have changed (`site_memory`).

    Raises:
        SettingsError: a file cannot be written.
    """
    entries = _entries(desk, selection)
    memory = Memory.read(folder, desk.home)
    site = _Site(memory, None if selection == EVERYTHING else frozenset(entries), selection.limit)
    app = create_app(desk, Guard(HOST, PORT))
    for entry in entries:
        # No page leads to every record: those about other records are not in the list of runs.
        site.file(fill(find("run").path, {"entry": entry})[0])
    try:
        with desk.reading() as reading:
            stamps = stamps_of(reading, entries)
        for name in STATIC:
            _write(folder / "static" / name, assets()[name].data)
        with memory.going_on() as remember:
            while site.waiting:
                address = site.waiting.popleft()
                stamp = stamps.get(entry_of(address), "")
                if site.may_keep(address, stamp):
                    site.kept += 1
                else:
                    standing = _Standing(site, address)
                    answer = asyncio.run(_ask(app, address, standing))
                    if answer.status >= 400:
                        site.problems[address] = f"status {answer.status}"
                    _write(folder / site.files[address], answer.body)
                    remember(site.made(standing, stamp, answer))
                if progress is not None:
                    progress(len(site.files) - len(site.waiting), len(site.files))
        memory.forget_others(site.files)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}"
        ) from error
    return Written(folder, site.files, site.problems, site.kept)


def _entries(desk: Desk, selection: Selection) -> list[int]:
    with desk.reading() as reading:
        rows = reading.index.runs(
            policy=selection.policy, since=selection.since, limit=selection.limit
        )
        return [row.index for row in rows]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class _Site:
    """The files of an export: those that are wanted, those still to be drawn."""

    def __init__(
        self, memory: Memory, entries: frozenset[int] | None = None, most: int | None = None
    ) -> None:
        self.files: dict[str, str] = {}
        self.waiting: deque[str] = deque()
        self.problems: dict[str, str] = {}
        self.kept = 0
        self._memory, self._entries, self._most = memory, entries, most
        # Pages that are kept lead to the files as they were called.
        self._names: set[str] = set(memory.names.values())
        self.file("/")

    def has(self, address: str) -> bool:
        """Whether the address has a file here, and not only a page that says it has none."""
        entry = entry_of(address)
        if entry is not None:
            return self._entries is None or entry in self._entries
        page = re.fullmatch(r"/runs\?page=(\d+)", address)
        return page is None or self._most is None or (int(page[1]) - 1) * PER_PAGE < self._most

    def may_keep(self, address: str, stamp: str) -> bool:
        """Whether the file of an address is already what it would be; then what it leads to is
        wanted as before."""
        page = self._memory.fitting(address, stamp) if stamp else None
        if page is None or page.file != self.files[address]:
            return False
        if not all(map(self.has, page.links)) or any(map(self.has, page.left_out)):
            return False
        for link in page.links:
            self.file(link)
        return True

    def made(self, standing: _Standing, stamp: str, answer: _Answer) -> Made:
        """What is remembered of a page that was drawn."""
        good = stamp if answer.status < 400 else ""
        return Made(
            address=standing.here,
            file=self.files[standing.here],
            sha256=hashlib.sha256(answer.body).hexdigest(),
            stamp=good,
            links=tuple(dict.fromkeys(standing.links)),
            left_out=tuple(dict.fromkeys(standing.left_out)),
        )

    def file(self, address: str) -> str:
        """The file of an address; from now on it is wanted."""
        if address not in self.files:
            known = self._memory.names.get(address)
            name = known or file_name(address)
            if known is None and name in self._names:
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
    links: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def url(self, name: str, /, **params: object) -> str:
        """See `addresses.Addresses`."""
        page = find(name)
        path, rest = fill(page.path, params)
        anchor = rest.pop("_anchor", None)
        pairs = list(query_pairs(rest))
        if not page.static or any(key not in page.query for key, _ in pairs):
            return self._wanted(SERVER_ONLY)
        query = f"?{urlencode(pairs, errors='replace')}" if pairs else ""
        if not self.site.has(path + query):
            self.left_out.append(path + query)
            return self._wanted(SERVER_ONLY)
        target = self._wanted(path + query)
        return f"{target}#{quote(str(anchor), safe='', errors='replace')}" if anchor else target

    def asset(self, name: str) -> str:
        """See `addresses.Addresses`."""
        return self._relative(f"static/{name}")

    def _wanted(self, address: str) -> str:
        self.links.append(address)
        return self._relative(self.site.file(address))

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
