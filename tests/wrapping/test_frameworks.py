"""XGBoost, LightGBM, CatBoost and scikit-learn: governed alike, scored alike."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import catboost
import lightgbm
import numpy as np
import polars as pl
import pytest
import xgboost
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import venturalitica as vl
from venturalitica.frameworks import favorable_scores, predictions
from venturalitica.frameworks.sklearn import Unanswered

SCORED = """\
policy: scored
version: "1"
roles:
  target: {favorable: FAVORABLE}
controls:
  - {id: auc, metric: roc_auc, must: ">= 0.5", on_fail: record}
  - {id: parity, metric: demographic_parity_ratio, across: sex, must: ">= 0", on_fail: record}
"""


def boosters() -> list[Any]:
    return [
        xgboost.XGBClassifier(n_estimators=4, random_state=0, n_jobs=1),
        lightgbm.LGBMClassifier(n_estimators=4, random_state=0, verbose=-1, n_jobs=1),
        catboost.CatBoostClassifier(
            iterations=4, random_seed=0, verbose=0, allow_writing_files=False, thread_count=1
        ),
    ]


each_booster = pytest.mark.parametrize("bare", boosters(), ids=lambda m: type(m).__name__)


@pytest.fixture
def scored(write_policy: Any) -> Any:
    return write_policy(SCORED.replace("FAVORABLE", "1"))


@each_booster
@pytest.mark.parametrize("form", ["pandas", "numpy", "polars"])
def test_a_booster_is_audited(
    bare: Any, form: str, scored: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    data = {"pandas": X, "numpy": X.to_numpy(), "polars": pl.from_pandas(X)}[form]
    model = vl.wrap(bare, policy=scored)
    assert model.fit(data, y, audit_data=loans, sex="sex", target="class") is model
    expected = clone(bare).fit(data, y)
    np.testing.assert_array_equal(model.predict_proba(data), expected.predict_proba(data))
    [audit] = evidence()
    auc = roc_auc_score(y, expected.predict_proba(data)[:, 1])
    assert audit["verdicts"][0]["value"] == pytest.approx(auc, abs=5e-5)
    assert audit["verdicts"][1]["status"] == "passed"
    assert audit["model"]["class"].endswith(type(bare).__name__)
    assert audit["model"]["sha256"]


@each_booster
def test_a_booster_looks_and_saves_as_bare(bare: Any, scored: str, X: Any, y: Any) -> None:
    model = vl.wrap(bare, policy=scored)
    assert repr(model) == repr(bare)
    assert model.get_params() == bare.get_params()
    assert inspect.signature(model.fit) == inspect.signature(bare.fit)
    model.fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert type(again) is type(bare)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    for twin in (copy.copy(model), copy.deepcopy(model), vl.unwrap(model)):
        np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert type(vl.unwrap(model)) is type(bare)
    assert type(clone(model)) is type(model)


@each_booster
def test_training_again_leaves_the_argument_alone(bare: Any, scored: str, X: Any, y: Any) -> None:
    fitted = clone(bare).fit(X, y)
    before = fitted.predict_proba(X)
    vl.wrap(fitted, policy=scored).fit(X, 1 - y)
    np.testing.assert_array_equal(fitted.predict_proba(X), before)


@each_booster
def test_a_booster_is_searched(bare: Any, scored: str, X: Any, y: Any, evidence: Any) -> None:
    name = "iterations" if "cat" in type(bare).__module__ else "n_estimators"
    grid = {name: [2, 3]}
    GridSearchCV(vl.wrap(bare, policy=scored), grid, cv=2).fit(X, y)
    assert evidence() == []
    vl.wrap(GridSearchCV(bare, grid, cv=2), policy=scored).fit(X, y)
    assert len(evidence()) == 1


@each_booster
def test_a_booster_ends_a_pipeline(bare: Any, scored: str, X: Any, y: Any, evidence: Any) -> None:
    vl.wrap(make_pipeline(StandardScaler(), bare), policy=scored).fit(X.to_numpy(), y)
    assert evidence()[0]["verdicts"][0]["status"] == "passed"


@each_booster
@pytest.mark.parametrize("labels", ["text", "boolean", "three"])
def test_labels_come_back_as_they_were_given(
    bare: Any, labels: str, write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    text = isinstance(bare, xgboost.XGBClassifier) and labels == "text"
    if text:
        pytest.skip("XGBoost takes no text labels")
    own, favorable = {
        "text": (np.where(y == 1, "good", "bad"), "good"),
        "boolean": (y.to_numpy() == 1, "true"),
        "three": (y.to_numpy() + (X["years"].to_numpy() > 20), "1"),
    }[labels]
    model = vl.wrap(bare, policy=write_policy(SCORED.replace("FAVORABLE", favorable)))
    model.fit(X, own, sex=["a", "b"] * 120)
    [audit] = evidence()
    assert [v["status"] for v in audit["verdicts"]] == ["passed", "passed"], audit["verdicts"]
    assert len(next(a for a in audit["axes"] if a["role"] == "target")["levels"]) in (2, 3)


def test_a_catboost_pool_carries_its_labels(scored: str, X: Any, y: Any, evidence: Any) -> None:
    vl.wrap(boosters()[2], policy=scored).fit(catboost.Pool(X, y), sex=["a", "b"] * 120)
    assert [v["status"] for v in evidence()[0]["verdicts"]] == ["passed", "passed"]


def test_no_score_is_asked_for_that_no_control_needs(policy: str, X: Any, y: Any) -> None:
    class Shy(GaussianNB):  # type: ignore[misc]
        def predict_proba(self, X: Any) -> Any:
            raise AssertionError("nobody needs it")

    vl.wrap(Shy(), policy=policy).fit(X, y)


def test_a_model_without_a_score_is_not_evaluated_with_the_reason(
    scored: str, X: Any, y: Any, evidence: Any
) -> None:
    class Mute(Perceptron):  # type: ignore[misc]
        decision_function = property()

        def predict(self, X: Any) -> Any:
            return np.ones(len(X), dtype=int)

    vl.wrap(Mute(), policy=scored).fit(X, y, sex=["a", "b"] * 120)
    auc, parity = evidence()[0]["verdicts"]
    assert auc["status"] == "not_evaluated"
    assert "neither predict_proba nor decision_function" in auc["reason"]
    assert parity["status"] == "passed"


def test_the_score_is_that_of_the_favorable_label(X: Any, y: Any) -> None:
    model = LogisticRegression(max_iter=500).fit(X, y)
    np.testing.assert_array_equal(favorable_scores(model, X, 1), model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(favorable_scores(model, X, 1.0), model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(favorable_scores(model, X, 0), model.predict_proba(X)[:, 0])
    np.testing.assert_array_equal(favorable_scores(model, X, None), model.predict_proba(X)[:, 1])
    machine = SVC(kernel="linear").fit(X, y)
    np.testing.assert_array_equal(favorable_scores(machine, X, 1), machine.decision_function(X))
    np.testing.assert_array_equal(favorable_scores(machine, X, 0), -machine.decision_function(X))
    three = SVC().fit(X, y + (X["years"] > 20))
    np.testing.assert_array_equal(favorable_scores(three, X, 2), three.decision_function(X)[:, 2])


@pytest.mark.parametrize(
    ("labels", "favorable", "reason"),
    [
        (["good", "bad"], None, "favorable label is not said and the model's labels are"),
        ([1, 2], None, "favorable label is not said"),
        ([1, 2], 3, "favorable label 3 is none of the model's"),
        ([1, 2], "1", "favorable label '1' is none of the model's"),
    ],
)
def test_a_score_is_never_guessed(labels: Any, favorable: Any, reason: str, X: Any, y: Any) -> None:
    model = GaussianNB().fit(X, np.asarray(labels)[y])
    with pytest.raises(Unanswered, match=reason):
        favorable_scores(model, X, favorable)


def test_several_outputs_are_not_squeezed_into_one(X: Any, y: Any) -> None:
    model = RandomForestClassifier(n_estimators=2).fit(X, np.column_stack([y, 1 - y]))
    with pytest.raises(Unanswered, match="one label per row"):
        predictions(model, X)
    with pytest.raises(Unanswered):
        favorable_scores(model, X, 1)
    assert predictions(DummyClassifier().fit(X, y), X).shape == (240,)
