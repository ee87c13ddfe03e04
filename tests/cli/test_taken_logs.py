"""Logs that were taken in, on the command line: carried by a job with a key of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_check import CALL, write
from venturalitica import trackers
from venturalitica.ledger import Ledger, load_signer
from venturalitica.trackers.base import RunRef

JOB = {"GITHUB_ACTIONS": "true", "GITHUB_JOB": "train", "GITHUB_SHA": "a" * 40}


@pytest.fixture
def carried(call: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a job carried: two audits, red and green. Beside it its keys, `ci-keys.pem`."""
    write(project, female=60, male=90)
    with monkeypatch.context() as job:
        for name, value in JOB.items():
            job.setenv(name, value)
        job.setenv("VENTURALITICA_HOME", str(project / "job"))
        job.setenv("VENTURALITICA_CONFIG", str(project / "job-config"))
        assert call("check", "loans.csv", *CALL).exit_code == 1
        write(project, female=90, male=90)
        assert call("check", "loans.csv", *CALL).exit_code == 0
        said = json.loads(call("carry", "out", "--json").stdout)
        assert (said["entries"], said["tallies"], said["tallies_missing"]) == (2, 2, 0)
        (project / "ci-keys.pem").write_text(call("keys", "export").stdout)
        (project / "bundle").mkdir()
        bundle = Ledger.open(project / "job").bundle(0)
        (project / "bundle" / "evidence.json").write_bytes(bundle)
    shutil.rmtree(project / "job")
    return project / "out"


@pytest.fixture
def taken(call: Any, project: Path, carried: Path) -> dict[str, Any]:
    """A team's ledger with an audit of its own, green, that took it in."""
    write(project, female=90, male=90)
    assert call("check", "loans.csv", *CALL).exit_code == 0
    found = call("take", carried, "--signers", "ci-keys.pem", "--json")
    assert found.exit_code == 0, found.stderr
    facts: dict[str, Any] = json.loads(found.stdout)
    return facts


def test_none_but_admitted_keys_are_taken(call: Any, carried: Path) -> None:
    result = call("take", carried)
    assert result.exit_code == 2
    assert "not admitted" in result.stderr
    assert "of your own, or of VENTURALITICA_TRUSTED_KEYS" in result.stderr


def test_a_first_taking_that_is_refused_leaves_nothing(
    call: Any, project: Path, carried: Path
) -> None:
    before = sorted(project.iterdir())
    for wrong in (carried, project / "nothing"):
        assert call("take", wrong).exit_code == 2
        assert sorted(project.iterdir()) == before
    assert call("take", carried, "--signers", "ci-keys.pem").exit_code == 0


