"""The files that an audited training leaves at W&B, on record: real offline runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import delivery, model_ties
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.core.record import MODEL
from venturalitica.errors import TrackerError
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.provenance.model_files import read_manifest
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.wandb import WandbTracker, models
from venturalitica.trackers.wandb import tracker as room

pytestmark = pytest.mark.filterwarnings("ignore")

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
"""


@pytest.fixture
def wandb(offline_wandb, tmp_path, monkeypatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(model_ties, "_trainings", [])
    monkeypatch.setattr(model_ties, "_tied", set())
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return offline_wandb


def trained() -> Any:
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 300)
    model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
    return model.fit(np.column_stack([truth + random.random(300), random.random(300)]), truth)


def saved(folder: Path) -> Path:
    """Files of a model, one of them below a folder."""
    (folder / "parts").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    (folder / "parts" / "b.txt").write_text("more")
    return folder


def found() -> list[tuple[Any, ModelTie]]:
    entries = open_ledger(create=False).entries()
    kinds = [entry for entry in entries if entry.record.predicate_type == MODEL]
    return [(entry, ModelTie.of(entry.record.predicate)) for entry in kinds]


def artifact(wandb: Any, folder: Path, kind: str = "model", name: str = "credit") -> Any:
    made = wandb.Artifact(name, type=kind)
    made.add_dir(str(folder))
    return made


@pytest.mark.parametrize("how", ["artifact", "module", "path", "log_model"])
def test_a_model_logged_after_a_fit_is_on_record_with_its_files(wandb, tmp_path, how):
    folder = saved(tmp_path / "saved")
    with wandb.init(project="credit") as run:
        trained()
        if how == "artifact":
            run.log_artifact(artifact(wandb, folder))
        elif how == "module":
            wandb.log_artifact(artifact(wandb, folder))
        elif how == "path":
            run.log_artifact(str(folder), name="credit", type="model")
        else:
            run.log_model(str(folder), name="credit")
    ((entry, made),) = found()
    assert made.manifest == read_manifest(folder)
    assert dict(made.manifest.files)["model.bin"] == hashlib.sha256(b"weights").hexdigest()
    assert (made.name, made.logged["tracker"]) == ("credit", "wandb")
    assert made.logged["run_id"] == run.id
    assert made.likeness.tie == "logged afterwards"
    assert "MLmodel" in made.likeness.reason
    assert ("model/credit", made.manifest.root) in list(entry.record.subjects)
    assert vl.verify().ok


def test_the_files_are_those_of_the_moment_they_were_logged(wandb, tmp_path):
    folder = saved(tmp_path / "saved")
    before = read_manifest(folder)
    with wandb.init(project="credit") as run:
        trained()
        run.log_artifact(artifact(wandb, folder))
        (folder / "model.bin").write_bytes(b"other weights")
        (folder / "parts" / "b.txt").unlink()
    ((_, made),) = found()
    assert made.manifest == before


def test_a_model_of_mlflow_s_format_is_loaded_and_asked(mlflow, wandb, tmp_path):
    with wandb.init(project="credit") as run:
        model = trained()
        mlflow.sklearn.save_model(model, str(tmp_path / "saved"), pip_requirements=[])
        run.log_artifact(artifact(wandb, tmp_path / "saved"))
    ((_, made),) = found()
    assert (made.likeness.tie, made.likeness.rows) == ("same predictions", 300)


def test_other_artifacts_and_those_of_before_the_fit_are_no_models_of_it(wandb, tmp_path):
    folder = saved(tmp_path / "saved")
    with wandb.init(project="credit") as run:
        run.log_artifact(artifact(wandb, folder, name="older"))
        trained()
        run.log_artifact(artifact(wandb, folder, kind="dataset", name="rows"))
    assert found() == []


def test_no_file_stays_open(wandb, tmp_path):
    folder = saved(tmp_path / "saved")
    with wandb.init(project="credit") as run:
        trained()
        run.log_artifact(artifact(wandb, folder))
    staged = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert not [path for path in staged if "staging" in path]


def test_a_failure_to_look_is_none_of_the_training_s(wandb, tmp_path, monkeypatch):
    def fails(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(models, "_note", fails)
    with wandb.init(project="credit") as run:
        trained()
        logged = run.log_artifact(artifact(wandb, saved(tmp_path / "saved")))
    assert logged.name.startswith("credit")
    assert found() == []


class _Entry:
    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data

    def download(self, root: str, skip_cache: bool) -> None:
        assert skip_cache
        Path(root, self.name).write_bytes(self.data)


def at_server(files: dict[str, bytes], kind: str = "model") -> Any:
    """A run as W&B's public interface gives it: no server of W&B's runs without an account."""
    entries = {name: _Entry(name, data) for name, data in files.items()}
    one = SimpleNamespace(
        type=kind,
        name="credit:v3",
        digest="d1",
        created_at="2026-11-29T10:00:00Z",
        manifest=SimpleNamespace(entries=entries),
        get_entry=entries.__getitem__,
    )
    other = SimpleNamespace(type="dataset", name="rows:v0", digest="d2", created_at="2026")
    return SimpleNamespace(logged_artifacts=lambda: [other, one])


def test_another_process_asks_the_server(monkeypatch, tmp_path):
    files = {"model.bin": b"weights", "parts/b.txt": b"more"}
    asked: list[tuple[str, ...]] = []

    def server(*place: str) -> Any:
        asked.append(place)
        return at_server(files)

    monkeypatch.setattr(room, "at_server", server)
    run = RunRef(
        tracker="wandb",
        run_id="r1",
        uri="https://wandb.example",
        extra={"entity": "us", "project": "credit"},
    )
    (model,) = WandbTracker().logged_models(run)
    assert (model.name, model.version, model.model_id) == ("credit", "v3", "credit/d1")
    assert model.made_at is not None
    assert model.made_at.isoformat() == "2026-11-29T10:00:00+00:00"
    WandbTracker().fetch_model(run, model, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert set(asked) == {("us/credit/r1", "https://wandb.example")}


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a//b", "a/./b"])
def test_a_name_that_leads_elsewhere_is_refused(monkeypatch, tmp_path, name):
    monkeypatch.setattr(room, "at_server", lambda *_: at_server({name: b"x"}))
    run = RunRef(tracker="wandb", run_id="r1", uri="https://wandb.example")
    (model,) = WandbTracker().logged_models(run)
    with pytest.raises(TrackerError, match="no name of a file"):
        WandbTracker().fetch_model(run, model, tmp_path / "in")
    assert not (tmp_path / "evil").exists()
