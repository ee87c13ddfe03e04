"""Records of logs that were taken in, in the list of runs: whose they are stands beside each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import Shelf
from venturalitica.core.record import AUDIT
from venturalitica.ledger import load_signer
from venturalitica.ledger.carrying.carry import carry
from venturalitica.ledger.carrying.take import Taking, take
from venturalitica.ui.reader import Desk
from venturalitica.ui.static_export import export

JOB = {"name": "GitHub Actions", "job": "train", "url": "https://ci.example/jobs/7"}


@pytest.fixture
def team(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "team")
    shelf.audit(name="own")
    return shelf


@pytest.fixture
def taken(team: Shelf, tmp_path: Path) -> Taking:
    job = Shelf(tmp_path / "job")
    statement = job.statement(name="<b>nightly</b>")
    assert statement["predicateType"] == AUDIT
    statement["predicate"]["environment"]["ci"] = JOB
    job.ledger.append(statement)
    carry(job.home, tmp_path / "out")
    key = load_signer(None, job.config).public
    return take(team.ledger, tmp_path / "out", keys={"trusted_keys": [key]})


@pytest.fixture
def client(team: Shelf, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(team.config))
    return client_for(team.home)


def test_they_stand_below_the_own_ones_with_key_and_job(client: Client, taken: Taking) -> None:
    page = client.get("/runs")
    own, _, others = page.text.partition("Taken in from other machines")
    assert "nightly" not in own
    assert "&lt;b&gt;nightly" in others
    shown = words(page)
    assert f"{taken.log.name[:8]}:0" in shown
    assert f"key {taken.log.key[:8]}, GitHub Actions, job train" in shown
    assert "https://ci.example/jobs/7" in others
    assert client.get("/evidence").status_code == 200
    assert taken.entry is not None
    record = words(client.get(f"/runs/{taken.entry.index}"))
    assert "A log was taken in" in record
    assert taken.log.name in record


def test_where_none_was_taken_nothing_is_said(client: Client) -> None:
    assert "Taken in" not in client.get("/runs").text


def test_the_page_stands_where_one_was_removed(client: Client, team: Shelf, taken: Taking) -> None:
    shutil.rmtree(team.home / "logs" / taken.log.name)
    answer = client.get("/runs")
    assert answer.status_code == 200
    assert "nightly" not in answer.text
    assert f"the log {taken.log.name}, taken in entry 1, cannot be read" in words(answer)


def test_a_site_has_them(
    team: Shelf, taken: Taking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(team.config))
    desk = Desk(team.home)
    written = export(desk, tmp_path / "site")
    desk.close()
    assert written.problems == {}
    page = (tmp_path / "site" / written.files["/runs"]).read_text("utf-8")
    assert f"key {taken.log.key[:8]}, GitHub Actions, job train" in page
