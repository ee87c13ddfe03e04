"""How far a value is from its threshold, counted in the direction that the rule allows.

0.74 against `>= 0.80` is a margin of -0.06, and 0.85 one of +0.05. A margin is in the metric's own
unit; its interval is that of the value, moved and turned in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from venturalitica.records import Interval
from venturalitica.rules import TOLERANCE


@dataclass(frozen=True, slots=True)
class Margin:
    """The margin of one control; `interval` is None where none was recorded."""

    control: str
    value: float
    interval: Interval | None = None


def margin(verdict: Mapping[str, Any]) -> Margin | None:
    """The margin of a verdict as recorded; None where nothing was measured or no side is allowed.

    For `==` and `!=` it is the distance itself (below zero for `==`), without an interval: there
    the nearest point of an interval would say more than was computed.
    """
    value, bound = _finite(verdict.get("value")), _finite(verdict.get("threshold"))
    if value is None or bound is None:
        return None
    control, operator = str(verdict.get("control", "")), verdict.get("operator")
    if operator in (">=", ">"):
        return Margin(control, _distance(value, bound), _moved(verdict, bound, 1))
    if operator in ("<=", "<"):
        return Margin(control, _distance(bound, value), _moved(verdict, bound, -1))
    if operator in ("==", "!="):
        apart = abs(_distance(value, bound))
        return Margin(control, apart if operator == "!=" else -apart or 0.0)
    return None


def worst(verdicts: Iterable[Mapping[str, Any]]) -> Margin | None:
    """The smallest margin of several verdicts; None where none of them has one.

    Complete data that must be complete has a margin of nothing for ever, and is not near to
    failing: what passed conclusively on its very threshold counts only where nothing else does.
    """
    every = [(item, margin(item)) for item in verdicts]
    found = [(_is_settled(item, one), one.value, one) for item, one in every if one is not None]
    return min(found, key=lambda item: item[:2], default=(False, 0.0, None))[2]


def _is_settled(verdict: Mapping[str, Any], found: Margin) -> bool:
    sure = verdict.get("status") == "passed" and verdict.get("conclusive") is True
    return sure and found.value == 0


def _distance(value: float, bound: float) -> float:
    """`value - bound`; a value on its threshold, but for rounding, has none."""
    apart = value - bound
    return 0.0 if abs(apart) <= TOLERANCE * max(1.0, abs(bound)) else apart


def _moved(verdict: Mapping[str, Any], bound: float, sign: int) -> Interval | None:
    interval = verdict.get("interval")
    if not isinstance(interval, Mapping):
        return None
    low, high = _finite(interval.get("low")), _finite(interval.get("high"))
    if low is None or high is None:
        return None
    ends = sorted(_distance(end, bound) * sign or 0.0 for end in (low, high))
    return Interval(*ends) if all(map(math.isfinite, ends)) else None


def _finite(number: Any) -> float | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        found = float(number)
    except OverflowError:
        return None
    # Half of the largest, so that the distance of two of them is a number too.
    return found if abs(found) <= 8e307 else None
