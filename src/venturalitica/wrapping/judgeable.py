"""What can be known of a model and a policy before anything trains: that no verdict can follow."""

from __future__ import annotations

from typing import Any

from venturalitica.core.policy import Policy
from venturalitica.errors import PolicyError, Problem
from venturalitica.frameworks import kind_of
from venturalitica.frameworks.sklearn import no_labels, unsupervised
from venturalitica.metrics.catalog import compares_labels


def refuse_unjudgeable(policy: Policy, model: Any) -> None:
    """At wrap: a model whose answers no target is compared with, or a control that would stop
    every training of it, since it can have no value there.

    Raises:
        TypeError: the model finds clusters, outliers or components.
        PolicyError: a control with `on_fail: block` compares labels, and the model is a regressor.
    """
    kind = kind_of(model)
    if why := unsupervised(model, kind):
        raise TypeError(f"vl.wrap takes a model that predicts a target; {why}")
    reason = no_labels(model, kind)
    never = [
        Problem(
            policy.filename,
            control.line,
            f"control '{control.id}' ({control.metric}) blocks and can never be judged: {reason}; "
            "or give it on_fail: warn, which leaves it not evaluated",
        )
        for control in policy.controls
        if reason and control.on_fail == "block" and compares_labels(control)
    ]
    if never:
        raise PolicyError(never)
