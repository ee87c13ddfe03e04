"""Asks the application in this process, without a server: `client.get("/runs?light=red")`."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from venturalitica.reports.html.markup import prose
from venturalitica.system.settings import Settings
from venturalitica.ui.app import create_app
from venturalitica.ui.reader import Desk
from venturalitica.ui.security import Guard
from venturalitica.ui.signing import Signing

HOST = "127.0.0.1:8610"


class Client:
    """A browser without a screen: keeps cookies, sends the headers that browsers send."""

    def __init__(self, app: Starlette, host: str = HOST) -> None:
        self.app = app
        self.host = host
        self.cookies = httpx.Cookies()

    def get(self, address: str, **options: Any) -> httpx.Response:
        return self.request("GET", address, **options)

    def head(self, address: str, **options: Any) -> httpx.Response:
        return self.request("HEAD", address, **options)

    def post(self, address: str, data: dict[str, str] | None = None, **options: Any) -> Any:
        """Send a form of ours: with the word that it carries, from the same origin."""
        form = {"csrf": self.app.state.guard.csrf} | (data or {})
        headers = {"origin": f"http://{self.host}", "sec-fetch-site": "same-origin"}
        headers |= options.pop("headers", {})
        return self.request("POST", address, data=form, headers=headers, **options)

    def request(self, method: str, address: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._request(method, address, **options))

    async def _request(self, method: str, address: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 4444))
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{self.host}", cookies=self.cookies
        ) as client:
            answer = await client.request(method, address, **options)
            self.cookies = client.cookies
            return answer


def client_for(
    home: Path, *, signing: Signing | None = None, index_url: str | None = None, **guard: Any
) -> Client:
    """A client of an application over the ledger in `home`; with `signing`, as `ui --write`."""
    desk = Desk(home, settings=Settings.current(), index_url=index_url)
    settings: dict[str, Any] = {"host": "127.0.0.1", "port": 8610} | guard
    return Client(create_app(desk, Guard(**settings), signing))


def words(answer: httpx.Response) -> str:
    """What a page says, without its markup; runs of blanks are one blank."""
    body = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", answer.text)
    whole = body.replace("<wbr>", "")  # a place to break, no blank
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", whole)).split())


def shown(sentence: str) -> str:
    """A sentence of ours as `words` reads it off a page, where commands are code."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", prose(sentence))).split())
