"""What a record is bound to, what no rule looked at, and a run's audits, each data set apart."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import ALONE, FIRST, Shelf, loan_verdicts, mlflow_run, passed
from venturalitica.audit.statement import run_json
from venturalitica.core.manifest import Manifest
from venturalitica.core.text import visible
from venturalitica.core.verdict import GroupValue
from venturalitica.ledger import Entry
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.model_tie import Likeness, ModelTie

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def data(name: str = "test", rows: int = 300, digit: str = "1", **more: Any) -> dict[str, Any]:
    """A data item; `digit` makes its digests those of other rows."""
    return {
        "name": name, "context": "audit", "sha256": digit * 64, "rows": rows, "size": None,
        "method": "columns/v1", "engine": "pandas", "training_rows": False,
        "identity": {"of": ["target"], "sha256": digit * 64},
        "columns": [{"name": "class", "type": "text", "nulls": 0, "sha256": "ef" * 32}],
    } | more  # fmt: skip


def rows_of(page: str, label: str) -> list[str]:
    """The lines of a table, without markup."""
    found = re.search(rf'aria-label="{label}"><table.*?</table>', page, re.DOTALL)
    assert found is not None, label
    lines = re.findall(r"<tr>(.*?)</tr>", found[0], re.DOTALL)[1:]
    return [plain(line) for line in lines]


def plain(html: str) -> str:
    """The text of some markup; elements within a line leave no blank."""
    html = re.sub(r"<button.*?</button>", "", html)
    joined = re.sub(r"</?(?:bdi|wbr|b|a)\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", joined)).split())


def folded(page: str, summary: str) -> str:
    """What stands in a part that is folded, without markup."""
    found = re.search(rf"<summary>{summary}.*?</details>", page, re.DOTALL)
    assert found is not None, summary
    return plain(found[0])


def files(shelf: Shelf, entry: int) -> list[str]:
    return rows_of(client_for(shelf.home).get(f"/runs/{entry}").text, "Files and data judged")


def model(**more: Any) -> dict[str, Any]:
    return {"class": "sklearn.Forest", "sha256": "ab" * 32, "identity": "pickle"} | more


def test_each_thing_is_named_with_its_size_and_digest(shelf: Shelf, client: Client) -> None:
    shelf.audit(FIRST, data=(data(),), model=model())
    keyed = shelf.ledger.entry(0).record.data[0]["hmac_sha256"]
    policy, found, table = files(shelf, 0)
    assert policy.startswith(f"policy model_policy.yaml {len(FIRST)} bytes")
    assert found == f"model sklearn.Forest – {'ab' * 6} its pickle, SHA-256"
    assert table == f"data test 300 rows {keyed[:12]} HMAC under the key of the log"
    page = client.get("/runs/0").text
    assert f'title="{"ab" * 32}"' in page
    assert f'title="{keyed}"' in page
    assert 'href="/runs/0/download/bundle"' in page
    assert "The record was attached to no tracker's run afterwards." in words(client.get("/runs/0"))


def tie(entry: Entry, name: str = "MLmodel") -> ModelTie:
    return ModelTie(
        entry=entry.index,
        evidence_sha256=entry.evidence_sha256,
        run_id="0" * 32,
        manifest=Manifest.over({name: "cd" * 32}),
        name="model",
        logged={},
        likeness=Likeness(),
    )


def test_the_files_of_its_model_are_those_of_the_record_that_ties_them(shelf: Shelf) -> None:
    entry = shelf.audit(model=model())
    other = shelf.audit(model=model(sha256="12" * 32))
    shelf.ledger.append(tie(entry).statement([], NOW))
    assert any(line.startswith("file of the model, by entry 2 MLmodel") for line in files(shelf, 0))
    assert not any("MLmodel" in line for line in files(shelf, other.index))


def test_a_run_it_was_attached_to_afterwards_is_told(shelf: Shelf, client: Client) -> None:
    entry = shelf.audit()
    made = Attachment(
        entry=entry.index,
        evidence_sha256=entry.evidence_sha256,
        run_id="0" * 32,
        run=run_json(mlflow_run()),
        how="by hand",
    )
    shelf.ledger.append(made.statement(NOW))
    said = words(client.get("/runs/0"))
    assert "Attached afterwards to mlflow run gentle-crane-7 (by hand) , by entry 1" in said


def test_columns_roles_and_groups_that_no_rule_reads_are_named(shelf: Shelf, client) -> None:
    names = [f"column {number}" for number in range(100)]
    item = data(other_columns=names, other_columns_besides=7)
    statement = shelf.statement(
        FIRST,
        *loan_verdicts(),
        data=(item,),
        bindings={"target": "class", "gender": "sex", "age": "years"},
    )
    axis = {"role": "gender", "column": "sex", "nulls": 0, "note": ""}
    statement["predicate"]["tally"] = {"vault": "0" * 64}  # its counts are elsewhere
    statement["predicate"]["axes"] = [
        axis | {"levels": ["female", "male", "x"], "unmapped": {"A95": 9}}
    ]
    shelf.ledger.append(statement)
    said = folded(client.get("/runs/0").text, "What no rule looked at")
    assert said.startswith("What no rule looked at: 107 columns, 1 role, 1 value, 1 group")
    assert "107 columns in the data, and read by no rule: column 0, column 1," in said
    assert "column 99, and 7 more" in said
    assert "1 role bound to a column, and read by no rule that was judged: age" in said
    assert "1 value of gender, in no group of the policy's map: A95" in said
    assert "1 group of gender, in no verdict: x" in said


def test_what_the_record_does_not_say_is_said_to_be_unknown(shelf: Shelf, client) -> None:
    shelf.audit(ALONE, passed(), data=(data(),), trackers=(mlflow_run(),))
    said = folded(client.get("/runs/0").text, "What no rule looked at")
    assert "Which other columns the data have is not known" in said
    assert "Which metrics a tracker has besides, and nobody judged, is not in the record." in said
    shelf.audit(ALONE, passed(), data=(data(other_columns=[], other_columns_besides=0),))
    said = folded(client.get("/runs/1").text, "What no rule looked at")
    assert said.endswith("Of what the record names, a rule looked at each.")


def test_controls_left_out_are_not_looked_at(shelf: Shelf, client) -> None:
    statement = shelf.statement(FIRST, loan_verdicts()[0])
    statement["predicate"]["judging"] |= {"left_out": ["gender-parity", "recall"], "phase": "data"}
    shelf.ledger.append(statement)
    said = folded(client.get("/runs/0").text, "What no rule looked at")
    assert "2 controls in the policy, and not asked for: gender-parity, recall" in said


def two_sets(shelf: Shelf) -> Entry:
    """A run that judged a test set, passed, and its training data, failed."""
    test = shelf.audit(ALONE, passed(), data=(data("test", 300, "1"),))
    again = shelf.audit(ALONE, replace(passed(), value=0.91), data=(data("test", 300, "1"),))
    train = shelf.audit(
        FIRST, *loan_verdicts(), data=(data("train", 700, "2", training_rows=True),)
    )
    return shelf.run(test, again, train)


def sections(page: str) -> list[str]:
    return re.findall(r'<section class="run-set".*?</section>', page, re.DOTALL)


def test_two_data_sets_stand_apart(shelf: Shelf, client: Client) -> None:
    page = client.get(f"/runs/{two_sets(shelf).index}").text
    test, train = sections(page)
    assert ">Data set 1: <bdi>test</bdi>" in test
    assert ">Data set 2: <bdi>train</bdi>" in train
    assert "300 rows, none of the training's rows" in plain(test)
    assert "700 rows, rows of the training among them" in plain(train)
    assert 'href="/runs/0"' in test
    assert 'href="/runs/1"' in test
    assert 'href="/runs/2"' not in test
    assert "gender-parity" not in test
    assert "gender-parity" in train
    heads = [one[: one.index("</h2>")] for one in (test, train)]
    assert ["vl-is-red" in head for head in heads] == [False, True]
    assert "vl-groups" in train, "the plots of its groups are its own"
    assert "vl-groups" not in test


def test_each_control_is_linked_to_its_own_card(shelf: Shelf, client: Client) -> None:
    page = client.get(f"/runs/{two_sets(shelf).index}").text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#(audit-\d+-control-\d+)"', page)
    assert len(links) == 5
    assert set(links) <= set(ids)


def test_only_an_audit_that_the_run_names_by_its_digest_is_shown(shelf: Shelf, client) -> None:
    entry = shelf.audit(ALONE, passed(), data=(data(),))
    named = {"index": entry.index, "light": "green", "policy": "0" * 64}
    statement = shelf.statement(
        FIRST,
        kind="run",
        circumstances=None,
        light="green",
        audits=(
            named | {"evidence_sha256": "9" * 64},
            named | {"index": 99},
            named | {"index": "x"},
        ),
    )
    statement["predicate"]["verdicts"] = []
    shelf.ledger.append(statement)
    answer = client.get("/runs/1")
    assert answer.status_code == 200
    assert sections(answer.text) == []


def test_of_very_many_audits_the_first_are_shown(shelf: Shelf, client: Client) -> None:
    inside = [shelf.audit(ALONE, passed(), data=(data(digit=f"{n:x}"),)) for n in range(1, 10)]
    page = client.get(f"/runs/{shelf.run(*inside).index}")
    assert len(sections(page.text)) == 6
    assert "3 more audits of this run have pages of their own." in words(page)


def test_whatever_is_judged_is_only_read(shelf: Shelf) -> None:
    places = []
    for naughty in NAUGHTY:
        text = visible(naughty)[:300].replace("\n", " ").strip("/. ") or "x"
        entry = hostile(shelf, text)
        shelf.ledger.append(tie(entry, text.replace("/", "-")).statement([], NOW))
        places.append((shelf.run(entry, data=(data(text, context="input"),)).index, text))
    client = client_for(shelf.home)
    for place, text in places:
        for index in (place, place - 2):
            answer = client.get(f"/runs/{index}")
            assert answer.status_code == 200
            said = " ".join(inert(answer.text).split())
            assert said.count(" ".join(text.split())) >= 7, (index, text)


def hostile(shelf: Shelf, text: str) -> Entry:
    """An audit with a text in each place that these parts of the page show."""
    item = data(text, other_columns=[text] * 3, other_columns_besides=2)
    group = replace(loan_verdicts()[1], groups=(GroupValue(text, 84, 0.56),), across=(text,))
    statement = shelf.statement(
        FIRST,
        group,
        data=(item,),
        bindings={text: text, "gender": text},
        model=model(name=text, identity=text, serialization=text),
    )
    axis = {"role": text, "column": text, "nulls": 0, "note": text}
    levels = {"levels": [text, f"{text} 2"], "unmapped": {f"{text} 3": 9}}
    statement["predicate"]["tally"] = {"vault": "0" * 64}
    statement["predicate"]["axes"] = [axis | levels, {"role": "gender"}, {}]
    return shelf.ledger.append(statement)
