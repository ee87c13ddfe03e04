"""The files that an audited training leaves at MLflow, on record: a real store, a real server."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit import delivery, model_ties
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import MODEL
from venturalitica.errors import EvidenceError, TrackerError
from venturalitica.ledger import Outbox
from venturalitica.ledger.records.kinds.model_tie import ModelTie, check
from venturalitica.provenance.model_files import read_manifest
from venturalitica.trackers.base import LoggedModel
from venturalitica.trackers.memory import MemoryTracker
from venturalitica.trackers.mlflow import models
from venturalitica.trackers.mlflow.tracker import MlflowTracker
from venturalitica.ui.lifecycle_records import read_care

pytestmark = pytest.mark.filterwarnings("ignore")

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(model_ties, "_trainings", [])
    monkeypatch.setattr(model_ties, "_tied", set())
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return tmp_path


@pytest.fixture
def local(mlflow, tracking_uri, place) -> str:
    """An experiment of MLflow's own default store, its artifacts in a folder of this test."""
    return str(mlflow.create_experiment("ties", artifact_location=f"{place}/artifacts"))


def rows(seed: int = 7) -> tuple[pd.DataFrame, Any]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, 300)
    return pd.DataFrame({"x": truth + random.random(300), "z": random.random(300)}), truth


def wrapped(model: Any = None) -> Any:
    return vl.wrap(model or LogisticRegression(), policy="model_policy.yaml")


def log_model(mlflow, model: Any, name: str = "model") -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlflow.sklearn.log_model(model, name=name, pip_requirements=[])


def found() -> list[tuple[Any, ModelTie]]:
    entries = open_ledger(create=False).entries()
    kinds = [entry for entry in entries if entry.record.predicate_type == MODEL]
    return [(entry, ModelTie.of(entry.record.predicate)) for entry in kinds]


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_model_logged_after_a_fit_is_tied_when_the_run_ends(mlflow, local, place):
    model = wrapped()
    with mlflow.start_run(experiment_id=local) as run:
        model.fit(*rows())
        info = log_model(mlflow, model)
        assert found() == []
    ((entry, made),) = found()
    audit = open_ledger(create=False).entry(made.entry)
    assert (made.evidence_sha256, made.run_id) == (audit.evidence_sha256, audit.record.run.id)
    assert made.likeness.tie == "same predictions"
    assert (made.likeness.rows, made.likeness.reason) == (300, "")
    assert made.logged["model_id"] == info.model_id
    assert (made.logged["run_id"], made.logged["tracker"]) == (run.info.run_id, "mlflow")
    fetched = mlflow.artifacts.download_artifacts(info.model_uri, dst_path=str(place / "fetched"))
    assert read_manifest(fetched).files == made.manifest.files
    assert ("model/model", made.manifest.root) in list(entry.record.subjects)
    assert vl.verify().ok
    assert vl.verify(run.info.run_id).ok
    assert Outbox(open_ledger(create=False)).waiting() == []
    tags = mlflow.get_run(run.info.run_id).data.tags
    claim = json.loads(tags[f"venturalitica.model.{entry.evidence_sha256[:12]}"])
    kept = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{claim['folder']}/evidence.json")
    assert json.loads(kept)["envelope"].encode() == entry.envelope
    assert tags["venturalitica.evidence_sha256"] == audit.evidence_sha256


def test_the_registered_version_and_the_views(mlflow, local):
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(*rows())
        info = log_model(mlflow, model)
        mlflow.register_model(info.model_uri, "credit")
    ((entry, made),) = found()
    assert made.logged["version"] == "credit/1"
    shown = call("runs", "show", str(entry.index)).stdout
    assert f"root {made.manifest.root}" in shown
    assert "same predictions, on 300 of the audited rows" in shown
    for name, digest in made.manifest.files.items():
        assert f"{name} {digest}" in shown
    of_the_audit = call("runs", "show", "0").stdout
    assert f"entry {entry.index}: model model, same predictions" in of_the_audit
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [row["kind"] for row in listed] == ["audit"]
    assert call("runs", "list", "--kind", "model", "--json").exit_code == 0


def test_a_page_of_the_record_in_words(mlflow, local):
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(*rows())
        log_model(mlflow, model)
    ((entry, made),) = found()
    care = read_care(open_ledger(create=False), entry)
    assert (care.title, care.about) == ("The files of model model", (0,))
    assert "they give the audited predictions on 300 rows" in care.said
    assert ("Model id", made.logged["model_id"]) in care.facts


