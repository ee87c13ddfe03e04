"""Rows called held out must not have been trained on: evidence says what was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.wrapping.overlap import trained_on

NAMES = ["income", "debt", "job"]
ENGINES = {"pandas": lambda t: t, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas}


def people(rows: int, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": random.normal(size=rows),
            "debt": random.integers(0, 50_000, rows),
            "job": random.choice(np.array(["clerk", "cook", None], dtype=object), rows),
        }
    )


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_table_that_holds_the_training_rows_is_found_out(engine: Any) -> None:
    table = people(900)
    train = table.sample(600, random_state=3).reset_index(drop=True)
    assert trained_on(train, engine(table), NAMES) is True
    assert trained_on(engine(train), table[:450], NAMES) is True
    assert trained_on(train, engine(people(900, seed=2)), NAMES) is False


def test_a_quarter_of_the_rows_is_enough() -> None:
    train = people(4_000)
    mixed = pd.concat([people(3_000, seed=2), train[:1_000]])
    assert trained_on(train, mixed, NAMES) is True


def test_the_same_number_in_another_type_is_the_same() -> None:
    table = people(300)
    assert trained_on(table.astype({"debt": float}), table[:200], NAMES) is True


def test_rows_that_repeat_anyway_tell_nothing() -> None:
    """Two yes/no questions: every row of anybody is found among the others."""
    random = np.random.default_rng(5)
    answers = pd.DataFrame(random.integers(0, 2, (800, 2)), columns=["a", "b"])
    assert trained_on(answers[:500], answers[500:], ["a", "b"]) is None


def test_rows_that_cannot_be_read_tell_nothing() -> None:
    table = pd.DataFrame({"x": range(300_000), "t": "text"})
    assert trained_on(table, table[:10], ["x", "t"]) is None


def test_the_evidence_and_the_audit_say_so(
    loans: pd.DataFrame, X: pd.DataFrame, y: pd.Series, policy: str, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(X[:150], y[:150], audit_data=loans, gender="sex")
    model.fit(X[:150], y[:150], audit_data=loans[150:], gender="sex")
    said = [predicate["data"][0]["training_rows"] for predicate in evidence()]
    assert said == [True, False]
