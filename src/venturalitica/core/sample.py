"""How many rows would settle a verdict that is not conclusive."""

from __future__ import annotations

import math

from venturalitica.core.policy import TOLERANCE
from venturalitica.core.verdict import Verdict

MOST_TIMES = 1000.0
"""An estimate beyond this many times the rows is not given: it would rest on nothing."""

DOUBT = "not conclusive: "
"""How a note begins that says what else than its interval keeps a verdict from being conclusive."""

_ORDERED = (">=", ">", "<=", "<")


def rows_needed(verdict: Verdict) -> int | None:
    """About how many rows in all would settle it; None where that cannot be told.

    The end of the interval that lies across the threshold has to come back to it. With d its
    distance from the value and m the threshold's, that takes n · (d / m)² rows; where nothing
    varied (all of 30 are right) fewer, since that end is the n-th root of the error. Given to two
    digits, rounded up, and never as few as there are.
    """
    ratio = _times(verdict)
    if ratio is None or ratio > MOST_TIMES:
        return None
    return _rounded_up(max(verdict.n * ratio, verdict.n + 1))


def sample_words(verdict: Verdict) -> str:
    """What sample would make it conclusive; empty where it is, or where no sample is the matter.

    `about 1,400 rows in place of 400 would settle it, if value and mix of rows stay`. Where more is
    doubted than its interval, they would only put that on one side.
    """
    if _at_threshold(verdict):
        return "the value lies on its threshold, where no number of rows would settle it"
    if _times(verdict) is None:
        return ""
    needed = rows_needed(verdict)
    doubted = any(note.startswith(DOUBT) for note in verdict.notes)
    done = "put its interval on one side" if doubted else "settle it"
    if needed is None:
        return (
            f"more than {MOST_TIMES:,.0f} times these rows would be needed to {done}, so near its "
            "threshold does the value lie"
        )
    return (
        f"about {needed:,} rows in place of {verdict.n:,} would {done}, if value and mix of rows "
        "stay"
    )


def _times(verdict: Verdict) -> float | None:
    """How many times the rows; None where the interval does not reach across the threshold."""
    value, bound, interval = verdict.value, verdict.threshold, verdict.interval
    if value is None or bound is None or interval is None or verdict.n < 1:
        return None
    across = interval.low <= bound <= interval.high
    margin = abs(value - bound)
    if verdict.operator not in _ORDERED or verdict.conclusive or not across or _tiny(margin, bound):
        return None
    low, high = interval
    if verdict.compare in (None, "min", "max"):
        if value == high == 1 and low > 0 and bound > 0:
            return math.log(low) / math.log(bound)
        if value == low == 0 and high < 1 and bound < 1:
            return math.log1p(-high) / math.log1p(-bound)
    reach = value - low if value > bound else high - value
    return (reach / margin) ** 2


def _at_threshold(verdict: Verdict) -> bool:
    value, bound, interval = verdict.value, verdict.threshold, verdict.interval
    if value is None or bound is None or interval is None or verdict.conclusive:
        return False
    spread = interval.low < interval.high and verdict.operator in _ORDERED
    return spread and _tiny(abs(value - bound), bound)


def _tiny(margin: float, bound: float) -> bool:
    return margin <= TOLERANCE * max(1.0, abs(bound))


def _rounded_up(rows: float) -> int:
    """1,372.4 reads 1,400: two digits are more than the estimate is worth."""
    whole = math.ceil(rows)
    step: int = 10 ** max(0, len(str(whole)) - 2)
    return -(-whole // step) * step
