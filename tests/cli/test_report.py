"""`report run`: the page of a record as things stand now; it believes no more than is proven."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.conftest import make_statement
from tests.reports.test_hostile import inspect
from venturalitica.audit.project import open_ledger
from venturalitica.core.record import APPROVAL
from venturalitica.core.text import visible
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ledger.lifecycle import prune as pruner
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.reports.html.page import draw_page
from venturalitica.review.record_page import page_context
from venturalitica.system.settings import Settings

ADA = ("--as", "Ada Lovelace", "--role", "Head of credit risk")
GONE = {"tracker": "memory", "run_id": "gone-0123456789", "uri": "memory:", "extra": {}}
AT = "2026-11-26T09:30:00.000000Z"


@dataclass(frozen=True)
class Forger:
    """Names a key of ours, and signs with another."""

    public: Any
    inner: Any

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        return self.inner.sign(data)


@pytest.fixture
def ledger(project: Path) -> Ledger:
    """Entry 0 is green; 1 waits for a tracker; 2 is a run; 3 is of the same run as 2."""
    found = open_ledger()
    found.append(make_statement(0))
    found.append(make_statement(1, trackers=[GONE]))
    found.append(make_statement(2))
    run = make_statement(2)["predicate"]["run"]
    found.append(make_statement(3, run=run))
    return found


@pytest.fixture
def forger(ledger: Ledger, tmp_path: Path) -> Ledger:
    """The same ledger, to append records to whose signatures are another key's."""
    settings = Settings.current()
    own = load_signer(None, settings.config)
    other = load_signer(None, tmp_path / "other")
    return Ledger.open(
        ledger.home, signer=Forger(own.public, other), checkpoint_signer=own.checkpoint_signer()
    )


def draw(call: Any, *words: object) -> str:
    result = call("report", "run", *words)
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def test_on_a_pipe_the_page_goes_to_stdout(call, ledger: Ledger, project: Path) -> None:
    page = draw(call, "0")
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n")
    assert "The light is green" in page
    assert ledger.entry(0).evidence_sha256 in page
    assert not list(project.glob("report*"))


def test_the_page_says_what_is_known_now(call, ledger: Ledger) -> None:
    text = inspect(draw(call, "0"))
    assert "entry 0 of a log with 4" in text
    held = re.search(r"Steps: (\d+) held, 0 failed, (\d+) not checked", text)
    assert held is not None
    assert int(held[1]) >= 10
    for name in ("signatures: held", "tree: held", "checkpoint: held", "witnesses: not checked"):
        assert name in text, name
    assert "Nobody has signed this record off" in text
    until = re.search(r"To be kept until(\d{4})-\d\d-\d\d \(ten-years\)", text)
    assert until is not None
    appended = ledger.entry(0).statement["predicate"]["log"]["appended_at"]
    assert int(until[1]) == int(appended[:4]) + 10


def test_no_key_is_the_readers_own(call, ledger: Ledger) -> None:
    page = draw(call, "0")
    assert "your own key" not in page
    assert "trust: not checked" in inspect(page)


