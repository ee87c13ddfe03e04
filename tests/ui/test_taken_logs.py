"""Records of logs that were taken in, in the list of runs: whose they are stands beside each."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import ALONE, BEGIN, Clock, Shelf, mlflow_run, passed
from venturalitica.core.record import AUDIT
from venturalitica.ledger import load_signer
from venturalitica.ledger.carrying.carry import carry
from venturalitica.ledger.carrying.take import Taking, take
from venturalitica.ledger.carrying.taken import Taken
from venturalitica.ui.pages import taken_logs
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


def taken_in(team: Shelf, job: Shelf, out: Path) -> Taking:
    carry(job.home, out)
    key = load_signer(None, job.config).public
    return take(team.ledger, out, keys={"trusted_keys": [key]})


@pytest.fixture
def empty_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A team that audits nothing itself."""
    shelf = Shelf(tmp_path / "team")
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    return shelf


def test_the_overview_of_a_team_that_only_takes_shows_the_pipelines(
    empty_team: Shelf, tmp_path: Path
) -> None:
    job = Shelf(tmp_path / "job")
    job.audit(name="nightly")
    job.audit(ALONE, passed(), name="weekly", trackers=(mlflow_run(),))
    took = taken_in(empty_team, job, tmp_path / "out")
    client = client_for(empty_team.home)
    page = client.get("/")
    shown = words(page)
    assert "venturalitica demo" not in shown
    assert "Overview, 1 red" in page.text
    assert "1 log taken in" in shown
    assert shown.index("Red credit-scoring × nightly") < shown.index(
        "Amber credit-scoring × weekly"
    )
    assert f"{took.log.name[:8]}:1 key {took.log.key[:8]}" in shown
    assert "What mlflow confirmed to the machine that recorded it is not carried" in shown
    assert f'href="/runs?log={took.log.name}#taken"' in page.text
    there = words(client.get("/runs"))
    assert "venturalitica demo" not in there
    assert "is not carried: here it is amber at best" in there


def test_a_pipeline_of_many_jobs_is_one_line_of_its_newest_run(
    empty_team: Shelf, tmp_path: Path
) -> None:
    for number in range(2):
        job = Shelf(tmp_path / f"job{number}", clock=Clock(BEGIN + timedelta(days=number)))
        shutil.copytree(tmp_path / "job0" / "keys", job.config) if number else None
        job.audit(ALONE, passed(), name="nightly") if number else job.audit(name="nightly")
        taken_in(empty_team, job, tmp_path / f"out{number}")
    shown = words(client_for(empty_team.home).get("/"))
    assert shown.count("credit-scoring × nightly") == 1
    assert "the newest of 2 logs" in shown
    assert "Green credit-scoring × nightly" in shown


def test_what_was_read_of_a_log_is_kept_until_it_changes(
    empty_team: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        job = Shelf(tmp_path / f"job{number}")
        job.audit(name=f"nightly-{number}")
        took = taken_in(empty_team, job, tmp_path / f"out{number}")
    monkeypatch.setattr(taken_logs, "AT_ONCE", 2)
    read: list[str] = []
    plain = taken_logs._read

    def noted(taken: Taken) -> object:
        read.append(taken.name)
        return plain(taken)

    monkeypatch.setattr(taken_logs, "_read", noted)
    client = client_for(empty_team.home)
    assert "1 log not read yet" in words(client.get("/"))
    assert "not read yet" not in words(client.get("/"))
    assert len(read) == len(set(read)) == 3
    empty_team.audit(name="own")
    assert "own" in words(client.get("/"))
    assert len(read) == 3
    shutil.rmtree(empty_team.home / "logs" / took.log.name)
    shown = words(client.get("/"))
    assert f"Red the log {took.log.name}, taken in entry 2, cannot be read" in shown
    assert len(read) == 4


def test_an_edited_index_of_a_taken_log_turns_nothing_green(
    empty_team: Shelf, tmp_path: Path
) -> None:
    job = Shelf(tmp_path / "job")
    job.audit(name="nightly")
    took = taken_in(empty_team, job, tmp_path / "out")
    client_for(empty_team.home).get("/runs")
    database = empty_team.home / "logs" / took.log.name / "1" / "index.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE runs SET light = 'green', failed = 0")
        connection.commit()
    assert "Red credit-scoring × nightly" in words(client_for(empty_team.home).get("/"))


def test_the_records_of_one_log_are_shown_alone(empty_team: Shelf, tmp_path: Path) -> None:
    took = []
    for number in range(2):
        job = Shelf(tmp_path / f"job{number}")
        job.audit(name=f"nightly-{number}")
        took.append(taken_in(empty_team, job, tmp_path / f"out{number}").log.name)
    client = client_for(empty_team.home)
    shown = words(client.get(f"/runs?log={took[0]}"))
    assert "nightly-0" in shown
    assert "nightly-1" not in shown
    assert "no log that was taken in is called 'nothing'" in words(client.get("/runs?log=nothing"))


def test_a_site_shows_the_pipelines_of_every_log(
    empty_team: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taken_logs, "AT_ONCE", 1)
    for number in range(2):
        job = Shelf(tmp_path / f"job{number}")
        job.audit(name="nightly")
        taken_in(empty_team, job, tmp_path / f"out{number}")
    desk = Desk(empty_team.home)
    written = export(desk, tmp_path / "site")
    desk.close()
    assert written.problems == {}
    page = (tmp_path / "site" / written.files["/"]).read_text("utf-8")
    assert page.count(f'href="{written.files["/runs"]}#taken"') == 2
    assert "not read yet" not in page
