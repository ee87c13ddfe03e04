"""Every metric there is, described in one place; free of numpy, so that policies can be checked.

One name per metric, the one that scikit-learn or Fairlearn uses. `docs/metrics.md` shows the same
entries; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module

from venturalitica.core.drift import FILE_ENDING
from venturalitica.core.policy import COMPARES, LABEL_ROLES, Control, Phase, Policy
from venturalitica.errors import did_you_mean
from venturalitica.metrics.catalog.against import drift_misuse
from venturalitica.metrics.catalog.spec import MetricSpec, Need, by_name

FAMILIES = (
    "agreement",
    "rates",
    "scores",
    "fairness",
    "regression",
    "data",
    "drift",
)
"""Each has a file here, and one in `metrics` where it computes what no other family does."""

CATALOG: dict[str, MetricSpec] = by_name(
    *(import_module(f"{__name__}.{family}").METRICS for family in FAMILIES)
)
"""Metric name -> what it is, in the order of the documentation."""


def roles_needed(spec: MetricSpec, control: Control) -> Need:
    """What `control`, whose metric `spec` describes, needs of the data."""
    of = control.of if spec.of_nulls or spec.drift else ()
    return Need(spec.labels, control.across, spec.number, of)


def needs(controls: Iterable[Control]) -> tuple[Need, ...]:
    """What each control needs, in order; an unknown metric needs nothing (and will be an error)."""
    return tuple(
        roles_needed(CATALOG[control.metric], control) if control.metric in CATALOG else Need()
        for control in controls
    )


def counts_all_roles(control: Control) -> bool:
    """Whether it counts over every role that is bound, and not over some that it names."""
    spec = CATALOG.get(control.metric)
    return spec is not None and spec.of_nulls and not control.of


def asks_amounts(controls: Iterable[Control], *, regressor: bool = False) -> bool:
    """Whether the prediction is asked for as a number, and by no control as a label.

    Of a `regressor` controls may ask for labels besides: they are not evaluated.
    """
    asked = needs(controls)
    labels = any("prediction" in need.labels for need in asked) and not regressor
    return not labels and any(need.number and "prediction" in need.number.of for need in asked)


def compares_labels(control: Control) -> bool:
    """Whether the control takes target or prediction as a label."""
    return control.metric in CATALOG and CATALOG[control.metric].compares_labels


def withheld(spec: MetricSpec, min_cell: int) -> str:
    """Why its value is shown nowhere, where no count of fewer than `min_cell` is; "" else."""
    if not spec.of_one_row or not min_cell:
        return ""
    return (
        f"{spec.name} is one row's own, which is shown nowhere unless the policy says "
        "`disclosure: {min_cell: 0}`, for data about nobody"
    )


def sharing_error(policy: Policy) -> int:
    """How many controls of a policy share the error of its intervals: 1 where each has its own.

    All count whose metric has an interval, whichever of them are judged: a phase alone must not be
    surer than the whole.
    """
    if not policy.joint:
        return 1
    lacking = [c for c in policy.controls if c.metric in CATALOG and CATALOG[c.metric].of_one_row]
    return max(1, len(policy.controls) - len(lacking))


def phase_of(control: Control) -> Phase:
    """When the control can be judged: `data` (before training) or `model`."""
    if control.phase is not None:
        return control.phase
    spec = CATALOG.get(control.metric)
    if spec and spec.drift and not OF_A_MODEL.isdisjoint(control.of):
        return "model"
    return spec.phase if spec else "model"


OF_A_MODEL = frozenset({"prediction", "score"})
"""The roles that only a model fills."""


NEEDS_ACROSS = "'compare' compares groups; add across: <role>, or remove it"


def misuse_of(control: Control) -> str:
    """Why this control can never be computed, or an empty string: for rules made in Python.

    A policy file is checked with lines by `policy`, by the same rules.
    """
    spec = CATALOG.get(control.metric)
    if spec is None:
        hint = did_you_mean(control.metric, CATALOG)
        return f"unknown metric '{control.metric}'{hint} ('venturalitica metrics' lists all)"
    labels = [role for role in control.across if role in LABEL_ROLES]
    if labels:
        return f"'across' takes grouping roles, and {labels[0]} is a label role"
    if len(set(control.across)) < len(control.across):
        return "'across' names a role twice"
    own = None if control.compare == spec.compare else control.compare
    wrong = [said for _, said in misuse(spec, across=bool(control.across), compare=own)]
    wrong += [
        said
        for _, said in drift_misuse(
            spec,
            against=bool(control.against),
            columns=bool(control.columns),
            of=bool(control.of),
            file=control.against.endswith(FILE_ENDING),
        )
    ]
    if control.compare == "between" and len(set(control.groups)) != 2:
        wrong.append("compare: between needs two different groups, such as groups: [female, male]")
    if control.groups and control.compare != "between":
        wrong.append("'groups' belongs to compare: between")
    return next(iter(wrong), "")


def misuse(spec: MetricSpec, *, across: bool, compare: str | None) -> Iterator[tuple[str, str]]:
    """What keeps a control on this metric from ever being computed: the key, and a sentence."""
    name = spec.name
    if spec.needs_across and not across:
        yield "metric", f"{name} compares groups; add across: <role>, such as gender"
    if spec.compare and compare:
        yield "compare", _already(spec)
    elif compare and not across:
        yield "compare", NEEDS_ACROSS
    elif across and not spec.comparable and not spec.needs_across:
        yield "across", f"{name} cannot be computed by group; remove 'across'"
    elif across and not compare and not spec.needs_across:
        yield "across", _how(spec)
    if compare == "ratio" and not spec.compare and not spec.has_ratio:
        yield (
            "compare",
            f"a ratio of {name} has no meaning, since it can be negative; use compare: difference",
        )


def _already(spec: MetricSpec) -> str:
    message = f"{spec.name} is a comparison by its definition; remove 'compare'"
    return message + (
        f", or write metric: {spec.base} with 'compare'" if spec.base in CATALOG else ""
    )


def _how(spec: MetricSpec) -> str:
    words = [word for word in COMPARES if word != "ratio" or spec.has_ratio]
    message = (
        f"{spec.name} across groups gives a value for each group; say how they become one: "
        f"compare: {', '.join(words[:-1])} or {words[-1]}"
    )
    named = [other.name for other in CATALOG.values() if other.base == spec.name]
    return f"{message}; or use the metric {' or '.join(named[:4])}" if named else message
