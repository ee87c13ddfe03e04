"""Whose run is it, and is all of it there? Evidence copied between runs, and evidence removed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest

import venturalitica as vl
from tests.policies import small_policy
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance
from venturalitica.core.record import Statement
from venturalitica.core.verification import Step
from venturalitica.errors import TrackerError
from venturalitica.review.tracker_run import RunBundle, agreement, belonging
from venturalitica.review.verification import verify_run, verify_source
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.memory import MemoryTracker

POLICY = small_policy(">= 0.70")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path / "evidence"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryTracker:
    one = MemoryTracker()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
    return one


@pytest.fixture
def audit(tmp_path: Path) -> Any:
    def one(right: int = 100) -> vl.Audit:
        said = [0, 1] * right + [1, 0] * (100 - right)
        table = pd.DataFrame({"label": [0, 1] * 100, "said": said})
        return vl.enforce(table, policy=tmp_path / "policy.yaml", target="label", prediction="said")

    return one


def steps(memory: MemoryTracker, run: RunRef) -> dict[str, Step]:
    return {step.name: step for step in agreement(memory.fetch(run.run_id), run)}


def test_evidence_copied_from_a_green_run_is_not_that_of_a_red_one(
    memory: MemoryTracker, audit: Any
) -> None:
    with memory.start_run() as good:
        audit(100)
    with memory.start_run() as bad:
        audit(10)
    assert steps(memory, good)["run"].ok
    assert steps(memory, bad)["run"].ok
    memory.runs[bad.run_id] = memory.runs[good.run_id]
    found = steps(memory, bad)
    assert found["run"].ok is False
    assert good.run_id in found["run"].detail
    assert all(step.ok is not False for name, step in found.items() if name != "run")


def test_evidence_that_names_no_run_was_put_there(memory: MemoryTracker, audit: Any) -> None:
    with memory.start_run() as run:
        audit()
    record = RunBundle("a.json", "0" * 64, Statement.of(audit().statement))
    found = belonging([record], run.tracker, run.run_id)[0]
    assert found.ok is False
    assert "no run of a tracker" in found.detail


def test_the_same_id_of_another_kind_of_tracker_is_another_run(
    memory: MemoryTracker, audit: Any
) -> None:
    with memory.start_run() as run:
        audit()
    record = RunBundle("a.json", "0" * 64, Statement.of(audit().statement))
    assert belonging([record], "mlflow", run.run_id)[0].ok is False


@pytest.mark.parametrize("taken", [1, 2])
def test_an_audit_taken_away_with_its_tags_is_named(
    memory: MemoryTracker, audit: Any, tmp_path: Path, taken: int
) -> None:
    with (
        memory.start_run() as run,
        vl.monitor("nightly", policy=tmp_path / "policy.yaml") as monitored,
    ):
        made = [audit(10), audit(100)]
    assert monitored.entry is not None
    assert steps(memory, run)["audits of the run"].ok
    gone = made[taken - 1].evidence_sha256
    kept = memory.runs[run.run_id]
    claim = next(key for key in kept.stored_tags if key.endswith(f"audit.{gone[:12]}"))
    folder = "venturalitica/evidence.json" if taken == 1 else f"venturalitica/audits/{gone[:12]}"
    for path in [path for path in kept.artifacts if path.startswith(folder)]:
        del kept.artifacts[path]
    for key in [key for key in kept.stored_tags if key.startswith(claim)]:
        del kept.stored_tags[key]
    found = steps(memory, run)["audits of the run"]
    assert found.ok is False
    assert f"audit {taken} of the run 'nightly' is not here" in found.detail


def test_an_audit_made_at_another_run_of_the_monitor_is_said_and_not_missed(
    memory: MemoryTracker, audit: Any, tmp_path: Path
) -> None:
    with vl.monitor("nightly", policy=tmp_path / "policy.yaml"):
        with memory.start_run():
            audit()
        with memory.start_run() as second:
            audit()
    found = steps(memory, second)["audits of the run"]
    assert found.ok is None
    assert "audit 1 of the run 'nightly' is not here; it may be at another run" in found.detail


def test_an_enormous_number_is_answered_at_once() -> None:
    predicate = {
        "run": {"id": "1", "name": "x", "sequence": 10**15},
        "light": "red",
        "trackers": [{"tracker": "memory", "run_id": "r"}],
    }
    statement = {"predicateType": "urn:venturalitica:audit:v1", "predicate": predicate}
    found = belonging([RunBundle("a", "0" * 64, Statement.of(statement))], "memory", "r")
    assert [step.ok for step in found] == [True, False]


def delivered(home: Path) -> list[Step]:
    return [step for step in verify_source(home, witnesses=True).steps if step.name == "delivered"]


def test_what_receipts_call_delivered_must_be_there(
    memory: MemoryTracker, audit: Any, home: Path
) -> None:
    assert [step.ok for step in delivered_before(audit, home)] == [None]
    with memory.start_run() as run:
        first = audit()
        audit()
    assert [step.ok for step in delivered(home)] == [True]
    kept = memory.runs[run.run_id]
    del kept.artifacts["venturalitica/evidence.json"]
    found = delivered(home)
    assert [step.ok for step in found] == [False]
    assert f"run {run.run_id} holds no longer the evidence {first.evidence_sha256[:12]}" in (
        found[0].detail
    )


def delivered_before(audit: Any, home: Path) -> list[Step]:
    audit()
    return delivered(home)


def test_a_run_that_holds_nothing_any_more_is_a_fault_and_one_that_is_gone_is_said(
    memory: MemoryTracker, audit: Any, home: Path
) -> None:
    with memory.start_run() as run:
        audit()
    kept = memory.runs[run.run_id]
    kept.artifacts.clear()
    kept.stored_tags.clear()
    with pytest.raises(TrackerError):
        memory.fetch(run.run_id)
    assert [step.ok for step in delivered(home)] == [False]
    del memory.runs[run.run_id]
    found = delivered(home)
    assert [step.ok for step in found] == [None]
    assert run.run_id in found[0].detail


@pytest.mark.filterwarnings("ignore:.*noload.*")  # MLflow's own, of its own database
def test_a_whole_run_of_mlflow_copied_into_another(
    empty_database: Path, tmp_path: Path, audit: Any, home: Path
) -> None:
    shutil.copy(empty_database, tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    try:
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("x", artifact_location=str(tmp_path / "files"))
        with mlflow.start_run(experiment_id=experiment) as good:
            audit(100)
        with mlflow.start_run(experiment_id=experiment) as bad:
            audit(10)
        assert verify_run(bad.info.run_id).ok
        assert [step.ok for step in delivered(home)] == [True]
        _copy(client, good.info.run_id, bad.info.run_id)
        found = verify_run(bad.info.run_id)
        assert [step.name for step in found.steps if step.ok is False] == ["run"]
        assert good.info.run_id in found.fault.detail
        assert [step.ok for step in delivered(home)] == [False]
    finally:
        mlflow.set_tracking_uri(before)


def _copy(client: Any, source: str, target: str) -> None:
    """Tags, evidence, page and policy, as anybody can who may write to both."""
    import shutil

    here, there = (Path(client.get_run(run).info.artifact_uri) for run in (source, target))
    shutil.rmtree(there)
    shutil.copytree(here, there)
    ours = dict(client.get_run(source).data.tags)
    for key in client.get_run(target).data.tags:
        if key.startswith("venturalitica"):
            client.delete_tag(target, key)
    for key, value in ours.items():
        if key.startswith("venturalitica"):
            client.set_tag(target, key, value)
