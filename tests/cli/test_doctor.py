"""`venturalitica doctor`: what is broken is named with its fix, and nothing is made by looking."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

import venturalitica as vl
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.origin import install_line
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.review.health import checks as examination
from venturalitica.review.health.evidence import _holds_few
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef


def signing_key() -> Path:
    folder = Settings.current().config
    assert folder is not None
    return folder / "signing_key.pem"


def findings(call):
    result = call("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    return {(item["area"], item["subject"]): item for item in found["findings"]}


@pytest.fixture
def ledger(project):
    found = Settings.current()
    return Ledger.open(found.home, signer=load_signer(None, found.config))


def test_a_fresh_project_is_not_broken_and_stays_untouched(call, project):
    before = sorted(project.parent.rglob("*"))
    result = call("doctor")
    assert result.exit_code == 0
    assert "Nothing is broken." in result.stdout
    assert "fix: venturalitica init" in result.stdout
    assert sorted(project.parent.rglob("*")) == before


def test_key_is_told_by_path_mode_and_id_and_never_shown(call, ledger):
    text = call("doctor").stdout
    key = signing_key()
    assert f"{key}, mode 0600" in text
    assert load_signer(None, key.parent).keyid in text
    secret = key.read_text().splitlines()[1]
    assert secret not in text
    assert "PRIVATE" not in text


def test_a_key_open_to_others_is_broken_with_the_fix(call, ledger):
    key = signing_key()
    key.chmod(0o644)
    found = findings(call)["Signing key", "key"]
    assert found["state"] == "broken"
    assert "chmod" in found["text"]


def test_a_key_from_the_environment_is_named_by_its_origin(call, ledger, monkeypatch):
    key = signing_key()
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", key.read_text())
    found = findings(call)["Signing key", "key"]
    assert found["text"] == "VENTURALITICA_SIGNING_KEY from environment"
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", "not a key")
    assert findings(call)["Signing key", "key"]["state"] == "broken"


def audited(ledger, run_id, tracker=None, **more):
    """A record of an audit whose evidence should be at an MLflow run."""
    now = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    runs = (tracker or RunRef("mlflow", run_id, "http://127.0.0.1:9"),)
    facts = Facts(
        kind="audit",
        run_id=run_id,
        name="training",
        source="enforce",
        started=now,
        ended=now,
        trackers=runs,
        **more,
    )
    unsigned = build_statement(facts)
    return ledger.append(unsigned.statement, pairs=unsigned.pairs)


def test_green_by_earlier_rules_is_told_with_the_way_to_know_more(call, ledger):
    audited(ledger, "a" * 32, light="green", circumstances=Circumstances())
    audited(ledger, "b" * 32, light="amber")
    assert ("Evidence", "older rules") not in findings(call)
    audited(ledger, "c" * 32, light="green")
    found = findings(call)["Evidence", "older rules"]
    assert found["state"] == "note"
    assert found["text"].startswith("1 of the last 3 records are green by the rules of an earlier")
    assert "docs/upgrade.md" in found["fix"]


def test_what_waits_is_counted_with_the_oldest_and_the_last_answer(call, ledger):
    for run_id in ("a" * 32, "b" * 32):
        entry = audited(ledger, run_id)
    assert findings(call)["Evidence", "outbox"]["state"] == "note"
    Outbox(ledger).failed(entry.index, "mlflow", "b" * 32, "does not answer")
    found = findings(call)["Evidence", "outbox"]
    assert found["text"] == (
        "2 waiting for a tracker (2 for mlflow); the oldest is entry 0 of "
        "2026-03-04T05:06:07.000000Z; the last answer was: does not answer"
    )
    assert found["fix"] == "venturalitica sync"


def test_what_an_offline_run_keeps_is_uploaded_before_sync_can_confirm_it(call, ledger, tmp_path):
    folder = tmp_path / "wandb" / "offline-run-1"
    folder.mkdir(parents=True)
    extra = {"project": "loans", "offline": True, "folder": str(folder)}
    entry = audited(ledger, "abcd", tracker=RunRef("wandb", "abcd", "", extra=extra))
    Outbox(ledger).keep(entry.index, "wandb", "abcd", f"kept in {folder.parent}, not uploaded")
    assert findings(call)["Evidence", "outbox"]["fix"] == f"wandb sync {folder}"
    (folder / "run.wandb.synced").touch()
    assert findings(call)["Evidence", "outbox"]["fix"] == "venturalitica sync"
    audited(ledger, "b" * 32)  # sync delivers that one whatever the other needs
    (folder / "run.wandb.synced").unlink()
    assert findings(call)["Evidence", "outbox"]["fix"] == "venturalitica sync"


def test_a_torn_line_is_a_note_and_no_fault(call, ledger):
    audited(ledger, "a" * 32)
    with (ledger.home / "log" / "entries.jsonl").open("ab") as log:
        log.write(b'{"torn')
    found = findings(call)["Evidence", "ledger"]
    assert found["state"] == "note"
    assert "1 entry sealed; after them a torn line" in found["text"]


def test_the_inbox_is_told_where_there_is_one(call, ledger):
    audited(ledger, "a" * 32)
    assert ("Evidence", "inbox") not in findings(call)
    (ledger.home / "inbox").mkdir()
    found = findings(call)["Evidence", "inbox"]
    assert found["state"] == "ok"
    assert found["text"].startswith("nothing waits in ")


def test_a_damaged_ledger_is_broken(call, ledger, project):
    (project / ".venturalitica" / "log" / "checkpoint").write_text("garbage\n")
    assert findings(call)["Evidence", "ledger"]["state"] == "broken"


def test_a_bad_setting_is_broken_and_hides_nothing_else(call, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "soon")
    found = findings(call)
    assert "VENTURALITICA_TRACKER_WAIT='soon'" in found["Settings", "environment"]["text"]
    assert found["Python", "python"]["state"] == "ok"


def test_a_policy_is_linted(call, project):
    (project / "model_policy.yaml").write_text("policy: x\n")
    found = findings(call)["Policy", "policy"]
    assert found["state"] == "broken"
    assert "model_policy.yaml" in found["text"]


def test_a_tracker_that_does_not_answer_is_broken_with_the_fix(call, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:hunter2@127.0.0.1:9")
    found = findings(call)["Trackers", "mlflow"]
    assert found["state"] == "broken"
    assert "environment" in found["text"]
    assert found["fix"]
    assert "hunter2" not in json.dumps(found)


def test_a_tracker_that_fails_is_a_finding_not_a_crash(call, monkeypatch):
    class Bad:
        name = "bad"

        def health(self, origins=None):
            raise RuntimeError("boom")

    monkeypatch.setattr("venturalitica.trackers.trackers", lambda: (Bad(),))
    found = findings(call)["Trackers", "bad"]
    assert found["state"] == "broken"
    assert "boom" in found["text"]


def test_without_dataframe_library_the_line_that_installs_one_is_named(call, monkeypatch):
    monkeypatch.setattr(examination, "_version", lambda name: None)
    found = findings(call)
    assert found["Python", "data frames"]["fix"] == install_line("all")
    assert found["Python", "scikit-learn"]["fix"] == install_line("sklearn")


def test_a_setting_from_dotenv_is_told_apart_from_the_environment(call, project, monkeypatch):
    monkeypatch.setattr("venturalitica.system.settings._from_dotenv", {"MLFLOW_TRACKING_URI"})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (project / ".env").write_text("MLFLOW_TRACKING_URI=http://127.0.0.1:9\n")
    found = findings(call)
    assert "http://127.0.0.1:9 (.env)" in found["Trackers", "mlflow"]["text"]
    assert found["Settings", ".env"]["text"] == "gave MLFLOW_TRACKING_URI"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "A=ü".encode("latin-1")])
def test_a_dotenv_that_cannot_be_read_is_broken(call, project, content):
    (project / ".env").write_bytes(content)
    found = findings(call)["Settings", ".env"]
    assert found["state"] == "broken"
    assert "not in force" in found["text"]
    assert found["fix"]


def test_a_dotenv_without_our_names_says_so(call, project):
    (project / ".env").write_text("AWS_REGION=eu-west-1\n")
    found = findings(call)["Settings", ".env"]
    assert (found["state"], found["text"][:12]) == ("ok", "gave nothing")


def test_a_broken_line_of_a_dotenv_is_told_with_its_place(call, project):
    (project / ".env").write_text("# ours\nWANDB_PROJECT loans\nWANDB_MODE=offline\n")
    found = [item for item in json.loads(call("doctor", "--json").stdout)["findings"]
             if item["subject"] == ".env"]  # fmt: skip
    assert found[0]["state"] == "broken"
    assert found[0]["text"].startswith(f"{project / '.env'}:2: ")
    assert "loans" not in found[0]["text"]
    assert found[1]["state"] == "ok"


def test_a_dotenv_of_the_project_root_is_told_by_its_path(call, project, monkeypatch):
    (project / "pyproject.toml").write_text("")
    (project / ".env").write_text("WANDB_MODE=offline\n")
    (project / "inner").mkdir()
    monkeypatch.chdir(project / "inner")
    monkeypatch.setattr("venturalitica.system.settings._from_dotenv", {"WANDB_MODE"})
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert findings(call)["Settings", ".env"]["text"] == f"{project / '.env'} gave WANDB_MODE"


def test_without_a_home_it_says_what_to_set(call, monkeypatch):
    monkeypatch.delenv("VENTURALITICA_CONFIG")
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    found = findings(call)["Settings", "config"]
    assert found["state"] == "broken"
    assert "VENTURALITICA_CONFIG" in found["fix"]


def test_a_bad_setting_leaves_the_trackers_examined(call, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "soon")
    assert ("Trackers", "mlflow") in findings(call)


def test_a_key_that_the_log_does_not_know_is_told(call, ledger):
    audited(ledger, "a" * 32)
    assert ("Signing key", "new key") not in findings(call)
    key = signing_key()
    signer = load_signer(None, key.parent).keyid[:16]
    key.unlink()
    assert signer in findings(call)["Signing key", "new key"]["text"]  # no key is there
    load_signer(None, key.parent)
    found = findings(call)["Signing key", "new key"]  # another is
    assert found["state"] == "note"
    assert signer in found["text"]
    audited(Ledger.open(ledger.home, signer=load_signer(None, key.parent)), "b" * 32)
    assert ("Signing key", "new key") not in findings(call)
    assert "new key: no earlier key introduces it" in call("keys", "show").stdout


def test_a_variable_of_ours_that_nobody_reads_is_told(call, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_HOEM", "x")
    found = findings(call)["Settings", "variable"]
    assert found["state"] == "note"
    assert "did you mean 'VENTURALITICA_HOME'?" in found["text"]


def test_addresses_and_modes_that_cannot_be_meant_are_broken(call, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "127.0.0.1:5000")
    monkeypatch.setenv("WANDB_MODE", "ofline")
    found = findings(call)
    for name, word in (("mlflow", "http://127.0.0.1:5000?"), ("wandb", "mean 'offline'?")):
        assert found["Trackers", name]["state"] == "broken"
        assert word in found["Trackers", name]["text"]


@pytest.mark.parametrize(("version", "bare"), [(1, 3), (2, 4)])
def test_an_existing_log_says_what_it_holds_of_few(call, project, version, bare):
    """Signed, append-only and delivered: what can be done is named."""
    home = Settings.current().home
    shutil.copytree(Path(__file__).parents[1] / f"data/ledger_v{version}", home)
    found = findings(call)["Evidence", "small counts"]
    assert found["state"] == "note"
    assert f"{bare} bare digests of data" in found["text"]
    for way in ("venturalitica prune", "VENTURALITICA_HOME", "delete copies at the tracker"):
        assert way in found["fix"]


def test_cells_of_few_people_are_counted():
    table = {"roles": ["gender"], "cells": [[0, 90], [1, 4]]}
    assert _holds_few({"tables": [table], "scores": []})
    assert _holds_few({"tables": [], "scores": [table]})
    assert not _holds_few({"tables": [{"cells": [[0, 90], [1, 5]]}], "scores": []})


def test_a_log_of_today_holds_nothing_of_few(call, project):
    vl.quickstart("loan")
    assert ("Evidence", "small counts") not in findings(call)
