"""What trackers have kept shows what files alone cannot: a log whose end was cut off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import venturalitica as vl
from tests.policies import small_policy
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.review.tracker_run import agreement
from venturalitica.trackers import tracker
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.memory import MemoryTracker
from venturalitica.trackers.wandb import WandbTracker

POLICY = small_policy()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path / "evidence"


@pytest.fixture
def audit(tmp_path):
    table = pd.DataFrame({"label": [0, 1] * 30, "said": [0, 1] * 30})

    def one():
        return vl.enforce(table, policy=tmp_path / "policy.yaml", target="label", prediction="said")

    return one


@pytest.fixture
def memory(monkeypatch) -> MemoryTracker:
    one = MemoryTracker()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
    return one


def verify(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["verify", "--json", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}


def witness_steps(found: dict[str, Any]) -> list[tuple[bool | None, str]]:
    return [(step["ok"], step["detail"]) for step in found["steps"] if step["name"] == "witnesses"]


def cut_the_last_record(home: Path, older: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(older, home)


@pytest.mark.parametrize("same_run", [True, False])
def test_a_log_cut_by_one_record_is_told_by_the_tracker_and_by_nothing_else(
    mlflow, tracking_uri, audit, home, tmp_path, same_run
):
    with mlflow.start_run():
        audit()
        shutil.copytree(home, tmp_path / "older")
        if same_run:
            audit()
    if not same_run:
        with mlflow.start_run():
            audit()
    status, found = verify("--witnesses")
    assert status == 0
    assert witness_steps(found)[0][0] is True
    assert "2 entries" in witness_steps(found)[0][1]

    cut_the_last_record(home, tmp_path / "older")
    status, found = verify()
    assert status == 0
    assert witness_steps(found)[0][0] is None, "files alone cannot know"
    status, found = verify("--witnesses")
    assert status == 1
    assert (False, "it was cut") in [(ok, detail[-10:]) for ok, detail in witness_steps(found)]
    assert vl.verify(home).ok
    assert not vl.verify(home, witnesses=True).ok


def test_a_server_s_runs_are_witnesses_even_where_deleted(
    mlflow, server_uri, audit, home, tmp_path
):
    with mlflow.start_run():
        audit()
        shutil.copytree(home, tmp_path / "older")
    with mlflow.start_run() as second:
        audit()
    mlflow.delete_run(second.info.run_id)
    cut_the_last_record(home, tmp_path / "older")
    status, found = verify("--witnesses")
    assert status == 1
    assert second.info.run_id in str(found["fault"])


def test_checkpoints_beside_those_of_another_log_are_found(
    mlflow, tracking_uri, audit, home, tmp_path, monkeypatch
):
    """Two machines audit into one run: the second's checkpoint has no plain name."""
    with mlflow.start_run():
        monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "other"))
        audit()
        monkeypatch.setenv("VENTURALITICA_HOME", str(home))
        audit()
    status, found = verify("--witnesses")
    assert status == 0
    assert [ok for ok, _ in witness_steps(found)] == [True]


def test_no_witness_is_neither_a_pass_nor_a_failure(memory, audit, home):
    audit()
    status, found = verify("--witnesses")
    assert status == 3
    assert witness_steps(found) == [
        (None, "not checked: no record names a tracker's run, so none has kept a checkpoint")
    ]
    with memory.start_run() as run:
        audit()
    del memory.runs[run.run_id]
    status, found = verify("--witnesses")
    assert status == 3
    assert [ok for ok, _ in witness_steps(found)] == [None]
    assert run.run_id in witness_steps(found)[0][1]


def test_many_witnesses_are_told_in_one_step(memory, audit):
    with memory.start_run():
        for _ in range(4):
            audit()
    status, found = verify("--witnesses")
    assert status == 0
    ((ok, detail),) = witness_steps(found)
    assert ok
    assert "4 entries" in detail
    assert "3 earlier" in detail


def test_a_forged_checkpoint_at_the_tracker_is_a_fault(memory, audit):
    with memory.start_run() as run:
        audit()
    tags = memory.runs[run.run_id].stored_tags
    tags["venturalitica.checkpoint"] = tags["venturalitica.checkpoint"].replace("\n1\n", "\n9\n")
    assert verify("--witnesses")[0] == 1


def test_witnesses_of_a_bundle_or_a_run_are_refused(memory, audit, tmp_path):
    audit()
    bundle = tmp_path / "evidence.json"
    bundle.write_bytes(open_ledger().bundle(0))
    assert verify(str(bundle), "--witnesses")[0] == 2
    assert verify("--run", "0" * 32, "--witnesses")[0] == 2


