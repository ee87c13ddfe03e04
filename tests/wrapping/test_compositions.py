"""Pipelines, searches and cross-validation: where evidence is left, and where none is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import venturalitica as vl
from venturalitica.wrapping.arguments import tell_unaudited

GRID = {"C": [0.1, 1.0]}


def test_the_last_step_of_a_pipeline_is_audited_on_what_it_is_given(
    policy: str, X: Any, y: Any, evidence: Any
) -> None:
    step = vl.wrap(LogisticRegression(), policy=policy)
    pipeline = make_pipeline(StandardScaler(), step)
    pipeline.fit(X, y, logisticregression__gender=["a", "b"] * 120)
    [audit] = evidence()
    assert audit["model"]["class"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert audit["verdicts"][0]["value"] == pytest.approx(pipeline.score(X, y), abs=5e-5)


def test_a_wrapped_pipeline_is_audited_as_a_whole(
    policy: str, loans: Any, y: Any, evidence: Any
) -> None:
    encode = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    model = vl.wrap(make_pipeline(encode, LogisticRegression(max_iter=500)), policy=policy)
    X = loans[["income", "debt", "years", "sex"]]
    weight = np.linspace(0, 1, len(X))
    model.fit(X, y, gender="sex", logisticregression__sample_weight=weight)
    [audit] = evidence()
    assert audit["model"]["class"] == "sklearn.pipeline.Pipeline"
    assert audit["verdicts"][0]["value"] == pytest.approx(model.score(X, y), abs=5e-5)
    bare = clone(vl.unwrap(model)).fit(X, y, logisticregression__sample_weight=weight)
    np.testing.assert_array_equal(model[-1].coef_, bare[-1].coef_)


def test_the_user_s_own_steps_are_trained_as_bare(policy: str, X: Any, y: Any) -> None:
    def scaled(wrapped: bool) -> Any:
        scale, union = StandardScaler(), FeatureUnion([("a", MinMaxScaler())])
        bare = Pipeline([("scale", scale), ("u", union), ("model", LogisticRegression())])
        model = vl.wrap(bare, policy=policy) if wrapped else bare
        model.fit(X, y)
        assert model["scale"] is bare["scale"] is scale
        return union.transform(scale.transform(X))

    np.testing.assert_array_equal(scaled(True), scaled(False))


def test_what_scikit_learn_clones_is_cloned(policy: str, X: Any, y: Any) -> None:
    inner = LogisticRegression()
    encode = make_column_transformer((StandardScaler(), ["income"]))
    search = vl.wrap(GridSearchCV(make_pipeline(encode, inner), {}, cv=2), policy=policy).fit(X, y)
    vote = vl.wrap(VotingClassifier([("a", inner), ("b", inner)]), policy=policy).fit(X, y)
    assert search.estimator[-1] is vote.estimators[0][1] is inner
    assert not hasattr(inner, "coef_")
    assert not hasattr(encode, "transformers_")


def test_a_frozen_model_is_its_own_clone(policy: str, X: Any, y: Any) -> None:
    frozen = vl.wrap(FrozenEstimator(LogisticRegression().fit(X, y)), policy=policy)
    assert clone(frozen) is frozen


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_over_a_wrapped_model_leaves_no_evidence(
    n_jobs: int | None, policy: str, X: Any, y: Any, evidence: Any
) -> None:
    inner = vl.wrap(LogisticRegression(), policy=policy, gender="sex")
    search = GridSearchCV(inner, GRID, cv=2, n_jobs=n_jobs).fit(X, y)
    bare = GridSearchCV(LogisticRegression(), GRID, cv=2).fit(X, y)
    assert evidence() == []
    assert search.best_params_ == bare.best_params_
    np.testing.assert_array_equal(search.predict(X), bare.predict(X))
    assert isinstance(search.best_estimator_, LogisticRegression)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_wrapped_search_is_audited_once(
    n_jobs: int | None, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    search = vl.wrap(GridSearchCV(LogisticRegression(), GRID, cv=2, n_jobs=n_jobs), policy=policy)
    assert search.fit(X, y, audit_data=loans, gender="sex") is search
    [audit] = evidence()
    assert audit["model"]["class"] == "sklearn.model_selection._search.GridSearchCV"
    assert audit["verdicts"][0]["value"] == pytest.approx(search.score(X, y), abs=5e-5)


def test_a_wrapped_search_over_a_wrapped_model_is_audited_once(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    inner = vl.wrap(LogisticRegression(), policy=policy)
    outer = vl.wrap(GridSearchCV(inner, GRID, cv=2), policy=policy)
    outer.fit(X, y, audit_data=loans, gender="sex")
    assert len(evidence()) == 1


def test_folds_and_trials_leave_no_evidence(policy: str, X: Any, y: Any, evidence: Any) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    pipeline = make_pipeline(StandardScaler(), model)
    whole = vl.wrap(make_pipeline(StandardScaler(), LogisticRegression()), policy=policy)
    for candidate in (model, pipeline, whole):
        scores = cross_val_score(candidate, X, y, cv=2)
        bare = cross_val_score(vl.unwrap(candidate), X, y, cv=2)
        np.testing.assert_array_equal(scores, bare)
    cross_val_score(model, X, y, cv=2, n_jobs=2)
    RandomizedSearchCV(pipeline, {"logisticregression__C": [1, 2]}, n_iter=2, cv=2).fit(X, y)
    VotingClassifier([("one", model), ("two", whole)]).fit(X, y)
    CalibratedClassifierCV(model, cv=2).fit(X, y)
    assert evidence() == []


def test_a_clone_is_audited_when_it_is_asked_to(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    twin = clone(vl.wrap(LogisticRegression(C=3.0), policy=policy, gender="sex"))
    assert twin.get_params()["C"] == 3.0
    twin.fit(X, y)
    assert evidence() == []
    clone(twin).fit(X, y, audit_data=loans)
    [audit] = evidence()
    assert audit["bindings"]["gender"] == "sex"


def test_a_search_without_a_result_has_nothing_to_judge(policy: str) -> None:
    with pytest.raises(TypeError, match="A search needs refit=True"):
        vl.wrap(GridSearchCV(LogisticRegression(), GRID, refit=False), policy=policy)


def test_partial_fit_is_audited_when_it_is_asked_to(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any, caplog: Any
) -> None:
    tell_unaudited()  # what tests before this one trained
    caplog.clear()
    model = vl.wrap(SGDClassifier(random_state=0), policy=policy, gender="sex")
    bare = SGDClassifier(random_state=0)
    model.partial_fit(X[:100], y[:100], classes=[0, 1])
    tell_unaudited()
    line = "the wrapped SGDClassifier was trained by partial_fit alone, and nothing was audited"
    assert line in caplog.text
    assert evidence() == []
    caplog.clear()
    model.partial_fit(X[100:], y[100:], audit_data=loans[100:])
    bare.partial_fit(X[:100], y[:100], classes=[0, 1]).partial_fit(X[100:], y[100:])
    np.testing.assert_array_equal(model.coef_, bare.coef_)
    [audit] = evidence()
    assert audit["tally"]["rows"] == 140
    tell_unaudited()
    assert "partial_fit" not in caplog.text


class ManyWays(LogisticRegression):  # type: ignore[misc]
    def fit_predict(self, X: Any, y: Any, **params: Any) -> Any:
        return self.fit(X, y, **params).predict(X)

    def fit_transform(self, X: Any, y: Any, **params: Any) -> Any:
        return self.fit(X, y, **params).decision_function(X)

    def transform(self, X: Any) -> Any:
        return self.decision_function(X)


@pytest.mark.parametrize("method", ["fit_predict", "fit_transform"])
def test_other_ways_to_train_are_audited_once(
    method: str, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    for bare in (ManyWays(), make_pipeline(StandardScaler(), ManyWays())):
        model = vl.wrap(bare, policy=policy)
        found = getattr(model, method)(X, y, audit_data=loans, gender="sex", target="class")
        np.testing.assert_array_equal(found, getattr(clone(bare), method)(X, y))
        assert hasattr(model, "n_features_in_")
    audits = evidence()
    assert len(audits) == 2
    assert all(v["status"] == "passed" or v["value"] is not None for v in audits[0]["verdicts"])


def test_a_model_that_trains_through_its_own_methods_is_audited_once(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    class Roundabout(LogisticRegression):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, depth: int = 2) -> Any:
            return self.fit(X, y, depth=depth - 1) if depth else super().fit(X, y)

    model: Any = vl.wrap(Roundabout(), policy=policy)
    model.fit(X, y, audit_data=loans, gender="sex")
    assert len(evidence()) == 1


def test_a_forest_predicts_as_bare(policy: str, X: Any, y: Any, loans: Any) -> None:
    bare = RandomForestClassifier(n_estimators=5, random_state=11).fit(X, y)
    model = vl.wrap(RandomForestClassifier(n_estimators=5, random_state=11), policy=policy)
    model.fit(X, y, audit_data=loans, gender="sex")
    np.testing.assert_array_equal(model.predict_proba(X), bare.predict_proba(X))