def test_a_tracker_of_another_package_may_keep_models(local, monkeypatch, tmp_path):
    """`docs/add-a-tracker.md`: two methods are all that is asked."""
    source = tmp_path / "exported"
    source.mkdir()
    (source / "weights").write_text("w")
    tracker = MemoryTracker()
    logged = LoggedModel(name="mine", model_id="m-1")

    def fetch(run: Any, model: Any, folder: Path) -> Any:
        shutil.copy(source / "weights", folder)
        return model

    monkeypatch.setattr(tracker, "logged_models", lambda run: [logged], raising=False)
    monkeypatch.setattr(tracker, "fetch_model", fetch, raising=False)
    monkeypatch.setattr(trackers, "_load", lambda entry: tracker)
    with tracker.start_run("training"):
        wrapped().fit(*rows())
    ((_, made),) = found()
    assert (made.name, made.manifest) == ("mine", read_manifest(source))
    assert made.likeness.tie == "logged afterwards"
    assert made.likeness.reason.startswith("its files do not say how they are loaded")


def test_another_model_is_only_logged_afterwards(mlflow, local, caplog):
    model = wrapped()
    features, truth = rows()
    with mlflow.start_run(experiment_id=local):
        model.fit(features, truth)
        log_model(mlflow, LogisticRegression().fit(features, 1 - truth))
    ((_, made),) = found()
    assert made.likeness.tie == "logged afterwards"
    assert made.likeness.reason == "asked about 300 of the audited rows, it gave other predictions"
    assert "other predictions than the one that was audited" in caplog.text


def test_what_was_logged_before_the_training_is_nobodys(mlflow, local):
    features, truth = rows()
    with mlflow.start_run(experiment_id=local):
        log_model(mlflow, LogisticRegression().fit(features, truth), "older")
        time.sleep(model_ties._SLACK.total_seconds() + 0.1)
        wrapped().fit(features, truth)
    assert found() == []


def test_each_model_is_tied_to_the_training_before_it(mlflow, local):
    first, second = wrapped(), wrapped(DummyClassifier(strategy="most_frequent"))
    with mlflow.start_run(experiment_id=local):
        first.fit(*rows())
        log_model(mlflow, first, "first")
        time.sleep(model_ties._SLACK.total_seconds() + 0.1)
        second.fit(*rows(8))
        log_model(mlflow, second, "second")
    assert [(made.name, made.entry) for _, made in found()] == [("first", 0), ("second", 1)]
    assert {made.likeness.tie for _, made in found()} == {"same predictions"}


def test_a_model_of_an_earlier_training_is_tied_to_it(mlflow, local, caplog):
    first, second = wrapped(), wrapped(DummyClassifier(strategy="most_frequent"))
    with mlflow.start_run(experiment_id=local):
        first.fit(*rows())
        second.fit(*rows(8))
        log_model(mlflow, first, "the better one")
    ((_, made),) = found()
    assert (made.entry, made.likeness.tie) == (0, "same predictions")
    assert "other predictions" not in caplog.text


def test_rows_that_are_changed_afterwards_are_not_the_ones_compared(mlflow, local):
    features, truth = rows()
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(features, truth)
        log_model(mlflow, model)
        features["x"] = -features["x"]
    assert found()[0][1].likeness.tie == "same predictions"


def test_arrays_and_many_rows(mlflow, local, monkeypatch):
    monkeypatch.setattr(model_ties, "ROWS", 100)
    features, truth = rows()
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(features.to_numpy(), truth)
        log_model(mlflow, model)
    ((_, made),) = found()
    assert (made.likeness.tie, made.likeness.rows) == ("same predictions", 100)


def test_leaving_the_monitor_ties_what_is_there_and_the_end_of_the_run_the_rest(mlflow, local):
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        with vl.monitor("training"):
            model.fit(*rows())
            log_model(mlflow, model, "inside")
        assert [made.name for _, made in found()] == ["inside"]
        log_model(mlflow, model, "outside")
    assert [made.name for _, made in found()] == ["inside", "outside"]
    assert {made.likeness.tie for _, made in found()} == {"same predictions"}
    assert vl.verify().ok


def test_autologging_in_the_training_itself(mlflow, local):
    model = wrapped()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.sklearn.autolog(log_input_examples=False, silent=True)
    try:
        with mlflow.start_run(experiment_id=local) as run:
            model.fit(*rows())
    finally:
        mlflow.sklearn.autolog(disable=True)
    logged = mlflow.get_run(run.info.run_id).outputs.model_outputs
    assert [made.logged["model_id"] for _, made in found()] == [one.model_id for one in logged]
    assert [made.likeness.tie for _, made in found()] == ["same predictions"] * len(logged)
    assert logged


def test_a_model_of_a_blocked_training_is_tied_too(mlflow, local, place):
    strict = POLICY.replace('must: ">= 0.50"', 'must: ">= 1.00", on_fail: block')
    (place / "model_policy.yaml").write_text(strict)
    model = wrapped(DummyClassifier(strategy="most_frequent"))
    with mlflow.start_run(experiment_id=local):
        with pytest.raises(vl.ControlBlocked):
            model.fit(*rows())
        log_model(mlflow, model)
    assert found()[0][1].likeness.tie == "same predictions"


