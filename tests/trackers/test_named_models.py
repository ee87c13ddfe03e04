"""`vl.enforce(model="models:/…")` and `check --model`: a real MLflow store, and folders."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica.audit import named_model
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.consistency import check_model_files, check_subjects
from venturalitica.provenance.model_files import read_manifest
from venturalitica.reports.html.page import render_report
from venturalitica.trackers.mlflow import models

pytestmark = pytest.mark.filterwarnings("ignore")

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
  - {id: auc, metric: roc_auc, must: ">= 0.50"}
"""


def rows() -> pd.DataFrame:
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 300)
    return pd.DataFrame(
        {"label": truth, "x": truth + random.random(300), "z": random.integers(0, 9, 300)}
    )


@pytest.fixture(scope="module")
def store(mlflow, empty_database, tmp_path_factory) -> SimpleNamespace:
    """A store with one model, logged in a run and registered twice."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(empty_database, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    table = rows()
    model = LogisticRegression().fit(table[["x", "z"]].astype(float), table.label)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.chdir(folder)
        mlflow.set_tracking_uri(uri)
        example = table[["x", "z"]].astype(float)
        signature = mlflow.models.infer_signature(example, model.predict(example))
        settings = {"signature": signature, "pip_requirements": []}
        place = mlflow.create_experiment("credit", artifact_location=f"{folder}/artifacts")
        with mlflow.start_run(experiment_id=place) as run:
            info = mlflow.sklearn.log_model(
                model,
                name="model",
                serialization_format="cloudpickle",
                registered_model_name="credit",
                **settings,
            )
        mlflow.register_model(info.model_uri, "credit")
        mlflow.MlflowClient().set_registered_model_alias("credit", "champion", "1")
        mlflow.sklearn.save_model(model, str(folder / "folder"), **settings)
        mlflow.set_tracking_uri(None)
    return SimpleNamespace(
        uri=uri, folder=folder, model=model, run_id=run.info.run_id, model_id=info.model_id
    )


@pytest.fixture
def table(tracking_uri, mlflow, store, tmp_path, monkeypatch) -> pd.DataFrame:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    mlflow.set_tracking_uri(store.uri)
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return rows()


def last() -> Statement:
    ledger = open_ledger(create=False)
    return ledger.entry(ledger.size - 1).record


def uris(store: SimpleNamespace) -> list[str]:
    named = ("credit/1", "credit/2", "credit@champion", "credit/latest", store.model_id)
    return [*(f"models:/{name}" for name in named), f"runs:/{store.run_id}/model"]


def test_one_model_by_all_its_names_has_one_digest_and_the_same_verdicts(table, store, mlflow):
    audits = [vl.enforce(table, model=uri, target="label") for uri in uris(store)]
    expected = (store.model.predict(table[["x", "z"]]) == table.label).mean()
    assert [audit["accuracy"].value for audit in audits] == pytest.approx([expected] * 6)
    assert {audit["auc"].status for audit in audits} == {"passed"}
    found = [Statement.of(audit.statement) for audit in audits]
    manifests = [Manifest.of(statement.model["files"]) for statement in found]
    assert len({manifest.root for manifest in manifests}) == 1
    assert all(manifest.files == manifests[0].files for manifest in manifests)
    for statement, manifest in zip(found, manifests, strict=True):
        named = {name: digest for name, digest in statement.subjects if name.startswith("model/")}
        assert list(named.values()) == [manifest.root] == [statement.model["sha256"]]
        assert statement.model["class"] == "sklearn.linear_model._logistic.LogisticRegression"
        assert statement.model["parameters"]["C"] == 1.0
        assert statement.model["identity"] == "files"
    assert [statement.model["name"] for statement in found] == [
        "models:/credit/1",
        "models:/credit/2",
        "models:/credit/1",
        "models:/credit/2",
        f"models:/{store.model_id}",
        f"runs:/{store.run_id}/model",
    ]
    assert vl.verify().ok


def test_what_mlflow_adds_to_its_own_store_is_left_out_and_said(table, store, mlflow, tmp_path):
    """MLflow writes `registered_model_meta` into what it fetches; into a local store itself, too,
    where it is asked without a folder of one's own."""
    mlflow.pyfunc.load_model("models:/credit/1")
    (stored,) = Path(store.folder).rglob("model.pkl")
    assert (stored.parent / "registered_model_meta").is_file()
    plain = Manifest.of(
        Statement.of(
            vl.enforce(table, model=f"runs:/{store.run_id}/model", target="label").statement
        ).model["files"]
    )
    assert "registered_model_meta" not in plain.files
    assert plain.left_out == ("registered_model_meta",)
    fetched = mlflow.artifacts.download_artifacts("models:/credit/1", dst_path=str(tmp_path / "by"))
    assert read_manifest(fetched) == plain
    (stored.parent / "registered_model_meta").unlink()