def test_on_a_terminal_it_goes_to_a_file(
    call, ledger: Ledger, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venturalitica.cli import report

    monkeypatch.setattr(report, "_has_screen", lambda form: form is report.Form.html)
    assert draw(call, "0") == "wrote report-0.html\n"
    page = (project / "report-0.html").read_bytes()
    again = call("report", "run", "0")
    assert again.exit_code == 2
    assert "report-0.html exists and is kept; --force overwrites it" in again.stderr
    assert (project / "report-0.html").read_bytes() == page
    assert call("approve", "0", *ADA).exit_code == 0
    draw(call, "0", "--force")
    assert "Ada Lovelace" in (project / "report-0.html").read_text()
    assert draw(call, "0", "--format", "markdown").startswith("**")


def test_out_is_a_file_a_folder_or_stdout(call, ledger: Ledger, project: Path) -> None:
    assert draw(call, "0", "--out", "a.html") == "wrote a.html\n"
    (project / "pages").mkdir()
    draw(call, "0", "--out", "pages")
    draw(call, "0", "--out", "pages", "--format", "markdown")
    assert sorted(path.name for path in (project / "pages").iterdir()) == [
        "report-0.html",
        "report-0.md",
    ]
    assert draw(call, "0", "--out", "-").startswith("<!DOCTYPE")
    refused = call("report", "run", "0", "--out", "absent/a.html")
    assert refused.exit_code == 2
    assert "absent/a.html: cannot be written" in refused.stderr


def test_a_run_of_several_records_is_a_page_each(call, ledger: Ledger, project: Path) -> None:
    ref = ledger.entry(2).statement["predicate"]["run"]["id"]
    for out in ((), ("--out", "one.html")):
        refused = call("report", "run", ref, *out)
        assert refused.exit_code == 2
        assert "2 records (entries 2, 3)" in refused.stderr
    assert draw(call, ref, "--out", ".") == "wrote report-2.html\nwrote report-3.html\n"
    both = draw(call, ref, "--format", "markdown")
    assert both.count("🟢 Green") == 2
    assert "Entry 2 of" in both
    assert "Entry 3 of" in both


def test_as_json(call, ledger: Ledger, project: Path) -> None:
    (facts,) = json.loads(draw(call, "1", "--json"))
    assert facts["path"] == "report-1.html"
    assert (facts["index"], facts["light"], facts["verified"]) == (1, "amber", True)
    assert facts["waiting"] == ["memory run gone-0123456789"]
    assert facts["evidence_sha256"] == ledger.entry(1).evidence_sha256
    assert (project / "report-1.html").exists()
    assert call("report", "run", "1", "--json", "--out", "-").exit_code == 2


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_what_waits_is_not_green_until_it_is_delivered(call, ledger: Ledger, form: str) -> None:
    waiting = draw(call, "1", "--format", form)
    assert "Amber" in waiting
    assert "still waits for its tracker" in waiting
    assert "Green:" not in waiting
    Outbox(ledger).confirm(1, "memory", "gone-0123456789")
    delivered = draw(call, "1", "--format", form)
    assert "Green:" in delivered
    assert "waits" not in delivered.casefold()


def test_delivery_is_that_of_this_record_and_not_taken_from_the_index(call, ledger: Ledger) -> None:
    other = ledger.append(make_statement(5, trackers=[GONE | {"run_id": "there-0123456789"}]))
    Outbox(ledger).confirm(other.index, "memory", "there-0123456789")
    assert "The light is green" in draw(call, other.index), "although entry 1 waits"
    Outbox(ledger).failed(1, "memory", "gone-0123456789", "refused")
    call("runs", "list")
    with sqlite3.connect(ledger.home / "index.db") as index:
        index.execute("DELETE FROM links")
        index.execute("UPDATE meta SET value = '0' WHERE key = 'links'")
    index.close()
    assert json.loads(call("runs", "show", "1", "--json").stdout)[0]["light"] == "green"
    assert "The light is amber" in draw(call, 1)


def test_sign_offs_and_erasures_are_shown(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA, "--comment", "Ship it")
    call("approve", "0", "--as", "Grace Hopper", "--role", "Auditor", "--reject")
    result = call("report", "run", "0")
    text = inspect(result.stdout)
    assert "Approved by Ada Lovelace, Head of credit risk" in text
    assert "Ship it" in text
    assert "Rejected by Grace Hopper, Auditor" in text
    assert "The last sign-off rejected this record (Auditor, 20" in text
    assert "'venturalitica erase' does not reach copies" in result.stderr
    call("erase", "0", "--approvals", "--yes")
    after = call("report", "run", "0")
    assert "Ada" not in after.stdout + after.stderr
    assert "Grace" not in after.stdout
    assert "does not reach copies" not in after.stderr
    assert "Approved by (erased on 20" in inspect(after.stdout)
    assert "Rejected by (erased on 20" in inspect(after.stdout)
    section = draw(call, "0", "--format", "markdown")
    assert "Approved by \\(erased on 20" in section
    assert "last sign\\-off rejected" in section


def test_without_the_vault_a_name_is_not_said_to_be_erased(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA)
    for pair in (ledger.home / "vault").glob("*.json"):
        pair.unlink()
    text = inspect(draw(call, "0"))
    assert "Approved by not shown here" in text
    assert "erased" not in text


def test_a_later_approval_follows_a_rejection(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA, "--reject")
    call("approve", "0", *ADA)
    assert "last sign-off" not in draw(call, "0")


def test_an_edited_index_hides_no_rejection(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA, "--reject")
    assert "rejected by Ada" in call("runs", "show", "0").stdout
    with sqlite3.connect(ledger.home / "index.db") as index:
        index.execute("UPDATE runs SET kind = 'erasure' WHERE kind = 'approval'")
    index.close()
    listed = json.loads(call("runs", "list", "--json").stdout)
    (shown,) = (one["approval"] for one in listed if one["index"] == 0)
    assert shown["decision"] == "rejected"
    assert "rejected by Ada" in call("runs", "show", "0").stdout
    assert "Rejected by Ada Lovelace" in inspect(draw(call, "0"))


def test_the_sign_off_of_another_record_is_not_this_ones(call, ledger: Ledger) -> None:
    call("approve", "1", *ADA, "--yes")
    assert "Ada" not in draw(call, "0")
    assert "Ada" in draw(call, "1")


def test_a_signature_by_another_key_is_never_green(call, forger: Ledger) -> None:
    entry = forger.append(make_statement(7))
    assert entry.statement["predicate"]["light"] == "green"
    result = call("report", "run", entry.index)
    assert result.exit_code == 1
    assert f"entry {entry.index} does not verify: " in result.stderr
    text = inspect(result.stdout)
    assert "The light is red" in text
    assert "This record does not verify, so nothing in it is proven." in text
    assert "signatures: FAILED" in text
    assert "The light is green" not in text
    assert "<title>Red" in result.stdout
    section = call("report", "run", entry.index, "--format", "markdown")
    assert section.exit_code == 1
    assert "Red" in section.stdout.splitlines()[0]
    assert "does not verify" in section.stdout
    facts = json.loads(call("report", "run", entry.index, "--json").stdout)[0]
    assert (facts["light"], facts["verified"]) == ("red", False)
    assert facts["fault"]["detail"]


def test_a_forged_sign_off_is_no_decision(call, forger: Ledger) -> None:
    from datetime import datetime

    for decision in ("approved", "rejected"):
        approve(
            forger,
            forger.entry(0),
            person="Mallory",
            role="Nobody",
            decision=decision,
            light="green",
            keyid=forger.signer_id,
            at=datetime.fromisoformat(AT),
        )
    text = inspect(draw(call, "0"))
    assert text.count("Not verified by Mallory") == 2
    assert "Approved" not in text
    assert "rejected" not in text.casefold()
    assert "Not verified by Mallory" in draw(call, "0", "--format", "markdown")


def test_a_missing_key_is_a_fault(call, ledger: Ledger) -> None:
    name = f"{ledger.signer_id}.pem"
    (ledger.home / "keys" / name).unlink()
    result = call("report", "run", "0")
    assert result.exit_code == 1
    assert f"{name} is missing" in inspect(result.stdout)
    assert "The light is red" in result.stdout


def test_an_altered_record_has_no_page(call, ledger: Ledger, project: Path) -> None:
    entries = ledger.home / "log" / "entries.jsonl"
    lines = entries.read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b"A", b"B", 1)
    entries.write_bytes(b"".join(lines))
    for words in (("0",), ("0", "--out", "page.html")):
        result = call("report", "run", *words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "altered" in result.stderr or "not the one" in result.stderr
    assert not (project / "page.html").exists()


def test_records_about_records_have_no_page(call, ledger: Ledger) -> None:
    call("approve", "0", *ADA)
    refused = call("report", "run", "4")
    assert refused.exit_code == 2
    assert "kind 'approval': it has no page of its own" in refused.stderr
    assert "is shown in that of entry 0" in refused.stderr
    assert "'venturalitica runs show 4'" in refused.stderr
    call("erase", "4", "--yes")
    assert "kind 'erasure'" in call("report", "run", "5").stderr
    assert draw(call, "last", "--out", "-").startswith("<!DOCTYPE"), "an audit is the last"


def test_unknown_kinds_and_newer_formats_are_said_to_be_so(call, ledger: Ledger) -> None:
    ledger.append(make_statement(8) | {"predicateType": "urn:venturalitica:later:v1"})
    ledger.append(make_statement(9, format=99))
    unknown = call("report", "run", "4")
    assert unknown.exit_code == 2
    assert "entry 4 is a record of a kind that this version does not know" in unknown.stderr
    assert "urn:venturalitica:later:v1" in unknown.stderr
    newer = call("report", "run", "5")
    assert newer.exit_code == 2
    assert "entry 5: this evidence has format 99" in newer.stderr
    assert newer.stdout == ""


def test_a_pruned_record_is_said_to_be_pruned(
    call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    monkeypatch.setattr(pruner, "SEGMENT", 4)
    old = datetime(2010, 1, 4, 12, 0, tzinfo=UTC)
    settings = Settings.current()
    signer = load_signer(None, settings.config)
    ledger = Ledger.open(settings.home, signer=signer, clock=lambda: old)
    for number in range(6):
        ledger.append(make_statement(number))
    done = call("prune", "--yes")
    assert "Taken out: 4 entries" in done.stdout, done.stderr
    pruned = call("report", "run", "0")
    assert pruned.exit_code == 2
    assert "entry 0 was pruned on 20" in pruned.stderr
    assert pruned.stdout == ""
    assert "entry 4 of a log with 7" in inspect(draw(call, "4"))


def test_what_fits_nothing(call, ledger: Ledger) -> None:
    for ref in ("99", "zzzz"):
        refused = call("report", "run", ref)
        assert refused.exit_code == 2
        assert f"no record fits '{ref}'" in refused.stderr


@pytest.mark.parametrize(
    "naughty",
    ["</style><script>alert(1)</script>", '"><svg onload=alert(1)>', "\x1b[31m\u202e@team ](x"],
)
def test_hostile_text_stays_inert(call, ledger: Ledger, naughty: str) -> None:
    run = {"tracker": naughty, "run_id": naughty, "uri": "memory:", "extra": {}}
    entry = ledger.append(
        make_statement(5, trackers=[run], retention={"class": naughty, "until": naughty})
    )
    call("approve", entry.index, "--as", naughty, "--role", naughty, "--comment", naughty, "--yes")
    result = call("report", "run", entry.index)
    text = inspect(result.stdout)
    assert "not readable" in text
    assert text.count(visible(naughty)) >= 5
    assert "\x1b" not in result.stdout + result.stderr
    section = call("report", "run", entry.index, "--format", "markdown").stdout
    assert "<" not in section
    assert "\x1b" not in section
    assert "](" not in section
    assert "@team" not in section


def test_a_record_of_the_wrong_shape_is_drawn_red(ledger: Ledger) -> None:
    malformed = ledger.append(make_statement(5, run="none", verdicts="none"))
    assert "The light is red" in draw_page(page_context(ledger, malformed))
    odd = ledger.append(make_statement(6) | {"predicateType": APPROVAL + "x"})
    with pytest.raises(EvidenceError, match="does not know"):
        page_context(ledger, odd)
