"""A table whose columns are numbers, as a file without a header gives it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import venturalitica as vl
from venturalitica.errors import BindingError

GAP = """\
policy: t
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: gap, metric: demographic_parity_difference, across: g, must: "<= 0.9"}
  - {id: right, metric: accuracy, must: ">= 0.5"}
"""


@pytest.fixture
def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(300, 2)))
    table[2] = (table[0] > 0).astype(int)
    table[3] = np.where(random.random(300) < 0.5, "x", "z")
    return table


def audited(*args: Any, policy: Any, **given: Any) -> Any:
    with vl.monitor("training") as run:
        model = vl.wrap(LogisticRegression(), policy=policy).fit(*args, **given)
    return model, run.audits[0]


def test_held_out_rows_are_judged(table: pd.DataFrame, write_policy: Any) -> None:
    train, test = table.iloc[:200], table.iloc[200:]
    model, audit = audited(
        train[[0, 1]], train[2], policy=write_policy(GAP), audit_data=test, target="2", g="3"
    )
    assert [verdict.status for verdict in audit] == ["passed", "passed"]
    assert audit[0].n == 100
    assert audit[1].value == (model.predict(test[[0, 1]]) == test[2]).mean()
    plain = vl.enforce(
        test, policy=write_policy(GAP), prediction=model.predict(test[[0, 1]]), target="2", g="3"
    )
    assert [v.value for v in plain] == [v.value for v in audit]


def test_the_very_rows_are_judged(table: pd.DataFrame, write_policy: Any) -> None:
    _, audit = audited(
        table[[0, 1]], table[2], policy=write_policy(GAP), audit_data=table, target="2", g="3"
    )
    assert (audit[0].status, audit[0].n) == ("passed", 300)


def test_a_numbered_column_of_x_groups_the_rows(table: pd.DataFrame, write_policy: Any) -> None:
    table[3] = (table[3] == "x").astype(int)
    with vl.monitor("training") as run:
        vl.wrap(DecisionTreeClassifier(max_depth=2), policy=write_policy(GAP)).fit(
            table[[0, 1, 3]], table[2], g="3"
        )
    assert {group.name for group in run.audits[0][0].groups} == {"0", "1"}


def test_a_missing_number_is_told(table: pd.DataFrame, write_policy: Any) -> None:
    train, test = table.iloc[:200], table.iloc[200:]
    model = vl.wrap(LogisticRegression(), policy=write_policy(GAP))
    with pytest.raises(BindingError, match="lacks '1' of the model's feature columns"):
        model.fit(train[[0, 1]], train[2], audit_data=test[[0, 2, 3]], target="2", g="3")


def test_patterns_as_names_in_a_training(table: pd.DataFrame, write_policy: Any) -> None:
    polars = pytest.importorskip("polars")
    named = table.set_axis(["^a$", "*", "^y$", "^g$"], axis=1)
    frame = polars.DataFrame(named.to_dict("list"))
    X, y = frame.drop("^\\^(y|g)\\$$"), frame.get_column("^y$")
    assert X.columns == ["^a$", "*"]
    given = {"target": "^y$", "g": "^g$", "policy": write_policy(GAP)}
    _, audit = audited(X[:200], y[:200], audit_data=frame[200:], **given)
    assert [verdict.status for verdict in audit] == ["passed", "passed"]
