"""Margins: which side of the threshold a value is on, and how far."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.core.policy import Threshold
from venturalitica.core.verdict import Interval
from venturalitica.ledger.index.rows import Margin, margin, worst


def verdict(operator: str, bound: Any, value: Any, *ends: float, **more: Any) -> dict[str, Any]:
    interval = {"low": ends[0], "high": ends[1]} if ends else None
    found = {"control": "c", "operator": operator, "threshold": bound, "value": value}
    return found | {"interval": interval} | more


def test_it_is_counted_in_the_direction_that_is_allowed() -> None:
    assert margin(verdict(">=", 0.5, 0.25)) == Margin("c", -0.25)
    assert margin(verdict("<=", 0.5, 0.25)) == Margin("c", 0.25)
    assert margin(verdict(">", 0.5, 0.75, 0.5, 1.0)) == Margin("c", 0.25, Interval(0.0, 0.5))
    assert margin(verdict("<", 0.5, 0.75, 0.5, 1.0)) == Margin("c", -0.25, Interval(-0.5, 0.0))
    assert margin(verdict("==", 0.5, 0.75)) == Margin("c", -0.25)
    assert margin(verdict("!=", 0.5, 0.25)) == Margin("c", 0.25)


@pytest.mark.parametrize("value", [None, "0.7", True, math.nan, math.inf, 10**400, [0.7]])
def test_what_was_not_measured_has_none(value: Any) -> None:
    assert margin(verdict(">=", 0.5, value)) is None
    assert margin(verdict(">=", value, 0.5)) is None


def test_a_value_on_its_threshold_but_for_rounding_has_a_margin_of_nothing() -> None:
    found = margin(verdict(">=", 0.8, 0.04 / 0.05))
    assert found is not None
    assert found.value == 0.0
    assert Threshold(">=", 0.8).holds(0.04 / 0.05)


@given(
    operator=st.sampled_from([">=", ">", "<=", "<"]),
    bound=st.floats(-1e6, 1e6),
    value=st.floats(-1e6, 1e6),
)
def test_its_sign_says_what_the_rule_says(operator: Any, bound: float, value: float) -> None:
    found = margin(verdict(operator, bound, value))
    assert found is not None
    holds = Threshold(operator, bound).holds(value)
    assert (found.value >= 0 if operator in (">=", "<=") else found.value > 0) == holds


def test_the_worst_is_the_smallest() -> None:
    assert worst([]) is None
    assert worst([verdict(">=", 0.5, None)]) is None
    several = [
        verdict(">=", 0.5, 0.75, control="far"),
        verdict("<=", 0.5, 0.625, control="failed"),
        verdict(">=", 0.5, 0.625, control="near"),
    ]
    assert worst(several) == Margin("failed", -0.125)
    assert worst([several[0], several[2]]) == Margin("near", 0.125)


def test_complete_data_that_must_be_complete_is_not_near_to_failing() -> None:
    complete = verdict(">=", 1.0, 1.0, control="all", status="passed", conclusive=True)
    near = verdict(">=", 0.5, 0.75, control="near")
    assert worst([complete, near]) == Margin("near", 0.25)
    assert worst([complete]) == Margin("all", 0.0)
    assert worst([complete | {"conclusive": False}, near]) == Margin("all", 0.0)
