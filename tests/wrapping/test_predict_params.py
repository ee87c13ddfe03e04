"""`predict` that needs more than X: metadata of the training, or `predict_params`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl

POLICY = """\
policy: fair
version: "1"
roles:
  target: {favorable: 1}
controls:
  - {id: right, metric: accuracy, must: ">= 0.1", on_fail: record}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0", on_fail: record}
"""


def optimizer() -> Any:
    return ThresholdOptimizer(
        estimator=LogisticRegression(), constraints="demographic_parity",
        predict_method="predict_proba",
    )  # fmt: skip


@pytest.fixture
def fair(write_policy: Any) -> str:
    return str(write_policy(POLICY))


@pytest.fixture
def halves(loans: Any) -> Any:
    features = ["income", "debt", "years"]
    a, b = loans.iloc[:150], loans.iloc[150:]
    return a[features], a["class"], a["sex"], b[features], b["class"], b["sex"], b


def value(evidence: Any, control: int = 0) -> Any:
    verdict = evidence()[-1]["verdicts"][control]
    assert verdict["status"] == "passed", verdict["reason"]
    return verdict["value"]


def test_metadata_of_the_training_is_handed_over(fair: str, halves: Any, evidence: Any) -> None:
    X, y, sex, *_ = halves
    np.random.seed(5)
    model = vl.wrap(optimizer(), policy=fair).fit(X, y, sensitive_features=sex, gender=sex)
    after = np.random.random()
    np.random.seed(5)
    bare = optimizer().fit(X, y, sensitive_features=sex)
    said = bare.predict(X, sensitive_features=sex)
    assert value(evidence) == pytest.approx(accuracy_score(y, said), abs=5e-5)
    np.random.seed(5)
    assert after == np.random.random()
    ours = model.predict(X, sensitive_features=sex, random_state=0)
    np.testing.assert_array_equal(ours, bare.predict(X, sensitive_features=sex, random_state=0))


def test_held_out_rows_bring_their_own(fair: str, halves: Any, evidence: Any) -> None:
    X, y, sex, X_test, y_test, sex_test, b = halves
    bare = optimizer().fit(X, y, sensitive_features=sex)
    said = bare.predict(X_test, sensitive_features=sex_test, random_state=3)
    right = accuracy_score(y_test, said)
    model = vl.wrap(optimizer(), policy=fair, predict_params={"random_state": 3})
    given: dict[str, Any] = {"sensitive_features": sex}
    for call in (
        given | {"audit_data": (X_test, y_test), "gender": sex_test,
                 "predict_params": {"sensitive_features": sex_test}},
        # A Series that is a column of the judged table by its name needs no word.
        given | {"audit_data": b, "target": "class", "gender": "sex"},
        given | {"audit_data": b, "target": "class", "gender": "sex",
                 "predict_params": {"sensitive_features": "sex"}},
        {"sensitive_features": sex.to_numpy(), "audit_data": b, "target": "class",
         "gender": "sex", "predict_params": {"sensitive_features": "sex"}},
    ):  # fmt: skip
        model.fit(X, y, **call)
        assert value(evidence) == pytest.approx(right, abs=5e-5)


def test_what_nobody_gave_is_said_with_the_line_to_write(
    fair: str, halves: Any, evidence: Any
) -> None:
    X, y, sex, X_test, y_test, *_ = halves
    vl.wrap(optimizer(), policy=fair).fit(X, y, sensitive_features=sex, audit_data=(X_test, y_test))
    verdict = evidence()[-1]["verdicts"][0]
    assert verdict["status"] == "not_evaluated"
    assert 'give predict_params={"sensitive_features": <their column' in verdict["reason"]


def test_enforce_hands_them_too(fair: str, halves: Any) -> None:
    X, y, sex, X_test, _, sex_test, b = halves
    bare = optimizer().fit(X, y, sensitive_features=sex)
    right = accuracy_score(
        b["class"], bare.predict(X_test, sensitive_features=sex_test, random_state=3)
    )
    for given in ("sex", sex_test, sex_test.to_numpy()):
        audit = vl.enforce(
            b, policy=fair, model=bare, target="class", gender="sex",
            predict_params={"sensitive_features": given, "random_state": 3},
        )  # fmt: skip
        assert audit["right"].value == pytest.approx(right)
    with pytest.raises(vl.BindingError, match="predict needs sensitive_features="):
        vl.enforce(b, policy=fair, model=bare, target="class", gender="sex")
    with pytest.raises(vl.DataError, match="order their index differently"):
        vl.enforce(
            b, policy=fair, model=bare, target="class", gender="sex",
            predict_params={"sensitive_features": sex_test[::-1]},
        )  # fmt: skip


def test_a_pipeline_takes_them_by_its_last_step(fair: str, halves: Any, evidence: Any) -> None:
    X, y, sex, *_ = halves
    steps = Pipeline([("scale", StandardScaler()), ("model", optimizer())])
    vl.wrap(steps, policy=fair).fit(X, y, model__sensitive_features=sex, gender=sex)
    assert value(evidence) > 0.5


class Shifted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """It predicts by an offset per row, which scikit-learn routes to `fit` and `predict`."""

    def fit(self, X: Any, y: Any, offset: Any = None) -> Shifted:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any, offset: Any = None) -> Any:
        return np.zeros(len(X), int) if offset is None else np.asarray(offset)


def test_routed_metadata_is_routed(fair: str, halves: Any, evidence: Any) -> None:
    X, y, *_ = halves
    with sklearn.config_context(enable_metadata_routing=True):
        asks = Shifted().set_fit_request(offset=True).set_predict_request(offset=True)
        model = make_pipeline(StandardScaler(), asks)
        vl.wrap(model, policy=fair).fit(X, y, offset=y)
        assert value(evidence) == 1.0
        deaf = Shifted().set_fit_request(offset=True).set_predict_request(offset=False)
        vl.wrap(make_pipeline(deaf), policy=fair).fit(X, y, offset=y)
        assert value(evidence) < 1.0
    vl.wrap(Shifted(), policy=fair).fit(X, y, offset=y)
    assert value(evidence) == 1.0


class Unlisted(BaseEstimator):  # type: ignore[misc]
    """Probabilities without `classes_`."""

    def fit(self, X: Any, y: Any) -> Unlisted:
        self.inner = LogisticRegression().fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        return self.inner.predict(X)

    def predict_proba(self, X: Any) -> Any:
        return self.inner.predict_proba(X)


@pytest.mark.parametrize("labels", [[0, 1], ["bad", "good"]])
def test_labels_come_from_y_where_a_model_lists_none(
    labels: Any, write_policy: Any, halves: Any, evidence: Any
) -> None:
    X, y, _, X_test, y_test, *_ = halves
    own, other = np.asarray(labels)[y], np.asarray(labels)[y_test]
    policy = write_policy(
        f"policy: p\nversion: '1'\nroles: {{target: {{favorable: {labels[1]}}}}}\n"
        "controls:\n  - {id: ranks, metric: roc_auc, must: '>= 0'}\n"
    )
    model: Any = vl.wrap(Unlisted(), policy=policy)
    model.fit(X, own, audit_data=(X_test, other))
    auc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    assert value(evidence) == pytest.approx(auc, abs=5e-5)


@pytest.mark.filterwarnings("ignore")  # fairlearn's own, of pandas
def test_a_mitigation_by_reduction_is_audited(fair: str, halves: Any, evidence: Any) -> None:
    X, y, sex, *_ = halves
    model = ExponentiatedGradient(LogisticRegression(), DemographicParity(), max_iter=3)
    vl.wrap(model, policy=fair).fit(X, y, sensitive_features=sex, gender=sex)
    assert value(evidence) > 0.5


@pytest.mark.parametrize("given", ["sex", ["sex"], {1: "sex"}])
def test_what_is_no_mapping_of_names_is_refused(given: Any, fair: str, X: Any, y: Any) -> None:
    with pytest.raises(vl.BindingError, match="expected arguments of predict by name"):
        vl.wrap(optimizer(), policy=fair, predict_params=given)
    with pytest.raises(vl.BindingError, match="expected arguments of predict by name"):
        vl.wrap(LogisticRegression(), policy=fair).fit(X, y, predict_params=given)
