"""Labels: which one is favorable, and whether target and prediction speak of the same ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy
from msgspec import Struct

from venturalitica.core import text as words
from venturalitica.core.labels import likeness
from venturalitica.core.policy import Policy
from venturalitica.core.verdict import Label
from venturalitica.judge.question import Refusal
from venturalitica.metrics.intervals import Integers

_ZERO_ONE: tuple[Label, ...] = (0, 1)


class Labels(Struct, frozen=True):
    """The labels of target and prediction, and where each level of the tally went.

    `moved[i]` is the index in `levels` of the tally's level i. They differ only where booleans and
    0/1 met: `True == 1` in Python, numpy and scikit-learn, so these are one label.
    """

    levels: tuple[Label, ...]
    moved: Integers
    note: str = ""


def read_labels(levels: Sequence[Label]) -> Labels:
    """The labels of a tally; booleans beside 0/1 are merged into them."""
    booleans = [level for level in levels if isinstance(level, bool)]
    numbers = [level for level in levels if kind(level) == "numbers"]
    alone = not booleans or not numbers or len(booleans) + len(numbers) < len(levels)
    if alone or not set(numbers) <= {0, 1}:
        return Labels(tuple(levels), numpy.arange(len(levels)))
    merged = sorted({int(level) for level in levels})
    moved = numpy.array([merged.index(int(level)) for level in levels], dtype=numpy.int64)
    return Labels(
        tuple(merged), moved, "labels are booleans in one place and 0/1 in another: true is 1"
    )


def kind(value: Label) -> str:
    """`booleans`, `numbers` or `text`."""
    if isinstance(value, bool):
        return "booleans"
    return "text" if isinstance(value, str) else "numbers"


def favorable_index(policy: Policy, levels: Sequence[Label]) -> int:
    """The index of the favorable label. Labels other than 0/1 and booleans are never guessed.

    Raises Refusal where none is named, the one named does not occur, or another label differs from
    it in spelling alone: where predictions say 'Good' for 'good', every rate would be 0, and a
    control such as "at most 5 % apart" would pass on it.
    """
    named = policy.role("target").favorable
    if named is None:
        return _default(levels)
    found = next((i for i, level in enumerate(levels) if _same(named, level, levels)), None)
    if found is None:
        raise Refusal(_absent(named, levels))
    alike = [v for v in levels if v != levels[found] and _text(v) == _text(levels[found])]
    listed = policy.role("target").labels or ()
    if any(label not in listed for label in alike):
        raise Refusal(
            f"the favorable label {words.label(levels[found])} also occurs as "
            f"{words.labels(alike)}: give target and prediction one spelling of it"
        )
    return found


def check_listed(policy: Policy, levels: Sequence[Label]) -> None:
    """Refusal where the tally holds labels that the policy's `labels` do not list.

    A tally of this policy never does; one that is judged by another policy may.
    """
    target, prediction = policy.role("target"), policy.role("prediction")
    if target.labels is None:
        return
    known = (*target.labels, *(prediction.labels or ()), *(prediction.map or {}).values())
    strange = [v for v in levels if not any(_equal(v, label) for label in known)]
    if strange:
        raise Refusal(
            f"the policy's `labels` of target do not list {words.labels(strange)}: it lists "
            f"{words.labels(target.labels)}"
        )


def _equal(one: Label, other: Label) -> bool:
    return isinstance(one, str) == isinstance(other, str) and one == other


def check_agreeing(labels: Sequence[Label], target: set[int], prediction: set[int]) -> str:
    """A note where predictions hold labels that the target never has; "" where all is well.

    Raises Refusal where the two cannot be compared: text against numbers, no label in common, or
    fractions that the target never has.
    """
    of_target = [labels[index] for index in sorted(target)]
    of_prediction = [labels[index] for index in sorted(prediction)]
    kinds_of_target = {kind(value) for value in of_target}
    kinds_of_prediction = {kind(value) for value in of_prediction}
    if kinds_of_target.isdisjoint(kinds_of_prediction):
        raise Refusal(
            f"the target holds {_joined(kinds_of_target)} ({words.labels(of_target)}) and the "
            f"prediction {_joined(kinds_of_prediction)} ({words.labels(of_prediction)}), so no "
            "row can be right: give both the same labels"
        )
    if target.isdisjoint(prediction) and len(target | prediction) > 2:
        raise Refusal(
            f"target ({words.labels(of_target)}) and prediction ({words.labels(of_prediction)}) "
            "have no label in common: give both the same labels"
        )
    strange = [labels[index] for index in sorted(prediction - target)]
    fractions = [label for label in strange if isinstance(label, float) and label % 1]
    if fractions:
        raise Refusal(
            f"the prediction holds fractions the target never has ({words.labels(fractions)}): "
            "these are scores or estimates, not labels; bind the predicted labels, and the "
            "probabilities as score"
        )
    return f"predicted, but never in the target: {words.labels(strange)}" if strange else ""


def _default(levels: Sequence[Label]) -> int:
    if not all(isinstance(level, bool) or level in _ZERO_ONE for level in levels):
        raise Refusal(
            f"the labels are {words.labels(levels)} and the policy does not say which one is "
            f"favorable: add {_yaml_lines(levels)} under `roles:`"
        )
    for index, level in enumerate(levels):
        if level == 1:
            return index
    raise Refusal(
        f"the only label is {words.labels(levels)}, and 1 (true), which counts as favorable where "
        "labels are 0/1, does not occur: give rows of both labels, or name the favorable one with "
        "`target: {favorable: ...}` under `roles:`"
    )


def _yaml_lines(levels: Sequence[Label]) -> str:
    if len(levels) > 3:
        return f"`target: {{favorable: {words.label(levels[0])}}}`, or another of them,"
    return " or ".join(f"`target: {{favorable: {words.label(level)}}}`" for level in levels)


def _same(named: Label, level: Label, levels: Sequence[Label]) -> bool:
    alike = isinstance(named, bool) == isinstance(level, bool)
    merged = alike or all(kind(v) != "text" and v in _ZERO_ONE for v in levels)
    return _equal(named, level) and merged


def _absent(named: Label, levels: Sequence[Label]) -> str:
    text = f"the favorable label {words.label(named)} does not occur; labels seen: "
    text += words.labels(levels)
    twin = next((level for level in levels if likeness(level) == likeness(named)), None)
    if twin is None:
        return text + ": correct `target: {favorable: ...}` in the policy, or the data"
    if kind(named) == kind(twin):
        return f"{text}: write `favorable: {words.label(twin)}`, which is spelt almost alike"
    was, now = kind(named), kind(twin)
    return (
        f"{text}: the policy names {'a text' if was == 'text' else 'no text'} and the data holds "
        f"{now}; write `favorable: {words.label(twin)}`"
    )


def _text(value: Label) -> str:
    if isinstance(value, bool):
        return str(value).casefold()
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip().casefold()
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _joined(kinds: set[str]) -> str:
    return " and ".join(sorted(kinds))


SINCE = 2
"""The rules of judgement under which labels by other names, and rows left out, are doubted."""


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
    named = words.label(levels[favorable])
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
    return words.labels([levels[place] for place in sorted(places)])
