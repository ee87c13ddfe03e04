"""scikit-learn's own conformance suite finds nothing in a wrapped model that the bare one lacks."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import venturalitica as vl


def outcomes(model: Any) -> dict[str, set[str]]:
    """Check name -> the outcomes it had (one check may run in several settings)."""
    found: dict[str, set[str]] = defaultdict(set)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for result in check_estimator(model, on_skip=None, on_fail=None):
            found[result["check_name"]].add(result["status"])
    return found


@pytest.mark.parametrize(
    "bare",
    [
        pytest.param(LogisticRegression(), marks=pytest.mark.slow),
        RandomForestClassifier(n_estimators=2),
        DummyClassifier(),
        GaussianNB(),
        SGDClassifier(max_iter=100),
        Ridge(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(DummyClassifier(), {"strategy": ["prior", "most_frequent"]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_no_check_fails_that_the_bare_model_passes(bare: Any, policy: str, evidence: Any) -> None:
    expected, found = outcomes(bare), outcomes(vl.wrap(bare, policy=policy))
    assert found.keys() == expected.keys()
    new = {name for name, seen in found.items() if "failed" in seen - expected[name]}
    assert not new
    assert any("passed" in seen for seen in found.values())
    assert evidence() == [], "clones without audit arguments leave nothing"
