"""A server of a long log answers before it has read all: until then no light is green."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for
from tests.ui.shelf import ALONE, BEGIN, FIRST, Clock, Shelf, mlflow_run, passed
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Outbox
from venturalitica.ledger.index.queries import UNREAD
from venturalitica.ui import read_ahead, server
from venturalitica.ui.read_ahead import ReadAhead, is_long

PAGES = ("/", "/runs", "/runs?light=green", "/runs?light=amber", "/runs?sort=light")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A green pipeline that was delivered, one that waits, a red one; the first is signed off."""
    shelf = Shelf(tmp_path, Clock(BEGIN))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    delivered = shelf.audit(ALONE, passed(), name="delivered", trackers=(mlflow_run(),))
    run = delivered.statement["predicate"]["trackers"][0]
    Outbox(shelf.ledger).confirm(delivered.index, run["tracker"], run["run_id"])
    shelf.audit(ALONE, passed(), name="waits", trackers=(mlflow_run(run_id=f"{7:032x}"),))
    shelf.audit(FIRST, name="fails")
    shelf.sign_off(delivered, "rejected")
    return shelf


def reading_ahead(client: Client) -> ReadAhead:
    """As `serve` has it of a long log; begun by hand, so that nothing depends on the time."""
    desk = client.app.state.desk
    desk.ahead = ReadAhead(lambda: server.read_ahead(desk))
    return desk.ahead


def lights(page: str) -> dict[str, int]:
    """How many pipelines have each light, as the overview's first line says."""
    line = page.partition('<p class="ui-lead">')[2].partition("</p>")[0]
    return {light: int(n) for n, light in re.findall(r"(\d+) (red|amber|grey|green)", line)}


def said(client: Client, address: str) -> str:
    """The page without the moment at which it was drawn, and without what trackers answer."""
    text = client.get(address).text
    text = text.partition('<h2 id="health">')[0].partition('<footer class="ui-foot">')[0]
    return re.sub(r'seen=[0-9a-f]{16}|value="[\w-]{20,}"|when this page was drawn, [^<]*', "", text)


def test_until_all_is_read_no_light_is_green(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    reading_ahead(client)
    first = client.get("/").text
    assert lights(first) == {"red": 1, "amber": 2}
    assert UNREAD in first
    assert "rejected" not in first.lower()
    assert 'href="/runs/0"' not in client.get("/runs?light=green").text
    listed = client.get("/runs?light=amber").text
    assert 'href="/runs/0"' in listed
    assert 'href="/runs/1"' in listed
    assert UNREAD in listed


def test_then_its_pages_say_what_those_of_a_server_say_that_waited(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    ahead = reading_ahead(client)
    for address in PAGES:
        client.get(address)
    ahead.start()
    ahead.join()
    new = client_for(shelf.home)
    for address in PAGES:
        text = said(client, address)
        assert text == said(new, address), address
        assert UNREAD not in text
    assert lights(client.get("/").text) == {"red": 1, "amber": 1, "green": 1}
    assert "rejected" in client.get("/").text.lower()


def test_pages_of_one_record_wait_for_what_they_show(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    reading_ahead(client)
    page = client.get("/runs/0").text
    assert UNREAD not in page
    assert "rejected" in page.lower()


def test_who_looks_at_a_record_is_told_that_the_log_is_being_read(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    ahead = reading_ahead(client)
    looked = {"sec-fetch-mode": "navigate"}
    for address in ("/runs/0", "/policies", "/evidence", "/integrations", "/trends"):
        answer = client.get(address, headers=looked)
        assert (answer.status_code, answer.headers["refresh"]) == (503, "1"), address
        assert "Reading the log" in answer.text
        assert "green" not in re.sub("no light is green", "", answer.text.partition("<main")[2])
    assert client.get("/", headers=looked).status_code == 200
    ahead.start()
    ahead.join()
    answer = client.get("/runs/0", headers=looked)
    assert answer.status_code == 200
    assert "refresh" not in answer.headers
    assert "rejected" in answer.text.lower()


def test_looking_at_a_record_first_begins_the_reading(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "PATIENCE", 3600)
    client, begun = client_for(shelf.home), threading.Event()
    desk = client.app.state.desk
    desk.ahead = ReadAhead(begun.set)
    desk.ahead.start()
    client.get("/runs/0", headers={"sec-fetch-mode": "navigate"})
    assert begun.wait(60)


def test_it_begins_when_the_first_page_is_through(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "PATIENCE", 3600)
    client, begun = client_for(shelf.home), threading.Event()
    desk = client.app.state.desk
    desk.ahead = ReadAhead(begun.set)
    desk.ahead.start()
    assert not begun.is_set()
    client.get("/")
    assert begun.wait(60)


def test_what_cannot_be_read_ahead_is_said_by_the_page_that_needs_it(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    desk = client.app.state.desk

    def fails() -> None:
        raise EvidenceError("altered")

    desk.ahead = ReadAhead(fails)
    desk.ahead.start()
    desk.ahead.join()
    assert desk.ahead.done
    assert UNREAD not in client.get("/").text


def test_a_short_log_is_read_at_once(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_long(shelf.home)
    monkeypatch.setattr(read_ahead, "LONG", 1000)
    assert is_long(shelf.home)
