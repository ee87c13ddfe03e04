"""The page of one record: it answers first, shows all, and never a light that was not measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import ALONE, FIRST, Shelf, loan_verdicts, mlflow_run, passed, pruned_shelf
from venturalitica.ledger import Outbox
from venturalitica.system.settings import Settings
from venturalitica.ui.pages.run import RunContext, read
from venturalitica.ui.reader import Desk, Reading


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


@pytest.fixture
def reading(shelf: Shelf) -> Iterator[Reading]:
    shelf.audit()
    desk = Desk(shelf.home, settings=Settings.current())
    with desk.reading() as found:
        yield found
    desk.close()


def test_it_answers_first_whether_it_can_ship(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    answer = client.get("/runs/0")
    assert answer.status_code == 200
    heading = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert heading is not None
    assert heading[1].startswith("No.")
    assert answer.text.count("<h1") == 1
    said = words(answer)
    for sentence in (
        "Can this ship? The light is red.",
        "The policy blocks the run: gender-parity.",
        "Demographic parity ratio across gender must be at least 0.80.",
        "About 840 rows in place of 300 would settle it",
        "no row has the label that is looked for",
        "What to do: Look at the features that stand in for gender.",
        "Not evaluated",
    ):
        assert sentence in said, sentence
    assert answer.text.index(">Article 10(2)(f)<") < answer.text.index(">Article 15(1)<")
    assert "vl-groups" in answer.text


def test_a_green_record_is_green_only_after_its_steps_were_made(shelf, client) -> None:
    shelf.audit(ALONE, passed())
    answer = client.get("/runs/0")
    assert "Yes, by this policy." in answer.text
    assert "signatures: held" in words(answer)
    log = shelf.home / "log" / "entries.jsonl"
    line = log.read_bytes()
    flipped = line.replace(b'"sig":"ME', b'"sig":"MF', 1)
    log.write_bytes(flipped if flipped != line else line.replace(b'"sig":"M', b'"sig":"N', 1))
    answer = client.get("/runs/0")
    assert "Yes, by this policy." not in answer.text


def test_a_waiting_record_is_amber_and_shows_the_way(shelf: Shelf, client: Client) -> None:
    entry = shelf.audit(ALONE, passed(), trackers=(mlflow_run(),))
    answer = client.get("/runs/0")
    said = words(answer)
    assert "The light is amber" in said
    assert "mlflow gentle-crane-7 not confirmed yet" in said
    assert "mlflow server --backend-store-uri sqlite:////srv/mlflow.db --port " in said
    assert re.search(r'href="http://127\.0\.0\.1:\d+/#/experiments/1/runs/0c9f1d3b', answer.text)
    outbox = Outbox(shelf.ledger)
    outbox.confirm(entry.index, "mlflow", mlflow_run().run_id)
    said = words(client.get("/runs/0"))
    assert "The light is green" in said
    assert "mlflow gentle-crane-7 confirmed 20" in said


def test_a_server_is_linked_to_and_a_hostile_address_is_not(shelf, client) -> None:
    shelf.audit(trackers=(mlflow_run("http://mlflow.example:5000"),))
    shelf.audit(trackers=(mlflow_run("javascript:alert(1)", tracker="wandb", url="javascript:x"),))
    page = "http://mlflow.example:5000/#/experiments/1/runs/0c9f1d3b7a5e4d6fb2a1908374655647"
    assert f'href="{page}"' in client.get("/runs/0").text
    assert 'href="javascript' not in client.get("/runs/1").text


def test_the_audits_of_a_run_are_linked(shelf: Shelf, client: Client) -> None:
    shelf.run(shelf.audit(), shelf.audit(ALONE, passed()))
    answer = client.get("/runs/2")
    assert re.search(r'<td><a href="/runs/0">0</a></td>', answer.text)
    assert re.search(r'<td><a href="/runs/1">1</a></td>', answer.text)
    assert "Of 2 audits inside: 1 red and 1 green." in words(answer)


def test_a_rule_leads_to_its_line(shelf: Shelf, client: Client) -> None:
    verdict = replace(passed(), file="model_policy.yaml", line=7)
    sha256 = shelf.audit(FIRST, verdict).statement["predicate"]["policy"]["sha256"]
    address = f"/policies/credit-scoring/{sha256}"
    page = client.get("/runs/0").text
    assert f'<a href="{address}#line-7">model_policy.yaml:7</a>' in page
    assert f"{FIRST.splitlines()[6]}</code></li>" in client.get(address).text


def test_neighbours_are_those_of_the_same_pipeline(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    shelf.audit(name="other")
    shelf.audit()
    shelf.audit()
    answer = client.get("/runs/2")
    assert "The run before: entry 0" in words(answer)
    assert "The run after: entry 3" in words(answer)
    assert 'href="/compare?a=0&amp;b=2"' in answer.text
    assert "The run before" not in words(client.get("/runs/1"))


def test_sign_offs_are_read_from_the_log_and_erased_names_are_said(shelf, client) -> None:
    entry = shelf.audit()
    client.get("/runs/0")
    signed = shelf.sign_off(entry, "rejected")
    assert "Rejected by Ada Lovelace , auditor" in words(client.get("/runs/0"))
    assert "The last sign-off rejected this record" in words(client.get("/runs/0"))
    shelf.erase(signed, reason="she asked")
    said = words(client.get("/runs/0"))
    assert "Ada" not in said
    assert "(erased on 2026-11-0" in said


def test_the_answer_says_who_decided_and_why(shelf, client) -> None:
    entry = shelf.audit()
    assert "because" not in words(client.get("/runs/0"))
    shelf.sign_off(entry, "rejected", comment="<b>Not</b> `yet`.")
    shelf.sign_off(entry, "approved", comment="For one week.")
    page = client.get("/runs/0").text
    answer = page[page.index("vl-answer") : page.index("</header>", page.index("vl-answer"))]
    assert "No, by the policy." in answer
    first, second = re.findall(r'<p class="vl-decided" dir="auto">(.*?)</p>', answer)
    assert first.startswith("Approved by Ada Lovelace, auditor, on 2026-11-0")
    assert first.endswith("because “For one week.”")
    assert "because “&lt;b&gt;Not&lt;/b&gt; `yet`.”" in second


def test_your_own_key_is_said_and_no_other(shelf, client, monkeypatch) -> None:
    shelf.audit()
    assert "your own" not in words(client.get("/runs/0"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    assert "your own" in words(client_for(shelf.home).get("/runs/0"))


def test_the_group_that_breaks_a_rule_is_marked(shelf, client) -> None:
    shelf.audit()
    page = client.get("/runs/0").text
    rows = re.findall(r"<tr><th[^>]*>.*?</tr>", page, re.DOTALL)
    assert ["female" in row for row in rows if "breaks the rule" in row] == [True]


def test_records_about_records_say_what_happened(shelf: Shelf, client: Client) -> None:
    entry = shelf.audit()
    signed = shelf.sign_off(entry, "rejected", comment="No.")
    erased = shelf.erase(signed, reason="she asked")
    rotated = shelf.rotate()
    odd = shelf.odd()
    for record, title, facts in (
        (signed, "Entry 0 was rejected", ("auditor", "(erased on ", "Red")),
        (erased, "2 values kept beside the log were erased", ("she asked", "Entry 1")),
        (rotated, "A key handed over to the next", ("yearly", "From entry 4 on")),
        (odd, "A record of a kind that this version does not know", ("urn:example:other",)),
    ):
        answer = client.get(f"/runs/{record.index}")
        assert answer.status_code == 200
        assert f"<h1>{title}</h1>" in answer.text
        said = words(answer)
        assert "signatures: held" in said
        for fact in facts:
            assert fact in said, (title, fact)
    assert 'href="/runs/0">Entry 0</a>' in client.get(f"/runs/{signed.index}").text


def test_what_was_pruned_is_said(tmp_path: Path) -> None:
    client = client_for(pruned_shelf(tmp_path).home)
    answer = client.get("/runs/3")
    assert answer.status_code == 410
    assert "Entry 3 was pruned" in words(answer)
    answer = client.get("/runs/10")
    assert "8 entries were pruned" in words(answer)
    assert "six-months: 8" in words(answer)
    assert 'href="/runs/3"' not in answer.text


def test_an_entry_that_is_not_there_is_a_page(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    for number in ("1", "99", "9" * 40):
        answer = client.get(f"/runs/{number}")
        assert answer.status_code == 404
        assert "the last is entry 0" in words(answer)
    assert client.get("/runs/-1").status_code == 404
    assert client.get("/runs/x").status_code == 404


def test_what_cannot_be_read_is_said_and_can_be_taken_away(shelf: Shelf, client: Client) -> None:
    statement = shelf.statement()
    statement["predicate"]["format"] = 99
    shelf.ledger.append(statement)
    answer = client.get("/runs/0")
    assert answer.status_code == 200
    assert "Entry 0 cannot be shown" in words(answer)
    assert "format 99" in words(answer)
    assert 'href="/runs/0/download/bundle"' in answer.text
    assert 'href="/runs/0/download/report"' not in answer.text


def test_the_context_is_read_without_a_request(reading: Reading) -> None:
    found = read(reading, 0)
    assert isinstance(found, RunContext)
    assert found.report is not None
    assert found.report.verdicts[0].control == loan_verdicts()[0].control
    assert [what for what, _ in found.downloads] == ["bundle", "report", "policy"]
