"""What the counts give away: a label under two names, and rows that a comparison leaves out.

In force since rules 2 (`circumstances.RULES`); what older records hold was judged without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.judge.counted import Counted
from venturalitica.judge.question import Question
from venturalitica.judge.refusal import Refusal
from venturalitica.judge.words import label, labels, quoted, rows
from venturalitica.records import Label

SINCE = 2
LEFT_OUT = 0.01
"""A comparison that leaves out a larger share of the rows is not conclusive."""


def check_favorable(
    levels: Sequence[Label],
    favorable: int,
    target: set[int],
    prediction: set[int],
    *,
    both: bool,
    since: int,
) -> None:
    """Refusal where one side never holds the favorable label, and holds others in its place.

    An encoder that writes `gt50K` for `>50K` makes every rate of the favorable label 0, and all
    groups equal. `both`: the control reads the target's labels too.
    """
    if since < SINCE or not target or len(target | prediction) < 3:
        return  # with two labels in all, one side just never has the other
    strange, unknown = prediction - target, target - prediction
    named = label(levels[favorable])
    if favorable not in prediction and strange:
        raise Refusal(
            f"the prediction never holds the favorable label {named}, and holds "
            f"{_listed(levels, strange)}, which the target never has: if that is the same label, "
            "give both one name"
        )
    if both and favorable not in target and favorable in prediction and unknown:
        raise Refusal(
            f"the target never holds the favorable label {named}, and holds "
            f"{_listed(levels, unknown)}, which is never predicted: if that is the same label, "
            "give both one name"
        )


def renamed_doubts(
    levels: Sequence[Label], target: set[int], prediction: set[int], *, since: int
) -> tuple[str, ...]:
    """A target of two labels and a prediction with a third: 0/1 for 1/2, say."""
    strange = prediction - target
    if since < SINCE or not strange or len(target) != 2:
        return ()
    return (
        f"the target holds {_listed(levels, target)}, and the prediction "
        f"{_listed(levels, strange)}: are these its labels, under other names?",
    )


def _listed(levels: Sequence[Label], places: set[int]) -> str:
    return labels([levels[place] for place in sorted(places)])


def left_out(
    question: Question, counted: Counted, *, since: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and doubts on the rows of groups that `compare: between` does not compare."""
    if since < SINCE or question.compare != "between":
        return (), ()
    others = [
        (name, int(count))
        for name, count in zip(counted.groups.names, counted.rows, strict=True)
        if name not in question.control.groups
    ]
    lost = sum(count for _, count in others)
    if not lost:
        return (), ()
    said = (
        f"{rows(lost)} of {counted.n:,} are left out: they belong to {quoted(n for n, _ in others)}"
    )
    return ((said,), ()) if lost <= LEFT_OUT * counted.n else ((), (said,))
