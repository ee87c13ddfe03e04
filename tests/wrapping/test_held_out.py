"""Held-out rows as `audit_data=(X_test, y_test)`, in every form in which people have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import venturalitica as vl
from venturalitica.audit.project import open_ledger

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.10"}
  - {id: parity, metric: demographic_parity_ratio, across: group, must: ">= 0.01"}
"""
ACCURACY = POLICY[: POLICY.index("  - {id: parity")]


def rows(count: int = 800, seed: int = 5) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, count)
    X = pd.DataFrame({"a": truth + random.normal(size=count), "b": random.normal(size=count)})
    return X, pd.Series(truth, name="y")


@pytest.fixture
def policy(tmp_path, monkeypatch) -> Any:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    def write(text: str = ACCURACY) -> str:
        (tmp_path / "model_policy.yaml").write_text(text)
        return str(tmp_path / "model_policy.yaml")

    return write


def audited(policy: str, X: Any, y: Any, **audit: Any) -> tuple[Any, Any]:
    """The fitted model, and the record of its audit."""
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(X, y, **audit)
    return model, list(open_ledger(create=False).entries())[-1].record


def value(record: Any, control: str = "accuracy") -> dict[str, Any]:
    return next(v for v in record.verdict_items if v["control"] == control)


FORMS = {
    "pandas": lambda table: table,
    "arrays": lambda table: table.to_numpy(),
    "lists": lambda table: table.to_numpy().tolist(),
    "polars": lambda table: pl.from_pandas(table),
    "sparse": lambda table: scipy.sparse.csr_matrix(table.to_numpy()),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_rows_given_are_judged_and_not_those_of_the_training(form, policy):
    X, X_test, y, y_test = train_test_split(*rows(), random_state=1, test_size=0.25)
    make = FORMS[form]
    model, record = audited(policy(), make(X), y.to_numpy(), audit_data=(make(X_test), y_test))
    assert record.rows == 200
    assert value(record)["value"] == pytest.approx(
        np.mean(vl.unwrap(model).predict(make(X_test)) == y_test), abs=1e-4
    )
    assert record.data[0]["training_rows"] is not True
    if form not in ("sparse", "lists"):
        assert record.data[0]["training_rows"] is False
        assert value(record)["light"] == "green"


@pytest.mark.parametrize(
    "labels", [lambda y: y, list, lambda y: y.to_numpy(), lambda y: y.to_frame()]
)
def test_labels_in_any_form(labels, policy):
    X, X_test, y, y_test = train_test_split(*rows(), random_state=1)
    _, record = audited(policy(), X, y, audit_data=(X_test, labels(y_test)))
    assert value(record)["status"] == "passed"


@pytest.mark.parametrize("form", ["pandas", "arrays"])
def test_the_training_rows_as_held_out_ones_are_found_out(form, policy):
    X, y = rows()
    make = FORMS[form]
    _, record = audited(policy(), make(X), y, audit_data=(make(X).copy(), y))
    assert record.data[0]["training_rows"] is True
    assert value(record)["light"] == "amber"
    _, record = audited(policy(), make(X), y, audit_data=(make(X)[:300], y[:300]))
    assert record.data[0]["training_rows"] is True


def test_groupings_are_arrays_of_the_rows_judged_or_columns_beside_the_features(policy):
    X, X_test, y, y_test = train_test_split(*rows(), random_state=1)
    group = np.where(np.arange(len(y_test)) % 2, "f", "m")
    _, record = audited(policy(POLICY), X, y, audit_data=(X_test, y_test), group=group)
    assert value(record, "parity")["status"] == "passed"
    beside = X_test.assign(sex=group)[["sex", "b", "a"]]
    _, again = audited(policy(POLICY), X, y, audit_data=(beside, y_test), group="sex")
    assert value(again, "parity")["value"] == value(record, "parity")["value"]
    assert again.bindings["group"] == "sex"


def test_a_table_of_as_many_rows_that_shares_none_is_held_out(policy):
    X, X_test, y, y_test = train_test_split(*rows(), random_state=1, test_size=0.5)
    assert len(X) == len(X_test)
    _, record = audited(policy(), X, y, audit_data=X_test.assign(y=y_test), target="y")
    assert record.data[0]["training_rows"] is False


def test_without_audit_data_the_sentence_says_what_to_give(policy):
    _, record = audited(policy(), *rows())
    assert "give audit_data=(X_test, y_test)" in value(record)["reason"]
    assert value(record)["light"] == "amber"


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (lambda X, y: {"audit_data": (X,)}, r"a tuple of 1: expected \(X_test, y_test\)"),
        (lambda X, y: {"audit_data": (X, y, y)}, r"a tuple of 3"),
        (lambda X, y: {"audit_data": (X, y[:-3])}, r"X_test has 200 rows and y_test 197 labels"),
        (lambda X, y: {"audit_data": (X, None)}, r"has no labels"),
        (lambda X, y: {"audit_data": (X[:0], y[:0])}, r"has no rows"),
        (lambda X, y: {"audit_data": (X[["a"]], y)}, r"X_test lacks 'b'"),
        (lambda X, y: {"audit_data": (X.to_numpy()[:, :1], y)}, r"1 columns and X has 2"),
        (lambda X, y: {"audit_data": (X, y), "target": "y"}, r"holds the labels already"),
        (
            lambda X, y: {"audit_data": (X, y), "group": "sex"},
            r"X_test has no column 'sex'.*Give its values for these rows, group=test_df\['sex'\]",
        ),
        (
            lambda X, y: {"audit_data": (X.to_numpy(), y), "group": "sex"},
            r"no table with named columns. Give its values for these rows, group=test_df\['sex'\]",
        ),
        (
            lambda X, y: {"audit_data": X[["a"]].assign(y=y)},
            r"lacks 'b' .*give what the model gets, audit_data=\(X_test, y_test\)",
        ),
        (lambda X, y: {"audit_data": (X, y), "group": ["f"] * 9}, r"9 values and 200 rows"),
        (lambda X, y: {"audit_data": (X, y[::-1])}, r"order their index differently"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_trained(audit, said, policy):
    X, X_test, y, y_test = train_test_split(*rows(), random_state=1, test_size=0.25)
    model = vl.wrap(LogisticRegression(), policy=policy(POLICY))
    with pytest.raises((vl.DataError, vl.BindingError), match=said):
        model.fit(X, y, **audit(X_test, y_test))
    assert not hasattr(model, "coef_")