def test_an_offline_w_and_b_run_is_a_witness_by_its_files(memory, audit, home, tmp_path):
    with memory.start_run() as run:
        audit()
    file = tmp_path / "offline-run" / "files" / "venturalitica" / "evidence.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(memory.runs[run.run_id].artifacts["venturalitica/evidence.json"])
    extra = {"offline": True, "folder": str(tmp_path / "offline-run")}
    origin = (home / "log" / "checkpoint").read_text().split("\n")[0]
    wandb = WandbTracker()
    (note,) = wandb.checkpoints([RunRef("wandb", "abc", extra=extra)], origin=origin).values()
    assert note == (home / "log" / "checkpoint").read_text()
    assert wandb.checkpoints([RunRef("wandb", "abc", extra=extra)], origin="another") == {}


@pytest.fixture(scope="module")
def _run(mlflow, empty_database, tmp_path_factory):
    """A run with two audits, made once: its database and artifacts are copied for each test."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(empty_database, folder / "mlflow.db")
    table = pd.DataFrame({"label": [0, 1] * 30, "said": [0, 1] * 30})
    (folder / "policy.yaml").write_text(POLICY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VENTURALITICA_HOME", str(folder / "evidence"))
        patch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
        patch.setattr(delivery, "_allowance", Allowance())
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        with mlflow.start_run() as run:
            for _ in range(2):
                vl.enforce(table, policy="policy.yaml", target="label", prediction="said")
        tags = tracker("mlflow").fetch(run.info.run_id)
        mlflow.set_tracking_uri(None)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tags


@pytest.fixture
def kept(_run) -> dict[str, bytes]:
    """What the tracker gives of that run, to be tampered with."""
    return dict(_run)


def held(kept: dict[str, bytes]) -> dict[str, bool | None]:
    return {step.name: step.ok for step in agreement(kept)}


def test_a_run_s_tags_and_policy_agree_with_its_evidence(kept):
    assert held(kept) == {"evidence": True, "policy_snapshot": True, "report": None, "tags": True}


def test_a_page_is_an_unsigned_copy_whatever_it_says(kept):
    for page in (kept["venturalitica/report.html"], b"<html>"):
        kept["venturalitica/report.html"] = page
        [step] = [step for step in agreement(kept) if step.name == "report"]
        assert step.ok is None
        assert (
            "unsigned copy; draw it from evidence.json with 'venturalitica report'" in step.detail
        )
    for path in [path for path in kept if path.endswith(".html")]:
        del kept[path]
    assert held(kept)["report"] is None


@pytest.mark.parametrize(
    ("tag", "value", "step"),
    [
        ("venturalitica.light", "red", "tags"),
        ("venturalitica.policy", "other", "tags"),
        ("venturalitica.policy_version", "2.0", "tags"),
        ("venturalitica.policy_sha256", "0" * 64, "tags"),
        ("venturalitica.control.accuracy", "failed", "tags"),
        ("venturalitica.evidence_sha256", "0" * 64, "evidence"),
    ],
)
def test_an_edited_tag_is_a_fault(kept, tag, value, step):
    assert kept[f"tags/{tag}"] != value.encode()
    kept[f"tags/{tag}"] = value.encode()
    assert held(kept)[step] is False


def test_a_missing_tag_is_said_and_proves_nothing(kept):
    del kept["tags/venturalitica.control.accuracy"]
    assert held(kept)["tags"] is None


def test_a_run_without_tags_is_said(kept):
    files = {path: data for path, data in kept.items() if not path.startswith("tags/")}
    assert set(held(files).values()) == {None}


def test_an_edited_policy_snapshot_is_a_fault(kept):
    kept["policy_snapshot/policy.yaml"] = kept["policy_snapshot/policy.yaml"].replace(b"5", b"4")
    assert held(kept)["policy_snapshot"] is False
    del kept["policy_snapshot/policy.yaml"]
    assert held(kept)["policy_snapshot"] is False


def test_a_policy_that_no_evidence_speaks_of_is_said(kept):
    kept["policy_snapshot/other.yaml"] = b"policy: other"
    assert held(kept)["policy_snapshot"] is None


def test_evidence_taken_from_the_run_is_missed(kept):
    del kept["venturalitica/evidence.json"]
    assert held(kept)["evidence"] is False


def test_evidence_moved_within_the_run_is_a_fault(kept):
    (second,) = (
        path for path in kept if path.startswith("venturalitica/audits/") and "json" in path
    )
    first = "venturalitica/evidence.json"
    kept[first], kept[second] = kept[second], kept[first]
    assert held(kept)["evidence"] is False


def test_a_run_is_verified_with_its_tags_and_policy(mlflow, tracking_uri, audit):
    with mlflow.start_run() as run:
        audit()
    status, found = verify("--run", run.info.run_id)
    assert status == 0
    assert {"evidence", "policy_snapshot", "tags"} <= {s["name"] for s in found["steps"] if s["ok"]}
    mlflow.MlflowClient().set_tag(run.info.run_id, "venturalitica.control.accuracy", "failed")
    status, found = verify("--run", run.info.run_id)
    assert (status, found["fault"]["name"]) == (1, "tags")
