"""What stands in backticks in a sentence is code on every page; no page shows the marks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urldefrag

import pytest
from msgspec.structs import replace

from tests.ui.client import client_for
from tests.ui.shelf import FIRST, Shelf, loan_verdicts
from venturalitica.errors import EvidenceError
from venturalitica.ui import app as app_module
from venturalitica.ui.pages import PAGES

MARKED = "write `favorable: 1` under `roles:`"
SHOWN = "write <code>favorable: 1</code> under <code>roles:</code>"
ENOUGH = 60
"""Pages of one log that are walked."""


def walked(client: Any) -> dict[str, str]:
    """Address -> page, by the links from the overview on."""
    found: dict[str, str] = {}
    to_do = [page.path for page in PAGES if page.nav]
    while to_do and len(found) < ENOUGH:
        address = to_do.pop(0)
        answer = client.get(address)
        if address in found or "text/html" not in answer.headers.get("content-type", ""):
            continue
        found[address] = answer.text
        links = re.findall(r'href="(/[^"]*)"', answer.text)
        to_do += [urldefrag(link.replace("&amp;", "&"))[0] for link in links]
    return found


def marks(page: str) -> list[str]:
    """Backticks outside code and texts to edit, with what stands around them; attributes too."""
    bare = re.sub(r"<(pre|code|script|textarea)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.findall(r".{0,60}`.{0,60}", bare)


@pytest.fixture
def shelf(tmp_path: Any) -> Shelf:
    """Records whose sentences hold code, a failed and an unevaluated control among them."""
    shelf = Shelf(tmp_path)
    found = [
        replace(verdict, reason=MARKED, remedy=MARKED, notes=(MARKED,))
        for verdict in loan_verdicts()
    ]
    shelf.sign_off(shelf.audit(FIRST, *found))
    shelf.run(shelf.audit(FIRST, *found))
    return shelf


def test_no_page_of_a_log_shows_a_mark(shelf: Shelf) -> None:
    pages = walked(client_for(shelf.home))
    assert {address: marks(page) for address, page in pages.items() if marks(page)} == {}
    assert len(pages) > 15
    assert SHOWN in pages["/runs/0"]


def test_no_page_of_the_history_shows_a_mark(client: Any) -> None:
    pages = walked(client)
    assert {address: marks(page) for address, page in pages.items() if marks(page)} == {}
    assert len(pages) == ENOUGH


def test_no_page_without_evidence_shows_a_mark(empty_client: Any) -> None:
    pages = walked(empty_client)
    assert {address: marks(page) for address, page in pages.items() if marks(page)} == {}
    assert {page.path for page in PAGES if page.nav} <= set(pages)


def test_an_error_shows_code(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(page: Any, request: Any) -> Any:
        raise EvidenceError(MARKED)

    monkeypatch.setattr(app_module, "_answer", fail)
    answer = client.get("/runs")
    assert SHOWN in answer.text
    assert "<code>venturalitica verify</code>" in answer.text
    assert marks(answer.text) == []


@pytest.mark.parametrize("address", ["/nothing", "/runs/999", "/policies/none", "/compare?a=x"])
def test_no_refusal_shows_a_mark(client: Any, address: str) -> None:
    assert marks(client.get(address).text) == []


def test_who_is_not_let_in_sees_code_and_no_marks(history: Any) -> None:
    told = client_for(history.home)
    told.host = "evil.example"
    answer = told.get("/runs")
    assert answer.status_code == 421
    assert "<code>venturalitica ui</code>" in answer.text
    assert marks(answer.text) == []
    closed = client_for(history.home, token="a-token-of-some-length")
    assert "<code>?token=</code>" in closed.get("/runs").text
