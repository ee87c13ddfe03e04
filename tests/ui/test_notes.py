"""Notes on the pages: under the answer, counted in the list, in what is taken away, and inert."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import ALONE, Shelf, passed

TEXT = "The sample of May has no pensioners."


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Entry 0 is red, entry 1 green, where its key is the reader's own."""
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    shelf.audit()
    shelf.audit(ALONE, passed())
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def lights(client: Client) -> list[str]:
    return [row["light"] for row in client.get("/runs.json").json()]


def test_they_stand_under_the_answer_the_newest_first(shelf: Shelf, client: Client) -> None:
    before = lights(client)
    audit = shelf.ledger.entry(0)
    for number in range(5):
        shelf.note(audit, f"Note number {number}.", control="gender-parity" if number else None)
    said = words(client.get("/runs/0"))
    places = [said.index(f"Note number {number}.") for number in (4, 3, 2, 1, 0)]
    assert places == sorted(places)
    assert "2 earlier notes" in said
    assert said.index("Can this ship?") < places[0] < said.index("Controls at a glance")
    assert "Grace Hopper" in said
    assert "on control gender-parity" in said
    assert 'href="/runs/6"' in client.get("/runs/0").text
    assert "Notes" not in words(client.get("/runs/1"))
    assert lights(client) == before, "a note changes no light"
    assert "The light is red" in said
    assert "Nobody has signed this record off" in said


def test_a_green_record_stays_green(shelf: Shelf, client: Client) -> None:
    shelf.note(shelf.ledger.entry(1), "This is wrong! Reject it.")
    assert "The light is green" in words(client.get("/runs/1"))


def test_the_list_counts_them_and_so_does_what_is_taken_away(shelf: Shelf, client: Client) -> None:
    assert not re.search(r"#notes", client.get("/runs").text)
    for _ in range(2):
        shelf.note(shelf.ledger.entry(0))
    page = client.get("/runs").text
    assert '<a href="/runs/0#notes">2 notes</a>' in page
    assert "/runs/1#notes" not in page
    assert [row["notes"] for row in client.get("/runs.json").json()] == [0, 2]
    table = csv.DictReader(io.StringIO(client.get("/runs.csv").text))
    assert [row["notes"] for row in table] == ["0", "2"]
    for answer in (page, client.get("/runs.json").text, client.get("/runs.csv").text):
        assert "Grace" not in answer
        assert "pensioners" not in answer


def test_its_own_page_says_what_it_is(shelf: Shelf, client: Client) -> None:
    made = shelf.note(shelf.ledger.entry(0), TEXT, control="recall")
    said = words(client.get(f"/runs/{made.index}"))
    assert "A note on entry 0" in said
    assert "decides nothing" in said
    assert TEXT in said
    assert TEXT not in words(client.get("/runs?kind=note"))
    assert f"entry {made.index}, note" in words(client.get("/runs?kind=note"))


def test_erased_it_says_when(shelf: Shelf, client: Client) -> None:
    shelf.erase(shelf.note(shelf.ledger.entry(0), TEXT))
    said = words(client.get("/runs/0"))
    assert TEXT not in said
    assert "Grace" not in said
    assert "(erased on 2026-11-" in said
    assert "1 note" in words(client.get("/runs"))


def test_what_another_key_did_not_sign_is_nobodys_word(shelf: Shelf, client: Client) -> None:
    shelf.note(shelf.ledger.entry(0), TEXT, keyid="f" * 64)
    assert TEXT not in words(client.get("/runs/0"))
    assert "#notes" not in client.get("/runs").text


@pytest.mark.parametrize("text", NAUGHTY)
def test_hostile_words_are_inert(text: str, shelf: Shelf, client: Client) -> None:
    words_of = text.encode(errors="replace").decode() or "x"
    made = shelf.note(
        shelf.ledger.entry(0), words_of, person=words_of, control=words_of[:200] or "x"
    )
    for address in (
        "/runs",
        "/runs/0",
        f"/runs/{made.index}",
        "/runs/0/download/report",
        "/runs?kind=note",
    ):
        answer = client.get(address)
        assert answer.status_code == 200, address
        if not address.endswith("report"):
            inert(answer.text)
