"""What makes a verdict inconclusive although its interval is clear: what the rows were.

Counts do not show it: rows that the model was trained on flatter it, whatever the interval says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venturalitica.circumstances import Circumstances, Share
from venturalitica.judge.question import Question
from venturalitica.metrics.catalog import CATALOG
from venturalitica.records import Verdict, left_out_sentence

HELD_OUT = "give audit_data=held-out rows"


def doubts_of(question: Question, circumstances: Circumstances) -> tuple[str, ...]:
    """Doubts on every measured value of this question, the gravest first.

    None under rules 1: records made before must be judged as they were.
    """
    if circumstances.rules < 2:
        return ()
    return tuple(_doubts(question, circumstances))


def reservations(verdicts: Iterable[Verdict], circumstances: Circumstances) -> tuple[str, ...]:
    """What to say of the whole, once: each doubt that any of these verdicts has."""
    metrics = {v.metric for v in verdicts if v.value is not None and v.metric in CATALOG}
    trained = circumstances.training_share
    left_out = left_out_sentence(circumstances.phase, len(circumstances.left_out))
    said = [left_out[0].lower() + left_out[1:-1]] if left_out else []
    if trained is not None and trained.clear and any(map(_asks_the_model, metrics)):
        said.append(training_words(trained))
    return tuple(said)


def _doubts(question: Question, circumstances: Circumstances) -> Iterator[str]:
    if vacuous(question):
        yield "this rule cannot fail: every possible value meets it"
    trained = circumstances.training_share
    if trained is not None and trained.clear and _asks_the_model(question.spec.name):
        yield training_words(trained)


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


def percent(share: float) -> str:
    """`23 %`, `1.5 %`; never 100 % of what is not all."""
    value = 100 * share
    shown = (
        f"{value:.0f}" if 10 <= value < 99.5 else f"{value:.2g}" if value < 10 else f"{value:.4g}"
    )
    return f"{shown} %"
