"""Thresholds, roles and policies as values."""

from __future__ import annotations

import hashlib
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.core.policy import (
    OPERATORS,
    TOLERANCE,
    Control,
    Operator,
    Policy,
    Role,
    Threshold,
    bin_names,
    shortest,
)
from venturalitica.core.verdict import Interval

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_holds(operator: Operator, below: bool, at: bool, above: bool) -> None:
    threshold = Threshold(operator, 0.8)
    assert [threshold.holds(value) for value in (0.7, 0.8, 0.9)] == [below, at, above]


@pytest.mark.parametrize("operator", OPERATORS)
def test_nan_meets_no_threshold(operator: Operator) -> None:
    threshold = Threshold(operator, 0.8)
    assert threshold.holds(math.nan) is False
    for interval in ((math.nan, 1.0), (0.0, math.nan), (math.nan, math.nan)):
        assert threshold.settled_by(Interval(*interval)) is False


@pytest.mark.parametrize("operator", OPERATORS)
def test_infinity_is_not_near_anything(operator: Operator) -> None:
    threshold = Threshold(operator, 0.8)
    assert threshold.holds(math.inf) is (operator in (">=", ">", "!="))
    assert threshold.holds(-math.inf) is (operator in ("<=", "<", "!="))


def test_rounding_does_not_decide() -> None:
    assert 0.04 / 0.05 != 0.8
    assert Threshold(">=", 0.8).holds(0.04 / 0.05)
    assert not Threshold("<", 0.8).holds(0.04 / 0.05)
    assert not Threshold(">=", 0.8).holds(0.8 - 10 * TOLERANCE)


@pytest.mark.parametrize(
    ("operator", "interval", "settled"),
    [
        (">=", (0.85, 0.9), True),
        (">=", (0.1, 0.7), True),
        (">=", (0.8, 0.9), True),
        (">=", (0.7, 0.9), False),
        (">", (0.8, 0.9), False),
        ("<=", (0.7, 0.8), True),
        ("==", (0.8, 0.8), True),
        ("==", (0.7, 0.9), False),
        ("==", (0.85, 0.9), True),
        ("!=", (0.7, 0.9), False),
        ("!=", (0.85, 0.9), True),
    ],
)
def test_settled(operator: Operator, interval: tuple[float, float], settled: bool) -> None:
    assert Threshold(operator, 0.8).settled_by(Interval(*interval)) is settled


@given(st.sampled_from(OPERATORS), FINITE, FINITE)
def test_an_operator_and_its_opposite_never_agree(
    operator: Operator, bound: float, value: float
) -> None:
    opposite: dict[Operator, Operator] = {
        ">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "!=", "!=": "==",
    }  # fmt: skip
    assert Threshold(operator, bound).holds(value) is not (
        Threshold(opposite[operator], bound).holds(value)
    )


def test_a_threshold_is_shown_as_written_and_compared_by_value() -> None:
    assert str(Threshold(">=", 0.8, "0.80")) == ">= 0.80"
    assert str(Threshold(">=", 0.8)) == ">= 0.8"
    assert str(Threshold(">=", 0.123456789)) == ">= 0.123456789"
    assert Threshold(">=", 0.8, "0.80") == Threshold(">=", 0.8)
    assert hash(Threshold(">=", 0.8, "0.80")) == hash(Threshold(">=", 0.8))


@given(FINITE)
def test_shortest_reads_back(number: float) -> None:
    assert float(shortest(number)) == number


def test_groups_that_a_policy_names() -> None:
    assert Role("a", map={1: "x", 2: "y", 3: "x"}).groups == ("x", "y")
    assert Role("a", bins=(25.0, 60.0)).groups == ("under 25", "25 to under 60", "60 and over")
    assert Role("a").groups == ()
    assert bin_names((0.5,)) == ("under 0.5", "0.5 and over")


def _policy() -> Policy:
    controls = (
        Control(id="a", metric="recall", must=Threshold(">=", 0.8), across=("gender", "age")),
        Control(id="b", metric="completeness", must=Threshold(">=", 0.8), of=("target", "region")),
    )
    return Policy(
        name="p",
        version="1",
        controls=controls,
        bytes=b"policy: p",
        roles={"target": Role("target", favorable=1), "city": Role("city")},
    )


def test_policy_digest_and_roles() -> None:
    policy = _policy()
    assert policy.sha256 == hashlib.sha256(b"policy: p").hexdigest()
    assert policy.grouping_roles == ("city", "gender", "age", "region")
    assert policy.role("target").favorable == 1
    assert policy.role("unknown") == Role("unknown")


def test_policy_travels_between_processes() -> None:
    policy = _policy()
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert "bytes" not in repr(policy)
