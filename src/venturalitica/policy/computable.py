"""Can a metric be computed the way a control asks for it, and can its threshold be met?"""

from __future__ import annotations

import math
from typing import get_args

from venturalitica.policy.nodes import show
from venturalitica.policy.problems import Collector
from venturalitica.policy.thresholds import share
from venturalitica.policy.views import ControlView
from venturalitica.policy.vocabulary import (
    MetricWords,
    Vocabulary,
    compositions_of,
    is_composition,
    possible_range,
)
from venturalitica.rules import Compare, Threshold


def check_computable(
    control: ControlView, name: str, problems: Collector, vocabulary: Vocabulary
) -> None:
    """Collect what keeps this control from ever being computed."""
    metric = vocabulary[name]
    compare = _compare(control)
    _check_groups(control, name, metric, problems, vocabulary)
    if compare == "ratio" and not is_composition(metric) and (metric.low or 0) < 0:
        problems.add(
            control.path("compare"),
            f"a ratio of {name} has no meaning, since it can be negative; use compare: difference",
        )
    if metric.phase == "model" and control.text("phase") == "data":
        problems.add(
            control.path("phase"),
            f"{name} needs a model's {_model_roles(metric)}, so it cannot be judged in the phase "
            "'data', before training; remove 'phase'",
        )
    _check_range(control, name, metric, compare, problems)


def _compare(control: ControlView) -> Compare | None:
    said = control.text("compare")
    return next((word for word in get_args(Compare) if word == said), None)


def _model_roles(metric: MetricWords) -> str:
    return " and ".join(role for role in metric.needs if role != "target") or "prediction"


def _check_groups(
    control: ControlView,
    name: str,
    metric: MetricWords,
    problems: Collector,
    vocabulary: Vocabulary,
) -> None:
    across, compare = control.has("across"), control.has("compare")
    composed = is_composition(metric)
    if metric.needs_across and not across:
        problems.add(
            control.path("metric"), f"{name} compares groups; add across: <role>, such as gender"
        )
    if composed and compare:
        problems.add(control.path("compare"), _already(name, metric, vocabulary), key=True)
    elif compare and not across:
        problems.add(
            control.path("compare"),
            "'compare' compares groups; add across: <role>, or remove it",
            key=True,
        )
    elif (across or compare) and not metric.comparable and not metric.needs_across:
        problems.add(
            control.path("across"),
            f"{name} cannot be computed by group; remove 'across'",
            key=True,
        )
    elif across and not compare and not composed and not metric.needs_across:
        problems.add(control.path("across"), _how(name, metric, vocabulary), key=True)


def _already(name: str, metric: MetricWords, vocabulary: Vocabulary) -> str:
    message = f"{name} is a comparison by its definition; remove 'compare'"
    if metric.base in vocabulary:
        message += f", or write metric: {metric.base} with 'compare'"
    return message


def _how(name: str, metric: MetricWords, vocabulary: Vocabulary) -> str:
    words = [word for word in get_args(Compare) if word != "ratio" or (metric.low or 0) >= 0]
    message = (
        f"{name} across groups gives a value for each group; say how they become one: compare: "
        f"{', '.join(words[:-1])} or {words[-1]}"
    )
    named = compositions_of(name, vocabulary)
    return f"{message}; or use the metric {' or '.join(named[:4])}" if named else message


def _check_range(
    control: ControlView,
    name: str,
    metric: MetricWords,
    compare: Compare | None,
    problems: Collector,
) -> None:
    threshold = control.threshold()
    if threshold is None or (control.has("compare") and compare is None):
        return
    low, high = possible_range(metric, compare)
    if low <= threshold.bound <= high:
        return
    problems.add(
        control.path("must"),
        f"'must' is {show(str(threshold))}, and {_what(name, metric, compare)} is always "
        f"{_range(low, high)}{_guess(threshold, metric, compare, low, high)}",
    )


def _what(name: str, metric: MetricWords, compare: Compare | None) -> str:
    if compare is None or is_composition(metric):
        return name
    return f"the {compare} of {name}" if compare != "between" else f"{name} between two groups"


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {low:g}"
    return f"at most {high:g}" if math.isinf(low) else f"between {low:g} and {high:g}"


def _guess(
    threshold: Threshold, metric: MetricWords, compare: Compare | None, low: float, high: float
) -> str:
    """A percentage, most likely; but a ratio a little above 1 is one the other way round."""
    inverted = "ratio" in (compare, metric.compare) and threshold.bound < 2
    if not inverted and high <= 1 and 1 < threshold.bound <= 100 and low <= threshold.bound / 100:
        return f'; did you mean must: "{threshold.operator} {share(threshold.bound)}"?'
    return ""
