"""Which of two settings of a rule is stricter.

One setting is tighter than another if it lets nothing through that the other would stop, and stops
something that the other lets through. Where neither is so, the two are only different.
"""

from __future__ import annotations

import math

from venturalitica.policy.changes import Aspect, Direction
from venturalitica.records import OnFail
from venturalitica.rules import TOLERANCE, Control, Policy, Threshold

_ON_FAIL: tuple[OnFail, ...] = ("record", "warn", "block")
"""From the mildest to the strictest."""

_Cut = tuple[float, int]
"""A place between numbers: just before `x` is `(x, 0)`, just after it `(x, 1)`."""
_Span = tuple[_Cut, _Cut]

_START: _Cut = (-math.inf, 0)
_END: _Cut = (math.inf, 1)


def must_aspect(old: Threshold, new: Threshold, *, comparable: bool = True) -> Aspect | None:
    """How the values that pass differ; `comparable` is False where something else is measured."""
    if old == new:
        return None
    direction = compare_thresholds(old, new) if comparable else "changed"
    note = {"tightened": "fewer values pass", "loosened": "more values pass"}.get(
        direction, "other values pass" if comparable else "of another measure"
    )
    return Aspect("must", str(old), str(new), direction, note)


def compare_thresholds(old: Threshold, new: Threshold) -> Direction:
    """Tightened where the passing values are a part of those before, loosened the other way.

    Decided on the whole number line, not on a metric's range: `>= 0` and `>= -1` differ, though
    no share can tell them apart.
    """
    before, after = _passing(old), _passing(new)
    shrank, grew = _within(after, before), _within(before, after)
    if shrank and grew:
        return "reworded"
    if shrank:
        return "tightened"
    return "loosened" if grew else "changed"


def on_fail_aspect(old: OnFail, new: OnFail) -> Aspect | None:
    """`block` is stricter than `warn`, `warn` than `record`."""
    if old == new:
        return None
    tighter = _ON_FAIL.index(new) > _ON_FAIL.index(old)
    if "block" in (old, new):
        note = "a run that does not meet it is now stopped" if tighter else "it stops no run now"
    else:
        note = "not meeting it is now told" if tighter else "not meeting it is now only recorded"
    return Aspect("on_fail", old, new, "tightened" if tighter else "loosened", note)


def min_support_aspect(old: int, new: int) -> Aspect | None:
    """A larger `min_support` is tighter: no verdict becomes greener by it, some become amber.

    It decides only whether a verdict is conclusive. Whether one passes or fails stays the same.
    """
    if old == new:
        return None
    note = f"a conclusive verdict asks for {'more' if new > old else 'fewer'} rows; pass or fail "
    direction: Direction = "tightened" if new > old else "loosened"
    return Aspect("min_support", str(old), str(new), direction, note + "stays the same")


def nulls_aspect(old: Control, new: Control) -> Aspect | None:
    """`drop` is looser: what `refuse` would not judge at all may pass."""
    if old.nulls == new.nulls:
        return None
    if new.nulls == "drop":
        note = "rows with missing values are left out; before, they made it not evaluated"
        return Aspect("nulls", old.nulls, new.nulls, "loosened", note)
    note = "missing values make it not evaluated; before, such rows were left out"
    return Aspect("nulls", old.nulls, new.nulls, "tightened", note)


def duplicates_aspect(old: Policy, new: Policy) -> Aspect | None:
    """`expected` is looser: copies are looked for no more, and narrow every interval."""
    if old.duplicates == new.duplicates:
        return None
    looser = new.duplicates == "expected"
    note = "copied rows are taken as they are" if looser else "copied rows make amber"
    direction: Direction = "loosened" if looser else "tightened"
    return Aspect("duplicates", old.duplicates, new.duplicates, direction, note)


def _passing(must: Threshold) -> tuple[_Span, ...]:
    """The values that pass, as spans that do not touch; the tolerance is that of `holds`."""
    slack = TOLERANCE * max(1.0, abs(must.bound))
    before, after = (must.bound - slack, 0), (must.bound + slack, 1)
    return {
        ">=": ((before, _END),),
        ">": ((after, _END),),
        "<=": ((_START, after),),
        "<": ((_START, before),),
        "==": ((before, after),),
        "!=": ((_START, before), (after, _END)),
    }[must.operator]


def _within(inner: tuple[_Span, ...], outer: tuple[_Span, ...]) -> bool:
    return all(any(low <= start and end <= high for low, high in outer) for start, end in inner)
