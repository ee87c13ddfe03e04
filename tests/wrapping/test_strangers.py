"""Cases of strangers: models that predict amounts, stacks, shuffled copies, wrong calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost
import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestRegressor, StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import venturalitica as vl


def found(audit: dict[str, Any]) -> dict[str, str]:
    return {verdict["control"]: verdict["status"] for verdict in audit["verdicts"]}


def reasons(audit: dict[str, Any]) -> str:
    return " ".join(verdict["reason"] for verdict in audit["verdicts"])


@pytest.mark.parametrize(
    "bare",
    [
        Ridge(),
        DecisionTreeRegressor(),
        RandomForestRegressor(5, random_state=0),
        make_pipeline(StandardScaler(), DecisionTreeRegressor()),
        GridSearchCV(DecisionTreeRegressor(), {"max_depth": [None]}, cv=2),
        catboost.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_regressor_is_never_judged_as_a_classifier(
    bare: Any, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    vl.wrap(bare, policy=policy).fit(X, y, audit_data=loans, gender="sex")
    [audit] = evidence()
    assert set(found(audit).values()) == {"not_evaluated"}
    assert "is a regressor" in reasons(audit)
    assert audit["light"] == "amber"


def test_why_nothing_was_evaluated_is_said_once(
    policy: str, write_policy: Any, X: Any, y: Any, caplog: Any
) -> None:
    warning = write_policy(Path(policy).read_text().replace("on_fail: record", "on_fail: warn"))
    vl.wrap(Ridge(), policy=warning).fit(X, y, gender=["f", "m"] * (len(X) // 2))
    [line] = [m for m in caplog.messages if "is a regressor" in m]
    assert line.startswith("accuracy, gender-parity: not evaluated: ")
    assert len(line) < 1_100


class Amounts(BaseEstimator):  # type: ignore[misc]
    """Says nothing of its kind and predicts fractions."""

    def fit(self, X: Any, y: Any) -> Amounts:
        return self

    def predict(self, X: Any) -> Any:
        return np.where(np.arange(len(X)) % 2, 1.0, 0.25)


def test_fractions_are_no_labels(policy: str, X: Any, y: Any, loans: Any, evidence: Any) -> None:
    model: Any = vl.wrap(Amounts(), policy=policy)
    model.fit(X, y, audit_data=loans, gender="sex")
    [audit] = evidence()
    assert set(found(audit).values()) == {"not_evaluated"}
    assert "with fractions" in reasons(audit)


def test_a_regressor_has_no_labels_for_enforce_either(
    policy: str, X: Any, y: Any, loans: Any
) -> None:
    model = DecisionTreeRegressor().fit(X, y)
    audit = vl.enforce(loans, policy=policy, model=model, target="class", gender="sex")
    assert [(v.status, v.light) for v in audit] == [("not_evaluated", "amber")] * len(audit)
    assert all("is a regressor" in verdict.reason for verdict in audit)
    assert vl.verify().ok


@pytest.mark.parametrize("amounts", ["zero and one", "whole", "fractions", "large"])
@pytest.mark.parametrize("kind", [Ridge, Amounts], ids=lambda kind: kind.__name__)
def test_no_target_makes_a_regressor_red(
    amounts: str, kind: Any, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    whole = np.arange(len(X)) * 7
    targets = {
        "zero and one": y,
        "whole": whole,
        "fractions": whole / 3,
        "large": whole * 1e9 + 0.5,
    }
    model: Any = vl.wrap(kind(), policy=policy)
    model.fit(X, targets[amounts], audit_data=loans.drop(columns="class"), gender="sex")
    [audit] = evidence()
    assert set(found(audit).values()) == {"not_evaluated"}
    assert audit["light"] == "amber"
    assert vl.verify().ok


def test_a_control_that_no_regressor_can_meet_is_refused_before_it_blocks(
    policy: str, write_policy: Any, X: Any, y: Any
) -> None:
    strict = write_policy(Path(policy).read_text().replace("on_fail: record", "on_fail: block"))
    for bare in (Ridge(), make_pipeline(StandardScaler(), Ridge()), GridSearchCV(Ridge(), {})):
        with pytest.raises(vl.PolicyError) as refused:
            vl.wrap(bare, policy=strict)
        first, *_ = refused.value.problems
        assert "control 'accuracy' (accuracy) blocks and can never be judged" in first.message
        assert "on_fail: warn" in first.message
        assert Path(strict).read_text().splitlines()[first.line - 1].strip().startswith("- id: acc")


@pytest.mark.parametrize(
    ("bare", "kind"),
    [
        (KMeans(2, n_init=1), "a clusterer"),
        (make_pipeline(StandardScaler(), KMeans(2, n_init=1)), "a clusterer"),
        (IsolationForest(n_estimators=5), "an outlier detector"),
        (GaussianMixture(2), "a density estimator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_predicts_no_target_is_refused(
    bare: Any, kind: str, policy: str, X: Any, loans: Any
) -> None:
    with pytest.raises(TypeError, match=f"is {kind}: it predicts"):
        vl.wrap(bare, policy=policy)
    with pytest.raises(vl.DataError, match=f"is {kind}: it predicts"):
        vl.enforce(loans, policy=policy, model=bare.fit(X), target="class", gender="sex")


@pytest.mark.parametrize("labels_too", [False, True])
@pytest.mark.parametrize(
    "bare",
    [
        LinearRegression(),
        catboost.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_regressor_is_judged_unless_a_control_compares_labels(
    bare: Any, labels_too: bool, write_policy: Any, X: Any, evidence: Any
) -> None:
    amounts = np.random.default_rng(1).normal(200.0, 50.0, len(X))
    y = (amounts > 200.0).astype(int) if labels_too else amounts
    controls = '  - {id: error, metric: mean_absolute_error, must: "<= 1000"}\n'
    if labels_too:
        controls += '  - {id: right, metric: accuracy, must: ">= 0.1"}\n'
    policy = write_policy(f'policy: prices\nversion: "1"\ncontrols:\n{controls}')
    model: Any = vl.wrap(bare, policy=policy)
    model.fit(X, y)
    [audit] = evidence()
    if labels_too:
        assert found(audit) == {"error": "passed", "right": "not_evaluated"}
        assert "is a regressor" in reasons(audit)
        return
    assert found(audit) == {"error": "passed"}
    error = np.abs(model.predict(X) - y).mean()
    assert audit["verdicts"][0]["value"] == pytest.approx(error, abs=5e-5)
    judged = vl.enforce(X.assign(price=y), policy=policy, model=vl.unwrap(model), target="price")
    assert judged["error"].value == pytest.approx(error)


def test_who_asks_for_a_metric_of_numbers_is_told_those_there_are(write_policy: Any) -> None:
    policy = write_policy(
        'policy: prices\nversion: "1"\ncontrols: [{id: c, metric: msle, must: "<= 1"}]\n'
    )
    with pytest.raises(vl.PolicyError, match="of predicted numbers there are mean_absolute_error"):
        vl.read_policy(policy)


def test_enforce_asks_catboost_for_its_columns(policy: str, X: Any, y: Any, loans: Any) -> None:
    settings = {"iterations": 3, "verbose": 0, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(**settings).fit(X, y)
    audit = vl.enforce(loans, policy=policy, model=model, target="class", gender="sex")
    assert audit["accuracy"].value == pytest.approx(model.score(X, y))
    nameless = catboost.CatBoostClassifier(**settings).fit(X.to_numpy(), y)
    with pytest.raises(vl.DataError, match="cannot be asked about this data"):
        vl.enforce(loans, policy=policy, model=nameless, target="class", gender="sex")


def test_a_stack_gets_its_predict_by_training(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    bare = StackingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier())], cv=2)
    assert not hasattr(bare, "predict")
    model = vl.wrap(bare, policy=policy).fit(X, y, audit_data=loans, gender="sex")
    [audit] = evidence()
    assert found(audit) == {"accuracy": "passed", "gender-parity": "passed"}
    assert audit["verdicts"][0]["value"] == pytest.approx(model.score(X, y), abs=5e-5)


def test_several_outputs_are_told_as_such(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    model = vl.wrap(MultiOutputClassifier(LogisticRegression()), policy=policy)
    model.fit(X, np.c_[y, 1 - y], gender=loans["sex"])
    [audit] = evidence()
    assert set(found(audit).values()) == {"not_evaluated"}
    assert "y has 2 outputs ('0', '1'): say which is judged" in reasons(audit)


@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_a_shuffle_is_seen_in_shared_features(
    engine: str, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    shuffled = loans.drop(columns="class").sample(frac=1, random_state=1).reset_index(drop=True)
    table = shuffled if engine == "pandas" else pl.from_pandas(shuffled)
    model = vl.wrap(LogisticRegression(), policy=policy)
    with pytest.raises(vl.DataError, match=r"same values of 'debt' in another order, first at row"):
        model.fit(X.reset_index(drop=True), y.to_numpy(), audit_data=table, gender="sex")
    assert evidence() == []
    assert not hasattr(model, "coef_")


def test_another_scale_or_encoding_of_a_feature_is_no_shuffle(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    table = loans.drop(columns="class").reset_index(drop=True)
    scaled = X.reset_index(drop=True).assign(
        debt=lambda t: t.debt * 2, years=table["sex"] == "male"
    )
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(scaled, y.to_numpy(), audit_data=table, gender="sex")
    [audit] = evidence()
    assert audit["light"] == "amber", "the same rows: judged on what it was trained on"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audit_data": "none"}, "audit_data has no rows"),
        ({"gender": "two columns"}, "gender= has 2 columns"),
    ],
)
def test_what_cannot_be_judged_is_refused_before_training(
    change: dict[str, str], message: str, policy: str, X: Any, y: Any, loans: Any
) -> None:
    values: dict[str, Any] = {"none": loans[:0], "two columns": loans[["sex", "class"]]}
    model = vl.wrap(LogisticRegression(), policy=policy)
    arguments = {"gender": "sex"} | {name: values[value] for name, value in change.items()}
    with pytest.raises(vl.DataError, match=message):
        model.fit(X, y, **arguments)
    assert not hasattr(model, "coef_")


class Chatty(LogisticRegression):  # type: ignore[misc]
    def predict(self, X: Any) -> Any:
        raise ValueError("could not convert 'Jane Doe, 4711' to a number")


def test_what_a_model_says_of_rows_stays_out_of_the_evidence(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any, caplog: Any
) -> None:
    vl.wrap(Chatty(), policy=policy).fit(X, y, audit_data=loans, gender="sex")
    [audit] = evidence()
    assert "Jane Doe" not in str(audit)
    assert "raised ValueError" in reasons(audit)
    assert sum("raised ValueError" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("policy_value", [3, b"model_policy.yaml", {"policy": "x"}, ["x"]])
def test_a_policy_of_another_kind_is_named(policy_value: Any) -> None:
    with pytest.raises(TypeError, match=r"policy= is a \w+: expected the path of a policy file"):
        vl.wrap(LogisticRegression(), policy=policy_value)


def test_swapped_arguments_are_named(policy: str) -> None:
    with pytest.raises(TypeError, match="the model comes first"):
        vl.wrap(policy, LogisticRegression())
