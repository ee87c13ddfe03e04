"""What is selected in the list to be compared is kept over its pages, filters and groups."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import Shelf
from venturalitica.ui.pages import runs as page_of_runs


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Six audits, two to a page."""
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    monkeypatch.setattr(page_of_runs, "PER_PAGE", 2)
    for _ in range(6):
        shelf.audit()
    return client_for(shelf.home)


def ticked(answer: Any) -> list[int]:
    boxes = re.findall(r'<input type="checkbox" name="run" value="(\d+)" checked', answer.text)
    return sorted(map(int, boxes))


def links(answer: Any) -> list[str]:
    found = re.findall(r'href="(/runs\?[^"]*)"', answer.text)
    return [unescape(one) for one in found]


def test_it_is_ticked_here_and_named_where_it_is_elsewhere(client: Client) -> None:
    answer = client.get("/runs?run=5&run=0&page=1")
    assert ticked(answer) == [0, 5]
    assert "Selected on other pages entry 0" in words(answer)
    assert "entry 0" not in words(client.get("/runs?run=5"))
    assert "Selected on other pages" not in client.get("/runs?run=5").text


def test_each_way_on_takes_it_along(client: Client) -> None:
    answer = client.get("/runs?run=5&run=0&name=training")
    for word in ("page=2", "page=3", "sort=light"):
        (address, *_) = [one for one in links(answer) if word in one]
        assert "run=0" in address, word
        assert ticked(client.get(address)) == [0, 5], word
    assert "/runs?run=0&run=5" in links(answer), "clearing the filters clears no selection"
    form = answer.text.partition('role="search"')[2].partition("</form>")[0]
    assert re.findall(r'name="run" value="(\d)"', form) == ["0", "5"]
    grouped = client.get("/runs?group=model&run=5&run=0")
    assert any("without=model" in one and "run=0" in one for one in links(grouped))


def test_files_and_groups_are_of_what_is_asked_for_alone(client: Client) -> None:
    answer = client.get("/runs?run=5&run=0")
    assert 'href="/runs.csv"' in answer.text
    assert len(client.get("/runs.json?run=5").json()) == 6
    compared = re.findall(r'href="(/compare[^"]*)"', client.get("/runs?group=model&run=5").text)
    assert compared
    assert not any("run=" in one for one in compared)


def test_what_the_list_sends_is_compared_under_a_clean_address(client: Client) -> None:
    answer = client.get("/compare?run=5&run=0&run=3&page=2&name=training")
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?run=0&run=3&run=5")
    two = client.get("/compare?run=5&run=0&page=2")
    assert two.headers["location"] == "/compare?a=0&b=5"


def test_at_most_twenty_are_kept_and_what_is_no_entry_is_said(client: Client) -> None:
    many = "&".join(f"run={number}" for number in range(25))
    assert len(ticked(client.get(f"/runs?{many}"))) == 20
    answer = client.get("/runs?run=x&run=-1&run=%22%3E%3Cscript%3E&run=5")
    assert ticked(answer) == [5]
    assert "expected the number of an entry" in words(answer)
    assert "<script>" not in answer.text.replace("<script src", "")


def test_nothing_fits_and_the_selection_stays(client: Client) -> None:
    assert "/runs?run=5" in links(client.get("/runs?name=nowhere&run=5"))
