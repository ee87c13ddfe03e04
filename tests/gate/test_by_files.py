"""Evidence of a version's very files is found where it lies: at its run, or in the log here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import venturalitica as vl
from tests.gate.test_command import called, champion
from venturalitica.audit.delivery import settle
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.errors import EvidenceError
from venturalitica.ledger.lifecycle.ties import decisions

pytestmark = pytest.mark.filterwarnings("ignore")
BARE = "models:/credit/2"


@pytest.fixture
def bare(project: Any, mlflow: Any) -> Any:
    """The project, with version 2, which nobody judged, and rows to judge it by."""
    draw = np.random.default_rng(7)
    truth = draw.integers(0, 2, 900)
    table = pd.DataFrame({"x": 0.7 * truth + draw.random(900), "z": draw.random(900)})
    with mlflow.start_run(experiment_id=project.client.get_run(project.run).info.experiment_id):
        mlflow.sklearn.log_model(
            LogisticRegression().fit(table[:400], truth[:400]),
            name="model",
            registered_model_name="credit",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    table.assign(label=truth)[400:].to_csv("good.csv", index=False)
    table.assign(label=1 - truth)[400:].to_csv("bad.csv", index=False)
    return project


def judge(rows: str) -> int:
    """Judge the files of the version in no run; the entry of the record."""
    words = ["check", rows, "--model", BARE, "--target", "label", "--json"]
    CliRunner().invoke(app, words)
    settle()
    ledger = open_ledger(create=False)
    every = (ledger.entry(place) for place in range(ledger.size))
    return max(one.index for one in every if one.record.kind == "audit")


def asked(*words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(called(BARE, "--json", *words).stdout)
    return told


def test_a_judgement_in_no_run_counts_and_it_is_said_where_it_was_found(bare: Any) -> None:
    assert asked()["rule"] in ("no-evidence", "other-files")
    entry = judge("good.csv")
    told = asked("--set-alias", "champion")
    assert (told["allowed"], champion(bare)) == (True, "2")
    assert f"found in the log here, entry {entry}" in told["sentence"]
    assert told["record"] == open_ledger(create=False).entry(entry).evidence_sha256
    assert "found in" not in json.loads(called("models:/credit/1", "--json").stdout)["sentence"]
    ((_, made),) = [item for item in decisions(open_ledger(create=False)) if item[1].alias]
    assert f"entry {entry}" in made.decision.sentence


def test_a_later_red_one_counts_too(bare: Any) -> None:
    judge("good.csv")
    entry = judge("bad.csv")
    told = asked()
    assert (told["allowed"], told["rule"]) == (False, "control")
    assert f"found in the log here, entry {entry}" in told["sentence"]


def test_it_is_of_these_files_alone(bare: Any) -> None:
    judge("good.csv")
    place = bare.client.get_model_version("credit", "2").source
    model_id = place.removeprefix("models:/")
    (file,) = bare.folder.glob(f"artifacts/models/{model_id}/artifacts/model.pkl")
    file.write_bytes(file.read_bytes() + b"\0")
    assert not asked()["allowed"]


def test_a_key_that_does_not_count_does_not_count_here_either(bare: Any) -> None:
    judge("good.csv")
    other = bare.folder / "other"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENTURALITICA_CONFIG", str(other))
        patch.setenv("VENTURALITICA_HOME", str(other / "evidence"))
        vl.enforce({"y": [0, 1] * 30, "p": [0, 1] * 30}, target="y", prediction="p")
        made = CliRunner().invoke(app, ["keys", "export", "--out", str(bare.folder / "other.pem")])
        assert made.exit_code == 0, made.output
    assert asked("--signers", "other.pem")["rule"] == "signer"


def test_a_log_that_was_altered_is_said(bare: Any) -> None:
    judge("good.csv")
    entries = open_ledger(create=False).home / "log" / "entries.jsonl"
    lines = entries.read_bytes().splitlines(keepends=True)
    entries.write_bytes(
        b"".join([lines[0].replace(b'"payload":"ey', b'"payload":"fy'), *lines[1:]])
    )
    found = called(BARE, "--set-alias", "champion")
    assert found.exit_code != 0
    assert champion(bare) is None


def test_brought_to_the_run_it_is_served(bare: Any) -> None:
    entry = judge("good.csv")
    assert called(BARE, "--set-alias", "champion").exit_code == 0
    with pytest.raises(EvidenceError, match="not at its run"):
        vl.verify_model(BARE)
    run = bare.client.get_model_version("credit", "2").run_id
    done = CliRunner().invoke(app, ["attach", str(entry), run])
    assert done.exit_code == 0, done.output
    assert called(BARE, "--set-alias", "champion").exit_code == 0
    assert vl.verify_model(BARE).allowed
    # From there on the log is not needed.
    shutil.move(Path(".venturalitica") / "log", "away")
    assert vl.verify_model(BARE, policy="model_policy.yaml").allowed


def test_a_log_that_was_taken_in_is_looked_through(bare: Any) -> None:
    def run(*words: str) -> Any:
        found = CliRunner().invoke(app, list(words))
        assert found.exit_code == 0, found.output
        return found

    with pytest.MonkeyPatch.context() as job:
        job.setenv("VENTURALITICA_HOME", str(bare.folder / "job"))
        job.setenv("VENTURALITICA_CONFIG", str(bare.folder / "job-config"))
        entry = judge("good.csv")
        run("carry", "out")
        run("keys", "export", "--out", "ci.pem")
    shutil.rmtree(bare.folder / "job")
    assert not asked("--signers", "ci.pem")["allowed"]
    run("take", "out", "--signers", "ci.pem")
    assert asked()["rule"] in ("signer", "no-evidence", "other-files")
    told = asked("--signers", "ci.pem")
    assert told["allowed"], told
    assert f"taken here, entry {entry}" in told["sentence"]


def test_rows_that_flatter_the_model_do_not_outweigh_a_red_answer(bare: Any) -> None:
    red = judge("bad.csv")
    pd.read_csv("good.csv")[100:].to_csv("flattering.csv", index=False)
    judge("flattering.csv")
    told = asked("--set-alias", "champion")
    assert (told["allowed"], told["rule"], champion(bare)) == (False, "judged-red", None)
    said = f"the same files were judged red on other rows: entry {red}, "
    assert said in told["sentence"]
    assert called(BARE, "--format", "junit=gate.xml", "--format", "sarif=gate.sarif").exit_code == 1
    for file in ("gate.xml", "gate.sarif"):
        assert said in Path(file).read_text()
    (*_, (_, made)) = decisions(open_ledger(create=False))
    assert (made.decision.rule, said in made.decision.sentence) == ("judged-red", True)


def test_rows_that_the_training_recorded_as_its_own_are_known_again(bare: Any, mlflow: Any) -> None:
    rows = pd.read_csv("good.csv")
    with mlflow.start_run(experiment_id=bare.client.get_run(bare.run).info.experiment_id):
        model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
        model.fit(rows[["x", "z"]], rows["label"])
        mlflow.sklearn.log_model(
            vl.unwrap(model),
            name="model",
            registered_model_name="credit",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    settle()
    lights = {}
    rows[1:].to_csv("fewer.csv", index=False)
    for file in ("good.csv", "fewer.csv"):
        words = ["check", file, "--model", "models:/credit/3", "--target", "label", "--json"]
        found = json.loads(CliRunner().invoke(app, words).stdout)
        lights[file] = found["light"]
        if file == "good.csv":
            why = "judged on rows the model was trained on"
            assert all(why in one["reason"] for one in found["verdicts"])
    # Other rows may be the training's too: nobody knows it.
    assert lights == {"good.csv": "amber", "fewer.csv": "green"}
