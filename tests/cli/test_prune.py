"""`prune`: what would go, what went, what stays and why. Segments have 8 entries here."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.lifecycle import prune as pruner
from venturalitica.system.settings import Settings

BEGIN = datetime(2016, 1, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def log(project, monkeypatch):
    """Eight records of 2016 to be kept six months, then ten to be kept for ten years."""
    monkeypatch.setattr(pruner, "SEGMENT", 8)
    settings = Settings.current()
    signer = load_signer(None, settings.config)
    ledger = Ledger.open(settings.home, signer=signer, clock=lambda: BEGIN)
    for number in range(18):
        facts = Facts(
            kind="run",
            run_id=hashlib.sha256(bytes([number])).hexdigest()[:32],
            name="nightly",
            source="monitor",
            started=BEGIN,
            ended=BEGIN if number < 8 else datetime.now(UTC),
            retention="six-months" if number < 8 else "ten-years",
        )
        unsigned = build_statement(facts)
        ledger.append(unsigned.statement, pairs=unsigned.pairs)
    return ledger


def test_a_dry_run_says_what_would_go_and_what_stays(call, log):
    result = call("prune", "--dry-run")
    assert result.exit_code == 0
    assert "Would be taken out: 8 entries (0–7), kept until 2016-07-04" in result.stdout
    assert "1 segment(s) stay: entry 8 is to be kept for ten years from the day" in result.stdout
    assert log.size == 18


def test_it_takes_out_what_was_kept_long_enough(call, log):
    result = call("prune", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "Taken out: 8 entries (0–7)" in result.stdout
    assert "Entry 18 says so" in result.stdout
    assert [entry.index for entry in log.entries()] == [*range(8, 19)]
    verified = call("verify")
    assert verified.exit_code == 0
    assert "8 entries (0–7) were pruned" in verified.stdout
    assert "VERIFIED" in verified.stdout


def test_as_json(call, log):
    would = json.loads(call("prune", "--dry-run", "--json").stdout)
    assert would["ranges"] == [{"start": 0, "count": 8}]
    assert (would["record"], would["waiting_segments"]) == (None, 1)
    did = json.loads(call("prune", "--yes", "--json").stdout)
    assert did["record"] == 18
    assert did["evidence_sha256"] == log.entry(18).evidence_sha256
    again = json.loads(call("prune", "--yes", "--json").stdout)
    assert (again["entries"], again["record"]) == (0, None)


def test_where_nobody_can_answer_it_asks_for_yes_and_shows_the_clock(call, log):
    result = call("prune")
    assert result.exit_code == 2
    assert f"Today is {datetime.now(UTC).date()}" in result.stderr
    assert "the newest record is of 2016-01-04" in result.stderr
    assert log.size == 18


def test_what_was_interrupted_is_asked_for_and_told(call, log, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pruner, "_take_out", lambda *_: None)
        assert call("prune", "--yes").exit_code == 0
    assert log.entry(0).index == 0
    asked = call("prune")
    assert asked.exit_code == 2
    assert "8 of them named by an earlier pruning that was interrupted" in asked.stderr
    result = call("prune", "--yes")
    assert "Taken out: 8 entries (0–7), 8 of them named by an earlier" in result.stdout
    assert call("verify").exit_code == 0


def test_a_pruned_record_says_so_when_asked_for(call, log):
    run = log.entry(3).statement["predicate"]["run"]["id"]
    call("prune", "--yes")
    result = call("runs", "show", "3")
    assert result.exit_code == 2
    assert "entry 3 was pruned on 20" in result.stderr
    assert "no record fits" in call("runs", "show", run).stderr
    shown = call("runs", "show", "18").stdout
    assert "pruned     count 8, root" in shown
    assert "until      2016-07-04" in shown


def test_lists_reindexing_and_syncing_work_on(call, log):
    call("runs", "list")
    call("prune", "--yes")
    listed = call("runs", "list", "--limit", "50", "--json").stdout
    assert [run["index"] for run in json.loads(listed)] == [*range(17, 7, -1)]
    assert call("reindex").exit_code == 0
    assert call("runs", "list", "--limit", "50", "--json").stdout == listed
    assert call("sync").exit_code == 0


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01"])
def test_a_date_that_is_none_is_wrong(call, log, text):
    result = call("prune", "--placed", text)
    assert result.exit_code == 2
    assert "expected a date such as" in result.stderr


def test_a_log_that_does_not_verify_is_left_alone(call, log):
    path = log.home / "log" / "entries.jsonl"
    data = bytearray(path.read_bytes())
    data[data.rindex(b'"sig"') + 10] ^= 1
    path.write_bytes(data)
    result = call("prune", "--yes")
    assert result.exit_code == 2
    assert path.read_bytes() == data