def test_the_record_says_where_the_model_came_from(table, store):
    vl.enforce(table, model="models:/credit@champion", target="label")
    logged = last().model["logged"]
    assert (logged["tracker"], logged["name"], logged["version"]) == ("mlflow", "credit", "1")
    assert logged["run_id"] == store.run_id
    assert logged["uri"].startswith("sqlite:///")


def test_a_folder_and_a_table_of_any_kind(table, store, tmp_path, monkeypatch):
    monkeypatch.chdir(store.folder)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    policy = tmp_path / "model_policy.yaml"
    values = set()
    tables = (table, pl.from_pandas(table), pl.from_pandas(table).lazy(), dict(table.items()))
    for data in tables:
        audit = vl.enforce(data, model="folder", policy=policy, target="label")
        values.add((audit["accuracy"].value, audit["auc"].value))
        values.add((audit["accuracy"].value, audit["auc"].value))
    assert len(values) == 1
    model = last().model
    assert (model["name"], model["logged"]) == ("folder", None)
    assert model["sha256"] == read_manifest("folder").root
    assert not list(Path("folder").rglob("__pycache__"))
    vl.enforce(table, model=Path("folder"), policy=policy, target="label")


def test_loading_is_warned_of_with_the_flavour(table, caplog):
    with caplog.at_level(logging.WARNING, logger="venturalitica"):
        vl.enforce(table, model="models:/credit/1", target="label")
    assert "models:/credit/1 (flavour sklearn (cloudpickle)) runs code" in caplog.text


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("models:/credt/1", "has no model 'models:/credt/1'"),
        ("models:/credit/9", "has no model 'models:/credit/9'"),
        ("models:/credit", "has no model 'models:/credit'"),
        ("models:/", "did not give 'models:/'"),
        (f"runs:/{'0' * 32}/model", "has no model"),
        ("runs:/RUN/modle", "has no model"),
    ],
)
def test_a_model_that_is_not_there(table, store, uri, said):
    with pytest.raises(vl.TrackerError, match=said):
        vl.enforce(table, model=uri.replace("RUN", store.run_id), target="label")
    assert not Path("evidence").exists()


def test_a_server_that_does_not_answer_is_said_in_a_moment(table, mlflow):
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with pytest.raises(vl.TrackerError, match="does not answer"):
        vl.enforce(table, model="models:/credit/1", target="label")


def test_no_folder_no_model_and_no_way_to_load_it(table, store, tmp_path):
    with pytest.raises(vl.DataError, match=r"no such folder.*models:/NAME/VERSION.*prediction="):
        vl.enforce(table, model="modell", target="label")
    (tmp_path / "empty").mkdir()
    with pytest.raises(vl.DataError, match="holds no file"):
        vl.enforce(table, model="empty", target="label")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "weights").write_text("w")
    with pytest.raises(vl.DataError, match="no model of MLflow's"):
        vl.enforce(table, model="other", target="label")
    (tmp_path / "other" / "MLmodel").write_text("flavors: {onnx: {}}\n")
    with pytest.raises(vl.DataError, match=r"no flavour python_function \(it has onnx\)"):
        vl.enforce(table, model="other", target="label")
    shutil.copytree(store.folder / "folder", tmp_path / "broken")
    (file,) = [path for path in (tmp_path / "broken").iterdir() if path.name.startswith("model.")]
    file.write_bytes(b"garbage")
    with pytest.raises(vl.DataError, match=r"cannot be loaded here .* requirements\.txt"):
        vl.enforce(table, model="broken", target="label")
    assert not Path("evidence").exists()


def test_columns_that_do_not_fit(table, store):
    with pytest.raises(vl.BindingError, match="feature column 'z'"):
        vl.enforce(table.drop(columns="z"), model="models:/credit/1", target="label")
    wrong = table.assign(z="secret row")
    with pytest.raises(
        vl.DataError, match=r"does not fit the model.s signature.*column z"
    ) as found:
        vl.enforce(wrong, model="models:/credit/1", target="label")
    assert "secret row" not in "".join(
        traceback.format_exception(found.value)
    )  # MLflow quotes rows


def test_predictions_beside_files_are_refused(table):
    given: dict[str, Any]
    for role in ("prediction", "score"):
        given = {role: "x"}
        with pytest.raises(vl.BindingError, match=f"{role}= gives others: leave one of them out"):
            vl.enforce(table, model="models:/credit/1", target="label", **given)


