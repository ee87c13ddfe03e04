"""Which MLflow run a monitored run belongs to, where neither end of it lies around the other."""

from __future__ import annotations

from pathlib import Path

import pytest

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger

POLICY = small_policy()


@pytest.fixture
def policy(tracking_uri, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return tmp_path / "model_policy.yaml"


def records():
    """What is on record but for the beginnings of runs."""
    found = (entry.statement["predicate"] for entry in open_ledger(create=False).entries())
    return [said for said in found if said["kind"] != "begin"]


def test_a_run_that_began_and_ended_inside_has_the_policy_too(mlflow, policy):
    """`@vl.monitor` on a function that opens the run itself: both ends of it lie inside."""
    with mlflow.start_run() as earlier:
        pass

    @vl.monitor("training")
    def train():
        with mlflow.start_run() as place:
            return place.info.run_id

    run_id = train()
    seen = mlflow.artifacts.load_text(f"runs:/{run_id}/policy_snapshot/model_policy.yaml")
    assert seen == policy.read_text()
    assert mlflow.get_run(run_id).data.tags["venturalitica.light"] == "amber"
    assert not [t for t in mlflow.get_run(earlier.info.run_id).data.tags if t.startswith("vent")]
    assert [item["run_id"] for item in records()[-1]["trackers"]] == [run_id]


def test_what_was_open_and_goes_on_is_named_once(mlflow, policy):
    with mlflow.start_run() as place, vl.monitor("training"):
        pass
    with vl.monitor("idle"):
        pass
    found = [[item["run_id"] for item in record["trackers"]] for record in records()]
    assert found == [[place.info.run_id], []]
