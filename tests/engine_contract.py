"""What every engine is held to: one policy of forty controls, the same tally and the same verdicts.

The rows are nasty on purpose: missing values of each kind, -0.0, amounts far apart, names that
engines read as patterns.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.parquet

import venturalitica as vl
from venturalitica.audit.baseline import make_baseline

ROWS = 3_000
RATES = [
    "accuracy",
    "balanced_accuracy",
    "matthews_correlation",
    "cohen_kappa",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision",
    "recall",
    "specificity",
    "f1",
    "false_positive_rate",
    "false_negative_rate",
    "selection_rate",
    "base_rate",
]
SCORES = ["roc_auc", "average_precision", "brier_score", "log_loss", "expected_calibration_error"]
FAIRNESS = [
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "predictive_parity_ratio",
    "equalized_odds_difference",
    "true_positive_rate_ratio",
]
DATA = ["class_balance", "row_count"]
AMOUNTS = [
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2_score",
    "mean_absolute_percentage_error",
    "median_absolute_error",
    "mean_error",
    "mean_prediction",
    "mean_target",
]


def _control(name: str, metric: str, more: str = "") -> str:
    least = 1 if metric == "row_count" else 0.5
    counts = metric in ("row_count", "completeness")
    dropped = "" if counts else ", nulls: drop"
    return f'  - {{id: {name}, metric: {metric}, must: ">= {least}"{more}{dropped}}}\n'


POLICY = (
    """policy: every-engine
version: "1"
roles:
  target: {favorable: 1}
  gender: {map: {A91: male, A92: female, A93: male, ü: other}}
  age: {bins: [25, 60]}
controls:
"""
    + "".join(_control(metric, metric) for metric in (*RATES, *SCORES, *DATA))
    + "".join(_control(f"{metric}-gender", metric, ", across: gender") for metric in FAIRNESS)
    + _control("parity-both", "demographic_parity_ratio", ", across: [gender, region]")
    + _control("auc-gender", "roc_auc", ", across: gender, compare: difference")
    + _control("brier-income", "brier_score", ", across: income, compare: difference")
    + _control("rate-age", "selection_rate", ", across: [age, region], compare: difference")
    + _control("rate-income", "base_rate", ", across: income, compare: ratio")
    + _control("rate-day", "base_rate", ", across: day, compare: ratio")
    + _control("rate-flag", "accuracy", ", across: flag, compare: ratio")
    + _control("rate-price", "accuracy", ", across: price, compare: ratio")
    + _control("disparity", "label_disparity", ", across: gender")
    + _control("represented", "group_representation", ", across: region")
    + _control("complete", "completeness", ", of: [income, score]")
    + _control("kappa-code", "cohen_kappa", ", across: code, compare: difference")
)
AMOUNTS_POLICY = """policy: every-engine-amounts
version: "1"
controls:
""" + "".join(
    _control(metric, metric)
    + (_control(f"{metric}-region", metric, ", across: region, compare: difference"))
    for metric in AMOUNTS
)
WEIGHTS_POLICY = """policy: every-engine-weights
version: "1"
roles:
  target: {favorable: 1}
  weight: {}
