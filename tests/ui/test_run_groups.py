"""The list of runs by groups: a line for each experiment, model or commit, leading to its runs."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import ALONE, FIRST, Shelf, passed
from venturalitica.ledger.index.counts import groups
from venturalitica.trackers.base import RunRef
from venturalitica.ui.pages import runs as page_of_runs

GROUPS = ("experiment", "model", "commit")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def put(shelf: Shelf, commit: str | None, model: str | None = None, *, red: bool = False) -> int:
    """An audit; one that is not red is green."""
    facts: dict[str, Any] = {"environment": {"git": {"commit": commit} if commit else None}}
    statement = shelf.statement(*((FIRST,) if red else (ALONE, passed())), **facts)
    statement["predicate"]["model"] = {"class": model} if model else {}
    return shelf.ledger.append(statement).index


def lines(answer: Any) -> list[str]:
    body = answer.text.partition("rn-groups")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body.partition("<tbody>")[2], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def links(answer: Any, word: str) -> list[str]:
    return [unescape(one) for one in re.findall(rf'href="([^"]*{word}[^"]*)"', answer.text)]


def test_a_line_says_worst_light_counts_and_the_newest_run(shelf: Shelf, client: Client) -> None:
    put(shelf, "a" * 40, red=True)
    put(shelf, "a" * 40)
    put(shelf, "b" * 40)
    put(shelf, "a" * 40)
    put(shelf, None)
    answer = client.get("/runs?group=commit")
    none, first, second = lines(answer)
    assert none.startswith("Green No commit recorded 1 1 green")
    assert first.startswith("Red aaaaaaaaaaaa 3 1 red 2 green")
    assert "entry 3" in first
    assert "All 3" in first
    assert second.startswith("Green bbbbbbbbbbbb 1 1 green")
    assert "1 to 3 of 3 groups" in words(answer)
    assert '<option value="commit" selected>' in answer.text


def test_a_line_leads_to_its_runs_and_each_light_to_those(shelf: Shelf, client: Client) -> None:
    for number in range(6):
        put(shelf, "a" * 40 if number % 2 else None, red=number < 2)
    answer = client.get("/runs?group=commit&policy=credit-scoring")
    own, none = links(answer, "commit=a{40}"), links(answer, "without=commit")
    assert "/runs?policy=credit-scoring&commit=" + "a" * 40 in own
    said = words(client.get(own[0]))
    assert "1 to 3 of 3 records" in said
    assert "1 to 3 of 3 records" in words(client.get(none[0]))
    red = next(one for one in own if "light=red" in one)
    assert "entry 1," in words(client.get(red))
    assert "entry 3," not in words(client.get(red))


def test_a_group_is_compared(shelf: Shelf, client: Client) -> None:
    for _ in range(3):
        put(shelf, "a" * 40)
    put(shelf, "b" * 40)
    (address,) = links(client.get("/runs?group=commit"), "newest=20")
    answer = client.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?run=0&run=1&run=2")
    assert client.get(answer.headers["location"]).status_code == 200
    two = client.get("/compare?newest=2").headers["location"]
    assert client.get(two).headers["location"] == "/compare?a=2&b=3"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("newest=1", 400),
        ("newest=21", 400),
        ("newest=x", 400),
        ("newest=20&light=blue", 400),
        ("newest=20&nope=1", 400),
        ("newest=20&name=nowhere", 404),
    ],
)
def test_what_cannot_be_compared_is_said(
    shelf: Shelf, client: Client, asked: str, status: int
) -> None:
    put(shelf, None)
    assert client.get(f"/compare?{asked}").status_code == status


def test_each_grouping_has_one_for_what_says_nothing(shelf: Shelf, client: Client) -> None:
    put(shelf, None)
    put(shelf, "a" * 40, "sklearn.svm.SVC")
    place = RunRef("mlflow", "r" * 32, experiment_id="7", uri="http://mlflow.example:5000")
    shelf.audit(FIRST, trackers=(place,))
    for by, named in (
        ("experiment", "mlflow 7 at http://mlflow.example:5000"),
        ("model", "SVC"),
        ("commit", "aaaaaaaaaaaa"),
    ):
        said = lines(client.get(f"/runs?group={by}"))
        assert len(said) == 2
        assert sum(f"No {by} recorded" in line for line in said) == 1
        assert sum(named in line for line in said) == 1


def test_pages_go_over_groups(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_runs, "PER_PAGE", 2)
    for number in range(5):
        put(shelf, f"{number}" * 40)
    first = client.get("/runs?group=commit")
    assert "1 to 2 of 5 groups" in words(first)
    assert "/runs?group=commit&page=3" in links(first, "group=commit")
    last = client.get("/runs?group=commit&page=3")
    assert len(lines(last)) == 1
    assert "Page 9 is beyond the last one" in words(client.get("/runs?group=commit&page=9"))


def test_of_many_records_it_says_which_are_grouped(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPED", 3)
    monkeypatch.setattr(page_of_runs, "MOST_GROUPED", 3)
    for number in range(5):
        put(shelf, f"{number}" * 40)
    first = client.get("/runs?group=commit")
    assert "the newest 3 records" in words(first)
    assert len(lines(first)) == 3
    (older,) = links(first, "before=2")
    assert len(lines(client.get(older))) == 2
    assert "the newest" not in words(client.get(older))
    assert "the newest 3" not in words(client.get("/runs?group=model"))


def test_sorted_by_the_worst_light_and_by_name(shelf: Shelf, client: Client) -> None:
    put(shelf, "b" * 40, red=True)
    put(shelf, "c" * 40)
    put(shelf, "a" * 40)
    by = {
        order: [line.split()[1][0] for line in lines(client.get(f"/runs?group=commit&{order}"))]
        for order in ("sort=light&order=asc", "sort=name&order=asc", "order=asc", "")
    }
    assert [*by.values()] == [
        ["b", "a", "c"],
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["a", "c", "b"],
    ]


@pytest.mark.parametrize("by", GROUPS)
def test_files_and_links_say_what_they_hold(shelf: Shelf, client: Client, by: str) -> None:
    for number in range(3):
        put(shelf, f"{number}" * 40, red=not number)
    answer = client.get(f"/runs?group={by}&light=green")
    assert "the runs themselves, ungrouped, all that fit" in words(answer)
    assert "/runs.json?light=green" in links(answer, "runs.json")
    assert [row["index"] for row in client.get("/runs.json?light=green").json()] == [2, 1]
    # An address that somebody keeps holds, with the grouping that a file has no use for.
    assert len(client.get(f"/runs.json?group={by}").json()) == 3
    assert f'href="/runs?group={by}&amp;light=green"' in answer.text


def test_the_live_list_is_grouped_too(shelf: Shelf, client: Client) -> None:
    put(shelf, "a" * 40)
    page = client.get("/runs?group=commit")
    again = unescape(re.findall(r'hx-get="([^"]+)"', page.text)[0])
    assert "group=commit" in again
    assert client.get(again).status_code == 204
    put(shelf, "b" * 40)
    assert len(lines(client.get(again))) == 2


def test_the_newest_is_what_the_log_says(shelf: Shelf, client: Client) -> None:
    import sqlite3

    put(shelf, "a" * 40, "A")
    put(shelf, "b" * 40, "B")
    assert len(lines(client.get("/runs?group=commit"))) == 2
    with sqlite3.connect(shelf.home / "index.db") as file:
        file.execute("UPDATE runs SET revision = ? WHERE entry = 1", ("f" * 40,))
    said = client.get("/runs?group=commit")
    assert "ffffffffffff" not in said.text
    assert "bbbbbbbbbbbb" in said.text


@pytest.mark.parametrize("query", ["group=nope", "group=", "without=nope", "before=x", "before=-1"])
def test_what_cannot_be_read_is_said_and_left_out(shelf: Shelf, client: Client, query: str) -> None:
    put(shelf, None)
    answer = client.get(f"/runs?{query}")
    assert answer.status_code == 200
    assert ("left out" in words(answer)) == bool(query.partition("=")[2])
    assert "rn-groups" not in answer.text


@pytest.mark.parametrize("text", NAUGHTY)
def test_hostile_keys_are_inert_and_lead_to_their_runs(
    text: str, shelf: Shelf, client: Client
) -> None:
    statement = shelf.statement(ALONE, passed())
    said = statement["predicate"]
    said["model"] = {"class": text}
    said["environment"] |= {"git": {"commit": text}}
    said["trackers"] = [
        {"tracker": text, "run_id": "r", "experiment_id": text, "extra": {}},
    ]
    shelf.ledger.append(statement)
    put(shelf, "b" * 40, "B", red=True)
    for by in GROUPS:
        answer = client.get(f"/runs?group={by}")
        assert answer.status_code == 200
        inert(answer.text)
        assert len(lines(answer)) == 2
        for address in links(answer, f"(?:&|&amp;|\\?)(?:{by}|without)="):
            if address.startswith("/runs?") and "group=" not in address and "light=" not in address:
                found = client.get(address)
                inert(found.text)
                assert "1 to 1 of 1 record" in words(found), address
