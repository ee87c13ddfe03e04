"""Properties of intervals: they hold the value, shrink with rows, and are the same everywhere."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy
import pandas
import polars
import pyarrow
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.audit.measure import Request, measure
from venturalitica.core.verdict import GroupValue, Verdict
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy import parse_policy

LABELS = (
    "accuracy",
    "recall",
    "precision",
    "f1",
    "matthews_correlation",
    "cohen_kappa",
    "balanced_accuracy",
    "selection_rate",
    "false_positive_rate",
    "f1_macro",
)
SCORES = ("roc_auc", "average_precision", "brier_score", "log_loss", "expected_calibration_error")
COMPARES = ("max", "min", "difference", "ratio")
CONTROLS = [
    *((name, "") for name in (*LABELS, *SCORES, "completeness", "class_balance")),
    *(
        (name, how)
        for name in ("selection_rate", "f1", "cohen_kappa", "roc_auc", "brier_score")
        for how in COMPARES
        if how != "ratio" or CATALOG[name].has_ratio
    ),
    ("equalized_odds_difference", "named"),
    ("group_representation", "named"),
]


def policy_of(controls: Any) -> Any:
    lines = [
        f"  - {{id: {name.replace('_', '-')}-{how or 'all'}, metric: {name}, must: '>= 0.5'"
        + (", across: g" if how else "")
        + (f", compare: {how}" if how not in ("", "named") else "")
        + "}"
        for name, how in controls
    ]
    head = "policy: p\nversion: '1'\ndisclosure: {min_cell: 0}\nroles: {target: {favorable: 1}}\n"
    return parse_policy("\n".join([f"{head}controls:", *lines, ""]).encode())


POLICY = policy_of(CONTROLS)


def rows_of(count: int, seed: int, groups: int = 3) -> dict[str, Any]:
    random = numpy.random.default_rng(seed)
    chance = random.beta(1.3, 1.1, count)
    target = (random.random(count) < chance).astype(int)
    return {
        "target": target,
        "prediction": (random.random(count) < chance).astype(int),
        "score": numpy.round(numpy.clip(chance, 0.01, 0.99), 2),
        "g": numpy.array([f"g{place}" for place in random.integers(0, groups, count)]),
    }


def judged(frame: Any, policy: Any = POLICY) -> tuple[Verdict, ...]:
    names = {name: name for name in ("target", "prediction", "score", "g")}
    request = Request(policy=policy, source="test", frame=frame, bindings=names)
    tally = measure(request, fingerprint=False).tally
    assert tally is not None
    return judge(policy, tally)


@given(
    count=st.integers(8, 400),
    seed=st.integers(0, 10_000),
    groups=st.integers(2, 6),
)
@settings(max_examples=6, deadline=None)
def test_every_interval_holds_its_value(count: int, seed: int, groups: int) -> None:
    for verdict in judged(rows_of(count, seed, groups)):
        assert verdict.status != "error", verdict.reason
        every: list[Verdict | GroupValue] = [verdict, *verdict.groups]
        for found in every:
            if found.value is not None and found.interval is not None:
                assert found.interval.low <= found.value <= found.interval.high
                assert numpy.isfinite(found.interval).all()


def test_more_rows_at_the_same_rates_give_a_narrower_interval() -> None:
    rows = rows_of(300, seed=5)
    widths: dict[str, list[float]] = {}
    for times in (1, 4, 16):
        for verdict in judged({name: numpy.tile(column, times) for name, column in rows.items()}):
            assert verdict.interval is not None, verdict.control
            widths.setdefault(verdict.control, []).append(
                verdict.interval.high - verdict.interval.low
            )
    for control, (first, second, third) in widths.items():
        if control != "completeness-all":  # a fact of these rows
            assert first > second > third > 0, control


def test_equal_tables_give_equal_intervals_on_every_engine() -> None:
    rows = rows_of(260, seed=1)
    frame = pandas.DataFrame(rows)
    engines = (
        frame,
        polars.DataFrame(rows),
        polars.LazyFrame(rows),
        pyarrow.table(rows),
        duckdb.from_df(frame),
        frame.sample(frac=1.0, random_state=1),
        rows,
    )
    first, *others = (judged(engine) for engine in engines)
    assert {verdict.status for verdict in first} <= {"passed", "failed"}
    for other in others:
        assert other == first
