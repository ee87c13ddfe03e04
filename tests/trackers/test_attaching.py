"""Evidence that was made without a run reaches the one that logs its model: real MLflow, SQLite."""

from __future__ import annotations

import copy
import gc
import gzip
import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery, model_ties, result
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.model_ties import untied
from venturalitica.audit.parcel import parcel
from venturalitica.audit.project import open_ledger
from venturalitica.audit.recording import keep
from venturalitica.audit.statement import Unsigned
from venturalitica.cli.app import app
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.record import ATTACHMENT, MODEL
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger import Index, Outbox
from venturalitica.ledger.lifecycle.ties import attachments_of
from venturalitica.ledger.records.kinds.attachment import Attachment, check
from venturalitica.review.verification import verify_run
from venturalitica.system.settings import Settings
from venturalitica.trackers import tracker
from venturalitica.trackers.layout import read_claims

pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.default_rng(0).normal(size=(100, 2))
Y = (X[:, 0] > 0).astype(int)
TAG = "venturalitica.evidence_sha256"


@pytest.fixture(autouse=True)
def rules(tmp_path, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(result, "_told", set())
    monkeypatch.setattr(model_ties, "_trainings", [])
    path = tmp_path / "rules.yaml"
    path.write_text(small_policy(">= 0.1"))
    return path


@pytest.fixture
def train(mlflow, tracking_uri, rules):
    """Trains a governed model on our rows; each `C` gives another one."""

    def trained(model: Any = None, C: float = 1.0) -> Any:
        return vl.wrap(LogisticRegression(C=C) if model is None else model, policy=rules).fit(X, Y)

    return trained


def log_model(mlflow: Any, model: Any) -> Any:
    # Else MLflow tries out what the model needs, which takes seconds.
    return mlflow.sklearn.log_model(
        model,
        name="model",
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )


def at(mlflow: Any, run: Any) -> set[str]:
    """The digests of the audits at a run."""
    tags = mlflow.get_run(run.info.run_id).data.tags
    claims = read_claims(tags).values()
    return {claim.evidence_sha256 for claim in claims if claim.kind == "audit"}


def digests(*entries: int) -> set[str]:
    ledger = open_ledger(create=False)
    return {ledger.entry(index).evidence_sha256 for index in entries}


def attached() -> list[Attachment]:
    entries = open_ledger(create=False).entries()
    kinds = [entry.record for entry in entries if entry.record.predicate_type == ATTACHMENT]
    return [Attachment.of(record.predicate) for record in kinds]


def test_the_run_that_logs_the_model_gets_evidence_policy_page_and_verifies(
    mlflow, train, rules, caplog
):
    caplog.set_level("INFO", logger="venturalitica")
    model = train()
    assert "; waits for a run" in caplog.text
    with mlflow.start_run() as run:
        log_model(mlflow, model)
    assert f"evidence 0: mlflow run {run.info.run_id}, which logs its model" in caplog.text

    found = tracker("mlflow").fetch(run.info.run_id)
    assert found["policy_snapshot/rules.yaml"] == rules.read_bytes()
    assert found[f"tags/{TAG}"].decode() in digests(0)
    assert "venturalitica/report.html" in found
    assert found["tags/venturalitica.control.accuracy"] == b"passed"
    (made,) = attached()
    assert (made.entry, made.how, made.run["run_id"]) == (0, "model logged", run.info.run_id)

    verified = verify_run(run.info.run_id)
    assert verified.ok
    (step,) = [step for step in verified.steps if step.name == "run"]
    assert step.ok
    assert "1 attached to it afterwards" in step.detail
    # The model is tied to the audit as one that was logged inside the run.
    ties = [e.record for e in open_ledger().entries() if e.record.predicate_type == MODEL]
    assert [tie.predicate["tie"] for tie in ties] == ["same predictions"]


def test_evidence_that_was_copied_to_a_run_without_its_attachment_is_not_believed(mlflow, train):
    model = train()
    with mlflow.start_run() as run:
        log_model(mlflow, model)
    entry = open_ledger().entry(0)
    with mlflow.start_run() as other:
        pass
    ref = tracker("mlflow").find_run(other.info.run_id)
    assert ref is not None

    tracker("mlflow").deliver(ref, parcel(open_ledger(), 0, entry))
    (step,) = [step for step in verify_run(other.info.run_id).steps if step.name == "run"]
    assert step.ok is False
    assert "somebody put it here" in step.detail
    assert verify_run(run.info.run_id).ok


class Wrapper:
    """As people write a `PythonModel` around their own."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, X: Any) -> Any:
        return self.model.predict(X)


@pytest.mark.parametrize(
    "form",
    [
        lambda model: model,
        vl.unwrap,
        copy.copy,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: make_pipeline(StandardScaler(), model),
        Wrapper,
    ],
    ids=["itself", "unwrapped", "copied", "deep copied", "loaded", "in a pipeline", "held"],
)
def test_a_model_is_known_in_whatever_form_it_is_logged(mlflow, train, form):
    others = [train(C=0.3), train(C=0.5)]
    model = train()
    with mlflow.start_run() as run:
        log_model(mlflow, form(model))
    assert at(mlflow, run) == digests(2)
    del others


def _packed(opener: Any) -> Any:
    def save(model: Any, file: Path) -> None:
        with opener(file, "wb") as stream:
            pickle.dump(model, stream)

    return save


SAVED = {
    "pickle": _packed(open),
    "pickle in gzip": _packed(gzip.open),
    "joblib": joblib.dump,
    "joblib plain": lambda model, file: joblib.dump(vl.unwrap(model), file),
    "joblib compressed": lambda model, file: joblib.dump(model, file, compress=3),
    "joblib in bz2": lambda model, file: joblib.dump(model, file, compress=("bz2", 3)),
    "joblib in xz": lambda model, file: joblib.dump(model, file, compress=("xz", 1)),
}


@pytest.mark.parametrize("save", SAVED.values(), ids=SAVED)
def test_a_model_is_known_by_its_file(mlflow, train, tmp_path, save):
    train(C=0.3)
    model = train()
    folder = tmp_path / "saved"
    folder.mkdir()
    save(model, folder / "model.bin")
    save(LogisticRegression().fit(X, 1 - Y), tmp_path / "other.bin")
    with mlflow.start_run() as first:
        mlflow.log_artifact(str(tmp_path / "other.bin"))
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(folder / "model.bin"), artifact_path="model")
    with mlflow.start_run() as other:
        mlflow.log_artifacts(local_dir=str(folder))
    assert [at(mlflow, one) for one in (first, run, other)] == [set(), digests(1), digests(1)]


def test_files_that_only_begin_like_one_are_no_model(mlflow, train, tmp_path):
    train()
    with mlflow.start_run() as run:
        for start in (
            b"x\x9c,y\n1,2\n",
            b"\x1f\x8b",
            b"BZ",
            b"]\x00",
            b"\xfd7",
            b"\x80\xff",
            b"",
            b"{",
        ):
            (tmp_path / "file").write_bytes(start)
            mlflow.log_artifact(str(tmp_path / "file"))
        mlflow.log_text("tree", "tree.txt")
    assert at(mlflow, run) == set()


def test_the_best_model_of_a_search_is_the_search(mlflow, train):
    search = train(GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2))
    with mlflow.start_run() as run:
        log_model(mlflow, search.best_estimator_)
    assert at(mlflow, run) == digests(0)


def test_a_model_that_nobody_audited_draws_no_evidence(mlflow, train):
    train()
    bare = LogisticRegression(C=0.2).fit(X, Y)
    with mlflow.start_run() as run:
        log_model(mlflow, bare)
    assert at(mlflow, run) == set()
    assert attached() == []


def test_several_wait_at_once_and_each_goes_to_its_own_run(mlflow, train):
    models = [train(C=C) for C in (0.1, 0.2, 0.3)]
    for place in (2, 0, 1):
        with mlflow.start_run() as run:
            log_model(mlflow, models[place])
        assert at(mlflow, run) == digests(place)


def test_logged_twice_it_is_attached_once_to_each_run(mlflow, train):
    model = train()
    with mlflow.start_run() as first:
        log_model(mlflow, model)
        log_model(mlflow, model)
    with mlflow.start_run() as second:
        log_model(mlflow, model)
    assert [made.run["run_id"] for made in attached()] == [first.info.run_id, second.info.run_id]
    assert at(mlflow, first) == at(mlflow, second) == digests(0)


def test_a_model_that_is_trained_again_is_another_one(mlflow, train, rules):
    model = vl.wrap(LogisticRegression(), policy=rules)
    model.fit(X, Y)
    model.set_params(C=0.01).fit(X, Y)
    with mlflow.start_run() as run:
        log_model(mlflow, model)
    assert at(mlflow, run) == digests(1)


def test_the_inner_one_of_nested_runs_that_logs_it(mlflow, train):
    model = train()
    with mlflow.start_run() as outer, mlflow.start_run(nested=True) as inner:
        log_model(mlflow, model)
    assert at(mlflow, inner) == digests(0)
    assert at(mlflow, outer) == set()


def test_a_run_of_another_thread_that_logs_it(mlflow, train):
    model = train()
    runs: list[Any] = []

    def log() -> None:
        with mlflow.start_run() as run:
            runs.append(run)
            log_model(mlflow, model)

    thread = threading.Thread(target=log)
    thread.start()
    thread.join()
    assert at(mlflow, runs[0]) == digests(0)


def test_a_model_that_waits_is_not_kept_alive_and_its_digest_is_known(mlflow, train):
    model = train()
    saved, gone = pickle.dumps(model), weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    with mlflow.start_run() as run:
        log_model(mlflow, pickle.loads(saved))
    assert at(mlflow, run) == digests(0)


def test_an_audit_by_enforce_waits_for_its_model_too(mlflow, tracking_uri, rules):
    model = LogisticRegression().fit(X, Y)
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=Y)
    said = vl.enforce(frame, policy=rules, target="y", prediction=model.predict(X))
    assert not said.awaits_run
    named = LogisticRegression().fit(frame[["a", "b"]], Y)
    assert vl.enforce(frame, policy=rules, model=named, target="y").awaits_run
    with mlflow.start_run() as run:
        log_model(mlflow, named)
    assert at(mlflow, run) == digests(1)


def test_the_run_that_autologging_opens_in_the_training(mlflow, train, caplog):
    caplog.set_level("INFO", logger="venturalitica")
    mlflow.sklearn.autolog(log_models=False)
    try:
        train()
    finally:
        mlflow.sklearn.autolog(disable=True)
    run = mlflow.last_active_run()
    assert run.info.status == "FINISHED"
    assert at(mlflow, run) == digests(0)
    assert f"; mlflow run {run.info.run_id}" in caplog.text
    (named,) = open_ledger().entry(0).record.trackers
    assert named["experiment_id"] == run.info.experiment_id
    assert attached() == []


def test_with_a_run_open_the_model_s_own_run_gets_nothing_more(mlflow, train):
    with mlflow.start_run() as run:
        model = train()
    with mlflow.start_run() as other:
        log_model(mlflow, model)
    assert at(mlflow, run) == digests(0)
    assert at(mlflow, other) == set()


def test_by_a_setting_the_next_run_takes_what_waits(mlflow, train, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_ATTACH", "next-run")
    train(), train(C=0.5)
    with mlflow.start_run() as run:
        pass
    with mlflow.start_run() as after:
        pass
    assert at(mlflow, run) == digests(0, 1)
    assert at(mlflow, after) == set()
    assert {made.how for made in attached()} == {"next run"}
    monkeypatch.setenv("VENTURALITICA_ATTACH", "next")
    with pytest.raises(SettingsError, match=r"expected model or next-run"):
        train()


def _log_in_child(mlflow: Any, model: Any, results: Any) -> None:
    with mlflow.start_run() as run:
        log_model(mlflow, model)
    results.put(run.info.run_id)


def test_a_forked_child_that_logs_it(mlflow, train):
    model = train()
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_log_in_child, args=(mlflow, model, results))
    child.start()
    run_id = results.get(timeout=120)
    child.join(60)
    assert [made.run["run_id"] for made in attached()] == [run_id]


def test_lists_pages_index_and_bind_know_the_run(mlflow, train):
    model = train()
    with mlflow.start_run() as run:
        log_model(mlflow, model)
    ledger = open_ledger()
    with Index.open(ledger) as index:
        assert [row.index for row in index.find(run.info.run_id) if row.kind == "audit"] == [0]
    shown = CliRunner().invoke(app, ["runs", "show", run.info.run_id])
    assert shown.exit_code == 0, shown.output
    assert "attached: model logged" in shown.output
    listed = json.loads(CliRunner().invoke(app, ["runs", "list", "--json"]).output)
    (row,) = listed["runs"] if isinstance(listed, dict) else listed
    assert [one["run_id"] for one in row["trackers"]] == [run.info.run_id]
    (training,) = untied(ledger, run_id=run.info.run_id)
    assert training.entry == 0


def test_what_was_not_delivered_waits_and_sync_delivers_it(mlflow, train):
    model = train()
    place = type(tracker("mlflow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, "deliver", lambda *_: (_ for _ in ()).throw(OSError("down")))
        with mlflow.start_run() as run:
            log_model(mlflow, model)
    assert at(mlflow, run) == set()
    assert {item.index for item in Outbox(open_ledger()).waiting()} >= {0, 1}
    delivery.sync(open_ledger())
    assert at(mlflow, run) == digests(0)
    assert Outbox(open_ledger()).waiting() == []


SCRIPT = """\
import mlflow, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
import venturalitica as vl
mlflow.set_tracking_uri(sys.argv[1])
X = np.random.default_rng(0).normal(size=(100, 2))
for C in (1, 2):
    vl.wrap(LogisticRegression(C=C), policy="rules.yaml").fit(X, (X[:, 0] > 0).astype(int))
"""


def test_what_waits_at_the_end_is_said_and_attach_brings_it(
    mlflow, tracking_uri, rules, tmp_path, monkeypatch
):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py", tracking_uri],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in done.stderr.splitlines() if "no run of a tracker took" in line]
    assert "the evidence of entries 0, 1" in line
    assert "'venturalitica attach 0 RUN'" in line

    with mlflow.start_run() as run:
        pass
    first = CliRunner().invoke(app, ["attach", "0", run.info.run_id, "--json"])
    assert first.exit_code == 0, first.output
    assert [one["index"] for one in json.loads(first.output)["parcels"]] == [2, 0]
    assert at(mlflow, run) == digests(0)
    assert verify_run(run.info.run_id).ok
    assert attached()[0].how == "by hand"

    again = CliRunner().invoke(app, ["attach", "0", f"runs:/{run.info.run_id}"])
    assert again.exit_code == 2
    assert "already" in again.output + (again.stderr or "")
    for args, words in (
        (["attach", "0", "0" * 32], "has no run"),
        (["attach", "0", "nonsense"], "expected the 32 digits of an MLflow run"),
        (["attach", "9", run.info.run_id], "no record fits"),
        (["attach", "2", run.info.run_id], "no single record of an audit"),
    ):
        refused = CliRunner().invoke(app, args)
        assert refused.exit_code == 2, args
        assert words in refused.output + (refused.stderr or ""), args


def test_an_attachment_that_is_malformed_is_refused(train):
    train()
    entry = open_ledger().entry(0)
    run = {"tracker": "mlflow", "run_id": "a" * 32}
    made = Attachment(
        entry=0, evidence_sha256=entry.evidence_sha256, run_id="r", run=run, how="by hand"
    )

    predicate = made.statement(datetime.now(UTC))["predicate"]
    check(predicate)
    assert Attachment.of(predicate) == made
    changes: tuple[dict[str, Any], ...] = (
        {"of": {"entry": -1}},
        {"how": "guessed"},
        {"run": {"tracker": "mlflow"}},
        {"superseded": [{}]},
        {"trackers": []},
    )
    for change in changes:
        with pytest.raises(EvidenceError, match=r"predicate\."):
            check({**predicate, **change})


def test_an_attachment_of_another_record_changes_nothing(train):
    """Its digest must be that of the record in the place that it names."""

    train()
    made = Attachment(
        entry=0,
        evidence_sha256=sha256_hex(b"another"),
        run_id="r",
        run={"tracker": "memory", "run_id": "r"},
        how="by hand",
    )
    keep(Unsigned(made.statement(datetime.now(UTC))), (), Settings.for_recording())
    ledger = open_ledger()
    assert attachments_of(ledger, ledger.entry(0)) == []
    with Index.open(ledger) as index:
        assert [entry for entry, _, _ in index.links()] == [1]
