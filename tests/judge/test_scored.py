"""Score metrics: replicates are drawn once for all that count the same rows, and hold the truth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Control
from venturalitica.core.tally import Tally
from venturalitica.judge import judge
from venturalitica.metrics.intervals import Resampling

METRICS = (
    "roc_auc",
    "average_precision",
    "brier_score",
    "log_loss",
    "expected_calibration_error",
)


@pytest.fixture(scope="module")
def tally(make: SimpleNamespace) -> Tally:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 600)
    score = np.clip(truth * 0.3 + random.random(600) * 0.7, 0, 1)
    groups = random.choice(list("abcdefghij"), 600)
    made: Tally = make.tally(score=score.tolist(), target=truth.tolist(), region=groups.tolist())
    return made


def _controls(make: SimpleNamespace) -> list[Control]:
    return [
        make.control(metric, "<= 0.5", id=f"{metric}-{compare}", across="region", compare=compare)
        for metric in METRICS
        for compare in ("min", "max", "difference")
    ]


def _drawings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    drawn: list[int] = []
    own = Resampling._draw

    def counted(self: Resampling, generator: np.random.Generator, replicates: int) -> Any:
        drawn.append(replicates)
        return own(self, generator, replicates)

    monkeypatch.setattr(Resampling, "_draw", counted)
    return drawn


def test_fifteen_controls_over_the_same_groups_share_one_drawing(
    make: SimpleNamespace, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the method of before; that of now draws nothing."""
    drawn = _drawings(monkeypatch)
    for method, times in (("exact-1", 0), ("replicates-1", 2_000)):
        circumstances = Circumstances(intervals=method)
        verdicts = judge(make.policy(*_controls(make)), tally, circumstances=circumstances)
        assert {verdict.status for verdict in verdicts} <= {"passed", "failed"}
        assert sum(drawn) == times


def test_sharing_changes_no_verdict(make: SimpleNamespace, tally: Tally) -> None:
    controls = _controls(make)
    together = judge(make.policy(*controls), tally)
    alone = tuple(judge(make.policy(control), tally)[0] for control in controls)
    assert together == alone


def test_controls_that_treat_missing_values_otherwise_share_nothing(
    make: SimpleNamespace,
) -> None:
    """One refuses rows without a score, the other drops them: neither may answer for both."""
    tally = make.tally(score=[0.9, 0.8, 0.2, None] * 30, target=[1, 1, 0, 1] * 30)
    refusing = make.control("roc_auc", id="refuse")
    dropping = replace(refusing, id="drop", nulls="drop")
    for order in ((refusing, dropping), (dropping, refusing)):
        found = {v.control: v.status for v in judge(make.policy(*order), tally)}
        assert found == {"refuse": "not_evaluated", "drop": "passed"}


def test_a_control_that_is_not_in_the_policy_is_measured_too(
    make: SimpleNamespace, tally: Tally
) -> None:
    policy = make.policy(make.control("roc_auc"))
    inside, outside = policy.controls[0], make.control("brier_score", "<= 0.5")
    verdicts = judge(policy, tally, controls=[inside, outside])
    assert [verdict.status for verdict in verdicts] == ["passed", "passed"]


def test_the_interval_of_a_calibration_error_holds_the_true_one(make: SimpleNamespace) -> None:
    """Chance alone makes the error larger, in the sample and once more in each replicate: a
    percentile interval of 300 rows holds a true error of 0.05 in about one sample of four."""
    random = np.random.default_rng(11)
    levels = (np.arange(20) + 0.5) / 20
    odds = np.log(levels / (1 - levels))
    chance = 1 / (1 + np.exp(-odds * 0.7))
    truth = sum(abs(np.mean((levels - chance)[i : i + 2])) * 0.1 for i in range(0, 20, 2))
    held = []
    for _ in range(40):
        place = random.integers(0, 20, 300)
        target = (random.random(300) < chance[place]).astype(int)
        tally = make.tally(score=levels[place].tolist(), target=target.tolist())
        [verdict] = judge(make.policy(make.control("expected_calibration_error", "<= 0.1")), tally)
        assert verdict.interval is not None
        assert verdict.value is not None
        held.append(verdict.interval.low <= truth <= verdict.interval.high)
        assert 0 <= verdict.interval.low <= verdict.value <= verdict.interval.high
    assert sum(held) >= 32
