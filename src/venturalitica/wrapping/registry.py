"""What governs which object, kept beside the objects and not in them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from venturalitica.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Governance:
    """What governs one object.

    `roles` are the bindings given at wrap. `train` trains and audits: it is given the model, this
    governance, the method's name, the model's own method, and its arguments. `direct` is False for
    clones, whose `fit` is audited only when it is given audit arguments. `detached` is True once
    the parts of a composition (the steps of a pipeline) are the object's own and not shared with
    the user's model. `requests` are the audit's arguments that scikit-learn's metadata routing was
    asked for: method -> name -> alias.
    """

    policy: Policy
    roles: Mapping[str, Any]
    train: Callable[..., Any]
    direct: bool = True
    detached: bool = False
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


AUDIT_DATA = "audit_data"


def audit_names(policy: Policy) -> tuple[str, ...]:
    """Keywords of `fit` that go to the audit."""
    return (AUDIT_DATA, "target", *policy.grouping_roles)


_kept: dict[int, tuple[weakref.ref[Any], Governance]] = {}
"""By id: estimators may be unhashable or define `==`. An entry leaves with its object."""

_training: ContextVar[frozenset[int]] = ContextVar("venturalitica_training", default=frozenset())


def governance_of(model: Any) -> Governance | None:
    """What governs this very object, or None."""
    entry = _kept.get(id(model))
    return entry[1] if entry is not None and entry[0]() is model else None


def remember(model: Any, governance: Governance) -> None:
    """Govern this object from now on (TypeError where it cannot be weakly referenced)."""
    key = id(model)

    def forget_dead(reference: weakref.ref[Any]) -> None:
        entry = _kept.get(key)
        if entry is not None and entry[0] is reference:
            del _kept[key]

    _kept[key] = (weakref.ref(model, forget_dead), governance)


def forget(model: Any) -> None:
    """Govern this object no more."""
    if governance_of(model) is not None:
        del _kept[id(model)]


@contextmanager
def in_training(model: Any) -> Iterator[None]:
    """Inside, training methods that the model calls on itself are its own affair."""
    token = _training.set(_training.get() | {id(model)})
    try:
        yield
    finally:
        _training.reset(token)


def inside_training() -> bool:
    """Whether any governed training is under way here."""
    return bool(_training.get())


def is_training(model: Any) -> bool:
    """Whether a governed training of this very object is under way here."""
    return id(model) in _training.get()
