"""`fit` without rows that we understand trains as bare; nothing is judged, and it says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import venturalitica as vl


class Loader:
    """Batches, as a data loader of torch gives them: it has a length, and no rows."""

    def __init__(self, table: Any, labels: Any) -> None:
        self.batches = [(table[:120], labels[:120]), (table[120:], labels[120:])]

    def __iter__(self) -> Any:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Anything:
    """Trains on whatever it is given first, or on what it was made with."""

    def __init__(self, X: Any = None, y: Any = None) -> None:
        self.X, self.y = X, y
        self.given: list[Any] = []

    def fit(self, method: Any = "pinv", **settings: Any) -> Any:
        self.given.append(method)
        return self

    def predict(self, X: Any) -> Any:
        return np.ones(len(X), dtype=int)


class NoArguments(Anything):
    def fit(self) -> Any:  # type: ignore[override]
        return self


def statuses(audit: dict[str, Any]) -> set[str]:
    return {verdict["status"] for verdict in audit["verdicts"]}


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (None, "no rows"),
        ("pinv", "a str"),
        (b"pinv", "a bytes"),
        (35, "a int"),
        (0.5, "a float"),
        (np.float64(0.5), "a float64"),
        ({"a": [1, 2]}, "a dict"),
        ({"a": np.zeros(240), "b": np.zeros(3)}, "a dict"),
        (Path("train.csv"), "PosixPath"),
        (Loader(np.zeros((240, 2)), np.zeros(240)), "a Loader"),
        (LogisticRegression(), "a LogisticRegression"),
        (make_pipeline(LogisticRegression()), "a Pipeline"),
        (LogisticRegression, "a type"),
        (iter([[1], [2]]), "a list_iterator"),
        (len, "a builtin_function"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
@pytest.mark.parametrize("bound", [False, True], ids=["alone", "with a role at wrap"])
def test_it_trains_as_bare_and_is_not_evaluated(
    first: Any, named: str, bound: bool, policy: str, evidence: Any
) -> None:
    roles: dict[str, Any] = {"gender": "sex"} if bound else {}
    model: Any = vl.wrap(Anything(), policy=policy, **roles)
    assert model.fit(first, maxiter=3) is model
    assert model.given[0] is first
    [audit] = evidence()
    assert statuses(audit) == {"not_evaluated"}
    assert all(named in verdict["reason"] for verdict in audit["verdicts"])
    assert "audit_data=(X_test, y_test)" in audit["verdicts"][0]["reason"]
    assert audit["light"] == "amber"


@pytest.mark.parametrize("model", [Anything(), NoArguments()], ids=lambda m: type(m).__name__)
def test_nothing_at_all(model: Any, policy: str, evidence: Any, caplog: Any) -> None:
    vl.wrap(model, policy=policy).fit()
    assert statuses(evidence()[0]) == {"not_evaluated"}
    assert "not bound" not in caplog.text


def test_it_is_judged_on_held_out_rows(policy: str, X: Any, y: Any, evidence: Any) -> None:
    for first in (Loader(X, y), None, "pinv"):
        model: Any = vl.wrap(Anything(), policy=policy)
        model.fit(first, audit_data=(X, y), gender=["a", "b"] * 120)
    for audit in evidence():
        assert statuses(audit) <= {"passed", "failed"}
        assert audit["verdicts"][0]["value"] == pytest.approx(float(y.mean()), abs=5e-5)


def test_a_blocking_control_blocks(write_policy: Any) -> None:
    path = write_policy(
        'policy: loan\nversion: "1"\ncontrols:\n'
        '  - {id: a, metric: accuracy, must: ">= 0.5", on_fail: block}\n'
    )
    with pytest.raises(vl.ControlBlocked):
        vl.wrap(Anything(), policy=path).fit("pinv")  # type: ignore[arg-type]


class ArrayLike:
    """What scikit-learn takes for an array: `__array__`, and nothing else."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values


def test_whatever_turns_into_an_array_is_rows(
    policy: str, X: Any, y: Any, loans: Any, evidence: Any
) -> None:
    for rows in (ArrayLike(X), X.to_numpy().tolist(), tuple(map(tuple, X.to_numpy()))):
        vl.wrap(LogisticRegression(), policy=policy).fit(rows, y, gender=loans["sex"].to_numpy())
    assert all(statuses(audit) <= {"passed", "failed"} for audit in evidence())
    assert len(evidence()) == 3


def test_inputs_by_name_are_rows(policy: str, X: Any, y: Any, evidence: Any) -> None:
    class Named(Anything):
        def fit(self, X: Any, y: Any) -> Any:  # type: ignore[override]
            return self

        def predict(self, X: Any) -> Any:
            return np.ones(len(X["income"]), dtype=int)

    inputs = {name: X[name].to_numpy() for name in ("income", "debt")}
    model: Any = vl.wrap(Named(), policy=policy)
    model.fit(inputs, y, gender=["a", "b"] * 120)
    assert statuses(evidence()[0]) <= {"passed", "failed"}


def test_labels_that_nobody_can_read_cost_no_training(policy: str, X: Any, evidence: Any) -> None:
    class Ragged(Anything):
        def fit(self, X: Any, y: Any) -> Any:  # type: ignore[override]
            return self

    model: Any = vl.wrap(Ragged(), policy=policy)
    assert model.fit(X, [[1], [1, 2]] * 120) is model
    assert model.fit(pd.DataFrame({("a", 1): [1.0]}), object()) is model
    assert all(statuses(audit) == {"not_evaluated"} for audit in evidence())
