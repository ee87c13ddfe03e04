"""scikit-learn itself: only what its protocol alone cannot give."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping
from typing import Any


def clone(plain: Any) -> Any:
    """`sklearn.base.clone` of a plain model: unfitted, same parameters.

    It is scikit-learn that asks a governed model for a clone, so it is installed.
    """
    from sklearn.base import clone as sklearn_clone

    return sklearn_clone(plain)


def routing_is_on() -> bool:
    """Whether metadata routing is switched on here; asked of models of scikit-learn's own kind."""
    from sklearn import get_config

    return bool(get_config().get("enable_metadata_routing", False))


ROUTED_NAMES = ("sample_weight", "groups")
"""What scikit-learn's own compositions take in `fit(**params)` besides their parts' names."""


def is_estimator(value: Any) -> bool:
    """Whether `value` is an object (not a class) that can be trained and has parameters."""
    return (
        not isinstance(value, type)
        and callable(getattr(value, "get_params", None))
        and hasattr(value, "fit")
    )


def own_parts(model: Any, *, goes_on: bool = False) -> None:
    """Make what `model` shares with its shallow copies its own, as far as training changes it.

    The estimators it was built from are replaced by copies, at every depth: a pipeline trains its
    steps in place. Fitted attributes are copied where training goes on from them (`goes_on`, or
    `warm_start`): arrays are then changed in place.
    """
    params = _own_params(model)
    for name, value in params.items():
        made = _own_value(value)
        if made is not value and getattr(model, name, None) is value:
            setattr(model, name, made)
    if goes_on or params.get("warm_start"):
        _own_fitted(model, params)


def _own_fitted(model: Any, params: Mapping[str, Any]) -> None:
    attributes = getattr(model, "__dict__", {})
    fitted = {name: value for name, value in attributes.items() if name not in params}
    attributes.update(copy.deepcopy(fitted, {id(model): model}))


def _own_value(value: Any) -> Any:
    if is_estimator(value):
        part = copy.copy(value)
        own_parts(part)
        return part
    if type(value) in (list, tuple):
        made = [_own_value(item) for item in value]
        if any(new is not old for new, old in zip(made, value, strict=True)):
            return type(value)(made)
    return value


def fit_parameters(method: Any) -> tuple[frozenset[str], bool]:
    """Names that a training method takes, and whether it takes any other name too."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return frozenset(), True
    named = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return frozenset(named), any(p.kind is p.VAR_KEYWORD for p in parameters)


def known_parameters(model: Any, method: Any) -> tuple[frozenset[str], bool]:
    """As `fit_parameters`, with what a composition hands on to its parts."""
    named, takes_any = fit_parameters(method)
    if takes_any:
        inner = [fit_parameters(part.fit)[0] - {"X", "y"} for part in parts(model)]
        if inner:
            named = named.union(ROUTED_NAMES, *inner)
    return named, takes_any


def parts(model: Any) -> Iterator[Any]:
    """Every estimator inside `model`'s parameters, at every depth, without `model` itself."""
    seen: set[int] = {id(model)}
    waiting = list(_own_params(model).values())
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if is_estimator(value):
            yield value
            waiting.extend(_own_params(value).values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _own_params(model: Any) -> dict[str, Any]:
    read = getattr(model, "get_params", None)
    if not callable(read):
        return {}
    try:
        return dict(read(deep=False))
    except TypeError:
        return dict(read())
