"""Which rules were in force, what they say, and what changed: from the bytes in the evidence."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import FIRST, OTHER_SECOND, SECOND, Shelf, pruned_shelf, with_policy_bytes


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def test_versions_are_shown_in_time_with_what_was_judged_by_each(shelf, client) -> None:
    shelf.audit()
    shelf.audit()
    shelf.audit(SECOND)
    answer = client.get("/policies")
    said = words(answer)
    assert said.index("1.1") < said.index("1.0", said.index("in use last"))
    assert "2 audits, 2 red" in said
    assert "1 audit, 1 red" in said
    assert "2 controls loosened" not in said
    assert "Against 1.0 :" in said
    for entry in range(3):
        assert f'<a href="/runs/{entry}"><svg' in answer.text
    assert "/runs?policy=credit-scoring&amp;version=1.0" in answer.text
    assert f"/policies/credit-scoring/diff?a={digest(FIRST)}&amp;b={digest(SECOND)}" in answer.text
    assert words(client.get("/policies/credit-scoring")).count("in use last") == 1


def test_one_version_over_two_texts_is_a_fault_with_both_digests(shelf, client) -> None:
    shelf.audit(SECOND)
    shelf.audit(OTHER_SECOND)
    for address in ("/policies", "/policies/credit-scoring"):
        said = words(client.get(address))
        assert "Fault: one version, two texts" in said
        assert said.count("One version, several texts") == 2
        for text in (SECOND, OTHER_SECOND):
            assert f"sha256 {digest(text)}" in said
    address = f"/policies/credit-scoring/diff?a={digest(SECOND)}&b={digest(OTHER_SECOND)}"
    assert "Fault: one version, two texts" in words(client.get(address))


def test_a_text_is_shown_by_its_bytes_and_in_words(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    answer = client.get(f"/policies/credit-scoring/{digest(FIRST)}")
    said = words(answer)
    assert "selection rate across gender: ratio of lowest to highest must be >= 0.80" in said
    lines = re.findall(r'<li id="line-(\d+)"><code>(.*?)</code></li>', answer.text)
    assert [int(number) for number, _ in lines] == list(range(1, len(lines) + 1))
    assert lines[0][1] == "policy: credit-scoring"
    place = FIRST.splitlines().index("  - id: gender-parity") + 1
    assert f'<a href="#line-{place}">{place}</a>' in answer.text
    assert digest(FIRST) in said
    assert client.get(f"/policies/credit-scoring/{digest(FIRST)[:12]}").status_code == 200


def test_the_difference_is_by_rule_beside_by_line(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    shelf.audit(SECOND)
    answer = client.get("/policies/credit-scoring/diff")
    said = words(answer)
    for sentence in (
        "from 1.0 to 1.1",
        "1 control removed, 1 control loosened, 1 control tightened, 1 control added",
        "− removed Control recall",
        "▼ loosened Control gender-parity",
        "must >= 0.80 >= 0.75",
        "▲ tightened Control accuracy",
        "+ added Control enough",
        "none has been judged again",
    ):
        assert sentence in said, sentence
    assert '<li class="vl-diff-old"><code>-version: &#34;1.0&#34;</code></li>' in answer.text
    assert '<li class="vl-diff-new"><code>+version: &#34;1.1&#34;</code></li>' in answer.text


def test_any_two_are_picked_by_a_form_and_the_other_way_round(shelf, client) -> None:
    shelf.audit()
    shelf.audit(SECOND)
    answer = client.get(f"/policies/credit-scoring/diff?a={digest(SECOND)}&b={digest(FIRST)}")
    said = words(answer)
    assert "from 1.1 to 1.0" in said
    assert "▲ tightened Control gender-parity" in said
    chosen = re.findall(r'<option value="([0-9a-f]{64})" selected>', answer.text)
    assert chosen == [digest(SECOND), digest(FIRST)]
    same = words(client.get(f"/policies/credit-scoring/diff?a={digest(FIRST)}&b={digest(FIRST)}"))
    assert "Every rule is the same." in same
    assert "The bytes are the same." in same


def test_a_single_text_is_compared_with_itself(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    assert "The bytes are the same." in words(client.get("/policies/credit-scoring/diff"))


@pytest.mark.parametrize(
    "address",
    [
        "/policies/credit-scorin",
        "/policies/credit-scoring/ffff0000ffff",
        "/policies/credit-scoring/x",
        "/policies/credit-scoring/diff?a=ffff0000ffff",
        "/policies/credit-scoring/diff?b=%00%3Cscript%3E",
        "/policies/x/diff",
    ],
)
def test_what_is_not_there_is_a_page_that_says_what_is(shelf, client, address) -> None:
    shelf.audit()
    answer = client.get(address)
    assert answer.status_code == 404
    assert "credit-scoring" in words(answer)
    assert "<script>" not in answer.text


def test_a_text_that_is_no_policy_is_shown_and_not_compared(shelf, client) -> None:
    shelf.audit()
    broken = with_policy_bytes(shelf.statement(), b"controls: [\xff", version="2")
    shelf.ledger.append(broken)
    said = words(client.get("/policies"))
    assert "this version cannot read it as a policy" in said
    said = words(client.get("/policies/credit-scoring/diff"))
    assert "The rules are not compared." in said
    assert "-policy: credit-scoring" in said
    assert "\\xff" in said


def test_bytes_that_are_not_of_their_digest_are_a_fault(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    statement = shelf.statement(SECOND)
    statement["predicate"]["policy"]["bytes"] = "eA=="
    shelf.ledger.append(statement)
    said = words(client.get("/policies"))
    assert "Fault: credit-scoring 1.1, entry 1:" in said
    answer = client.get(f"/policies/credit-scoring/diff?b={digest(SECOND)}")
    assert "cannot be read from the evidence" in words(answer)
    assert client.get(f"/policies/credit-scoring/{digest(SECOND)}").status_code == 200


def test_no_policy_at_all_says_what_to_type(shelf: Shelf, client: Client) -> None:
    shelf.odd()
    assert "venturalitica check" in words(client.get("/policies"))


def test_pruned_entries_are_said(tmp_path: Path) -> None:
    said = words(client_for(pruned_shelf(tmp_path).home).get("/policies"))
    assert "8 entries of the log were pruned" in said


def test_an_index_that_was_edited_is_not_believed(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    client.get("/policies")
    with sqlite3.connect(shelf.home / "index.db") as index:
        index.execute("UPDATE runs SET light = 'green', policy_version = '9.9'")
    index.close()
    said = words(client_for(shelf.home).get("/policies"))
    assert "The index did not say what the log says" in said
    assert "9.9" not in said
    assert "1 red" in said
