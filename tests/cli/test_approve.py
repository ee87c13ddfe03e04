"""`venturalitica approve`, and where a sign-off is shown."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venturalitica.audit.project import open_ledger

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.formats import in_format_1

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.policy import Control, Policy, Threshold
from venturalitica.ledger import Ledger
from venturalitica.ledger.signing.signer import new_key_pem

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
POLICY = Policy(
    name="credit-scoring",
    version="1.2",
    title="Credit scoring",
    controls=(Control(id="accuracy", metric="accuracy", must=Threshold(">=", 0.7)),),
    bytes=b"policy: credit-scoring\n",
)
ADA = ("--as", "Ada Lovelace", "--role", "Head of credit risk")


def statement(run_id: str, verdicts: Any) -> dict[str, Any]:
    made = build_statement(
        Facts(
            kind="audit",
            run_id=run_id,
            name="training",
            source="check",
            started=START,
            ended=START,
            policy=POLICY,
            verdicts=tuple(verdicts),
            environment={"python": "3.11.7", "packages": {}, "git": None},
        )
    )
    return in_format_1(made.statement)


@pytest.fixture
def ledger(project: Path, verdicts) -> Ledger:
    """Entry 0 is green; 1 is red; 2 and 3 are of one run, amber and green."""
    green = [one for one in verdicts if one.light == "green"]
    amber = [one for one in verdicts if one.control == "recall"]
    found = open_ledger()
    found.append(statement("a" * 32, green))
    found.append(statement("b" * 32, verdicts))
    found.append(statement("c" * 32, amber))
    found.append(statement("c" * 32, green))
    return found


def test_green_is_signed_off_and_shown_everywhere(call, ledger: Ledger) -> None:
    result = call("approve", "0", *ADA, "--comment", "Ship it")
    assert result.exit_code == 0, result.stderr
    assert "entry 0 approved by Ada Lovelace, Head of credit risk" in result.stdout
    shown = call("runs", "show", "0").stdout
    assert "sign-off   approved by Ada Lovelace, Head of credit risk" in shown
    assert "Ship it" in shown
    facts = json.loads(call("runs", "show", "0", "--json").stdout)[0]
    assert facts["approvals"][0]["person"] == "Ada Lovelace"
    assert facts["light"] == "green"
    listed = call("runs", "list").stdout
    assert "SIGN-OFF" in listed
    assert "approved" in listed
    rows = json.loads(call("runs", "list", "--json").stdout)
    assert [row["index"] for row in rows] == [3, 2, 1, 0]
    assert rows[3]["approval"]["role"] == "Head of credit risk"
    assert rows[0]["approval"] is None
    assert "Ada" not in json.dumps(rows)
    assert call("verify").exit_code == 0
    assert "approval" in call("runs", "show", "4").stdout


def test_without_a_sign_off_the_list_has_no_column_for_it(call, ledger: Ledger) -> None:
    assert "SIGN-OFF" not in call("runs", "list").stdout


@pytest.mark.parametrize(("ref", "control"), [("1", "gender-parity"), ("2", "recall")])
def test_what_is_not_green_asks_first(call, ledger: Ledger, ref: str, control: str) -> None:
    refused = call("approve", ref, *ADA)
    assert refused.exit_code == 2
    assert control in refused.stderr
    assert "--yes" in refused.stderr
    assert ledger.size == 4
    assert not list((ledger.home / "vault").glob("*.json"))
    done = call("approve", ref, *ADA, "--yes", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["light"] in ("red", "amber")


def test_rejecting_does_not_ask(call, ledger: Ledger) -> None:
    done = call("approve", "1", *ADA, "--reject", "--comment", "Unfair", "--json")
    assert done.exit_code == 0
    facts = json.loads(done.stdout)
    assert (facts["decision"], facts["comment"]) == ("rejected", "Unfair")
    assert "rejected by Ada" in call("runs", "show", "1").stdout


def test_the_terminal_is_asked(call, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [False, True]
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("venturalitica.cli.output.sys", terminal)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answers.pop(0))
    assert call("approve", "1", *ADA).exit_code == 2
    assert ledger.size == 4
    assert call("approve", "1", *ADA).exit_code == 0
    assert ledger.size == 5


@pytest.mark.parametrize(
    ("ref", "message"),
    [("c" * 8, "give the number of one"), ("zzzz", "no record fits"), ("99", "no record fits")],
)
def test_what_is_meant_must_be_clear(call, ledger: Ledger, ref: str, message: str) -> None:
    refused = call("approve", ref, *ADA)
    assert refused.exit_code == 2
    assert message in refused.stderr


def test_only_audits_and_runs_are_signed_off(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA)
    refused = call("approve", "4", *ADA)
    assert refused.exit_code == 2
    assert "no audit and no run" in refused.stderr
    assert call("approve", "last", *ADA).exit_code == 0
    refused = call("approve", "0", "--as", " ", "--role", "x")
    assert refused.exit_code == 2


def test_a_key_of_ones_own(call, project: Path, ledger: Ledger) -> None:
    own = project.parent / "ada.pem"
    own.write_bytes(new_key_pem())
    own.chmod(0o600)
    done = json.loads(call("approve", "0", *ADA, "--key", own, "--json").stdout)
    assert done["own_key"]
    assert done["keyid"] != ledger.signer_id
    assert call("verify").exit_code == 0
    shown = json.loads(call("keys", "show", "--json").stdout)
    assert {use["keyid"]: use["first"] for use in shown["log"]}[done["keyid"]] == 4
    call("keys", "export", "--out", "ours.pem")
    strict = call("verify", "--keys", "ours.pem")
    assert strict.exit_code == 1
    assert f"signed by key {done['keyid'][:16]}, which you do not trust" in strict.stdout


def test_erased_the_decision_stays(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA, "--comment", "Ship it")
    assert call("erase", "4", "--yes").exit_code == 0
    shown = call("runs", "show", "0").stdout
    assert "Ada" not in shown
    assert "approved by (erased on" in shown
    assert "Head of credit risk" in shown
    assert call("verify").exit_code == 0


def test_hostile_text_is_only_shown(call, ledger: Ledger) -> None:
    done = call("approve", "0", "--as", "\x1b[31mEve", "--role", "[red]x\x1b]0;y\x07")
    assert done.exit_code == 0
    for arguments in (("runs", "show", "0"), ("runs", "list"), ("runs", "show", "4")):
        assert "\x1b" not in call(*arguments).stdout
