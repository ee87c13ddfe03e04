"""The overview: failures first, why, and nothing that the log does not say."""

from __future__ import annotations

import re
import sqlite3
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, shown
from tests.ui.shelf import FIRST, Shelf, mlflow_run, passed
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.index.queries import RANKS
from venturalitica.ui.pages.overview import INSIDE, MOST_CARDS, OverviewQuery, read


def test_failures_come_first_and_say_why(reading: Any) -> None:
    context = read(reading)
    lights = [card.of.light for card in context.cards]
    assert [RANKS[light] for light in lights] == sorted(RANKS[light] for light in lights)
    assert {"red", "amber"} == set(lights)
    assert sum(context.counts.values()) == context.total == len(context.cards)
    for card in context.cards:
        entry = reading.ledger.entry(card.last.index)
        predicate = entry.statement["predicate"]
        assert (card.of.policy, card.last.policy_version) == (
            predicate["policy"]["name"],
            predicate["policy"]["version"],
        )
        assert card.last.revision == predicate["environment"]["git"]["commit"]
        assert card.last.signer == entry.signer
        red = [v["control"] for v in predicate["verdicts"] if v["light"] == "red"]
        if card.of.light == "red":
            assert any(card.why.startswith(control) for control in red)
            assert ("blocking" in card.why) == any(
                v["on_fail"] == "block" and v["light"] == "red" for v in predicate["verdicts"]
            )


def test_the_page_shows_each_pipeline_and_the_health(client: Any, words: Any, reading: Any) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    said = words(answer)
    for card in read(reading).cards:
        assert f"{card.of.policy} × {card.of.name}" in said
        assert card.why in said
    assert answer.text.count('class="vl-trend"') == len(read(reading).cards)
    for subject in ("Policy file", "Evidence chain", "Outbox", "MLflow", "CI"):
        assert subject in said
    assert "not verified since this server was started" in said


def test_a_record_that_waits_is_not_green(own_history: Any, client_for: Any, words: Any) -> None:
    client = client_for(own_history.home)
    assert "green" not in words(client.get("/"))
    with client.app.state.desk.reading() as reading:
        red = next(card for card in read(reading).cards if card.of.light == "red")
        assert [link.state for link in red.trackers] == ["waits"]


def test_a_long_name_leads_to_its_own_runs(tmp_path: Path, client_for: Any, words: Any) -> None:
    shelf = Shelf(tmp_path)
    for name in ("L" * 300, "L" * 299, "short"):
        shelf.audit(FIRST, name=name)
    client = client_for(shelf.home)
    page = client.get("/?view=table").text
    links = {unescape(link) for link in re.findall(r'href="(/runs\?[^"]*name=L[^"]*)"', page)}
    assert len(links) == 2
    for link in links:
        assert "1 record" in words(client.get(link))
        assert len(client.get(link.replace("/runs?", "/runs.json?")).json()) == 1


def test_live_it_answers_only_what_changed(client: Any) -> None:
    address = re.search(r'hx-get="([^"]+)"', client.get("/").text)
    assert address
    asked = address[1].replace("&amp;", "&")
    assert client.get(asked).status_code == 204
    changed = client.get(asked.rpartition("=")[0] + "=0123456789abcdef")
    assert changed.status_code == 200
    assert "<html" not in changed.text
    assert asked in changed.text.replace("&amp;", "&")


def test_an_edited_index_is_made_again_and_said(
    own_history: Any, client_for: Any, words: Any
) -> None:
    client = client_for(own_history.home)
    before = words(client.get("/"))
    with sqlite3.connect(own_history.home / "index.db") as database:
        database.execute("UPDATE runs SET light = 'green', margin = 0.5")
        database.execute("UPDATE verdicts SET light = 'green', status = 'passed'")
    database.close()
    after = words(client.get("/"))
    assert shown(EDITED) in after
    assert "3 red , 2 amber" in after
    assert shown(EDITED) not in before
    assert words(client.get("/")).startswith(before[:400])


def test_a_page_number_that_is_none_is_the_first(client: Any) -> None:
    for page in ("0", "x", "-1", "9" * 50, ""):
        assert client.get(f"/?page={page}").status_code == 200
    assert "no pipelines on this page" in client.get("/?page=99").text


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def cards(answer: Any) -> list[str]:
    """The cards of a page, each as text."""
    return re.findall(r"(?s)<article.*?</article>", answer.text)


