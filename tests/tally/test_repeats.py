"""Copies of rows are found; rows that repeat because they hold few values are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from venturalitica.demo.german_credit import read_columns
from venturalitica.tally import copies
from venturalitica.tally.copies import copies_of_target, doubled_share

ENGINES = {
    "pandas": lambda t: t,
    "polars": pl.from_pandas,
    "arrow": lambda t: pa.Table.from_pandas(t, preserve_index=False),
}


def people(rows: int, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "income": random.normal(size=rows),
            "age": random.integers(18, 90, rows),
            "job": random.choice(np.array(["clerk", "cook", None], dtype=object), rows),
            "label": random.integers(0, 2, rows),
        }
    )


def scaled(table: pd.DataFrame, by: float) -> pd.DataFrame:
    return table.assign(income=table["income"] * by)


def credit() -> pd.DataFrame:
    return pd.DataFrame(read_columns())


COPIED = {
    "twenty times": (lambda: pd.concat([people(500)] * 20), 0.95),
    "twice, shuffled": (lambda: pd.concat([people(500)] * 2).sample(frac=1.0), 0.5),
    "a tenth of the rows twice": (lambda: pd.concat([people(1_000), people(1_000)[:120]]), 0.107),
    "drawn with replacement": (
        lambda: people(500).sample(5_000, replace=True, random_state=1),
        0.9,
    ),
    "a rare class oversampled": (
        lambda: pd.concat([people(900), *[people(900).query("label == 1")] * 3]),
        0.59,
    ),
    "real data, five times": (lambda: pd.concat([credit()] * 5), 0.8),
    "real data and a bit": (lambda: pd.concat([credit()] * 3 + [credit()[:17]]), 0.668),
    "without the one telling column": (
        lambda: pd.concat([people(400).drop(columns="income")] * 4),
        0.84,
    ),
    "numbered": (
        lambda: pd.concat([people(200)] * 20, ignore_index=True).reset_index(names="id"),
        0.95,
    ),
    "named": (
        lambda: pd.concat([people(200)] * 20).assign(id=[f"r{i}" for i in range(4_000)]),
        0.95,
    ),
    "nearly the same numbers": (
        lambda: pd.concat([scaled(people(500), 1 + k * 1e-9) for k in range(4)]),
        0.75,
    ),
    "a score and a label": (lambda: pd.concat([people(700)[["income", "label"]]] * 7), 0.857),
}


@pytest.mark.parametrize(("made", "share"), COPIED.values(), ids=COPIED)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_copies_are_found(engine: Any, made: Any, share: float) -> None:
    found = doubled_share(engine(made()), {})
    assert found is not None
    assert found.share == pytest.approx(share, abs=0.03)
    assert found.excess > 0.05


HONEST: dict[str, Any] = {
    "people": lambda: people(3_000),
    "real data": credit,
    "three columns of few values": lambda: people(5_000)[["age", "job", "label"]],
    "an age and a label": lambda: people(300)[["age", "label"]],
    "two answers": lambda: pd.DataFrame({"a": [0, 1] * 500, "b": [0, 0, 1, 1] * 250}),
    "one score of a small tree": lambda: pd.DataFrame({"score": [0.1, 0.7, 0.9] * 400}),
    "numbered people": lambda: people(3_000).reset_index(names="id"),
    "numbered answers": lambda: people(3_000)[["job", "label"]].reset_index(names="id"),
    "nothing but numbers": lambda: pd.DataFrame({"id": range(500), "other": range(500, 1_000)}),
    "moments in seconds": lambda: people(900).assign(at=range(1_700_000_000, 1_700_000_900)),
    "few rows": lambda: people(12),
    "a few copies among many": lambda: pd.concat([people(2_000), people(2_000)[:40]]),
    "nothing": lambda: people(0),
}


@pytest.mark.parametrize("made", HONEST.values(), ids=HONEST)
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_rows_that_repeat_of_themselves_are_no_copies(engine: Any, made: Any) -> None:
    found = doubled_share(engine(made()), {})
    assert found is None or found.excess <= 0.05


def test_rows_of_a_large_table_are_chosen_with_their_copies(monkeypatch: Any) -> None:
    monkeypatch.setattr(copies, "CELLS", 40_000)
    monkeypatch.setattr(copies, "SAMPLE", 500)
    table = people(20_000)
    (doubled,) = [doubled_share(pd.concat([table] * 2).sample(frac=1.0), {})]
    assert doubled is not None
    assert doubled.share == pytest.approx(0.5)
    assert 1_000 < doubled.rows < 30_000
    single = doubled_share(table, {})
    assert single is not None
    assert single.share == 0.0


def test_a_lazy_table_is_never_pulled_in() -> None:
    def refuse(frame: Any) -> Any:
        raise AssertionError("it was read")

    lazy = pl.LazyFrame({"a": [1.5, 1.5]}).map_batches(refuse)
    assert doubled_share(lazy, {}) is None


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize(
    ("prediction", "equal"),
    [
        (lambda y: y, True),
        (lambda y: y.astype(float), True),
        (lambda y: y.astype(str), True),
        (lambda y: y == 1, True),
        (lambda y: y.where(y.index != len(y) - 1, 1 - y), False),
    ],
)
def test_a_prediction_that_is_the_target_is_seen(engine: Any, prediction: Any, equal: bool) -> None:
    table = people(3_000)
    table["said"] = prediction(table["label"])
    columns = {"target": "label", "prediction": "said"}
    assert copies_of_target(engine(table), columns, {}) == (("prediction",) if equal else ())
    beside = {"prediction": table["said"].to_numpy(), "score": table["income"].to_list()}
    found = copies_of_target(engine(table), {"target": "label"}, beside)
    assert found == (("prediction",) if equal else ())