def test_without_mlflow_the_line_that_installs_it(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(vl.MissingExtra, match=r"MLflow is needed .*\[mlflow\]"):
        vl.enforce(table, model="models:/credit/1", target="label")


def test_a_folder_that_changes_before_it_is_judged(table, store, tmp_path, monkeypatch):
    shutil.copytree(store.folder / "folder", tmp_path / "folder")
    whole = models.load

    def load_and_change(folder: Path) -> Any:
        model = whole(folder)
        (folder / "MLmodel").write_text((folder / "MLmodel").read_text())
        return model

    monkeypatch.setattr(named_model, "load", load_and_change)
    with pytest.raises(vl.DataError, match=r"changed while it was read \(MLmodel\)"):
        vl.enforce(table, model="folder", target="label")
    assert not Path("evidence").exists()


def test_a_model_that_predicts_amounts_gives_no_labels(table, mlflow, tmp_path):
    model = LinearRegression().fit(table[["x", "z"]], table.label)
    mlflow.sklearn.save_model(model, str(tmp_path / "amounts"), pip_requirements=[])
    audit = vl.enforce(table, model="amounts", target="label", phase="model")
    assert {verdict.status for verdict in audit} == {"not_evaluated"}
    assert all("is a regressor" in verdict.reason for verdict in audit)


def test_a_name_is_no_digest_and_the_record_says_so(table):
    secret = "https://user:hunter2@credit.example/v3"
    audit = vl.enforce(
        table, model=secret, target="label", prediction=(table.x > 1).astype(int), score="x"
    )
    record = Statement.of(audit.statement)
    assert record.model["identity"] == "name"
    assert record.model["sha256"] is None
    assert "no digest" in record.model["note"]
    assert record.model["name"].startswith("https://")
    assert "hunter2" not in json.dumps(audit.statement)
    assert not [name for name, _ in record.subjects if name.startswith("model/")]
    assert vl.verify().ok
    page = render_report(audit.statement, evidence_sha256=str(audit.evidence_sha256))
    assert "a name that the caller gave, and no digest" in page


def test_measured_values_may_have_a_name_too(table):
    audit = vl.enforce(model="credit endpoint, v3", metrics={"accuracy": 0.9, "auc": 0.9})
    assert Statement.of(audit.statement).model["name"] == "credit endpoint, v3"


def test_a_manifest_of_other_files_is_found(table, store):
    statement = json.loads(
        json.dumps(vl.enforce(table, model="models:/credit/1", target="label").statement)
    )
    check_model_files(Statement.of(statement))
    files = statement["predicate"]["model"]["files"]
    files["files"][0]["name"] = "AAmodel"
    check_model_files(Statement.of(statement))  # a signature covers the names, and no root does
    files["files"][0]["sha256"] = "0" * 64
    with pytest.raises(EvidenceError, match="root is not the one over its files"):
        check_model_files(Statement.of(statement))
    files["root"] = Manifest.over({f["name"]: f["sha256"] for f in files["files"]}).root
    with pytest.raises(EvidenceError, match="another root than its SHA-256"):
        check_model_files(Statement.of(statement))
    statement["predicate"]["model"]["sha256"] = files["root"]
    with pytest.raises(EvidenceError, match="not in both the subjects and the predicate"):
        check_subjects(Statement.of(statement))


def test_the_page_lists_the_files(table, store):
    audit = vl.enforce(table, model="models:/credit/1", target="label")
    page = render_report(audit.statement, evidence_sha256=str(audit.evidence_sha256))
    assert "models:/credit/1" in page
    for name in ("MLmodel", "model.pkl", "requirements.txt"):
        assert f"<bdi>{name}</bdi>" in page


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_check_asks_the_model(table, store):
    table.to_csv("loans.csv", index=False)
    found = call("check", "loans.csv", "--model", "models:/credit/2", "--target", "label", "--json")
    facts = json.loads(found.stdout)
    assert found.exit_code == 0
    assert {verdict["status"] for verdict in facts["verdicts"]} == {"passed"}
    assert last().model["name"] == "models:/credit/2"
    assert last().run.source == "check"
    shown = call("runs", "show", facts["evidence"]["run_id"][:12], "--details")
    assert "models:/credit/2" in shown.stdout
    assert "loaded as sklearn.linear_model._logistic.LogisticRegression" in shown.stdout


def test_check_no_load_says_what_would_be_loaded(table, store, monkeypatch):
    table.to_csv("loans.csv", index=False)
    monkeypatch.setattr(named_model, "load", lambda folder: pytest.fail("it was loaded"))
    arguments = ("--model", "models:/credit/1", "--target", "label", "--no-load")
    found = call("check", "loans.csv", *arguments)
    assert found.exit_code == 2
    assert "sklearn (cloudpickle), 5 files, root" in found.stderr
    assert not Path("evidence").exists()


def test_check_speaks_of_options(table, store):
    table.to_csv("loans.csv", index=False)
    both = ("--model", "models:/credit/1", "--target", "label", "--prediction", "x")
    found = call("check", "loans.csv", *both)
    assert found.exit_code == 2
    assert "--prediction gives others: leave one of them out" in found.stderr
    alone = call("check", "loans.csv", "--target", "label", "--no-load")
    assert alone.exit_code == 2
    assert "--no-load" in alone.stderr
    named = call(
        *("check", "loans.csv", "--model", "endpoint", "--target", "label"),
        *("--prediction", "label", "--score", "label"),
    )
    assert named.exit_code == 2  # labels cannot be their own prediction: nothing to do with names
