"""What makes a verdict inconclusive although its interval is clear: what the rows were.

Counts do not show it: rows that the model was trained on flatter it, rows given twice narrow its
interval, and a prediction that is a copy of the target is always right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from venturalitica.core.circumstances import Circumstances, Share
from venturalitica.core.policy import Policy
from venturalitica.core.text import label, labels, percent, quoted, rows
from venturalitica.core.verdict import Label, Verdict, left_out_sentence
from venturalitica.judge.count import Counted
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.catalog import CATALOG

HELD_OUT = "give audit_data=held-out rows"
UNIQUE = (
    "keep one of each, or say `duplicates: expected` in the policy where each is a case of its own"
)
COPIED = (
    "the {role} equals the target in every row; check that it is not a copy of the target column"
)
MOST_DOUBLED = 0.05
"""Copies that nobody minds; more of them make intervals clearly too narrow."""
MOST_DROPPED = 0.05
"""Rows without a value that may be left out before what is left speaks for others no more."""


def doubts_of(policy: Policy, question: Question, circumstances: Circumstances) -> tuple[str, ...]:
    """Doubts on every measured value of this question, the gravest first.

    None under rules 1: records made before must be judged as they were.
    """
    if circumstances.rules < 2:
        return ()
    return tuple(_doubts(policy, question, circumstances))


def dropped(question: Question, n: int, rows: int, rules: int) -> tuple[str, ...]:
    """A doubt where `nulls: drop` left out more than a few of the rows."""
    if rules < 2 or question.control.nulls != "drop" or rows - n <= MOST_DROPPED * rows:
        return ()
    return (
        f"{rows - n:,} of {rows:,} rows are left out for missing values "
        f"(`nulls: drop`), more than {percent(MOST_DROPPED)}",
    )


def reservations(
    policy: Policy, verdicts: Iterable[Verdict], circumstances: Circumstances
) -> tuple[str, ...]:
    """What to say of the whole, once: each doubt that any of these verdicts has."""
    left_out = left_out_sentence(circumstances.phase, len(circumstances.left_out))
    said = [left_out[0].lower() + left_out[1:-1]] if left_out else []
    for metric in dict.fromkeys(v.metric for v in verdicts if v.value is not None):
        if metric in CATALOG and circumstances.rules >= 2:
            said += _of_rows(policy, metric, circumstances)
    return tuple(dict.fromkeys(said))


def _doubts(policy: Policy, question: Question, circumstances: Circumstances) -> Iterator[str]:
    if vacuous(question):
        yield "this rule cannot fail: every possible value meets it"
    yield from _of_rows(policy, question.spec.name, circumstances)


def _of_rows(policy: Policy, metric: str, circumstances: Circumstances) -> Iterator[str]:
    trained, doubled = circumstances.training_share, circumstances.doubled_share
    if trained is not None and trained.clear and _asks_the_model(metric):
        yield training_words(trained)  # a forest knows them by heart: no copy need be looked for
    else:
        copied = [role for role in circumstances.copies_of_target if role in CATALOG[metric].needs]
        yield from (COPIED.format(role=role) for role in copied)
    if doubled is not None and doubled.excess > MOST_DOUBLED and policy.duplicates != "expected":
        yield f"{percent(doubled.share)} of the rows are exact copies of other rows; {UNIQUE}"


def vacuous(question: Question) -> bool:
    """Whether the rule decides nothing: a pass says nothing either."""
    low, high = question.low_high()
    whole = question.spec.whole_of(question.compare)
    return question.control.must.cannot_fail(low, high, whole=whole)


def _asks_the_model(metric: str) -> bool:
    """Whether the value says something of a model; else it is a fact of the very rows.

    By what the metric is computed from, not by the phase that a control may name.
    """
    return not {"prediction", "score"}.isdisjoint(CATALOG[metric].needs)


def training_words(trained: Share) -> str:
    """`judged on rows the model was trained on; give audit_data=held-out rows`."""
    if trained.share >= 1.0:
        return f"judged on rows the model was trained on; {HELD_OUT}"
    return (
        f"{percent(trained.share)} of the judged rows are rows the model was trained on; {HELD_OUT}"
    )


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
