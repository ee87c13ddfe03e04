"""Evidence goes to the runs that were open before the training, whatever happens in it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery, result
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.cli import main
from venturalitica.ledger import Outbox

X = np.random.default_rng(0).normal(size=(100, 2))
Y = (X[:, 0] > 0).astype(int)
TAG = "venturalitica.evidence_sha256"


@pytest.fixture(autouse=True)
def rules(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(delivery, "_said", set())
    monkeypatch.setattr(result, "_told", set())
    path = tmp_path / "rules.yaml"
    path.write_text(small_policy(">= 0.1"))
    return path


class Calls(LogisticRegression):
    """A model whose training (or prediction) does one thing more, as callbacks do."""

    def __init__(self, in_fit=None, in_predict=None):
        super().__init__()
        self.in_fit, self.in_predict = in_fit, in_predict

    def fit(self, X, y):
        super().fit(X, y)
        if self.in_fit:
            self.in_fit()
        return self

    def predict(self, X):
        if self.in_predict:
            self.in_predict()
        return super().predict(X)


def tags(mlflow, run):
    return mlflow.get_run(run.info.run_id).data.tags


def test_a_run_that_ends_in_the_training(mlflow, tracking_uri, rules):
    with mlflow.start_run() as run:
        vl.wrap(Calls(mlflow.end_run), policy=rules).fit(X, Y)
    assert TAG in tags(mlflow, run)


def test_a_run_that_is_replaced_in_the_training(mlflow, tracking_uri, rules):
    def replace():
        mlflow.end_run()
        mlflow.start_run()

    run = mlflow.start_run()
    vl.wrap(Calls(replace), policy=rules).fit(X, Y)
    assert mlflow.active_run().info.run_id != run.info.run_id
    assert TAG in tags(mlflow, run)
    assert TAG not in tags(mlflow, mlflow.active_run())


def test_a_run_nested_in_the_training_and_left_open_is_not_the_one(mlflow, tracking_uri, rules):
    run = mlflow.start_run()
    vl.wrap(Calls(lambda: mlflow.start_run(nested=True)), policy=rules).fit(X, Y)
    inner = mlflow.active_run()
    mlflow.end_run()
    assert TAG in tags(mlflow, run)
    assert TAG not in tags(mlflow, inner)


def test_a_run_that_the_training_itself_opens_and_leaves_open(mlflow, tracking_uri, rules):
    vl.wrap(Calls(mlflow.start_run), policy=rules).fit(X, Y)
    assert TAG in tags(mlflow, mlflow.active_run())


def test_a_run_that_ends_while_the_model_predicts(mlflow, tracking_uri, rules):
    table = pd.DataFrame(X, columns=["a", "b"])
    model = Calls(in_predict=mlflow.end_run).fit(table, Y)
    run = mlflow.start_run()
    audit = vl.enforce(table.assign(y=Y), policy=rules, model=model, target="y")
    assert [one.run.run_id for one in audit.deliveries] == [run.info.run_id]
    assert TAG in tags(mlflow, run)


def test_the_store_is_set_to_another_in_the_training(mlflow, tracking_uri, rules, tmp_path):
    run = mlflow.start_run()
    other = f"sqlite:///{tmp_path}/other.db"
    vl.wrap(Calls(lambda: mlflow.set_tracking_uri(other)), policy=rules).fit(X, Y)
    found = mlflow.MlflowClient(tracking_uri).get_run(run.info.run_id)
    mlflow.set_tracking_uri(tracking_uri)
    assert TAG in found.data.tags


def test_a_training_that_fails_leaves_its_monitor_at_the_run(mlflow, tracking_uri, rules):
    def stop():
        mlflow.end_run()
        raise KeyboardInterrupt

    @vl.monitor("training")
    def train():
        runs.append(mlflow.start_run())
        vl.wrap(Calls(stop), policy=rules).fit(X, Y)

    runs: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        train()
    (run,) = runs
    assert "venturalitica.run.evidence_sha256" in tags(mlflow, run)


def test_a_run_of_another_thread_is_not_ours_and_that_is_said(mlflow, tracking_uri, rules, caplog):
    with mlflow.start_run() as run:
        for _ in range(2):
            thread = threading.Thread(target=vl.wrap(Calls(), policy=rules).fit, args=(X, Y))
            thread.start()
            thread.join()
    assert TAG not in tags(mlflow, run)
    (said,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "open in another thread only" in said
    assert "with mlflow.start_run(run_id=...):" in said


def test_a_run_left_open_by_a_thread_that_ended_is_nobodys(mlflow, tracking_uri, rules, caplog):
    thread = threading.Thread(target=mlflow.start_run)
    thread.start()
    thread.join()
    vl.wrap(Calls(), policy=rules).fit(X, Y)
    # MLflow keeps the run under the thread's number, which a thread of a later test may get.
    mlflow.tracking.fluent._active_run_stack.reset()
    assert "another thread" not in caplog.text
    assert "put the training inside 'with mlflow.start_run():'" in caplog.text


def test_around_a_call_that_trains_nothing_the_run_is_put_around_the_call(
    mlflow, tracking_uri, rules, caplog
):
    vl.enforce({"y": Y, "p": 1 - Y}, policy=rules, target="y", prediction="p")
    assert "put the call inside 'with mlflow.start_run():'" in caplog.text
    assert "training" not in caplog.text


@pytest.mark.filterwarnings("ignore")  # MLflow's own, while it loads
def test_a_check_of_a_model_is_told_of_no_run_to_open(
    mlflow, tracking_uri, rules, caplog, tmp_path, monkeypatch
):
    caplog.set_level("INFO")
    frame = pd.DataFrame({"a": np.arange(60.0), "y": np.arange(60) % 2})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    model = LogisticRegression().fit(frame[["a"]], frame["y"])
    mlflow.sklearn.save_model(model, tmp_path / "model", pip_requirements=[])
    monkeypatch.chdir(tmp_path)
    main(["check", "rows.csv", "--policy", str(rules), "--model", "model", "--target", "y"])
    assert "evidence" in caplog.text
    assert "start_run" not in caplog.text
    assert "training" not in caplog.text


def test_that_no_run_is_open_is_a_warning_once_and_then_an_info_line(
    mlflow, tracking_uri, rules, caplog
):
    caplog.set_level("INFO")
    for _ in range(3):
        vl.wrap(Calls(), policy=rules).fit(X, Y)
    levels = [r.levelname for r in caplog.records if "no tracker run is active" in r.getMessage()]
    assert levels == ["WARNING", "INFO", "INFO"]


def test_an_offline_run_that_ends_in_the_training_waits_and_says_so(offline_wandb, rules, caplog):
    live = offline_wandb.init(project="credit")
    vl.wrap(Calls(offline_wandb.finish), policy=rules).fit(X, Y)
    assert f"W&B run '{live.id}' was offline and has ended" in caplog.text
    (waiting,) = Outbox(open_ledger()).waiting()
    assert waiting.run_id == live.id


def test_evidence_is_at_the_wandb_run_that_was_created_beside_another(offline_wandb, rules):
    def delivered_to():
        audit = vl.enforce({"y": Y, "p": 1 - Y}, policy=rules, target="y", prediction="p")
        return [one.run.run_id for one in audit.deliveries]

    with offline_wandb.init(project="p", reinit="create_new") as alone:
        assert delivered_to() == [alone.id]
    with offline_wandb.init(project="p") as older:
        with offline_wandb.init(project="p", reinit="create_new") as newer:
            assert delivered_to() == [newer.id]
        assert delivered_to() == [older.id]
