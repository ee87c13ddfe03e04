"""Where few rows are left out and it is not told how many, no value tells it either."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy
import pytest

import venturalitica as vl
from venturalitica.judge import judge
from venturalitica.judge.pen import as_recorded

LEAST = 5


def told(make: Any, control: Any, **columns: Any) -> str:
    """All that a record says."""
    policy = make.policy(control, favorable=1, min_cell=LEAST)
    verdicts = as_recorded(judge(policy, make.tally(**columns)), rough=False)
    assert verdicts[0].value is not None, verdicts[0].reason
    return json.dumps([verdict.to_json() for verdict in verdicts])


@pytest.mark.parametrize("rows", [20, 47, 101])
@pytest.mark.parametrize(
    ("metric", "must"),
    [("selection_rate", ">= 0.5"), ("accuracy", "<= 0.31"), ("recall", ">= 0.8 surely")],
)
def test_each_record_fits_several_numbers(make: Any, rows: int, metric: str, must: str) -> None:
    """Every table of so many rows is tried: none says what only one number left out can say."""
    fits = defaultdict(set)
    for lost in range(1, LEAST):
        for right in range(rows - lost + 1):
            predicted = [1] * right + [0] * (rows - lost - right) + [None] * lost
            control = make.control(metric, must, nulls="drop")
            fits[told(make, control, target=[1] * rows, prediction=predicted)].add(lost)
    assert {number for numbers in fits.values() for number in numbers} == {1, 2, 3, 4}
    alone = [f"{numbers}: {said}" for said, numbers in fits.items() if len(numbers) == 1]
    assert alone == [], f"{len(alone)} of {len(fits)}: {alone[0]}"


def test_what_is_said_of_each_group_fits_several_numbers(make: Any) -> None:
    rows, other = 47, 120
    fits = defaultdict(set)
    control = make.control(
        "selection_rate", "<= 0.1", nulls="drop", across="g", compare="difference"
    )
    for lost in range(1, LEAST):
        for right in range(rows - lost + 1):
            predicted = [1] * right + [0] * (rows - lost - right) + [None] * lost
            said = told(
                make,
                control,
                target=[1] * (rows + other),
                prediction=predicted + [1] * 70 + [0] * 50,
                g=["a"] * rows + ["b"] * other,
            )
            fits[json.dumps(json.loads(said)[0]["groups"])].add(lost)
    assert len(fits) > 5
    assert [said for said, numbers in fits.items() if len(numbers) == 1] == []


@pytest.mark.parametrize("lost", [1, 4, 5, 40])
def test_values_are_exact_in_the_process_and_on_steps_in_the_record(make: Any, lost: int) -> None:
    predicted = [1] * 148 + [0] * (300 - 148 - lost) + [None] * lost
    control = make.control("selection_rate", ">= 0.5", nulls="drop")
    policy = make.policy(control, favorable=1, min_cell=LEAST)
    (exact,) = judge(policy, make.tally(target=[1] * 300, prediction=predicted))
    (shown,) = as_recorded([exact], rough=False)
    assert exact.value == 148 / (300 - lost)
    assert exact.interval is not None
    assert shown.interval is not None
    assert shown.interval.low <= exact.interval.low
    assert exact.interval.high <= shown.interval.high
    assert shown.value is not None
    if lost < LEAST:
        # 0.495 is not written as 0.5, which would be on the other side of its threshold.
        assert (shown.value, shown.n) == ({1: 0.48, 4: 0.5}[lost], 300)
        assert any("in steps of 0.02" in note for note in shown.notes)
    else:
        assert (shown.value, shown.n) == (round(exact.value, 4), 300 - lost)


@pytest.mark.parametrize("scores", [8, 4000])
def test_a_record_with_such_values_is_judged_again(tmp_path: Any, scores: int) -> None:
    """Of scores on more levels than evidence keeps, too."""
    draw = numpy.random.default_rng(3)
    policy = tmp_path / "model_policy.yaml"
    policy.write_text(
        "policy: p\nversion: '1'\nroles: {target: {favorable: 1}}\ncontrols:\n"
        "  - {id: auc, metric: roc_auc, must: '>= 0.5', nulls: drop}\n"
        "  - {id: brier, metric: brier_score, must: '<= 0.4', across: g, compare: difference, "
        "nulls: drop}\n"
        "  - {id: rate, metric: demographic_parity_ratio, must: '>= 0.8', across: g, nulls: drop}\n"
    )
    score = draw.integers(0, scores, 9000) / scores
    target = (draw.random(9000) < score).astype(int)
    prediction = (score > 0.4).astype(float)
    score[[5, 77, 300]] = numpy.nan
    prediction[[1, 2]] = numpy.nan
    data = {
        "target": target,
        "prediction": prediction,
        "score": score,
        "g": numpy.array(["a", "b", "b"])[draw.integers(0, 3, 9000)],
    }
    roles: dict[str, Any] = {name: name for name in data}
    audit = vl.enforce(data, policy=policy, **roles)
    assert {verdict.status for verdict in audit} <= {"passed", "failed"}, audit
    assert all(verdict.step for verdict in audit)
    assert vl.verify().ok
