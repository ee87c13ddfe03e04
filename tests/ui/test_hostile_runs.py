"""Whatever was recorded, the pages of a run, of policies and of downloads only show it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY, poisoned
from tests.ui.shelf import FIRST, SECOND, Shelf, loan_verdicts, mlflow_run, with_policy_bytes
from venturalitica.core.text import visible
from venturalitica.ledger import verify_bundle

ALL = " ".join(NAUGHTY)
SIGNABLE = "".join(c for c in ALL if not 0xD800 <= ord(c) < 0xE000)


def statement(shelf: Shelf, **settings: Any) -> dict[str, Any]:
    """An audit with a text in every place that a page shows."""
    facts: dict[str, Any] = {
        "trackers": (
            mlflow_run("http://mlflow.example:5000", url="http://mlflow.example:5000/#/x"),
            mlflow_run(tracker="wandb", extra={"offline": True, "folder": "wandb/offline-run-1"}),
        ),
        "bindings": {"gender": "Attribute9"},
        "model": {"class": "sklearn.Forest", "parameters": {"depth": "x"}, "sha256": "ab" * 32},
        "data": (
            {
                "name": "test", "context": "audit", "sha256": "cd" * 32, "rows": 3,
                "method": "columns/v1", "engine": "pandas", "training_rows": True,
                "columns": [{"name": "a", "type": "text", "nulls": 0, "sha256": "ef" * 32}],
            },
        ),
        "environment": {
            "python": "3.11", "platform": "Linux", "packages": {"numpy": "2"},
            "hardware": {"cpu": "x", "gpus": ["y"]},
            "git": {"commit": "c", "branch": "main", "dirty": True, "remote": "https://x.example"},
        },
        "exception": {"type": "ValueError", "place": "x.py:1"},
    }  # fmt: skip
    return shelf.statement(FIRST, *loan_verdicts(), **facts | settings)


def rename(made: dict[str, Any]) -> dict[str, Any]:
    """Subjects that fit the names in the predicate, so that the log takes the statement."""
    predicate = made["predicate"]
    names = [f"policy/{predicate['policy']['filename']}", "model/x"]
    for subject, name in zip(made["subject"], names, strict=True):
        subject["name"] = name
    return made


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """One audit for each naughty text, in every field of it."""
    shelf = Shelf(tmp_path_factory.mktemp("hostile"))
    for naughty in NAUGHTY:
        shelf.ledger.append(rename(poisoned(statement(shelf), naughty)))
    return client_for(shelf.home)


@pytest.mark.parametrize("entry", range(len(NAUGHTY)))
def test_a_run_only_shows_it(client: Client, entry: int) -> None:
    answer = client.get(f"/runs/{entry}")
    assert answer.status_code == 200
    text = inert(answer.text)
    shown = visible(NAUGHTY[entry]).strip()
    assert text.count(shown) >= 8, text[:2000]
    answer = client.get(f"/runs/{entry}/download/policy")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert client.get(f"/runs/{entry}/download/report").status_code == 200
    assert verify_bundle(client.get(f"/runs/{entry}/download/bundle").content).steps


def test_the_policies_only_show_it_and_each_link_leads_there(client: Client) -> None:
    answer = client.get("/policies")
    assert answer.status_code == 200
    inert(answer.text)
    links = {
        html.unescape(part.split('"', 1)[0])
        for part in answer.text.split('href="')[1:]
        if part.startswith("/policies/")
    }
    assert len(links) >= len(NAUGHTY) * 2
    for address in links:
        followed = client.get(address)
        assert followed.status_code == 200, address
        inert(followed.text)


def test_runs_beside_each_other_only_show_it(client: Client) -> None:
    for entries in (range(12), range(len(NAUGHTY) - 12, len(NAUGHTY))):
        answer = client.get("/compare?" + "&".join(f"run={entry}" for entry in entries))
        assert answer.status_code == 200
        text = inert(answer.text)
        for entry in entries:
            assert visible(NAUGHTY[entry]).strip() in text


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.mark.parametrize("form", ["yaml", "text", "bytes"])
def test_the_text_of_a_policy_is_only_read(shelf: Shelf, form: str) -> None:
    said = SIGNABLE.encode()
    quoted = SECOND.replace("Credit scoring", "'" + FIRST_LINE.replace("'", "''") + "'")
    data = {"yaml": quoted.encode(), "text": said, "bytes": said + b"\xff\x00\xfe" * 9}[form]
    shelf.audit()
    shelf.ledger.append(with_policy_bytes(shelf.statement(SECOND), data))
    client = client_for(shelf.home)
    for address in ("/policies", "/policies/credit-scoring", "/policies/credit-scoring/diff"):
        answer = client.get(address)
        assert answer.status_code == 200
        inert(answer.text)
    sha256 = shelf.ledger.entry(1).statement["predicate"]["policy"]["sha256"]
    text = inert(client.get(f"/policies/credit-scoring/{sha256}").text)
    assert "onerror" in text


FIRST_LINE = " ".join(text for text in NAUGHTY if text.isprintable())[:3000]


@pytest.mark.parametrize("start", range(0, len(NAUGHTY), 12))
def test_what_people_say_is_only_read(shelf: Shelf, start: int) -> None:
    naughty = " ".join(NAUGHTY[start : start + 12])
    entry = shelf.audit()
    signed = shelf.sign_off(entry, person=naughty, role=naughty, comment=naughty)
    shelf.erase(signed, reason=naughty)
    shelf.sign_off(entry, "rejected", person=naughty, role=naughty, comment=naughty)
    client = client_for(shelf.home)
    shown = visible(naughty).strip()
    for index, times in ((0, 2), (1, 0), (2, 1), (3, 2)):
        answer = client.get(f"/runs/{index}")
        assert answer.status_code == 200
        assert inert(answer.text).count(shown) >= times, (index, naughty)


def test_records_of_unknown_kinds_are_only_read(shelf: Shelf) -> None:
    for naughty in NAUGHTY:
        shelf.odd(naughty, x=naughty, run={"name": naughty}, policy={"name": naughty})
    client = client_for(shelf.home)
    for entry in range(len(NAUGHTY)):
        answer = client.get(f"/runs/{entry}")
        assert answer.status_code == 200
        inert(answer.text)


def test_a_rotations_reason_is_only_read(shelf: Shelf) -> None:
    shelf.audit()
    shelf.rotate(SIGNABLE[:900])
    answer = client_for(shelf.home).get("/runs/1")
    assert "A key handed over" in inert(answer.text)