SCRIPT = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, numpy, pandas
from sklearn.linear_model import LogisticRegression
import venturalitica as vl
random = numpy.random.default_rng(7)
y = random.integers(0, 2, 300)
X = pandas.DataFrame({"x": y + random.random(300)})
model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
run = mlflow.start_run(experiment_id=sys.argv[1])
model.fit(X, y)
mlflow.sklearn.log_model(model, name="model", pip_requirements=[])
print(run.info.run_id)
"""


def test_a_script_that_ends_without_ending_its_run(mlflow, local, place, tracking_uri):
    """At exit: MLflow ends the run itself, and what it holds is tied within the allowance."""
    (place / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri, "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(
        [sys.executable, "train.py", local],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Traceback" not in ended.stderr
    assert [made.likeness.tie for _, made in found()] == ["same predictions"]


def trained_elsewhere(mlflow, local, monkeypatch) -> str:
    """A run whose process was killed before it could tie what it logged."""
    model = wrapped()
    with mlflow.start_run(experiment_id=local) as run:
        model.fit(*rows())
        log_model(mlflow, model)
        monkeypatch.setattr(model_ties, "_trainings", [])
    assert found() == []
    return str(run.info.run_id)


def test_bind_says_logged_afterwards_and_loads_nothing(mlflow, local, monkeypatch):
    run_id = trained_elsewhere(mlflow, local, monkeypatch)
    monkeypatch.setattr(models, "load", lambda folder: pytest.fail("it was loaded"))
    done = call("bind", run_id, "--json")
    facts = json.loads(done.stdout)
    ((entry, made),) = found()
    assert done.exit_code == 0
    assert [one["tie"] for one in facts["models"]] == ["logged afterwards"]
    assert facts["models"][0]["sha256"] == made.manifest.root
    assert made.likeness.reason == "made elsewhere, without the audited rows"
    assert made.likeness.rows is None
    again = call("bind", f"runs:/{run_id}")
    assert again.exit_code == 0
    assert "Nothing new" in again.stdout
    assert len(found()) == 1
    assert vl.verify(run_id).ok
    assert entry.index == 1


def test_bind_of_a_run_that_is_not_on_record(mlflow, local, monkeypatch):
    trained_elsewhere(mlflow, local, monkeypatch)
    wrong = call("bind", "0" * 32)
    assert wrong.exit_code == 2
    assert "no audit of a training in a tracker's run" in wrong.stderr


def test_bind_where_the_tracker_does_not_answer(mlflow, local, monkeypatch):
    run_id = trained_elsewhere(mlflow, local, monkeypatch)

    def refuse(self: object, run: object) -> None:
        raise TrackerError("the store is down")

    monkeypatch.setattr(MlflowTracker, "logged_models", refuse)
    done = call("bind", run_id)
    assert done.exit_code == 1
    assert f"not asked: mlflow run {run_id}: the store is down" in done.stderr
    assert found() == []


def test_sync_ties_what_no_record_speaks_of_and_once(mlflow, local, monkeypatch):
    run_id = trained_elsewhere(mlflow, local, monkeypatch)
    assert call("sync").exit_code == 0
    ((_, made),) = found()
    assert (made.logged["run_id"], made.likeness.tie) == (run_id, "logged afterwards")
    assert call("sync").exit_code == 0
    assert len(found()) == 1


def test_sync_with_another_key_signs_nothing(mlflow, local, monkeypatch, place):
    trained_elsewhere(mlflow, local, monkeypatch)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(place / "elsewhere"))
    call("sync")
    assert not (place / "elsewhere").exists()
    assert found() == []


def test_loading_has_a_time_limit(mlflow, local, monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(model_ties, "LOAD_WITHIN", 0.2)
    monkeypatch.setattr(models, "load", lambda folder: never.wait(30))
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(*rows())
        log_model(mlflow, model)
    never.set()
    ((_, made),) = found()
    assert made.likeness.tie == "logged afterwards"
    assert "was not loaded and asked within" in made.likeness.reason


def test_the_training_waits_no_longer_than_allowed_and_the_record_comes_later(
    mlflow, local, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0.3")
    go_on, whole = threading.Event(), MlflowTracker.logged_models

    def slow(self: Any, run: Any) -> Any:
        go_on.wait(60)
        return whole(self, run)

    monkeypatch.setattr(MlflowTracker, "logged_models", slow)
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(*rows())
        log_model(mlflow, model)
        began = time.monotonic()
    assert time.monotonic() - began < 20
    assert found() == []
    go_on.set()
    deadline = time.monotonic() + 60
    while not found() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found()[0][1].likeness.tie == "same predictions"


@pytest.mark.parametrize("question", ["logged_models", "fetch_model"])
def test_a_failure_of_the_tracker_changes_nothing(mlflow, local, monkeypatch, question):
    def fail(*arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(MlflowTracker, question, fail)
    model = wrapped()
    with mlflow.start_run(experiment_id=local):
        model.fit(*rows())
        log_model(mlflow, model)
    assert found() == []
    assert vl.verify().ok


def test_the_draws_of_the_user_are_not_shifted(mlflow, local):
    model = wrapped(DummyClassifier(strategy="stratified"))
    run = mlflow.start_run(experiment_id=local)
    model.fit(*rows())
    log_model(mlflow, model)
    np.random.seed(5)
    mlflow.end_run()
    drawn = np.random.random(3)
    np.random.seed(5)
    assert (drawn == np.random.random(3)).all()
    assert [made.logged["run_id"] for _, made in found()] == [run.info.run_id]


def test_only_so_many_trainings_are_waited_for(mlflow, local, monkeypatch):
    monkeypatch.setattr(model_ties, "TRAININGS", 2)
    with mlflow.start_run(experiment_id=local):
        for _ in range(3):
            wrapped().fit(*rows())
        assert [training.entry for training in model_ties._trainings] == [1, 2]
    assert model_ties._trainings == []


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    class Item:
        def __init__(self, path: str) -> None:
            self.path, self.is_dir = path, False

    class Store:
        def list_artifacts(self, folder: str | None) -> list[Item]:
            return [Item("../../.bashrc")]

    with pytest.raises(TrackerError, match="no name of a file below it"):
        models._take(Store(), tmp_path)


def stranger(folder: Path) -> str:
    """With `model-signing` alone where it is here, else with the standard library alone."""
    meta = "registered_model_meta"
    if importlib.util.find_spec("model_signing") is None:
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != meta]
        files.sort(key=lambda path: PurePosixPath(path.relative_to(folder)).parts)
        joined = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    else:
        hashing = importlib.import_module("model_signing.hashing")
        config = hashing.Config().set_ignored_paths(paths=[meta], ignore_git_paths=False)
        items = config.hash(folder).resource_descriptors()
        joined = b"".join(item.digest.digest_value for item in items)
    return hashlib.sha256(joined).hexdigest()


def test_a_stranger_computes_the_root_of_what_a_real_server_stores(mlflow, server_uri, place):
    model = wrapped()
    with mlflow.start_run() as run:
        model.fit(*rows())
        info = log_model(mlflow, model)
        mlflow.register_model(info.model_uri, "stranger")
    ((_, made),) = found()
    assert made.likeness.tie == "same predictions"
    uris = (info.model_uri, "models:/stranger/1", f"runs:/{run.info.run_id}/model")
    for number, uri in enumerate(uris):
        folder = place / f"by{number}"
        fetched = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
        assert stranger(fetched) == made.manifest.root
        assert made.manifest.changes(read_manifest(fetched)) == ()
    file = next(fetched.glob("model.*"))
    renamed = file.rename(file.with_suffix(".bin"))
    assert made.manifest.changes(read_manifest(fetched)) == (
        f"{renamed.name} is new",
        f"{file.name} is not there",
    )
    data = bytearray(renamed.rename(file).parent.joinpath(file.name).read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert stranger(fetched) != made.manifest.root
    assert made.manifest.changes(read_manifest(fetched)) == (f"{file.name} has other bytes",)
    assert vl.verify(run.info.run_id).ok


def predicate() -> dict[str, Any]:
    manifest = Manifest.over({"MLmodel": "1" * 64})
    return {
        "of": {"entry": 0, "evidence_sha256": "2" * 64, "run_id": "r"},
        "model": {"name": "m", "sha256": manifest.root, "files": manifest.to_json()},
        "tie": "same predictions",
        "rows": 3,
        "reason": "",
        "trackers": [],
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"of": {"entry": -1, "evidence_sha256": "2" * 64}}, "predicate.of"),
        ({"of": {"entry": 0, "evidence_sha256": "x"}}, "predicate.of"),
        ({"model": {}}, "manifest"),
        ({"tie": "the same"}, "predicate.tie is neither"),
        ({"rows": -1}, "predicate.rows"),
        ({"rows": None}, "were compared, on no rows"),
        ({"trackers": None}, "predicate.trackers"),
    ],
)
def test_a_record_of_anybody_is_held_against_its_shape(wrong, said):
    check(predicate())
    with pytest.raises(EvidenceError, match=said):
        check(predicate() | wrong)
    other = predicate()
    other["model"]["sha256"] = "0" * 64
    with pytest.raises(EvidenceError, match="another SHA-256 than the root"):
        check(other)
