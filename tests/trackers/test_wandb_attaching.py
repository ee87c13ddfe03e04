"""Evidence that was made without a run, or one run too early, at W&B: real offline runs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery, model_ties, result
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.record import ATTACHMENT
from venturalitica.ledger.records.kinds.attachment import Attachment

pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.default_rng(0).normal(size=(100, 2))
Y = (X[:, 0] > 0).astype(int)


@pytest.fixture
def wandb(offline_wandb, tmp_path, monkeypatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(model_ties, "_trainings", [])
    monkeypatch.setattr(result, "_told", set())
    (tmp_path / "rules.yaml").write_text(small_policy(">= 0.1"))
    return offline_wandb


def train(C: float = 1.0) -> Any:
    return vl.wrap(LogisticRegression(C=C), policy="rules.yaml").fit(X, Y)


def attached() -> list[tuple[int, str, str, list[str]]]:
    """Entry, how, run, and the runs superseded, of each attachment."""
    records = [entry.record for entry in open_ledger(create=False).entries()]
    made = [Attachment.of(r.predicate) for r in records if r.predicate_type == ATTACHMENT]
    return [
        (one.entry, one.how, one.run["run_id"], [run["run_id"] for run in one.superseded])
        for one in made
    ]


def evidence_at(run: Any) -> set[str]:
    """The digests of the bundles in an offline run's folder."""
    folder = Path(run.settings.files_dir) / "venturalitica"
    found = set()
    for file in [*folder.glob("evidence.json"), *folder.glob("audits/*/evidence.json")]:
        envelope = json.loads(file.read_text())["envelope"]
        found.add(sha256_hex(envelope.encode()))
    return found


def digest(entry: int) -> str:
    return open_ledger(create=False).entry(entry).evidence_sha256


def next_run(wandb: Any, how: str) -> Any:
    if how == "finish":
        wandb.finish()
        return wandb.init(project="p")
    return wandb.init(project="p", reinit="finish_previous")


@pytest.mark.parametrize("how", ["reinit", "finish"])
def test_a_loop_that_trains_before_its_run_gets_each_evidence_to_the_right_run(wandb, how, caplog):
    caplog.set_level("INFO", logger="venturalitica")
    runs = []
    for number in range(4):
        train(C=1 + number)
        runs.append(next_run(wandb, how))
        wandb.log({"acc": 0.9})
    wandb.finish()
    ids = [run.id for run in runs]
    entries = [entry for entry, *_ in attached()]
    assert attached() == [
        (entry, "run replaced", ids[place + 1], [ids[place]]) for place, entry in enumerate(entries)
    ]
    for place, entry in enumerate(entries):
        assert digest(entry) in evidence_at(runs[place + 1])
    assert f"gave way to {ids[1]} before anything more was written to it" in caplog.text
    # No run was open when the first trained, and none logged its model.
    assert "; waits for a run" in caplog.text
    shown = CliRunner().invoke(app, ["runs", "show", str(entries[0])])
    assert f"superseded: it belongs to run {ids[1]}" in shown.output


def test_with_the_setting_the_first_is_there_too(wandb, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_ATTACH", "next-run")
    runs = []
    for number in range(3):
        train(C=1 + number)
        runs.append(next_run(wandb, "reinit"))
        wandb.log({"acc": 0.9})
    wandb.finish()
    assert [run for _, _, run, _ in attached()] == [run.id for run in runs]


@pytest.mark.parametrize(
    "more",
    [
        lambda run: run.log({"acc": 0.9}),
        lambda run: run.summary.update({"acc": 0.9}),
        lambda run: run.config.update({"C": 1}),
    ],
    ids=["history", "summary", "config"],
)
def test_a_run_that_something_more_is_written_to_keeps_its_evidence(wandb, more):
    with wandb.init(project="p") as run:
        run.log({"loss": 1.0})
        train()
        more(run)
    wandb.init(project="p").finish()
    assert attached() == []


def test_runs_that_hold_nothing_but_the_training_are_in_the_right_order(wandb):
    train()  # of a baseline, say
    wandb.init(project="p").finish()
    for number in range(3):
        with wandb.init(project="p"):
            train(C=2 + number)
    assert attached() == []


def test_a_run_beside_another_replaces_nothing(wandb):
    train()
    older = wandb.init(project="p")
    train(C=2)
    newer = wandb.init(project="p", reinit="create_new")
    newer.finish()
    older.finish()
    assert attached() == []


@pytest.mark.parametrize(
    "save",
    [
        lambda model, file: joblib.dump(model, file),
        lambda model, file: joblib.dump(vl.unwrap(model), file),
        lambda model, file: file.write_bytes(pickle.dumps(model)),
        lambda model, file: file.write_bytes(pickle.dumps(vl.unwrap(model), protocol=2)),
    ],
    ids=["joblib", "joblib plain", "pickle", "pickle plain"],
)
def test_the_run_that_logs_the_file_of_a_model_gets_its_evidence(wandb, tmp_path, save):
    train(C=0.5)
    model = train()
    save(model, tmp_path / "model.bin")
    with wandb.init(project="p") as run:
        artifact = wandb.Artifact("credit", type="model")
        artifact.add_file(str(tmp_path / "model.bin"))
        run.log_artifact(artifact)
    assert attached() == [(1, "model logged", run.id, [])]
    assert evidence_at(run) == {digest(1)}
    files = Path(run.settings.files_dir)
    assert (files / "policy_snapshot/rules.yaml").read_bytes() == Path("rules.yaml").read_bytes()
    assert (files / "venturalitica/report.html").is_file()


def test_a_run_that_saves_the_file_of_a_model_gets_its_evidence(wandb, tmp_path):
    model = train()
    joblib.dump(model, tmp_path / "model.joblib", compress=3)
    with wandb.init(project="p") as run:
        run.save(str(tmp_path / "model.joblib"), base_path=str(tmp_path), policy="now")
    assert attached() == [(0, "model logged", run.id, [])]


def test_a_file_of_another_model_or_of_another_kind_draws_no_evidence(wandb, tmp_path):
    model = train()
    (tmp_path / "other.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(X, 1 - Y)))
    joblib.dump(model, tmp_path / "model.joblib")
    with wandb.init(project="p") as run:
        for kind, file in (("model", "other.pkl"), ("dataset", "model.joblib")):
            artifact = wandb.Artifact(kind, type=kind)
            artifact.add_file(str(tmp_path / file))
            run.log_artifact(artifact)
    assert attached() == []


def test_attach_takes_an_offline_run_by_its_folder_and_says_that_it_waits(wandb):
    train()
    with wandb.init(project="p") as run:
        pass
    folder = str(Path(run.settings.sync_dir))
    done = CliRunner().invoke(app, ["attach", "0", folder])
    assert done.exit_code == 1, done.output
    assert "waits" in done.output
    assert "wandb sync" in done.output
    assert attached() == [(0, "by hand", run.id, [])]
