"""Every metric there is, described in one place; free of numpy, so that policies can be checked.

One name per metric, the one that scikit-learn or Fairlearn uses. `docs/metrics.md` shows the same
entries; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable

from venturalitica.core.policy import LABEL_ROLES, Control, Phase
from venturalitica.errors import did_you_mean
from venturalitica.metrics.catalog.agreement import AGREEMENT, AVERAGES
from venturalitica.metrics.catalog.data import CONTENTS
from venturalitica.metrics.catalog.fairness import FAIRNESS
from venturalitica.metrics.catalog.rates import RATES
from venturalitica.metrics.catalog.scores import SCORES
from venturalitica.metrics.catalog.spec import MetricSpec, Need, by_name

__all__ = [
    "CATALOG",
    "MetricSpec",
    "Need",
    "misuse",
    "needs",
    "phase_of",
    "roles_needed",
]

CATALOG: dict[str, MetricSpec] = by_name(AGREEMENT, RATES, AVERAGES, SCORES, FAIRNESS, CONTENTS)
"""Metric name -> what it is, in the order of the documentation."""


def roles_needed(spec: MetricSpec, control: Control) -> Need:
    """What `control`, whose metric `spec` describes, needs of the data."""
    return Need(spec.labels, control.across, spec.number, control.of if spec.of_nulls else ())


def needs(controls: Iterable[Control]) -> tuple[Need, ...]:
    """What each control needs, in order; an unknown metric needs nothing (and will be an error)."""
    return tuple(
        roles_needed(CATALOG[control.metric], control) if control.metric in CATALOG else Need()
        for control in controls
    )


def phase_of(control: Control) -> Phase:
    """When the control can be judged: `data` (before training) or `model`."""
    if control.phase is not None:
        return control.phase
    spec = CATALOG.get(control.metric)
    return spec.phase if spec else "model"


def misuse(control: Control) -> str:
    """Why this control can never be computed, or an empty string: for rules made in Python.

    A policy file is checked with lines by `policy`; this is the same for `Control` values.
    """
    spec = CATALOG.get(control.metric)
    if spec is None:
        hint = did_you_mean(control.metric, CATALOG)
        return f"unknown metric '{control.metric}'{hint} ('venturalitica metrics' lists all)"
    return (
        _across_misuse(spec, control) or _groups_misuse(control) or _compare_misuse(spec, control)
    )


def _across_misuse(spec: MetricSpec, control: Control) -> str:
    labels = [role for role in control.across if role in LABEL_ROLES]
    if labels:
        return f"`across` takes grouping roles, and {labels[0]} is a label role"
    if len(set(control.across)) < len(control.across):
        return "`across` names a role twice"
    if spec.needs_across and not control.across:
        return f"{spec.name} compares groups: add `across: <role>`"
    if not control.across and control.compare:
        return f"`compare: {control.compare}` needs `across: <role>`"
    if control.across and not (spec.compare or spec.comparable):
        return f"{spec.name} cannot be put across groups"
    if control.across and not (spec.compare or control.compare):
        return (
            f"{spec.name} across groups needs `compare: difference`, `ratio`, `min`, `max` or "
            "`between`"
        )
    return ""


def _groups_misuse(control: Control) -> str:
    if control.compare == "between" and len(set(control.groups)) != 2:
        return "`compare: between` needs two different `groups`, as in `groups: [female, male]`"
    if control.groups and control.compare != "between":
        return "`groups` goes with `compare: between` only"
    return ""


def _compare_misuse(spec: MetricSpec, control: Control) -> str:
    if spec.compare and control.compare and control.compare != spec.compare:
        return f"{spec.name} is a {spec.compare} by definition: leave `compare` out"
    if control.compare == "ratio" and spec.low < 0:
        return f"a ratio of {spec.name} has no meaning, it can be negative: use `difference`"
    return ""
