"""Which rows are judged, and what is refused before anything trains."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import venturalitica as vl

FEATURES = ["income", "debt", "years"]


@pytest.fixture
def model(policy: str) -> LogisticRegression:
    return vl.wrap(LogisticRegression(max_iter=500), policy=policy)


def value(audit: dict[str, Any], control: str) -> Any:
    return next(v["value"] for v in audit["verdicts"] if v["control"] == control)


def status(audit: dict[str, Any]) -> dict[str, str]:
    return {v["control"]: v["status"] for v in audit["verdicts"]}


def test_audit_data_of_the_same_length_is_judged_on_the_training_features(
    model: Any, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    model.fit(X, y, audit_data=loans, gender="sex")
    [audit] = evidence()
    predicted = model.predict(X)
    assert value(audit, "accuracy") == pytest.approx(accuracy_score(y, predicted), abs=5e-5)
    rates = pd.Series(predicted, index=X.index).groupby(loans["sex"]).mean()
    assert value(audit, "gender-parity") == pytest.approx(rates.min() / rates.max(), abs=5e-5)
    assert audit["bindings"] == {"gender": "sex", "target": "class", "prediction": "prediction"}
    assert audit["data"][0]["training_rows"] is True
    assert audit["run"]["source"] == "fit"


def test_without_audit_data_the_training_data_is_judged(
    policy: str, loans: Any, y: Any, evidence: Any
) -> None:
    numbers = loans[FEATURES].assign(sex=(loans["sex"] == "male").astype(int))
    model = vl.wrap(LogisticRegression(max_iter=500), policy=policy)
    model.fit(numbers, y, gender="sex")
    [audit] = evidence()
    assert value(audit, "accuracy") == pytest.approx(model.score(numbers, y), abs=5e-5)
    assert status(audit)["gender-parity"] == "passed"
    assert audit["data"][0]["training_rows"] is True


def test_other_rows_are_predicted_from_their_own_features(
    model: Any, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    train, test = loans[:180], loans[180:]
    shuffled = test[["sex", "class", "years", "income", "debt"]]
    model.fit(train[FEATURES], train["class"], audit_data=shuffled, gender="sex", target="class")
    [audit] = evidence()
    expected = accuracy_score(test["class"], model.predict(test[FEATURES]))
    assert value(audit, "accuracy") == pytest.approx(expected, abs=5e-5)
    assert audit["tally"]["rows"] == 60
    assert audit["data"][0]["training_rows"] is False


def test_other_rows_take_the_engine_of_the_features(model: Any, loans: Any, evidence: Any) -> None:
    train, test = loans[:180], pl.from_pandas(loans[180:])
    model.fit(train[FEATURES], train["class"], audit_data=test.lazy(), gender="sex")
    model.fit(pl.from_pandas(train[FEATURES]), train["class"], audit_data=loans[180:], gender="sex")
    first, second = evidence()
    assert first["tally"] == second["tally"]
    assert first["tally"]["rows"] == 60


def frames() -> dict[str, Any]:
    return {
        "pandas": lambda frame: frame,
        "polars": pl.from_pandas,
        "lazy": lambda frame: pl.from_pandas(frame).lazy(),
        "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    }


@pytest.mark.parametrize("engine", frames())
def test_every_engine_gives_the_same_verdicts(
    engine: str, model: Any, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    convert = frames()[engine]
    model.fit(X, y, audit_data=loans, gender="sex")
    model.fit(X.to_numpy(), y.to_numpy(), audit_data=convert(loans), gender="sex", target="class")
    first, second = evidence()
    assert first["tally"] == second["tally"]


def features_and_labels() -> dict[str, Any]:
    return {
        "pandas": lambda X, y: (X, y),
        "numpy": lambda X, y: (X.to_numpy(), y.to_numpy()),
        "lists": lambda X, y: (X.to_numpy().tolist(), y.tolist()),
        "sparse": lambda X, y: (sparse.csr_array(X.to_numpy()), y.to_numpy()),
        "sparse matrix": lambda X, y: (sparse.csc_matrix(X.to_numpy()), y),
        "polars": lambda X, y: (pl.from_pandas(X), pl.from_pandas(y)),
        "one-column frame": lambda X, y: (X, y.to_frame()),
        "column array": lambda X, y: (X, y.to_numpy().reshape(-1, 1)),
        "nullable": lambda X, y: (X.convert_dtypes(), y.convert_dtypes()),
        "categorical": lambda X, y: (X, y.astype("category")),
        "columns in levels": lambda X, y: (pd.concat({"x": X}, axis=1), y),
        "arrow": lambda X, y: (pa.Table.from_pandas(X, preserve_index=False), pa.array(y)),
        "integer column names": lambda X, y: (X.set_axis([0, 1, 2], axis=1), y),
    }


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("form", features_and_labels())
def test_every_form_of_features_and_labels_is_judged(
    form: str, policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    own_x, own_y = features_and_labels()[form](X, y)
    model = vl.wrap(LogisticRegression(max_iter=500), policy=policy)
    model.fit(own_x, own_y, gender=loans["sex"].to_numpy())
    bare = LogisticRegression(max_iter=500).fit(X.to_numpy(), y)
    [audit] = evidence()
    assert set(status(audit).values()) == {"passed"}
    assert value(audit, "accuracy") == pytest.approx(bare.score(X.to_numpy(), y), abs=0.01)


def test_text_labels_are_judged(
    policy: str, write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    path = write_policy(Path(policy).read_text().replace("favorable: 1", "favorable: good"))
    model = vl.wrap(LogisticRegression(max_iter=500), policy=path)
    model.fit(X, np.where(y == 1, "good", "bad"), gender=["a", "b"] * 120)
    assert set(status(evidence()[0]).values()) == {"passed"}


def test_a_role_may_be_an_array(model: Any, X: Any, y: Any, loans: Any, evidence: Any) -> None:
    sexes = loans["sex"]
    for form in (sexes, sexes.to_numpy(), sexes.tolist(), sexes.reset_index(drop=True)):
        model.fit(X, y, gender=form)
    model.fit(X, y, audit_data=pl.from_pandas(loans), gender=pl.from_pandas(sexes))
    model.fit(X, y, audit_data=loans, gender="sex")
    assert len({value(audit, "gender-parity") for audit in evidence()}) == 1


def refused(model: Any, error: type[Exception], said: str, *args: Any, **named: Any) -> None:
    with pytest.raises(error, match=said):
        model.fit(*args, **named)
    assert not hasattr(model, "coef_"), "raised before training"


def test_rows_in_another_order_are_refused(model: Any, X: Any, y: Any, loans: Any) -> None:
    said = "out of order: X and audit_data have different indexes"
    refused(model, vl.DataError, said, X, y, audit_data=loans[::-1], gender="sex")
    shuffled = loans.sample(frac=1, random_state=1).reset_index(drop=True)
    said = r"out of order: audit_data\['class'\] and y differ, first at row \d+"
    plain_x = X.reset_index(drop=True)
    refused(model, vl.DataError, said, plain_x, y, audit_data=shuffled, gender="sex")
    named = {"audit_data": shuffled, "gender": "sex", "target": "class"}
    refused(model, vl.DataError, said, X.to_numpy(), y.to_numpy(), **named)
    said = "y and audit_data order their index differently"
    turned = loans[::-1].drop(columns="class")
    refused(model, vl.DataError, said, X.to_numpy(), y, audit_data=turned, gender="sex")
    said = "gender= and the judged rows order their index differently"
    refused(model, vl.DataError, said, X, y, gender=loans["sex"][::-1])
    refused(model, vl.DataError, said, X, y, audit_data=loans, gender=loans["sex"][::-1])


def test_an_error_about_rows_shows_no_values(model: Any, X: Any, y: Any, loans: Any) -> None:
    secret = loans.assign(**{"class": loans["class"] + 7_391_000})
    with pytest.raises(vl.DataError) as caught:
        model.fit(X, y, audit_data=secret, gender="sex")
    assert "7391" not in str(caught.value)


def test_labels_are_compared_by_value(
    model: Any, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    for labels in (
        loans["class"].astype(float),
        loans["class"].astype(bool),
        loans["class"].astype("Int64"),
    ):
        model.fit(X, y, audit_data=loans.assign(**{"class": labels}), gender="sex")
    assert len(evidence()) == 3
    with pytest.raises(vl.DataError, match="first at row 0"):
        model.fit(
            X, y, audit_data=loans.assign(**{"class": loans["class"].astype(str)}), gender="sex"
        )


def test_booleans_and_numbers_for_one_label_are_one(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(max_iter=500), policy=policy)
    model.fit(X, y, audit_data=loans, gender="sex")
    model.fit(X, y == 1, audit_data=loans, gender="sex", target="class")
    first, second = evidence()
    assert first["tally"] == second["tally"]


def test_one_swapped_pair_of_rows_is_found(model: Any, X: Any, y: Any, loans: Any) -> None:
    labels = y.to_numpy().copy()
    row = int(np.flatnonzero(labels[:-1] != labels[1:])[0])
    labels[[row, row + 1]] = labels[[row + 1, row]]
    table = loans.assign(**{"class": labels})
    refused(model, vl.DataError, f"first at row {row} ", X, y, audit_data=table, gender="sex")


def test_missing_columns_are_refused(model: Any, X: Any, y: Any, loans: Any) -> None:
    refused(model, vl.BindingError, "no column 'sexx'; did you mean 'sex'",
            X, y, audit_data=loans, gender="sexx")  # fmt: skip
    refused(model, vl.BindingError, "no column 'klass'",
            X, y, audit_data=loans, gender="sex", target="klass")  # fmt: skip
    refused(model, vl.BindingError, "lacks 'debt' of the model's feature columns",
            X, y, audit_data=loans[:50].drop(columns="debt"), gender="sex")  # fmt: skip
    refused(model, vl.BindingError, "must hold the true labels too",
            X, y.rename(None), audit_data=loans[:50], gender="sex")  # fmt: skip
    refused(model, vl.BindingError, "gender='sex' names a column, and there is no table",
            X.to_numpy(), y, gender="sex")  # fmt: skip
    refused(model, vl.BindingError, "the audit takes y itself",
            X, y, gender=["a", "b"] * 120, target="klass")  # fmt: skip


def test_what_cannot_be_matched_is_refused(model: Any, X: Any, y: Any, loans: Any) -> None:
    refused(model, vl.DataError, "X has no column names",
            X.to_numpy(), y, audit_data=loans[:50], gender="sex")  # fmt: skip
    refused(model, vl.DataError, r"gender= has 3 values and 240 rows are judged",
            X, y, gender=["a", "b", "c"])  # fmt: skip
    refused(model, vl.DataError, "audit_data is a ndarray: expected a table",
            X, y, audit_data=loans.to_numpy(), gender="sex")  # fmt: skip
    twice = loans.set_axis(["a", "a", *loans.columns[2:]], axis=1)
    refused(model, vl.DataError, "two columns of one name", X, y, audit_data=twice, gender="sex")
    refused(model, vl.DataError, "target= and y differ",
            X, y, gender=["a", "b"] * 120, target=1 - y)  # fmt: skip


def test_the_policy_s_own_columns_are_defaults(
    policy: str, write_policy: Any, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    text = (
        Path(policy)
        .read_text()
        .replace(
            "target: {favorable: 1}",
            "target: {favorable: 1, column: class}\n  gender: {column: sex}",
        )
    )
    model = vl.wrap(LogisticRegression(max_iter=500), policy=write_policy(text))
    model.fit(X, y.rename(None), audit_data=loans)
    model.fit(X, y.rename(None), audit_data=loans[:100])
    same, other = evidence()
    assert same["bindings"]["gender"] == other["bindings"]["gender"] == "sex"
    assert other["bindings"]["target"] == "class"
    with pytest.raises(vl.DataError, match="out of order"):
        model.fit(X, y.rename(None), audit_data=loans.assign(**{"class": 1 - loans["class"]}))


def test_a_role_nobody_bound_is_not_evaluated_and_stops_nothing(
    model: Any, X: Any, y: Any, evidence: Any, caplog: Any
) -> None:
    with caplog.at_level("WARNING", logger="venturalitica"):
        assert model.fit(X, y) is model
    assert status(evidence()[0]) == {"accuracy": "passed", "gender-parity": "not_evaluated"}
    [warned] = [record.getMessage() for record in caplog.records]
    assert "'gender' (gender-parity)" in warned
    assert "gender=<column>" in warned


BLOCK = """\
policy: strict
version: "1"
roles:
  target: {favorable: 1}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.99", on_fail: block}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0", on_fail: record}
