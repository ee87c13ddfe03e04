"""The overview: failures first, why, and nothing that the log does not say."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from tests.ui.client import shown
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.index.queries import RANKS
from venturalitica.ui.pages.overview import read


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
