"""The frame of every page: navigation, errors, empty states, escaping."""

from __future__ import annotations

import logging
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import client_for, words
from venturalitica.errors import EvidenceError
from venturalitica.ui import app as app_module
from venturalitica.ui.pages import PAGES
from venturalitica.ui.templating import environment, moment

NAVIGATION = [page for page in PAGES if page.nav]


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_without_evidence_a_page_says_what_to_type(page: Any, empty_client: Any) -> None:
    answer = empty_client.get(page.path)
    assert answer.status_code == 200
    assert "<code" in answer.text
    assert "venturalitica " in answer.text


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_a_page_has_one_heading_and_says_where_it_is(page: Any, client: Any) -> None:
    answer = client.get(page.path)
    assert answer.status_code == 200
    assert len(re.findall(r"<h1\b", answer.text)) == 1
    current = re.findall(r'<a href="([^"]*)" aria-current="page">', answer.text)
    assert current == [page.path]
    assert 'href="#main"' in answer.text
    assert 'id="main"' in answer.text
    assert re.search(r"<title>[^<]+</title>", answer.text)


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_nothing_is_inline_that_the_policy_forbids(page: Any, client: Any) -> None:
    text = client.get(page.path).text
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|javascript:", text)
    assert all(" src=" in script for script in re.findall(r"<script[^>]*>", text))
    assert not re.search(r'(?:src|action)="(?:https?:)?//', text)


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_head_answers_as_get_does(page: Any, client: Any) -> None:
    assert client.head(page.path).status_code == 200


def test_an_address_that_is_nothing_says_what_exists(client: Any, words: Any) -> None:
    answer = client.get("/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "There is no such page" in words(answer)
    assert all(f'href="{page.path}"' in answer.text for page in NAVIGATION)
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("address", "back"),
    [
        ("/runs/99999", "/runs"),
        ("/runs/0/download/nothing", "/runs"),
        ("/policies/none", "/policies"),
        ("/evidence/bundle/none", "/evidence"),
        ("/compare?a=0&b=none", "/"),
        ("/nothing", "/"),
    ],
)
def test_an_error_leads_back(client: Any, address: str, back: str) -> None:
    answer = client.get(address)
    assert answer.status_code >= 400
    crumbs = re.findall(r'<nav class="ui-crumbs".*?</nav>', answer.text, re.DOTALL)
    assert re.findall(r'href="([^"]*)"', crumbs[0]) == [back]
    main = answer.text.partition("<h1>")[2]
    assert f'href="{back}"' in main.partition("</main>")[0]


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_without_evidence_a_page_offers_init_and_two_lines(page: Any, empty_client: Any) -> None:
    text = unescape(re.sub(r"</?span>", "", empty_client.get(page.path).text))
    lines = re.findall(r'<div class="ui-line"><code[^>]*>(.*?)</code><button', text, re.DOTALL)
    assert "venturalitica init" in lines
    two = 'import venturalitica as vl\nmodel = vl.wrap(model, policy="model_policy.yaml")'
    assert two in lines


def test_another_method_is_a_page_too(client: Any, words: Any) -> None:
    answer = client.post("/runs")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert "That cannot be done here" in words(answer)


def _page_that(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(page: Any, request: Any) -> Any:
        raise error

    monkeypatch.setattr(app_module, "_answer", answer)


def test_a_fault_of_ours_is_a_page_and_its_trace_is_logged(
    client: Any, words: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _page_that(ValueError("password=hunter2-secret"), monkeypatch)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/runs")
    assert answer.status_code == 500
    assert "a fault in venturalitica" in words(answer)
    assert "Traceback" not in answer.text
    assert "ValueError" not in answer.text
    assert "ValueError" in caplog.text
    assert "hunter2" not in caplog.text


def test_evidence_that_cannot_be_read_is_a_page_with_its_text(
    client: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _page_that(EvidenceError("entry 3 <b> at https://u:secret@host/x"), monkeypatch)
    answer = client.get("/runs")
    assert answer.status_code == 503
    assert "entry 3 <b> at https://host/x" in words(answer)
    assert "venturalitica verify" in words(answer)
    assert "secret" not in answer.text


def test_a_damaged_log_is_said_on_every_page(own_history: Any, client_for: Any) -> None:
    (own_history.home / "log" / "checkpoint").write_bytes(b"nonsense\n")
    client = client_for(own_history.home)
    for page in NAVIGATION:
        answer = client.get(page.path)
        assert answer.status_code in (200, 503), page.name
        assert "checkpoint" in answer.text, page.name


def test_a_read_only_copy_is_shown(
    own_history: Any, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As root every folder can be written: what `os.access` says is what counts here.
    (own_history.home / "index.db").unlink()
    monkeypatch.setattr("venturalitica.ledger.index.tables.os.access", lambda path, mode: False)
    client = client_for(own_history.home)
    assert client.get("/runs").status_code == 200
    assert client.get("/").status_code == 200
    assert not (own_history.home / "index.db").exists()


def test_what_could_deceive_is_spelled_out() -> None:
    template = environment().from_string("<p title='{{ page }}'>{{ page }}</p>")
    shown = template.render(page="a\u202eb<img src=x onerror='alert(1)'>\x1b[0m")
    assert "<img" not in shown
    assert "\u202e" not in shown
    assert shown.count("[U+202E]") == 2
    assert "[U+001B]" in shown
    assert "onerror='" not in shown


@pytest.mark.parametrize("value", ["<b>", "2026-11-24T10:00:00Z<b>", "9999", "x" * 9])
def test_a_time_that_is_none_is_text(value: str) -> None:
    assert "<time" not in moment(value)
    assert "<b>" not in moment(value)


def test_a_time_is_told_in_utc() -> None:
    assert moment("2026-11-24T10:20:30.123456Z") == (
        '<time datetime="2026-11-24T10:20:30.123456Z" title="2026-11-24 10:20:30 UTC">'
        "2026-11-24 10:20 UTC</time>"
    )


def test_only_named_files_are_served(client: Any) -> None:
    for name in ("app.css", "htmx.min.js", "times.js", "live.js"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for name in ("htmx.LICENSE.txt", "..%2fapp.py", "%2e%2e%2f__init__.py", "app.css%00"):
        assert client.get(f"/static/{name}").status_code == 404, name


def test_the_vendored_library_has_its_licence_beside_it() -> None:
    folder = Path(app_module.__file__).with_name("static")
    assert "Zero-Clause BSD" in (folder / "htmx.LICENSE.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        ("/runs", 200),
        ("/policies", 200),
        ("/runs.csv", 404),
        ("/runs.json", 404),
        ("/runs/0", 404),
        ("/runs/0/download/bundle", 404),
        ("/runs/0/charts/accuracy.svg", 404),
    ],
)
def test_where_there_is_no_evidence_no_file_is_said_to_be_one(
    tmp_path: Path, address: str, status: int
) -> None:
    answer = client_for(tmp_path / "none").get(address)
    assert answer.status_code == status
    assert "No evidence here yet" in words(answer)
