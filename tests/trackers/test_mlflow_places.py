"""A run is found where it is kept, though the working folder is another now, or is gone."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import venturalitica as vl
from venturalitica.errors import TrackerError
from venturalitica.trackers.mlflow import MlflowTracker

worlds = sys.modules["tracker_worlds"]
parcel = worlds.parcel
TABLE = {"y": [0, 1] * 30, "p": [0, 1] * 30}


@pytest.fixture
def sub(tmp_path) -> Path:
    folder = tmp_path / "sub"
    folder.mkdir()
    return folder


@pytest.fixture
def relative(mlflow, tracking_uri, empty_database, tmp_path) -> str:
    """A database by a relative address, new for each test: MLflow keeps what it has open by it."""
    name = f"{tmp_path.name}.db"
    shutil.copy(empty_database, tmp_path / name)
    mlflow.set_tracking_uri(f"sqlite:///{name}")
    return f"sqlite:///{tmp_path / name}"


def delivered(mlflow, run):
    return (
        "venturalitica.evidence_sha256"
        in mlflow.MlflowClient(run.uri).get_run(run.run_id).data.tags
    )


def test_a_relative_database_and_another_folder(mlflow, relative, sub, monkeypatch):
    tracker = MlflowTracker()
    with mlflow.start_run():
        monkeypatch.chdir(sub)
        mlflow.log_metric("still", 1.0)
        run = tracker.active_run()
        assert run is not None
        assert run.uri == relative
        tracker.deliver(run, parcel())
    assert delivered(mlflow, run)
    assert list(sub.iterdir()) == []


def test_another_database_of_the_same_name_is_not_the_one(
    mlflow, relative, sub, empty_database, monkeypatch
):
    shutil.copy(empty_database, sub / Path(relative).name)
    with mlflow.start_run():
        monkeypatch.chdir(sub)
        assert MlflowTracker().active_run().uri == relative


def test_a_relative_address_in_the_environment(
    mlflow, tracking_uri, empty_database, tmp_path, sub, monkeypatch
):
    shutil.copy(empty_database, tmp_path / "env.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///env.db")
    with mlflow.start_run():
        monkeypatch.chdir(sub)
        run = MlflowTracker().active_run()
        assert run is not None
        MlflowTracker().deliver(run, parcel())
    assert run.uri == f"sqlite:///{tmp_path / 'env.db'}"
    assert delivered(mlflow, run)


def test_mlflows_default_and_another_folder(mlflow, tracking_uri, sub, monkeypatch):
    """There MLflow itself looks for the run in a database that it is not in."""
    with mlflow.start_run():
        monkeypatch.chdir(sub)
        run = MlflowTracker().active_run()
        assert run is not None
        MlflowTracker().deliver(run, parcel())
        monkeypatch.chdir(sub.parent)
    assert run.uri == tracking_uri
    assert delivered(mlflow, run)


@pytest.mark.filterwarnings("ignore:.*filesystem.*:FutureWarning")
@pytest.mark.parametrize("uri", ["file:./mlruns", "./mlruns", "mlruns"])
def test_a_relative_folder_and_another_one(mlflow, tracking_uri, sub, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(uri)
    tracker = MlflowTracker()
    with mlflow.start_run():
        assert tracker.active_run().uri == (sub.parent / "mlruns").as_uri()
        monkeypatch.chdir(sub)
        run = tracker.active_run()
        assert run is not None
        assert run.uri == (sub.parent / "mlruns").as_uri()
        tracker.deliver(run, parcel())
        monkeypatch.chdir(sub.parent)
    assert delivered(mlflow, run)


def test_the_address_was_set_to_another_after_the_run_began(mlflow, tracking_uri, tmp_path):
    with mlflow.start_run():
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'other.db'}")
        assert MlflowTracker().active_run().uri == tracking_uri
        mlflow.set_tracking_uri(tracking_uri)


def test_the_working_folder_is_gone(
    mlflow, tracking_uri, empty_database, tmp_path, sub, monkeypatch
):
    shutil.copy(empty_database, tmp_path / "beside.db")
    monkeypatch.chdir(sub)
    mlflow.set_tracking_uri("sqlite:///../beside.db")
    tracker = MlflowTracker()
    with mlflow.start_run():
        sub.rmdir()
        run = tracker.active_run()
        assert run is not None
        tracker.deliver(run, parcel())
    monkeypatch.chdir(tmp_path)
    assert run.uri == f"sqlite:///{tmp_path / 'beside.db'}"
    assert delivered(mlflow, run)


def test_the_working_folder_is_gone_and_mlflows_default_was_in_it(
    mlflow, tracking_uri, empty_database, tmp_path, sub, monkeypatch
):
    """Then not even MLflow can say which address it has; the record names where the run was."""
    shutil.copy(empty_database, sub / "mlflow.db")
    monkeypatch.chdir(sub)
    tracker = MlflowTracker()
    mlflow.start_run()
    shutil.rmtree(sub)
    run = tracker.active_run()
    assert run is not None
    with pytest.raises(TrackerError, match=r"mlflow\.db is not there; was it moved\?"):
        tracker.deliver(run, parcel())
    monkeypatch.chdir(tmp_path)
    mlflow.tracking.fluent._active_run_stack.get().clear()
    assert run.uri == f"sqlite:///{sub / 'mlflow.db'}"


def test_a_script_that_changes_its_folder_has_its_evidence_at_the_run(
    mlflow, relative, sub, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_HOME", str(sub.parent / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    rules = sub.parent / "rules.yaml"
    rules.write_text(
        'policy: t\nversion: "1"\ncontrols:\n  - {id: acc, metric: accuracy, must: ">= 0.1"}\n'
    )
    with mlflow.start_run():
        monkeypatch.chdir(sub)
        audit = vl.enforce(TABLE, policy=rules, target="y", prediction="p")
    assert audit.deliveries[0].run.uri == relative
    assert audit.deliveries[0].delivered
    assert audit.statement["predicate"]["trackers"][0]["uri"] == relative


def test_mlflow_keeps_its_databases_where_it_did(mlflow, tracking_uri):
    """No public interface of MLflow's: a version that has them elsewhere is to be noticed here."""
    from venturalitica.trackers.mlflow.client import _opened

    with mlflow.start_run():
        assert tracking_uri in _opened().values()
