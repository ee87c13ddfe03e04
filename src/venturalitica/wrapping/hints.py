"""What is easily missed about a wrapped model, each told once in a process."""

from __future__ import annotations

import logging
from typing import Any

from venturalitica.frameworks import is_fitted
from venturalitica.rules import Policy
from venturalitica.wrapping.registry import inside_training

log = logging.getLogger(__name__)

_told: set[tuple[str, type, str]] = set()


def hint_fitted(model: Any, policy: Policy) -> None:
    """A model that was trained before it is wrapped: nobody audited that training."""
    if is_fitted(model) and _first("fitted", model, policy):
        log.warning(
            "%s: this %s is trained already, and wrapping audits only what its fit trains from now "
            "on. To judge it as it is: vl.enforce(data, model=model, ...)",
            policy.name,
            type(model).__name__,
        )


def hint_clone(model: Any, policy: Policy) -> None:
    """A clone that is trained without an audit, unless what clones it is audited itself."""
    if not inside_training() and _first("clone", model, policy):
        log.warning(
            "%s: a clone of the wrapped %s is trained without an audit: searches, cross-validation "
            "and ensembles clone the model that they are given. To audit their result, wrap what "
            "you call fit on: vl.wrap(search, policy=...)",
            policy.name,
            type(model).__name__,
        )


def _first(what: str, model: Any, policy: Policy) -> bool:
    told = (what, type(model), policy.sha256)
    new = told not in _told
    _told.add(told)
    return new
