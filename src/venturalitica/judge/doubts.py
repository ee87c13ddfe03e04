"""What makes a verdict inconclusive although its interval is clear: what the rows were.

Counts do not show it: rows that the model was trained on flatter it, rows given twice narrow its
interval, and a prediction that is a copy of the target is always right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venturalitica.circumstances import Circumstances, Share
from venturalitica.figures import percent
from venturalitica.judge.question import Question
from venturalitica.metrics.catalog import CATALOG
from venturalitica.records import Verdict, left_out_sentence
from venturalitica.rules import Policy

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
    whole = question.spec.whole and question.compare != "ratio"
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
