"""`venturalitica note`, and where a note is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_approve import statement
from venturalitica.audit.project import open_ledger
from venturalitica.ledger import Ledger
from venturalitica.ledger.signing.signer import new_key_pem

TEXT = "The sample of May has no pensioners."


@pytest.fixture
def ledger(project: Path, verdicts) -> Ledger:
    """Two red audits."""
    found = open_ledger()
    found.append(statement("a" * 32, verdicts))
    found.append(statement("b" * 32, verdicts))
    return found


def test_it_is_shown_with_the_record_and_changes_no_light(call, ledger: Ledger) -> None:
    before = json.loads(call("runs", "show", "0", "--json").stdout)[0]["light"]
    result = call("note", "0", TEXT, "--as", "Ada Lovelace", "--control", "gender-parity")
    assert result.exit_code == 0, result.stderr
    assert "note on entry 0, control gender-parity by Ada Lovelace" in result.stdout
    shown = call("runs", "show", "0").stdout
    assert TEXT in " ".join(shown.split())
    facts = json.loads(call("runs", "show", "0", "--json").stdout)[0]
    (told,) = facts["notes"]
    assert (told["person"], told["text"]) == ("Ada Lovelace", TEXT)
    assert (told["control"], told["entry"]) == ("gender-parity", 2)
    assert (facts["light"], facts["approvals"]) == (before, [])
    assert "note" in call("runs", "show", "2").stdout
    rows = json.loads(call("runs", "list", "--json").stdout)
    assert [(row["index"], row["notes"]) for row in rows] == [(1, 0), (0, 1)]
    assert "Ada" not in json.dumps(rows)
    kinds = json.loads(call("runs", "list", "--kind", "note", "--json").stdout)
    assert [row["index"] for row in kinds] == [2]
    assert call("verify").exit_code == 0


def test_it_is_in_the_report(call, ledger: Ledger) -> None:
    call("note", "0", TEXT, "--as", "Ada Lovelace")
    told = call("report", "run", "0", "--format", "markdown", "--out", "-").stdout
    assert "Note by Ada Lovelace, " in told
    assert TEXT in told
    page = call("report", "run", "0", "--out", "r.html")
    assert "who signed off or wrote a note" in page.stderr
    assert TEXT in Path("r.html").read_text()


def test_a_key_of_ones_own(call, project: Path, ledger: Ledger) -> None:
    own = project.parent / "ada.pem"
    own.write_bytes(new_key_pem())
    own.chmod(0o600)
    done = json.loads(call("note", "0", TEXT, "--as", "Ada", "--key", own, "--json").stdout)
    assert done["own_key"]
    assert done["keyid"] != ledger.signer_id
    assert call("verify").exit_code == 0


@pytest.mark.parametrize("option", [("2",), ("0", "--notes")])
def test_erased_nobody_is_named(call, ledger: Ledger, option: tuple[str, ...]) -> None:
    call("note", "0", TEXT, "--as", "Ada Lovelace")
    assert call("erase", *option, "--yes").exit_code == 0
    shown = call("runs", "show", "0").stdout
    assert "Ada" not in shown
    assert "pensioners" not in shown
    assert "(erased on" in shown
    assert "2026" in call("report", "run", "0", "--format", "markdown", "--out", "-").stdout
    assert call("verify").exit_code == 0


def test_approvals_alone_leave_notes(call, ledger: Ledger) -> None:
    call("note", "0", TEXT, "--as", "Ada Lovelace")
    call("erase", "0", "--approvals", "--yes")
    assert "Ada" in call("runs", "show", "0").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0", " ", "--as", "Ada"), "The note is empty"),
        (("0", TEXT, "--as", " "), "The name is empty"),
        (("0", "x" * 2_001, "--as", "Ada"), "2,001 characters"),
        (("0", "\x1b[31mred", "--as", "Ada"), "not shown as they are"),
        (("0", TEXT, "--as", "\x1b]0;y\x07"), "not shown as they are"),
        (("0", TEXT, "--as", "Ada", "--control", "gender-party"), "gender-parity"),
        (("99", TEXT, "--as", "Ada"), "no record fits"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_no_note_is_refused(call, ledger: Ledger, arguments, message: str) -> None:
    refused = call("note", *arguments)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert "\x1b" not in refused.stderr
    assert ledger.size == 2
