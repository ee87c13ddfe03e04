"""The model's predictions, random numbers and warnings are its own."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl


@pytest.mark.parametrize("seed", [0, None])
def test_the_global_generators_move_as_with_the_bare_model(
    seed: int | None, policy: str, X: Any, y: Any
) -> None:
    def after(model: Any) -> tuple[Any, float, list[float]]:
        random.seed(5)
        np.random.seed(5)
        model.fit(X, y)
        return model.predict(X), random.random(), np.random.random(3).tolist()

    bare = RandomForestClassifier(n_estimators=3, random_state=seed)
    predicted, *rest = after(vl.wrap(bare, policy=policy))
    expected, *others = after(bare)
    np.testing.assert_array_equal(predicted, expected)
    assert rest == others


def drawing_models(state: Any) -> list[Any]:
    """Models that draw when they predict."""
    one = DummyClassifier(strategy="stratified", random_state=state)
    return [one, make_pipeline(StandardScaler(), one)]


@pytest.mark.parametrize("place", [0, 1], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("seed", [None, 3, "state"])
def test_draws_of_the_audit_do_not_shift_those_of_the_user(
    seed: Any, place: int, policy: str, X: Any, y: Any
) -> None:
    def predicted(wrapped: bool) -> Any:
        np.random.seed(1)
        state = np.random.RandomState(8) if seed == "state" else seed
        bare = drawing_models(state)[place]
        model = vl.wrap(bare, policy=policy) if wrapped else bare
        model.fit(X, y)
        return np.concatenate([model.predict(X), model.predict(X)])

    np.testing.assert_array_equal(predicted(True), predicted(False))


class Generating(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Draws from a `numpy.random.Generator` of its own."""

    def fit(self, X: Any, y: Any) -> Generating:
        self.classes_ = np.array([0, 1])
        self.rng_ = np.random.default_rng(4)
        return self

    def predict(self, X: Any) -> Any:
        return self.rng_.integers(0, 2, size=len(X))


def test_a_model_s_own_generator_is_put_back(policy: str, X: Any, y: Any) -> None:
    np.testing.assert_array_equal(
        vl.wrap(Generating(), policy=policy).fit(X, y).predict(X), Generating().fit(X, y).predict(X)
    )


def test_the_model_s_warnings_reach_the_user(policy: str, X: Any, y: Any) -> None:
    bare = LogisticRegression(max_iter=1)
    with pytest.warns(ConvergenceWarning) as expected:
        bare.fit(X, y)
    with pytest.warns(ConvergenceWarning) as found:
        vl.wrap(bare, policy=policy).fit(X, y)
    assert [w.category for w in found] == [w.category for w in expected]
    assert [str(w.message) for w in found] == [str(w.message) for w in expected]


def test_the_model_s_error_is_the_user_s(policy: str, X: Any, y: Any, evidence: Any) -> None:
    model = vl.wrap(LogisticRegression(C=-1.0), policy=policy)
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression must be") as caught:
        model.fit(X, y)
    assert caught.value.__cause__ is None
    assert evidence() == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(C=1.0, max_iter=500).fit(X, y)


def test_fit_is_called_once(policy: str, X: Any, y: Any) -> None:
    calls = []

    class Counting(LogisticRegression):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            calls.append(len(X))
            return super().fit(X, y)

    vl.wrap(Counting(), policy=policy).fit(X, y)
    assert calls == [240]