controls:
""" + "".join(
    _control(metric, metric)
    + (_control(f"{metric}-region", metric, ", across: region, compare: difference"))
    for metric in ("accuracy", "selection_rate", "recall")
)
REFERENCES = {
    "numbers": ("euros", "years", "counts", "a b"),
    "labels": ("where", "day", "flag", "^y$", "q\"uo'te"),
}
"""The columns of each baseline; those of the first are cut by it."""
DRIFT_POLICY = """policy: every-engine-drift
version: "1"
controls:
""" + "".join(
    f"  - {{id: {metric}-{name}, metric: {metric}, against: {name}.json, columns: all, "
    f'nulls: drop, must: "<= 0.2"}}\n'
    for metric in (
        "population_stability_index",
        "jensen_shannon_distance",
        "chi_square_distance",
        "kolmogorov_smirnov_distance",
    )
    for name in REFERENCES
    if not (metric.startswith("kolmogorov") and name == "labels")
)
ROLES = {
    "target": "label.true",
    "prediction": "^y$",
    "score": "a b",
    "gender": "q\"uo'te",
    "age": "years",
    "income": "euros",
    "region": "where",
    "day": "day",
    "flag": "flag",
    "price": "price",
    "code": "code",
}
AMOUNT_ROLES = {"target": "true", "prediction": "said", "region": "where"}
WEIGHT_ROLES = {"target": "label.true", "prediction": "^y$", "region": "where", "weight": "counts"}
JUDGED: dict[str, tuple[str, Mapping[str, Any]]] = {
    "labels": (POLICY, ROLES),
    "amounts": (AMOUNTS_POLICY, AMOUNT_ROLES),
    "weights": (WEIGHTS_POLICY, WEIGHT_ROLES),
    "drift": (DRIFT_POLICY, {}),
}
"""What is judged, by name: a policy, and the columns of its roles."""


@cache
def table(rows: int = ROWS, *, seed: int = 7) -> pyarrow.Table:
    """The rows, which every engine is given in a form of its own."""
    generator = numpy.random.default_rng(seed)

    def some(values: Any) -> list[Any]:
        lost = generator.random(rows) < 0.08
        return [None if gone else one for gone, one in zip(lost, list(values), strict=True)]

    target = generator.integers(0, 2, rows)
    said = numpy.where(generator.random(rows) < 0.8, target, 1 - target)
    score = numpy.clip(generator.normal(0.3 + 0.4 * target, 0.2), 0.0, 1.0)
    score[:2] = (-0.0, 1.0 + 1e-8)
    euros = generator.gamma(2.0, 900.0, rows)
    euros[:3] = (1e300, -1e300, -0.0)
    true = generator.normal(0.0, 1.0, rows) * 10.0 ** generator.integers(-6, 6, rows)
    days = [datetime.date(2024, 1, 1 + int(day)) for day in generator.integers(0, 3, rows)]
    prices = [Decimal(int(cents)).scaleb(-2) for cents in generator.integers(-900, 900, rows)]
    made: dict[str, Any] = {
        "label.true": pyarrow.array(some(target.tolist()), pyarrow.int64()),
        "^y$": pyarrow.array(some(said.astype(float).tolist()), pyarrow.float64()),
        "a b": pyarrow.array(some(score.tolist()), pyarrow.float64()),
        "q\"uo'te": pyarrow.array(some(generator.choice(["A91", "A92", "A93", "ü"], rows))),
        "years": pyarrow.array(some(generator.integers(18, 90, rows).tolist()), pyarrow.int32()),
        "euros": pyarrow.array(some(euros.tolist()), pyarrow.float64()),
        "where": pyarrow.array(some(generator.choice(["north", "south", ""], rows))),
        "day": pyarrow.array(some(days), pyarrow.date32()),
        "flag": pyarrow.array(some((generator.random(rows) < 0.5).tolist()), pyarrow.bool_()),
        "price": pyarrow.array(some(prices), pyarrow.decimal128(9, 2)),
        "code": pyarrow.array((2**62 + generator.integers(0, 90, rows)).tolist()),
        "true": pyarrow.array(some(true.tolist()), pyarrow.float64()),
        "said": pyarrow.array(some((true * 1.01 + 0.1).tolist()), pyarrow.float64()),
        "counts": pyarrow.array(generator.random(rows).tolist(), pyarrow.float64()),
        "unused": pyarrow.array(generator.random(rows).tolist(), pyarrow.float64()),
    }
    return pyarrow.table(made)


def judged(data: Any, folder: Path, what: str) -> tuple[str, list[tuple[Any, ...]]]:
    """The digest of the tally that evidence holds, and each verdict."""
    text, roles = JUDGED[what]
    policy = folder / f"{what}.yaml"
    policy.write_text(text)
    if what == "drift":
        for name, columns in REFERENCES.items():
            _, signed = make_baseline(table(seed=11), name=name, columns=columns)
            (folder / f"{name}.json").write_bytes(signed)
    audit = vl.enforce(data, policy=policy, **roles)
    verdicts = [
        (v.control, v.status, v.value, v.interval, v.conclusive, str(v.groups), v.reason)
        for v in audit
    ]
    assert audit._tally is not None, verdicts[0]
    return audit._tally.sha256, verdicts


@cache
def in_memory(what: str) -> tuple[str, list[tuple[Any, ...]]]:
    """What `judged` gives of an Arrow table in memory."""
    with tempfile.TemporaryDirectory() as folder:
        return judged(table(), Path(folder), what)


Make = Callable[[pyarrow.Table, Path], Any]


def hold(make: Make, what: str, folder: Path, monkeypatch: Any) -> None:
    """The contract: an engine's tally and verdicts are those of an Arrow table in memory."""
    monkeypatch.setenv("VENTURALITICA_HOME", str(folder / "evidence"))
    expected, found = in_memory(what), judged(make(table(), folder), folder, what)
    assert found[1] == expected[1]
    assert found[0] == expected[0]
    statuses = [status for _, status, *_ in expected[1]]
    assert set(statuses) <= {"passed", "failed"}, expected[1]


def in_files(rows: pyarrow.Table, folder: Path) -> str:
    """A folder of Parquet files of 800 rows each."""
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    for start in range(0, len(rows), 800):
        pyarrow.parquet.write_table(rows[start : start + 800], parts / f"{start}.parquet")
    return str(parts)
