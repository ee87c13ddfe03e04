"""`erase`: a person's name and comment go, the record stays."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from venturalitica.audit.parcel import parcel

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.formats import in_format_1

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.policy import Control, Policy, Threshold
from venturalitica.ledger import Ledger, load_signer
from venturalitica.system.settings import Settings

POLICY = Policy(
    name="credit-scoring",
    version="1.2",
    controls=(Control(id="accuracy", metric="accuracy", must=Threshold(">=", 0.7)),),
    bytes=b"policy: credit-scoring\n",
)


@pytest.fixture
def approved(call, verdicts):
    """An audit, signed off by Ada."""
    settings = Settings.current()
    at = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    facts = Facts(
        kind="audit",
        run_id=hashlib.sha256(b"1").hexdigest()[:32],
        name="training",
        source="check",
        started=at,
        ended=at,
        policy=POLICY,
        verdicts=tuple(verdict for verdict in verdicts if verdict.light == "green"),
    )
    ledger = Ledger.open(settings.home, signer=load_signer(None, settings.config))
    ledger.append(in_format_1(build_statement(facts).statement))
    words = ("--as", "Ada Lovelace", "--role", "risk", "--comment", "fine by Ada", "--yes")
    assert call("approve", "0", *words).exit_code == 0
    return ledger


def everything(ledger: Ledger) -> bytes:
    return b"".join(path.read_bytes() for path in ledger.home.rglob("*") if path.is_file())


def test_the_name_is_shown_until_it_is_erased(call, approved):
    assert "Ada Lovelace" in call("runs", "show", "0").stdout
    assert "Ada Lovelace" in call("runs", "show", "1").stdout
    result = call("erase", "0", "--approvals", "--reason", "asked for", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "Erased: 2 deleted" in result.stdout
    assert "Entry 2 says so" in result.stdout
    for ref in ("0", "1"):
        shown = call("runs", "show", ref).stdout
        assert "Ada" not in shown
        assert "risk" in shown
    assert "(erased on 20" in call("runs", "show", "1").stdout
    assert "asked for" in call("runs", "show", "2").stdout
    assert b"Ada" not in everything(approved)
    assert call("verify").exit_code == 0


def test_what_goes_to_trackers_never_held_the_name(approved):
    sent = parcel(approved, 0)
    assert sent.page is not None
    for part in (sent.evidence, sent.page.html(), sent.description.encode()):
        assert b"Ada" not in part
    assert b"Ada" not in approved.bundle(1)


def test_without_its_approvals_a_run_keeps_nothing(call, approved):
    result = call("erase", "0", "--yes")
    assert result.exit_code == 0
    assert "'--approvals' and '--notes' look at what was signed about it" in result.stdout
    assert b"Ada Lovelace" in everything(approved)
    assert approved.size == 2


def test_an_approval_can_be_named_itself(call, approved):
    found = json.loads(call("erase", "1", "--yes", "--json").stdout)
    assert found["entries"] == [1]
    assert found["pairs"] == 2
    assert found["evidence_sha256"] == approved.entry(2).evidence_sha256
    again = json.loads(call("erase", "1", "--yes", "--json").stdout)
    assert (again["pairs"], again["record"]) == (0, None)


def test_where_nobody_can_answer_yes_is_needed(call, approved):
    result = call("erase", "1")
    assert result.exit_code == 2
    assert "give --yes" in result.stderr
    assert b"Ada Lovelace" in everything(approved)


def test_it_is_listed_only_when_asked_for(call, approved):
    call("erase", "1", "--yes")
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [run["index"] for run in listed] == [0]
    listed = json.loads(call("runs", "list", "--kind", "erasure", "--json").stdout)
    assert [run["index"] for run in listed] == [2]
    assert call("runs", "show", "last").stdout == call("runs", "show", "0").stdout


def test_the_next_writer_finishes_an_interrupted_erasure(approved: Ledger) -> None:
    from venturalitica.audit.project import open_ledger

    marks = approved.home / "vault" / "erasing"
    marks.mkdir()
    (marks / "left by a killed one").touch()
    open_ledger(create=False)
    assert list(marks.iterdir()) == []
