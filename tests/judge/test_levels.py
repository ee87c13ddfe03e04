"""`intervals: {level, joint}`: what the intervals of a policy promise, each or all together."""

from __future__ import annotations

import numpy
import pytest
from msgspec.structs import replace

from venturalitica.judge import judge
from venturalitica.metrics.catalog import sharing_error
from venturalitica.metrics.ends import rate_ends
from venturalitica.reports.sentences import promise_sentence

TARGET = [1, 0] * 100
PREDICTION = [t if place < 170 else 1 - t for place, t in enumerate(TARGET)]
RIGHT, ALL = numpy.array(170.0), numpy.array(200.0)
GENDER = ["f", "m", "m", "f"] * 50


def judged(make, *controls, **fields):
    policy = replace(make.policy(*controls, favorable=1), **fields)
    tally = make.tally(target=TARGET, prediction=PREDICTION, gender=GENDER)
    return policy, judge(policy, tally)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.99, 0.9999])
def test_an_interval_is_at_the_level_of_the_policy(make, level) -> None:
    _, (verdict,) = judged(make, make.control("accuracy", ">= 0.5"), level=level)
    low, high = rate_ends(RIGHT, ALL, (1 - level) / 2)
    assert verdict.interval == pytest.approx((float(low), float(high)), abs=1e-12)
    assert verdict.level == level


def test_joint_divides_the_error_among_the_controls(make) -> None:
    controls = [
        make.control("accuracy", ">= 0.5"),
        make.control("recall", ">= 0.5"),
        make.control("recall", ">= 0.5", across="gender", compare="min", id="least"),
        make.control("max_error", "<= 3"),
    ]
    policy, alone = judged(make, *controls, joint=True)
    assert sharing_error(policy) == 3, "of the greatest error there is no interval"
    low, high = rate_ends(RIGHT, ALL, 0.025 / 3)
    assert alone[0].interval == pytest.approx((float(low), float(high)), abs=1e-12)
    assert {round(verdict.level, 6) for verdict in alone} == {round(1 - 0.05 / 3, 6)}
    _, each = judged(make, *controls)
    for wide, narrow in zip(alone[:3], each[:3], strict=True):
        assert wide.interval.low < narrow.interval.low
        assert wide.interval.high > narrow.interval.high
        for inside, outside in zip(narrow.groups, wide.groups, strict=True):
            assert outside.interval.low < inside.interval.low
    (first,) = judge(
        policy, make.tally(target=TARGET, prediction=PREDICTION), controls=controls[:1]
    )
    assert first.level == alone[0].level, "a part is no surer than the whole"


def test_the_decision_is_at_the_same_level(make) -> None:
    control = make.control("accuracy", ">= 0.80")
    for level, conclusive in ((0.8, True), (0.99, False)):
        _, (verdict,) = judged(make, control, level=level)
        assert verdict.conclusive is conclusive
    assert "the 99 % interval" in verdict.reason
    assert promise_sentence([verdict]).startswith("An interval holds the truth with 99 %")


def test_replicates_do_not_reach_every_level(make) -> None:
    control = make.control("f1_macro", ">= 0.1")
    target = ["a", "b", "c"] * 200
    tally = make.tally(target=target, prediction=[*target[:-60], *target[-60:][::-1]])
    found = {}
    for level in (0.95, 0.99, 0.999):
        policy = replace(make.policy(control, favorable="a"), level=level)
        (verdict,) = judge(policy, tally)
        found[level] = "replicates are too few for a" in " ".join(verdict.notes)
        assert not verdict.conclusive
    assert found == {0.95: False, 0.99: False, 0.999: True}
