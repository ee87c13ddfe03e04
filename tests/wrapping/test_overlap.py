"""Rows called held out must not have been trained on: evidence says what was found."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit.training_rows import TrainingRows
from venturalitica.demo.german_credit import read_columns

NAMES = ["income", "debt", "job"]
ENGINES = {"pandas": lambda t: t, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas}


def trained_on(X: Any, audit_data: Any, names: list[str]) -> bool | None:
    """Whether rows of the one are rows of the other; None where that cannot be told."""
    share = TrainingRows(X, names).share_of(audit_data)
    return None if share is None else share.clear


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
    class Unreadable:
        def __hash__(self) -> int:
            raise TypeError

    table = pd.DataFrame({"x": range(300), "t": [Unreadable() for _ in range(300)]})
    assert trained_on(table, table[:10], ["x", "t"]) is None


def test_a_column_of_lists_does_not_hide_training_rows() -> None:
    table = pd.DataFrame({"x": range(300), "t": [[1]] * 300})
    assert trained_on(table, table[:10], ["x", "t"]) is True


def test_few_of_the_training_rows_among_many_others_are_found() -> None:
    train = people(4_000)
    mixed = pd.concat([people(3_000, seed=2), train[:100]])
    assert trained_on(train, mixed, NAMES) is True


def test_a_training_on_copies_hides_nothing() -> None:
    """Every row has a twin there; but no chance made them."""
    table = people(400)
    assert trained_on(pd.concat([table] * 2), table[:100], NAMES) is True
    assert trained_on(table.sample(frac=3, replace=True, random_state=1), table, NAMES) is True
    assert trained_on(pd.concat([table] * 2), people(300, seed=2), NAMES) is False


NEAR = {
    "float32": lambda t: t.astype({"income": "float32"}),
    "six digits": lambda t: t.assign(income=[float(f"{v:.6g}") for v in t["income"]]),
    "category": lambda t: t.astype({"job": "category"}),
    "numbers as text": lambda t: t.astype({"debt": str}),
    "nullable": lambda t: t.astype({"debt": "Int32"}),
    "objects": lambda t: t.astype(object),
    "shuffled": lambda t: t.sample(frac=1.0, random_state=5)[t.columns[::-1]],
    "another index": lambda t: t.set_axis([f"row {i}" for i in range(len(t))], axis=0),
    "dates as text": lambda t: t.assign(day=t["day"].dt.strftime("%Y-%m-%d")),
    "dates as objects": lambda t: t.assign(day=t["day"].dt.date),
}


@pytest.mark.parametrize("copy", NEAR.values(), ids=NEAR)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_near_copies_are_the_rows_they_were_made_of(copy: Any, engine: Any) -> None:
    table = people(900)
    table["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(range(900), unit="D")
    judged = copy(table[:400])
    try:
        given = engine(judged)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pytest.skip("Arrow takes no columns of mixed objects")
    assert trained_on(table, given, [*NAMES, "day"]) is True


def patients(rows: int, seed: int = 1, columns: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(rows, columns))).rename(columns=lambda i: f"x{i}")
    return table.assign(ward=random.integers(0, 9, rows), smoker=random.integers(0, 2, rows))


CHANGED = {
    "one drawn again": lambda t: t.assign(x0=np.random.default_rng(9).normal(size=len(t))),
    "one constant": lambda t: t.assign(x3=0.0),
    "one scaled": lambda t: t.assign(x7=t["x7"] * 100 + 1),
    "round(4)": lambda t: t.round(4),
    "round(3)": lambda t: t.round(3),
    "float16": lambda t: t.astype("float16"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_rows_of_which_little_was_changed_are_those_rows(change: Any, engine: Any) -> None:
    table = patients(600)
    names = list(table.columns)
    given = change(table[:300])
    try:
        judged = engine(given)
    except (pl.exceptions.PolarsError, NotImplementedError):
        pytest.skip("not of every type in every engine")
    assert trained_on(table, judged, names) is True
    assert trained_on(pd.concat([table] * 2), judged, names) is True
    assert trained_on(table, change(patients(300, seed=2)), names) is False


def months(rows: int, seed: int) -> pd.DataFrame:
    """The same people month after month: most of what is known of them stays as it was."""
    table = pd.concat([patients(100)] * 12, ignore_index=True)
    random = np.random.default_rng(seed)
    changing = {"x0": random.normal(size=len(table)), "x1": random.normal(size=len(table))}
    return table.assign(**changing).sample(rows, random_state=seed)


def test_rows_that_are_alike_in_part_are_other_rows() -> None:
    table = months(1_200, 1)
    assert trained_on(table[:800], table[800:], list(table.columns)) is False
    credit = pd.DataFrame(read_columns()).sample(frac=1.0, random_state=3)
    assert trained_on(credit[:700], credit[700:], list(credit.columns)) is False
    answers = pd.DataFrame(np.random.default_rng(5).integers(0, 4, (2_000, 8))).rename(columns=str)
    assert trained_on(answers[:1_200], answers[1_200:], list(answers.columns)) is False


@pytest.fixture
def split(X: pd.DataFrame, y: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    return X[:150], y[:150]


WHOLE = "not conclusive: judged on rows the model was trained on; give audit_data=(X_test, y_test)"


def test_no_verdict_on_training_rows_is_conclusive(
    split: Any, loans: pd.DataFrame, policy: str, evidence: Any, caplog: Any
) -> None:
    X, y = split
    with caplog.at_level("INFO", logger="venturalitica"):
        vl.wrap(LogisticRegression(), policy=policy).fit(X, y, audit_data=loans[:150], gender="sex")
        vl.wrap(LogisticRegression(), policy=policy).fit(X, y)
    for predicate in evidence():
        measured = [v for v in predicate["verdicts"] if v["value"] is not None]
        assert measured
        assert all(WHOLE in v["reason"] and not v["conclusive"] for v in measured)
        assert predicate["light"] != "green"
    line = next(m for m in caplog.messages if "controls passed" in m)
    assert "judged on rows the model was trained on; give audit_data=(X_test, y_test)" in line


MODELS = {
    "governed": lambda model: model,
    "unwrapped": vl.unwrap,
    "saved and read": lambda model: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("given", MODELS.values(), ids=MODELS)
def test_a_model_trained_here_is_known_when_it_is_judged_on_its_rows(
    split: Any, loans: pd.DataFrame, policy: str, given: Any
) -> None:
    X, y = split
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(X, y, audit_data=loans[150:], gender="sex")
    asked: dict[str, Any] = {"model": given(model), "target": "class", "gender": "sex"}
    trained = vl.enforce(loans[20:140].sample(frac=1.0), policy=policy, **asked)
    assert all(WHOLE in verdict.reason for verdict in trained)
    others = vl.enforce(loans[150:], policy=policy, **asked)
    assert not any("trained on" in verdict.reason for verdict in others)


def test_facts_of_the_rows_themselves_stay_conclusive(split: Any, write_policy: Any) -> None:
    X, y = split
    policy = write_policy(
        "policy: facts\nversion: '1'\ncontrols:\n"
        "  - {id: rows, title: Enough rows, metric: row_count, must: '>= 100'}\n"
    )
    with vl.monitor("facts") as run:
        vl.wrap(LogisticRegression(), policy=policy).fit(X, y)
    assert run.audits[0]["rows"].conclusive
    assert run.light == "green"


def test_the_evidence_and_the_audit_say_so(
    loans: pd.DataFrame, X: pd.DataFrame, y: pd.Series, policy: str, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(X[:150], y[:150], audit_data=loans, gender="sex")
    model.fit(X[:150], y[:150], audit_data=loans[150:], gender="sex")
    said = [predicate["data"][0]["training_rows"] for predicate in evidence()]
    assert said == [True, False]


@pytest.mark.parametrize("seed", range(12))
def test_one_row_alike_of_fifty_is_chance(seed: int) -> None:
    """Iris holds two rows twice: that a split parts them does not make its test rows trained on."""
    from sklearn.datasets import load_iris

    rows = load_iris(as_frame=True).data.sample(frac=1, random_state=seed)
    assert trained_on(rows[:100], rows[100:], list(rows.columns)) is not True
