"""Several outputs and multi-label: the one that the policy names is judged, else none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import metrics
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl

AMOUNTS = """\
policy: prices
version: "1"
{roles}
controls:
  - {{id: mae, metric: mean_absolute_error, must: "<= 1e9"}}
"""
LABELS = """\
policy: topics
version: "1"
{roles}
controls:
  - {{id: right, metric: accuracy, must: ">= 0.1"}}
  - {{id: found, metric: recall, must: ">= 0.1"}}
  - {{id: ranked, metric: roc_auc, must: ">= 0.1"}}
"""


def roles(name: str | None) -> str:
    return f'roles: {{target: {{column: "{name}"}}}}' if name else ""


def table(values: Any, names: list[str], kind: str) -> Any:
    if kind == "array":
        return values
    frame = pd.DataFrame(values, columns=names)
    return frame if kind == "pandas" else pl.from_pandas(frame)


@pytest.mark.parametrize("kind", ["pandas", "polars", "array"])
@pytest.mark.parametrize(
    "bare",
    [
        LinearRegression(),
        RandomForestRegressor(5, random_state=0),
        MultiOutputRegressor(LinearRegression()),
        make_pipeline(StandardScaler(), LinearRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_named_amount_is_judged(bare: Any, kind: str, write_policy: Any, evidence: Any) -> None:
    X, y = make_regression(200, 4, n_targets=3, noise=9.0, random_state=0)
    names = ["price", "rent", "area"]
    for place in (0, 2):
        name = str(place) if kind == "array" else names[place]
        policy = write_policy(AMOUNTS.format(roles=roles(name)))
        given = table(y, names, kind)
        model: Any = vl.wrap(bare, policy=policy)
        model.fit(X[:150], given[:150], audit_data=(X[150:], given[150:]))
        said = np.asarray(model.predict(X[150:]))[:, place]
        [verdict] = evidence()[-1]["verdicts"]
        error = metrics.mean_absolute_error(y[150:, place], said)
        assert verdict["value"] == pytest.approx(error, abs=6e-5), verdict["reason"]
    assert vl.verify().ok


def test_an_audits_own_table_has_the_named_output(write_policy: Any, evidence: Any) -> None:
    X, y = make_regression(200, 3, n_targets=2, noise=9.0, random_state=0)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    outputs = pd.DataFrame(y, columns=["price", "rent"])
    policy = write_policy(AMOUNTS.format(roles=""))
    model: Any = vl.wrap(LinearRegression(), policy=policy)
    whole = pd.concat([frame, outputs], axis=1)
    for held in (whole, whole[150:]):
        model.fit(frame[: len(whole)], outputs, audit_data=held, target="rent")
        error = metrics.mean_absolute_error(
            held["rent"], model.predict(held[["a", "b", "c"]])[:, 1]
        )
        assert evidence()[-1]["verdicts"][0]["value"] == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize(
    "bare",
    [
        MultiOutputClassifier(LogisticRegression()),
        RandomForestClassifier(9, random_state=0),
        KNeighborsClassifier(),
        ClassifierChain(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_named_label_is_judged(bare: Any, write_policy: Any, evidence: Any) -> None:
    X, y = make_multilabel_classification(600, n_classes=3, random_state=2)
    topics = pd.DataFrame(y, columns=["sport", "law", "art"])
    for place, name in enumerate(topics):
        model: Any = vl.wrap(bare, policy=write_policy(LABELS.format(roles=roles(name))))
        model.fit(X[:400], topics[:400], audit_data=(X[400:], topics[400:]))
        said = np.asarray(model.predict(X[400:]))[:, place]
        proba = model.predict_proba(X[400:])
        score = proba[place][:, 1] if isinstance(proba, list) else proba[:, place]
        found = {v["control"]: v["value"] for v in evidence()[-1]["verdicts"]}
        true = y[400:, place]
        assert found["right"] == pytest.approx(metrics.accuracy_score(true, said), abs=6e-5)
        assert found["found"] == pytest.approx(metrics.recall_score(true, said), abs=6e-5)
        assert found["ranked"] == pytest.approx(metrics.roc_auc_score(true, score), abs=6e-5)


@pytest.mark.parametrize("name", [None, "profit"])
def test_where_none_is_named_the_reason_lists_them(
    name: str | None, write_policy: Any, evidence: Any
) -> None:
    X, y = make_regression(100, 3, n_targets=2, random_state=0)
    outputs = pd.DataFrame(y, columns=["price", "rent"])
    policy = write_policy(AMOUNTS.format(roles=roles(name)))
    vl.wrap(LinearRegression(), policy=policy).fit(X, outputs)
    [verdict] = evidence()[-1]["verdicts"]
    assert (verdict["status"], verdict["light"]) == ("not_evaluated", "amber")
    assert "y has 2 outputs ('price', 'rent'): say which is judged" in verdict["reason"]


def test_enforce_says_what_to_give_for_several_outputs(write_policy: Any) -> None:
    X, y = make_regression(100, 3, n_targets=2, random_state=0)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    policy, model = write_policy(AMOUNTS.format(roles="")), LinearRegression().fit(frame, y)
    with pytest.raises(vl.BindingError, match=r"gave shape \(100, 2\).*prediction="):
        vl.enforce(frame.assign(rent=y[:, 1]), policy=policy, model=model, target="rent")
