"""Regressors under a policy of regression, by the same two lines, and what their records hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn import metrics
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl

EXAMPLE = Path(__file__).parents[2] / "examples" / "regression"

POLICY = """\
policy: progression
version: "1"
roles:
  target: {column: progression}
controls:
  - {id: mae, metric: mean_absolute_error, must: "<= 60", on_fail: block}
  - {id: rmse, metric: root_mean_squared_error, must: "<= 75"}
  - {id: r2, metric: r2_score, must: ">= -1"}
  - {id: median, metric: median_absolute_error, must: "<= 60"}
  - {id: greatest, metric: max_error, must: "<= 300"}
  - {id: gap, metric: mean_absolute_error, across: sex, compare: difference, must: "<= 60"}
  - {id: parity, metric: mean_prediction, across: sex, compare: ratio, must: ">= 0.5"}
  - {id: label, metric: accuracy, must: ">= 0.7"}
"""
REFERENCES = {
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}


@pytest.fixture
def progression(write_policy: Any) -> str:
    path: str = write_policy(POLICY)
    return path


@pytest.fixture
def parts() -> Any:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    y.name = "progression"
    X["group"] = np.where(X["sex"] > 0, "a", "b")
    return train_test_split(X, y, random_state=0, test_size=0.4)


@pytest.mark.parametrize(
    "bare",
    [
        RandomForestRegressor(20, random_state=0),
        LinearRegression(),
        make_pipeline(StandardScaler(), GradientBoostingRegressor(random_state=0)),
        GridSearchCV(RandomForestRegressor(5, random_state=0), {"max_depth": [2, 3]}, cv=2),
        TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
        xgboost.XGBRegressor(n_estimators=20, max_depth=2),
        lightgbm.LGBMRegressor(n_estimators=20, verbose=-1),
        catboost.CatBoostRegressor(iterations=50, verbose=0, allow_writing_files=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_regressor_is_judged_by_the_same_two_lines(
    bare: Any, progression: str, parts: Any, evidence: Any
) -> None:
    X, held, y, target = parts
    groups = held.pop("group")
    X = X.drop(columns="group")
    model: Any = vl.wrap(bare, policy=progression)
    model.fit(X, y, audit_data=(held, target), sex=groups)
    said = model.predict(held)
    [audit] = evidence()
    found = {verdict["control"]: verdict for verdict in audit["verdicts"]}
    for name, reference in REFERENCES.items():
        assert found[name]["value"] == pytest.approx(reference(target, said), abs=6e-5)
        assert found[name]["interval"] is not None
    own = {g: metrics.mean_absolute_error(target[groups == g], said[groups == g]) for g in "ab"}
    assert {g["name"]: g["value"] for g in found["gap"]["groups"]} == pytest.approx(own, abs=6e-5)
    assert found["greatest"]["status"] == found["label"]["status"] == "not_evaluated"
    assert vl.verify().ok


def test_enforce_and_wrap_say_the_same(progression: str, parts: Any, evidence: Any) -> None:
    X, held, y, target = parts
    groups, bare = held["group"], LinearRegression().fit(X.drop(columns="group"), y)
    table = held.assign(progression=target)
    asked = vl.enforce(table, policy=progression, model=bare, sex="group")
    said = bare.predict(held.drop(columns="group"))
    model: Any = vl.wrap(LinearRegression(), policy=progression)
    model.fit(
        X.drop(columns="group"), y, audit_data=(held.drop(columns="group"), target), sex=groups
    )
    first, second = evidence()
    assert [v["value"] for v in first["verdicts"]] == [v["value"] for v in second["verdicts"]]
    assert asked["mae"].value == pytest.approx(metrics.mean_absolute_error(target, said), rel=1e-9)


def test_rows_of_the_training_are_amber(progression: str, parts: Any, evidence: Any) -> None:
    X, _, y, _ = parts
    groups = X.pop("group")
    vl.wrap(LinearRegression(), policy=progression).fit(X, y, sex=groups)
    [audit] = evidence()
    by_name = {verdict["control"]: verdict for verdict in audit["verdicts"]}
    assert "rows the model was trained on" in by_name["mae"]["reason"]
    assert audit["light"] == "amber"


def test_a_control_that_blocks_stops_a_bad_regressor(
    write_policy: Any, parts: Any, evidence: Any
) -> None:
    X, _, y, _ = parts
    X = X.drop(columns="group")
    strict = write_policy(POLICY.replace('"<= 60", on_fail', '"<= 1", on_fail'))
    with pytest.raises(vl.ControlBlocked, match="mae: failed"):
        vl.wrap(LinearRegression(), policy=strict).fit(X, y)
    assert evidence()[0]["light"] == "red"
    one_row = write_policy(POLICY.replace('"<= 300"', '"<= 300", on_fail: block'))
    with pytest.raises(vl.PolicyError, match="can never be judged: max_error"):
        vl.wrap(LinearRegression(), policy=one_row)


def test_nothing_written_tells_the_greatest_error(
    progression: str, parts: Any, tmp_path: Path
) -> None:
    X, held, y, target = parts
    held, X = held.drop(columns="group"), X.drop(columns="group")
    model: Any = vl.wrap(LinearRegression(), policy=progression)
    model.fit(X, y, audit_data=(held, target))
    greatest = float(np.abs(target - model.predict(held)).max())
    digits = {f"{greatest:.{places}f}"[: places + 3] for places in (2, 3, 4)}
    outside = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    texts = {path: path.read_bytes() for path in outside if "vault" not in path.parts}
    assert texts
    assert not [path for path, data in texts.items() if any(d.encode() in data for d in digits)]


def test_verify_judges_regression_again(progression: str, parts: Any, tmp_path: Path) -> None:
    X, held, y, target = parts
    model = LinearRegression().fit(X.drop(columns="group"), y)
    audit = vl.enforce(
        held.assign(progression=target), policy=progression, model=model, sex="group"
    )
    report = vl.verify()
    assert report.ok
    [step] = [step for step in report.steps if step.name == "verdicts"]
    assert (step.ok, "judged again (1)" in step.detail) == (True, True)
    assert audit.statement is not None


def test_check_judges_a_file_of_amounts(progression: str, parts: Any, tmp_path: Path) -> None:
    _, held, _, target = parts
    said = target + np.random.default_rng(0).normal(0, 20, len(target))
    held.assign(progression=target, said=said).to_csv("rows.csv", index=False)
    lines = [line for line in POLICY.splitlines(keepends=True) if "accuracy" not in line]
    Path("amounts.yaml").write_text("".join(lines))
    command = [sys.executable, "-m", "venturalitica", "check", "rows.csv", "--json"]
    command += ["--policy", "amounts.yaml", "--prediction", "said", "--role", "sex=group"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 3, done.stderr  # the greatest error is not evaluated
    found = {verdict["control"]: verdict for verdict in json.loads(done.stdout)["verdicts"]}
    assert found["mae"]["value"] == pytest.approx(
        metrics.mean_absolute_error(target, said), abs=6e-5
    )


def test_values_of_any_scale_keep_their_digits(write_policy: Any, evidence: Any) -> None:
    policy = write_policy(
        'policy: scales\nversion: "1"\ncontrols:\n'
        '  - {id: mae, metric: mean_absolute_error, must: "<= 1e30"}\n'
    )
    random = np.random.default_rng(1)
    for scale in (1e-30, 1e-9, 1e-3, 1.0, 1e6, 1e25):
        target = random.normal(0.0, scale, 50)
        said = target + random.normal(0.0, scale, 50)
        audit = vl.enforce(None, policy=policy, target=target, prediction=said)
        value = evidence()[-1]["verdicts"][0]["value"]
        assert value == pytest.approx(audit["mae"].value, rel=1e-3)
        assert value != audit["mae"].value
    assert vl.verify().ok


def test_the_example_runs(tmp_path: Path) -> None:
    place = tmp_path / "example"
    shutil.copytree(EXAMPLE, place)
    command = [sys.executable, "train.py"]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert "RandomForestRegressor explains 0." in done.stdout
    assert "diabetes-progression v1.0: " in done.stderr
    assert "5 of 5 controls passed" in done.stderr
