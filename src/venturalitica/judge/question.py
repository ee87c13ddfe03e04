"""What a control asks, with named compositions taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from venturalitica.errors import did_you_mean, listed
from venturalitica.judge.refusal import Refusal
from venturalitica.judge.words import quoted
from venturalitica.metrics.catalog import CATALOG, MetricSpec
from venturalitica.metrics.registry import PARTS
from venturalitica.rules import Control

COUNTING = ("group_representation", "row_count")
"""Metrics for which a group without rows has a value: 0."""
CENSUS = ("completeness", "row_count")
"""Facts of the very data given, not estimates: without variation they are certain."""


@dataclass(frozen=True, slots=True)
class Question:
    """A control and its metric; `parts` are the base metrics, `compare` how groups become one."""

    control: Control
    spec: MetricSpec
    parts: tuple[str, ...]
    compare: str | None

    def low_high(self) -> tuple[float, float]:
        """What the value can be, after comparing."""
        low, high = self.spec.low, self.spec.high
        if self.control.compare == "difference":
            return 0.0, high - low
        if self.control.compare == "between":
            return low - high, high - low
        return (0.0, 1.0) if self.control.compare == "ratio" else (low, high)


def question_of(control: Control) -> Question:
    """Look the metric up; the control is one that `catalog.misuse` found nothing wrong with."""
    spec = CATALOG[control.metric]
    base = spec.base or spec.name
    compare = (spec.compare or control.compare) if control.across else None
    return Question(control, spec, PARTS.get(base, (base,)), compare)


def compared_groups(question: Question, names: Mapping[str, int]) -> list[int]:
    """Places of the groups that are compared: the two that are named, or all.

    Raises Refusal where a named group has no rows, or where there is only one group.
    """
    control = question.control
    if question.compare == "between":
        return [_named(name, names) for name in control.groups]
    if len(names) < 2:
        only = next(iter(names), "")
        raise Refusal(
            f"all rows belong to one group, '{only}': there is nothing to compare it with"
        )
    return list(range(len(names)))


def _named(name: str, names: Mapping[str, int]) -> int:
    if name not in names:
        hint = did_you_mean(name, names)
        raise Refusal(
            f"no row belongs to the group '{name}'{hint}; groups seen: {quoted(names)}"
            if names
            else f"no row belongs to the group '{name}'"
        )
    return names[name]


def across_words(control: Control) -> str:
    """`gender`, `gender and age`."""
    return listed(list(control.across)) if len(control.across) < 2 else " and ".join(control.across)
