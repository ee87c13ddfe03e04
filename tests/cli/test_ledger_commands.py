"""`runs`, `verify`, `sync` and `reindex`, on a real ledger of signed records."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.formats import in_format_1

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.policy import Control, Policy, Threshold
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ledger.index import index as index_of_log
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
POLICY = Policy(
    name="credit-scoring",
    version="1.2",
    title="Credit [bold]scoring[/bold]",
    controls=(Control(id="accuracy", metric="accuracy", must=Threshold(">=", 0.7)),),
    bytes=b"policy: credit-scoring\n",
)


def statement(number, verdicts=(), trackers=(), **settings):
    """An audit as the session records it."""
    facts: dict[str, Any] = {
        "kind": "audit",
        "run_id": hashlib.sha256(bytes([number])).hexdigest()[:32],
        "name": "training\x1b[31m",
        "source": "check",
        "started": START,
        "ended": START,
        "policy": POLICY,
        "verdicts": tuple(verdicts),
        "trackers": tuple(trackers),
        "bindings": {"gender": "Attribute9"},
        "data": (
            {
                "name": "loans.csv",
                "context": "audit",
                "sha256": "ab" * 32,
                "rows": 1000,
                "columns": [],
                "method": "columns/v1",
                "engine": "polars",
                "size": None,
                "training_rows": True,
            },
        ),
        "environment": {"python": "3.11.7", "packages": {"pandas": "3.1"}, "git": None},
    }
    made = build_statement(Facts(**facts | settings), key=b"k")
    return in_format_1(made.statement, data=facts["data"])


@pytest.fixture
def ledger(project):
    found = Settings.current()
    return Ledger.open(found.home, signer=load_signer(None, found.config))


@pytest.fixture
def filled(ledger, verdicts):
    """Three records: all passed, one of each status, and a closed monitor that failed."""
    passed = [verdict for verdict in verdicts if verdict.light == "green"]
    nowhere = RunRef("memory", "gone-0123456789", uri="memory:")
    ledger.append(statement(1, passed))
    ledger.append(statement(2, verdicts, trackers=[nowhere]))
    ledger.append(
        statement(
            3,
            kind="run",
            name="nightly",
            policy=None,
            data=(),
            exception={"type": "ValueError", "message_sha256": "00" * 32},
            light="red",
        )
    )
    return ledger


def test_list_shows_newest_first_and_inert(call, filled):
    result = call("runs", "list")
    assert result.exit_code == 0
    assert re.findall(r"^ +([0-9]+) ", result.stdout, re.MULTILINE) == ["2", "1", "0"]
    assert "nightly" in result.stdout
    assert "3 of 6" in result.stdout
    assert "\x1b" not in result.stdout


def test_list_fits_a_narrow_terminal(call, filled, monkeypatch):
    for width in (60, 80, 100, 140):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = call("runs", "list").stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert "training\\x1b[31m" in "".join("".join(lines).split()) or width < 100


def test_list_as_json_and_filters(call, filled):
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [run["index"] for run in listed] == [2, 1, 0]
    assert listed[1]["failed"] == 1
    for options, indexes in (
        (["--light", "green"], [0]),
        (["--kind", "run"], [2]),
        (["--policy", "credit-scoring"], [1, 0]),
        (["--name", "nightly"], [2]),
        (["--limit", "1"], [2]),
        (["--since", "2999-01-01"], []),
        (["--until", "2999-01-01"], [2, 1, 0]),
    ):
        found = json.loads(call("runs", "list", "--json", *options).stdout)
        assert [run["index"] for run in found] == indexes, options


def test_list_says_that_there_are_more(call, filled):
    assert "there are more" in call("runs", "list", "--limit", "2").stderr
    assert "there are more" not in call("runs", "list", "--limit", "3").stderr


def test_a_bad_date_is_refused(call, filled):
    result = call("runs", "list", "--since", "yesterday")
    assert result.exit_code == 2
    assert "expected a date such as" in result.stderr


def test_show_has_verdicts_links_and_evidence(call, filled):
    entry = filled.entry(1)
    for ref in ("1", entry.evidence_sha256[:10], entry.statement["predicate"]["run"]["id"][:8]):
        result = call("runs", "show", ref)
        assert result.exit_code == 0
        for fact in ("gender-parity", entry.evidence_sha256, POLICY.sha256, "memory", "waits"):
            assert fact in result.stdout
        assert "\x1b" not in result.stdout
        assert "[bold]scoring[/bold]" in result.stdout


def test_show_details_gives_the_keyed_digest_of_the_data(call, project):
    (project / "rows.csv").write_text("y,p\n" + "1,1\n0,0\n" * 40)
    (project / "model_policy.yaml").write_text(
        'policy: p\nversion: "1"\nroles: {target: {favorable: 1}}\n'
        'controls: [{id: a, metric: accuracy, must: ">= 0.5"}]\n'
    )
    assert call("check", "rows.csv", "--target", "y", "--prediction", "p").exit_code == 0
    (found,) = json.loads(call("runs", "show", "last", "--json").stdout)
    digest = found["predicate"]["data"][0]["hmac_sha256"]
    text = call("runs", "show", "last", "--details").stdout
    assert f"HMAC-SHA-256 {digest}" in text
    assert "None" not in text


def test_show_details_adds_groups_data_and_environment(call, filled):
    text = call("runs", "show", "1", "--details").stdout
    for fact in ("female: 0.620 (n=310)", "ab" * 32, "gender = Attribute9", "python     3.11.7"):
        assert fact in text
    assert "the rows judged are rows the model was trained on" in text


def test_show_as_json_is_the_signed_predicate(call, filled):
    (found,) = json.loads(call("runs", "show", "1", "--json").stdout)
    assert found["predicate"] == filled.entry(1).statement["predicate"]
    assert found["waiting"][0]["tracker"] == "memory"


def test_what_waits_is_never_green(call, ledger, verdicts):
    nowhere = RunRef("memory", "gone-0123456789", uri="memory:")
    ledger.append(statement(1, verdicts[:1], trackers=[nowhere]))
    assert call("runs", "show", "last").stdout.splitlines()[1].startswith("AMBER")
    for options, lights in (((), ["amber"]), (("--light", "green"), [])):
        listed = json.loads(call("runs", "list", "--json", *options).stdout)
        assert [run["light"] for run in listed] == lights
    Outbox(ledger).confirm(0, "memory", "gone-0123456789", "")
    assert call("runs", "show", "last").stdout.splitlines()[1].startswith("GREEN")


def test_show_a_monitor(call, filled):
    text = call("runs", "show", "last").stdout
    assert text.startswith("RED  nightly: 0 audits")
    assert "ended by ValueError" in text


def test_show_what_is_not_there_or_not_clear(call, filled, ledger, verdicts):
    result = call("runs", "show", "99")
    assert result.exit_code == 2
    assert "no record fits '99'" in result.stderr
    ledger.append(statement(4, verdicts, run_id="feed" + "0" * 28))
    ledger.append(statement(5, verdicts, run_id="feed" + "1" * 28))
    result = call("runs", "show", "feed")
    assert result.exit_code == 2
    assert "fits several runs" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["runs", "list"], ["runs", "show", "1"], ["verify"], ["sync"], ["reindex"]]
)
def test_without_a_ledger_the_call_is_wrong(call, arguments):
    result = call(*arguments)
    assert result.exit_code == 2
    assert "it begins with the first governed fit" in result.stderr


def test_a_ledger_whose_log_is_gone_is_a_failure_not_a_beginning(call, filled, project):
    shutil.rmtree(project / ".venturalitica" / "log")
    assert call("verify").exit_code == 1


def test_verify_tells_every_step(call, filled):
    result = call("verify")
    assert result.exit_code == 0
    assert "VERIFIED" in result.stdout
    assert "not checked" in result.stdout
    found = json.loads(call("verify", "--json").stdout)
    assert found["ok"] is True
    assert found["fault"] is None
    assert {step["name"] for step in found["steps"]} >= {"signatures", "tree", "checkpoint"}
    assert any(step["ok"] is None for step in found["steps"])


def test_verify_fails_on_a_changed_byte_and_names_the_fault(call, filled, project):
    log = project / ".venturalitica" / "log" / "entries.jsonl"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    result = call("verify")
    assert result.exit_code == 1
    assert "NOT VERIFIED" in result.stdout
    found = json.loads(call("verify", "--json").stdout)
    assert found["ok"] is False
    assert found["fault"]["detail"]


def test_verify_a_bundle_with_pinned_keys(call, filled, project, tmp_path):
    bundle = tmp_path / "evidence.json"
    bundle.write_bytes(filled.bundle(1))
    keys = project / ".venturalitica" / "keys"
    assert call("verify", bundle, "--keys", keys).exit_code == 0
    other = tmp_path / "other"
    load_signer(None, other)
    Ledger.open(tmp_path / "l", signer=load_signer(None, other)).append(statement(1))
    result = call("verify", bundle, "--keys", tmp_path / "l" / "keys")
    assert result.exit_code == 1


def test_verify_refuses_what_is_no_evidence(call, tmp_path):
    result = call("verify", tmp_path / "nothing-here")
    assert result.exit_code == 2
    assert "nothing to verify" in result.stderr
    result = call("verify", "x", "--run", "0" * 32)
    assert result.exit_code == 2
    assert "not both" in result.stderr


def test_sync_delivers_says_what_waits_and_repeats_harmlessly(call, filled):
    result = call("sync")
    assert result.exit_code == 1
    assert "0 delivered, 1 still waiting" in result.stdout
    found = json.loads(call("sync", "--json").stdout)
    assert found["waiting"] == 1
    assert "no run 'gone-0123456789'" in found["parcels"][0]["detail"]
    Outbox(filled).confirm(1, "memory", "gone-0123456789", "")
    result = call("sync")
    assert result.exit_code == 0
    assert "Nothing waits" in result.stdout


def test_reindex_gives_the_same_answers(call, filled, project):
    before = call("runs", "list", "--json").stdout
    (project / ".venturalitica" / "index.db").unlink()
    result = call("reindex")
    assert result.exit_code == 0
    assert "Indexed 3 entries" in result.stdout
    assert call("runs", "list", "--json").stdout == before
    assert json.loads(call("reindex", "--json").stdout)["entries"] == 3


def test_reindex_that_kept_nothing_is_no_success(call, filled, project, monkeypatch):
    """A mount that is read-only, say: the index lives in memory and is gone with the command."""
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    for gone in (False, True):
        if gone:
            (project / ".venturalitica" / "index.db").unlink(missing_ok=True)
        result = call("reindex")
        assert result.exit_code == 1
        assert "no index was kept" in result.stderr
        assert "Indexed" not in result.stdout
        result = call("reindex", "--json")
        assert result.exit_code == 1
        assert json.loads(result.stdout)["kept"] is False


def test_reindex_of_a_log_without_entries_kept_nothing(call, filled, monkeypatch):
    monkeypatch.setattr(index_of_log.Index, "rebuild", lambda self: 0)
    result = call("reindex")
    assert result.exit_code == 1
    assert "has no entry yet" in result.stderr


def test_the_evidence_of_another_folder_is_found_by_the_setting(call, filled, project, monkeypatch):
    moved = project.parent / "elsewhere"
    shutil.move(project / ".venturalitica", moved)
    monkeypatch.setenv("VENTURALITICA_HOME", str(moved))
    assert call("verify").exit_code == 0


def test_what_is_of_another_kind_or_format_is_not_shown_as_an_audit(call, filled, verdicts):
    """Its words may mean something else: no light and no verdict is taken from it."""
    passed = [verdict for verdict in verdicts if verdict.light == "green"]
    later = statement(4, passed)
    later["predicate"]["format"] = 2
    filled.append(later)
    filled.append(statement(5, passed) | {"predicateType": "urn:example:other"})
    for index, kind in ((3, "audit"), (4, "urn:example:other")):
        shown = call("runs", "show", str(index))
        assert shown.exit_code == 0, shown.stderr
        assert shown.stdout.startswith(f"{kind}: recorded ")
        assert "PASSED" not in shown.stdout.upper().splitlines()[0]
        (facts,) = json.loads(call("runs", "show", str(index), "--json").stdout)
        assert facts["light"] == "grey"
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [(run["index"], run["light"]) for run in listed[:2]] == [(4, "grey"), (3, "grey")]


def test_a_record_that_cannot_be_read_is_listed_and_hides_no_other(call, filled):
    """One key twice: a reader that takes the last would show green what `verify` refuses."""
    from venturalitica.ledger.formats.dsse import sign_envelope

    signer = filled._signers()[0]
    payload = (
        b'{"predicateType": "urn:venturalitica:audit:v1", "predicate": {"format": 1, '
        b'"kind": "audit", "light": "red", "light": "green", "verdicts": []}}'
    )
    line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
    filled._log.append(lambda tail: line, filled._keeper())
    result = call("runs", "list")
    assert "entry 3 cannot be read: 'venturalitica verify' says why" in result.stderr
    assert "index.db" not in result.stderr
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [run["index"] for run in listed] == [3, 2, 1, 0]
    assert (listed[0]["kind"], listed[0]["light"], listed[0]["passed"]) == ("unreadable", "grey", 0)
    for command in ("runs show 3", "approve 3 --as A --role B --yes", "erase 3 --yes"):
        refused = call(*command.split())
        assert refused.exit_code == 2
        assert "duplicate key 'light'" in refused.stderr
    assert call("verify").exit_code == 1
    for command in ("runs show 1", "policy history", "sync", "reindex", "doctor"):
        assert "Traceback" not in call(*command.split()).stderr


def test_a_light_that_the_verdicts_do_not_bear_out_is_shown_nowhere(call, filled, verdicts):
    failed = [verdict for verdict in verdicts if verdict.status == "failed"]
    filled.append(statement(4, failed, light="green"))
    assert json.loads(call("runs", "list", "--json").stdout)[0]["light"] == "red"
    assert json.loads(call("runs", "show", "3", "--json").stdout)[0]["light"] == "red"
    assert "RED" in call("runs", "show", "3").stdout
    assert "GREEN" not in call("runs", "show", "3").stdout
    assert call("verify").exit_code == 1