def test_own_and_trusted_keys_are_admitted_without_a_file(
    call: Any, carried: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_TRUSTED_KEYS", "ci-keys.pem")
    assert "Took 2 entries and 2 tallies" in call("take", carried).stdout
    again = call("take", carried)
    assert again.exit_code == 0
    assert "Taken before: " in again.stdout


def test_they_are_listed_with_key_and_job(call: Any, taken: dict[str, Any]) -> None:
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [one["light"] for one in listed] == ["green", "green", "red"]
    assert listed[0]["log"] is None
    # By a key of the job, admitted when it was taken: no stranger's.
    assert listed[1]["doubt"] is None
    log = listed[2]["log"]
    assert (log["name"], log["key"], log["job"]) == (taken["log"], taken["key"], "train")
    assert log["ci"] == "GitHub Actions"
    table = call("runs", "list").stdout
    assert f"{taken['log'][:8]}:0" in table
    assert f"key {taken['key'][:8]}, GitHub" in table.replace("\n", " ")
    for name, lights in (("own", ["green"]), (taken["log"][:6], ["green", "red"])):
        only = json.loads(call("runs", "list", "--json", "--log", name).stdout)
        assert [one["light"] for one in only] == lights
    assert call("runs", "list", "--log", "zzzz").exit_code == 2


def test_one_is_shown_by_its_name_and_by_its_digest(call: Any, taken: dict[str, Any]) -> None:
    listed = json.loads(call("runs", "list", "--json").stdout)
    for ref in (f"{taken['log'][:6]}:0", f"{taken['log']}:0", listed[2]["run_id"][:12]):
        (shown,) = json.loads(call("runs", "show", ref, "--json").stdout)
        assert shown["light"] == "red"
        assert shown["log"]["job"] == "train"
        text = call("runs", "show", ref).stdout
        assert f"Of the log {taken['log']}, taken in entry {taken['record']}" in text
        assert "job train" in text
        assert "parity" in text
    assert call("runs", "show", f"{taken['log'][:6]}:9").exit_code == 2
    (own,) = json.loads(call("runs", "show", "0", "--json").stdout)
    assert (own["light"], own["log"]) == ("green", None)


def test_a_stranger_who_can_write_here_admits_nobody(
    call: Any, project: Path, taken: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of the folder was written with another key: for its own records and those it took.
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(project / "another-config"))
    load_signer(None, project / "another-config")
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [one["light"] for one in listed] == ["amber", "amber", "red"]
    assert all("which is not yours" in one["doubt"] for one in listed[:2])


def test_a_page_is_drawn_of_it(call: Any, taken: dict[str, Any]) -> None:
    ref = f"{taken['log']}:0"
    result = call("report", "run", ref, "--format", "markdown", "--out", "-")
    assert result.exit_code == 0
    assert "parity" in result.stdout


def test_its_tally_is_erased_for_good(call: Any, carried: Path, taken: dict[str, Any]) -> None:
    ref = f"{taken['log']}:0"
    done = call("erase", ref, "--reason", "asked for", "--yes", "--json")
    assert json.loads(done.stdout)["pairs"] == 1
    again = call("take", carried, "--signers", "ci-keys.pem")
    assert "Erased here before, and not taken again: 1 tally." in again.stdout
    steps = {one["name"]: one["ok"] for one in json.loads(call("verify", "--json").stdout)["steps"]}
    assert steps["carried"]
    assert call("erase", ref, "--yes").exit_code == 0


def test_verify_fails_where_it_was_removed(call: Any, project: Path, taken: dict[str, Any]) -> None:
    assert call("verify").exit_code == 0
    shutil.rmtree(project / ".venturalitica" / "logs" / taken["log"])
    result = call("verify")
    assert result.exit_code == 1
    assert "is gone: it was removed since" in result.stdout
    assert [one["light"] for one in json.loads(call("runs", "list", "--json").stdout)] == ["green"]
    shown = call("runs", "show", f"{taken['log']}:0")
    assert shown.exit_code == 2
    assert "Take it again" in shown.stderr


def test_a_damaged_one_is_named_where_records_are_listed(
    call: Any, project: Path, taken: dict[str, Any]
) -> None:
    (entries,) = (project / ".venturalitica/logs" / taken["log"]).glob("*/log/entries.jsonl")
    entries.write_bytes(entries.read_bytes().partition(b"\n")[2])
    said = f"the log {taken['log']}, taken in entry 1, cannot be read"
    for words in ((), ("--json",), ("--limit", "1"), ("--light", "red")):
        listed = call("runs", "list", *words)
        told = " ".join(listed.stderr.split())
        assert said in told, words
        assert "'venturalitica verify' says why" in told
    assert [one["log"] for one in json.loads(call("runs", "list", "--json").stdout)] == [None]
    alone = call("runs", "list", "--log", taken["log"])
    assert alone.exit_code == 2
    assert taken["log"] in alone.stderr.replace("\n", "")
    verified = call("verify")
    assert verified.exit_code == 1
    assert taken["log"] in verified.stdout


def test_the_gate_judges_anew_from_a_carried_tally(
    call: Any, project: Path, carried: Path, taken: dict[str, Any]
) -> None:
    # A policy of which the record does not speak: it needs the counts.
    policy = (project / "model_policy.yaml").read_text().replace('">= 0.80"', '">= 0.50"')
    (project / "looser.yaml").write_text(policy)
    gate = ("gate", "bundle/evidence.json", "--policy", "looser.yaml", "--signers", "ci-keys.pem")
    options = ("--amber", "--json")
    found = json.loads(call(*gate, *options).stdout)
    assert (found["allowed"], found["anew"]) == (True, True), found["sentence"]
    assert call("erase", f"{taken['log']}:0", "--yes").exit_code == 0
    result = call(*gate, *options)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["rule"] == "no-tally"


def test_a_team_that_only_takes_finds_its_records(call: Any, carried: Path) -> None:
    took = json.loads(call("take", carried, "--signers", "ci-keys.pem", "--json").stdout)
    name = took["log"]
    shown = json.loads(call("runs", "show", "last", "--json").stdout)
    assert [(one["index"], one["log"]["name"]) for one in shown] == [(1, name)]
    assert call("report", "run", "last", "--out", "last.html").exit_code == 0
    missing = call("runs", "show", "7")
    assert missing.exit_code == 2
    assert f"a record of a log that was taken in is named by both, such as {name[:8]}:7" in (
        " ".join(missing.stderr.split())
    )


def test_verify_says_what_taken_logs_hold(call: Any, carried: Path) -> None:
    call("take", carried, "--signers", "ci-keys.pem")
    said = call("verify")
    text = " ".join(said.stdout.split())
    assert "Taken in 2 records of 1 log: 1 RED, 1 green" in text
    assert "the lights its own log records: none; the logs that were taken in record: 1 RED" in text
    about = json.loads(call("verify", "--json").stdout)["about"]
    assert (about["lights"], about["taken"]["lights"]) == ({}, {"red": 1, "green": 1})


def test_what_is_taken_into_its_own_log_is_told_where_to(call: Any, project: Path) -> None:
    write(project, female=90, male=90)
    call("check", "loans.csv", *CALL)
    call("carry", "out")
    refused = call("take", "out")
    assert refused.exit_code == 2
    said = " ".join(refused.stderr.split())
    assert "run this in the team's folder" in said
    assert "VENTURALITICA_HOME=TEAM/.venturalitica venturalitica take" in said


def test_one_that_a_tracker_was_told_of_says_why_it_is_amber(
    call: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, female=90, male=90)
    with monkeypatch.context() as job:
        job.setenv("VENTURALITICA_HOME", str(project / "job"))
        job.setenv("VENTURALITICA_CONFIG", str(project / "job-config"))
        # A run of a tracker that is gone with its process.
        job.setattr(trackers, "active_runs", lambda: (RunRef("memory", "gone-0123456789"),))
        assert call("check", "loans.csv", *CALL).exit_code == 0
        own = call("runs", "show", "0").stdout
        assert "AMBER This evidence still waits for its tracker. All of" in " ".join(own.split())
        assert "'venturalitica sync' tries again" in own
        assert call("carry", "out").exit_code == 0
        (project / "ci-keys.pem").write_text(call("keys", "export").stdout)
    done = call("take", "out", "--signers", "ci-keys.pem", "--json")
    assert done.exit_code == 0, done.stderr
    taken = json.loads(done.stdout)
    shown = call("runs", "show", f"{taken['log']}:0").stdout
    why = "What its tracker confirmed to the job is not carried with the log, so it is amber here."
    assert f"AMBER {why}" in " ".join(shown.split())
    assert "not known here: run gone-0123456789" in shown
    assert "sync" not in shown
    page = call("report", "run", f"{taken['log']}:0", "--format", "markdown", "--out", "-").stdout
    assert why in page
    assert "sync" not in page