"""


def test_a_blocking_control_raises_after_the_evidence_and_the_model_is_trained(
    write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(C=1e-6), policy=write_policy(BLOCK))
    with pytest.raises(vl.ControlBlocked, match="accuracy: failed"):
        model.fit(X, y)
    assert [v["status"] for v in evidence()[0]["verdicts"]] == ["failed", "not_evaluated"]
    assert model.predict(X).shape == (240,)


def test_an_unbound_blocking_control_raises(
    write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    text = BLOCK.replace("0.99", "0.1").replace("on_fail: record", "on_fail: block")
    model = vl.wrap(LogisticRegression(), policy=write_policy(text))
    with pytest.raises(vl.ControlBlocked, match="parity: not evaluated"):
        model.fit(X, y)
    assert len(evidence()) == 1
    assert hasattr(model, "coef_")


class Odd(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts what `answer` says; raises it where it is an exception."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def fit(self, X: Any, y: Any) -> Odd:
        self.classes_ = np.array([0, 1])
        self.calls_ = 0
        return self

    def predict(self, X: Any) -> Any:
        self.calls_ += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.ones(len(X), dtype=int) if self.answer is None else self.answer(X)


def test_the_model_is_asked_once_and_does_not_see_it(policy: str, X: Any, y: Any) -> None:
    calls: list[int] = []

    def ones(X: Any) -> Any:
        calls.append(len(X))
        return np.ones(len(X))

    model: Any = vl.wrap(Odd(ones), policy=policy)
    assert model.fit(X, y, gender=["a", "b"] * 120).calls_ == 0
    assert calls == [240]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ValueError("unseen category"), "raised ValueError"),
        (lambda X: np.ones((len(X), 2)), "one label per row"),
        (lambda X: np.ones(3), "3 values for 240 rows"),
    ],
    ids=["raises", "two outputs", "other length"],
)
def test_a_model_that_cannot_answer_is_trained_and_not_evaluated(
    answer: Any, reason: str, policy: str, X: Any, y: Any, evidence: Any
) -> None:
    model: Any = vl.wrap(Odd(answer), policy=policy)
    assert model.fit(X, y, gender=["a", "b"] * 120) is model
    [audit] = evidence()
    assert set(status(audit).values()) == {"not_evaluated"}
    assert all(reason in v["reason"] for v in audit["verdicts"])


def test_our_own_failure_costs_no_training(
    model: Any, X: Any, y: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **named: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sys.modules["venturalitica.wrapping.wrap"], "conduct", fail)
    assert model.fit(X, y) is model
    assert "the model is trained, and its audit failed" in caplog.text
    assert "disk full" in caplog.text
    assert model.predict(X).shape == (240,)


def test_our_own_failure_is_raised_where_a_control_blocks(
    write_policy: Any, X: Any, y: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **named: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sys.modules["venturalitica.wrapping.wrap"], "conduct", fail)
    model = vl.wrap(LogisticRegression(), policy=write_policy(BLOCK))
    with pytest.raises(OSError, match="disk full"):
        model.fit(X, y)
    assert hasattr(model, "coef_")
