"""What can be known of a model and a policy before anything trains: that no verdict can follow."""

from __future__ import annotations

from typing import Any

from venturalitica.core.policy import Control, Policy
from venturalitica.errors import PolicyError, Problem
from venturalitica.frameworks import kind_of
from venturalitica.frameworks.sklearn import no_labels, unsupervised
from venturalitica.metrics.catalog import CATALOG, compares_labels, withheld


def refuse_unjudgeable(policy: Policy, model: Any) -> None:
    """At wrap: a model whose answers no target is compared with, or a control that would stop
    every training of it, since it can have no value there.

    Raises:
        TypeError: the model finds clusters, outliers or components.
        PolicyError: a control with `on_fail: block` compares labels, and the model is a regressor,
            or its value is one row's own, which the policy withholds.
    """
    kind = kind_of(model)
    if why := unsupervised(model, kind):
        raise TypeError(f"vl.wrap takes a model that predicts a target; {why}")
    no_label = no_labels(model, kind)
    never = [
        Problem(
            policy.filename,
            control.line,
            f"control '{control.id}' ({control.metric}) blocks and can never be judged: {why}; or "
            "give it on_fail: warn, which leaves it not evaluated",
        )
        for control in policy.controls
        if control.on_fail == "block" and (why := _never(policy, control, no_label))
    ]
    if never:
        raise PolicyError(never)


def _never(policy: Policy, control: Control, no_label: str) -> str:
    """Why a control can have no value, whatever the rows; "" where it may have one."""
    if no_label and compares_labels(control):
        return no_label
    return withheld(CATALOG[control.metric], policy.min_cell) if control.metric in CATALOG else ""