def test_experiments_are_apart_in_the_card_of_their_policy_and_name(
    shelf: Shelf, client_for: Any
) -> None:
    shelf.audit(FIRST, passed(), trackers=(mlflow_run(experiment_name="nightly"),))
    red = mlflow_run(experiment_id="2", experiment_name="try <b>", run_id="f" * 32)
    shelf.audit(FIRST, trackers=(red,))
    (card,) = cards(client_for(shelf.home).get("/"))
    assert "vl-edge-red" in card.partition(">")[0]
    bad, good = re.findall(r"(?s)<details.*?</details>", card)
    assert "vl-edge-red" in bad
    assert " open>" in bad
    assert "try &lt;b&gt; (mlflow 2 at sqlite" in bad
    assert "vl-edge-red" not in good
    assert "nightly (mlflow 1 at sqlite" in good
    assert " open>" not in good


def test_more_experiments_than_a_card_holds_are_in_the_table(shelf: Shelf, client_for: Any) -> None:
    for number in range(INSIDE + 2):
        run = mlflow_run(experiment_id=str(number), run_id=f"{number:032x}")
        shelf.audit(FIRST, passed(), trackers=(run,))
    client: Client = client_for(shelf.home)
    (card,) = cards(client.get("/"))
    assert card.count("<details") == INSIDE
    (more,) = re.findall(r'2 more experiments: <a href="([^"]+)"', card)
    table = client.get(more.replace("&amp;", "&")).text
    assert table.count('<th scope="row">') == INSIDE + 2


def test_the_marks_of_a_trend_lead_to_their_runs(client: Any, reading: Any) -> None:
    text = client.get("/").text
    for card in read(reading).cards:
        for point in card.line:
            assert (
                f'<a href="/runs/{point.row.index}" aria-label="entry {point.row.index}, ' in text
            )


def test_many_pipelines_are_a_table_and_it_may_be_chosen(shelf: Shelf, client_for: Any) -> None:
    for number in range(MOST_CARDS):
        shelf.audit(FIRST, passed(), name=f"team-{number}")
    client: Client = client_for(shelf.home)
    assert len(cards(client.get("/"))) == MOST_CARDS
    last = shelf.audit(FIRST, name="team-last")
    page = client.get("/")
    assert not cards(page)
    rows = re.findall(r"(?s)<tr>.*?</tr>", page.text)[1:]
    assert len(rows) == MOST_CARDS + 1
    assert "team-last" in rows[0]
    assert f'href="/runs/{last.index}"' in rows[0]
    assert len(cards(client.get("/?view=cards"))) == MOST_CARDS + 1
    assert 'href="/?view=cards"' in page.text
    assert "<tbody>" in client.get("/?view=table&light=red").text
    assert len(cards(client.get("/?light=red"))) == 1


def test_what_fits_is_shown_and_the_counts_lead_to_it(
    shelf: Shelf, client_for: Any, words: Any
) -> None:
    shelf.audit(FIRST, passed(), name="kept")
    shelf.audit(FIRST.replace("credit-scoring", "other"), name="other")
    shelf.audit(FIRST, name="tracked", trackers=(mlflow_run(),))
    client: Client = client_for(shelf.home)
    plain = client.get("/")
    assert 'href="/?light=red"' in plain.text
    assert "3 pipelines, by how" in words(plain)

    def names(address: str) -> set[str]:
        text = client.get(address).text
        return set(re.findall(r"× <bdi>(\w+)</bdi>", text))

    assert names("/?light=red") == {"other", "tracked"}
    assert names("/?tracker=mlflow") == {"tracked"}
    policy = re.search(r'(?s)name="policy".*?<option value="(\S+?)"', plain.text)
    assert policy
    assert names(f"/?policy={policy[1]}&light=red") == {"tracked"}
    assert "2 pipelines of 3" in words(client.get(f"/?policy={policy[1]}"))
    assert names("/?light=purple&view=x") == {"kept", "other", "tracked"}
    assert "No pipeline fits." in words(client.get("/?tracker=nobody"))
    live = re.search(r'hx-get="([^"]+)"', client.get("/?light=red&view=table").text)
    assert live
    assert client.get(live[1].replace("&amp;", "&")).status_code == 204


def test_a_query_is_kept_in_its_addresses() -> None:
    query = OverviewQuery.of({"light": "red", "page": "3", "policy": "a&b"})
    assert query.params() == {"light": "red", "policy": "a&b"}
    assert query.params(page=4, light="") == {"policy": "a&b", "page": 4}


def test_what_cannot_be_asked_is_said(client: Any, words: Any) -> None:
    said = words(client.get("/?light=blue&view=wall"))
    assert "'light' is 'blue'; expected one of red, amber, grey, green. It is left out." in said
    assert "'view' is 'wall'; expected one of cards, table. It is left out." in said
    assert "It is left out" not in words(client.get("/?light=&view=table"))
