"""`must: ">= 0.80 surely"`: only a whole interval passes."""

from __future__ import annotations

import pytest

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Threshold
from venturalitica.core.verdict import Interval, Verdict
from venturalitica.judge import judge
from venturalitica.reports.sentences import must_signs, rule_sentence


def right_of(make, right: int, rows: int, must: str, **circumstances) -> Verdict:
    target = [1, 0] * (rows // 2)
    prediction = [t if place < right else 1 - t for place, t in enumerate(target)]
    policy = make.policy(make.control("accuracy", must), favorable=1)
    tally = make.tally(target=target, prediction=prediction)
    (verdict,) = judge(policy, tally, circumstances=Circumstances(**circumstances))
    assert Verdict.from_json(verdict.to_json()) == verdict
    return verdict


@pytest.mark.parametrize(
    ("right", "must", "status", "conclusive"),
    [
        (180, ">= 0.80", "passed", True),
        (180, ">= 0.80 surely", "passed", True),
        (170, ">= 0.80", "passed", False),
        (170, ">= 0.80 surely", "failed", False),
        (155, ">= 0.80 surely", "failed", False),
        (120, ">= 0.80 surely", "failed", True),
        (30, "<= 0.30 surely", "passed", True),
        (55, "< 0.30 surely", "failed", False),
        (170, "!= 0.80 surely", "failed", False),
        (190, "!= 0.80 surely", "passed", True),
        (170, "== 0.85 surely", "failed", False),
    ],
)
def test_only_a_whole_interval_passes(make, right, must, status, conclusive) -> None:
    verdict = right_of(make, right, 200, must)
    assert (verdict.status, verdict.conclusive) == (status, conclusive)
    assert verdict.must == str(make.control("accuracy", must).must)


def test_the_sentence_says_that_the_value_meets_it(make) -> None:
    verdict = right_of(make, 170, 200, ">= 0.80 surely")
    assert verdict.reason.startswith("0.850, must be >= 0.80 surely; the value meets it, but not")
    assert (verdict.light, verdict.surely) == ("red", True)
    assert must_signs(verdict) == "≥ 0.80 surely"
    assert rule_sentence(verdict) == "Accuracy must be at least 0.80, and its whole interval too."


def test_without_an_interval_nobody_is_sure(make) -> None:
    for reported, status in ((0.9, "not_evaluated"), (0.7, "failed")):
        verdict = right_of(make, 1, 200, ">= 0.80 surely", reported={"accuracy": reported})
        assert (verdict.status, verdict.value) == (status, reported)
    assert (
        "nobody can be sure"
        in right_of(make, 1, 200, ">= 0.80 surely", reported={"accuracy": 0.9}).reason
    )
    assert right_of(make, 1, 200, ">= 0.80", reported={"accuracy": 0.9}).status == "passed"


def test_met_by() -> None:
    must = Threshold(">=", 0.8, surely=True)
    assert must.met_by(0.9, Interval(0.8, 1.0)) is True
    assert must.met_by(0.9, Interval(0.79, 1.0)) is False
    assert must.met_by(0.9, Interval(float("nan"), 1.0)) is False
    assert must.met_by(0.9, None) is None
    assert must.met_by(0.7, None) is False
    assert str(must) == ">= 0.8 surely"
