"""An audit is called by what somebody called its experiment, its run, or its script."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery, naming
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.naming import audit_name, script
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.ledger import Index
from venturalitica.ledger.index.pipelines import pipelines
from venturalitica.ledger.index.queries import Filters, find_page
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.mlflow import names
from venturalitica.trackers.wandb.tracker import WandbTracker

TABLE = pd.DataFrame({"label": [0, 1] * 50, "said": [0, 1] * 45 + [1, 0] * 5})


@pytest.fixture(autouse=True)
def policy(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    # Both are undone after the test, whatever `set_experiment` has put there meanwhile.
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    monkeypatch.setattr(names, "_known", {})
    monkeypatch.setattr(names, "_asked", set())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_policy.yaml").write_text(small_policy())
    return tmp_path / "model_policy.yaml"


def judged(**given: Any) -> str:
    """The name of an audit made now."""
    vl.enforce(TABLE, target="label", prediction="said", **given)
    ledger = open_ledger(create=False)
    return ledger.entry(ledger.size - 1).record.run.name


def test_two_experiments_are_two_pipelines(mlflow, tracking_uri):
    for experiment in ("credit", "fraud", "credit"):
        mlflow.set_experiment(experiment)
        with mlflow.start_run(run_name="nightly"):
            assert judged() == experiment
    ledger = open_ledger(create=False)
    (said,) = ledger.entry(0).record.trackers
    assert (said["experiment_name"], said["run_name"]) == ("credit", "nightly")
    assert said["experiment_id"]
    with Index.open(ledger) as index:
        cards = pipelines(index)
        assert {(card.name, card.records) for card in cards} == {("credit", 2), ("fraud", 1)}
        assert len(index.runs(name="fraud")) == 1
        assert len(index.runs(name="nightly")) == 3
        assert find_page(index, Filters(search="frau")).total == 1
        assert find_page(index, Filters(search="nightl credi")).total == 2
    shown = CliRunner().invoke(app, ["runs", "show", "0"]).stdout
    assert f"experiment credit ({said['experiment_id']}), run nightly" in shown
    listed = CliRunner().invoke(app, ["runs", "list", "--name", "fraud", "--json"]).stdout
    assert [one["index"] for one in json.loads(listed)] == [1]


def test_what_is_given_wins(mlflow, tracking_uri):
    mlflow.set_experiment("credit")
    with mlflow.start_run():
        assert judged(name="by hand") == "by hand"
        with vl.monitor("release"):
            assert judged() == "release"


def test_of_the_default_experiment_the_run_counts_if_somebody_named_it(mlflow, tracking_uri):
    with mlflow.start_run(run_name="nightly"):
        assert judged() == "nightly"
    with mlflow.start_run() as run:
        assert run.info.run_name
        assert judged() == (script() or "enforce")


def test_a_file_store_says_its_name_too(tmp_path):
    (tmp_path / "store" / "77").mkdir(parents=True)
    (tmp_path / "store" / "77" / "meta.yaml").write_text("experiment_id: '77'\nname: 'a: b'\n")
    uri = f"file://{tmp_path}/store"
    assert names.experiment_name("77", uri, uri) == "a: b"
    assert names.experiment_name("78", uri, uri) == ""


def test_a_server_is_asked_beside_the_work(mlflow, server_uri):
    mlflow.set_experiment("far away")
    with mlflow.start_run() as run:
        first = judged()
        assert first in ("far away", f"experiment {run.info.experiment_id}")
        until = time.monotonic() + 30
        while not names._known and time.monotonic() < until:
            time.sleep(0.05)
        assert judged() == "far away"


def test_nobody_waits_for_a_silent_server(monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def silent(*_: Any) -> Any:
        asked.set()
        go_on.wait(30)
        raise OSError("gone")

    monkeypatch.setattr(names, "client_at", silent)
    began = time.monotonic()
    for _ in range(3):
        assert names.experiment_name("3", "http://there", "http://there") == ""
    assert time.monotonic() - began < 5
    assert asked.wait(30)
    go_on.set()
    run = RunRef("mlflow", "1", experiment_id="3", run_name="nightly")
    assert names.given_names(run) == ("experiment 3", "nightly")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (RunRef("mlflow", "1", "", "0", "Default", "bold-crab-123"), ("", "")),
        (RunRef("mlflow", "1", "", "0", "Default", "loan-model-3"), ("", "loan-model-3")),
        (RunRef("mlflow", "1", "", "9", "/Users/a@b.c/credit", "x"), ("credit", "x")),
        (RunRef("mlflow", "1", "", "0", "", ""), ("", "")),
    ],
)
def test_names_that_nobody_gave(mlflow, run, expected):
    assert names.given_names(run) == expected


@pytest.mark.parametrize(
    ("project", "name", "expected"),
    [
        ("credit", "nightly", ("credit", "nightly")),
        ("uncategorized", "bold-crab-12", ("", "")),
        ("uncategorized", "abc123", ("", "")),
    ],
)
def test_of_wandb_too(project, name, expected):
    run = RunRef("wandb", "abc123", experiment_name=project, run_name=name)
    assert WandbTracker().given_names(run) == expected


def test_the_script_without_its_folder(tmp_path):
    program = "from venturalitica.audit.naming import script; print(script())"
    (tmp_path / "train.py").write_text(program)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(program)
    for arguments, expected in (
        ([str(tmp_path / "train.py")], "train.py"),
        (["-m", "package"], "package"),
        (["-m", "train"], "train.py"),
        (["-c", program], ""),
    ):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


def test_a_notebook_and_what_has_no_script(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert audit_name("fit", ()) == "notebook"
    monkeypatch.setattr(naming, "script", lambda: "")
    assert audit_name("fit", ()) == "training"
    assert audit_name("enforce", ()) == "enforce"
    assert audit_name("check", ()) == "check"
