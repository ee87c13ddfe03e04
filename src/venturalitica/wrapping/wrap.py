"""`vl.wrap` and `vl.unwrap`: put a model under a policy, and take it out again."""

from __future__ import annotations

import copy
import inspect
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, cast

from venturalitica.audit.project import resolve_policy
from venturalitica.core.policy import Policy
from venturalitica.errors import did_you_mean
from venturalitica.wrapping.arguments import hint_fitted, refuse_collisions, refuse_computed
from venturalitica.wrapping.fit import train
from venturalitica.wrapping.governed import adopt, plain_copy, plain_value
from venturalitica.wrapping.registry import AUDIT_DATA, Governance, audit_names, governance_of

Model = TypeVar("Model")


def wrap(model: Model, policy: str | Path | Policy | None = None, **roles: Any) -> Model:
    """The same kind of model, whose `fit` is audited against a policy.

    Args:
        model: an object with `fit` and `predict`; it stays as it is, a shallow copy is governed.
        policy: path of the policy, or one that `vl.read_policy` gave; by default
            `model_policy.yaml` of the working folder or of the project root.
        roles: role = column name (or array of shape (n,)) to use where `fit` is not given one.

    Returns:
        A model of the same class for `isinstance`, `repr`, `clone` and signatures. Its `fit` also
        takes `audit_data`, `target` and the policy's grouping roles. Pickle, joblib, cloudpickle,
        skops and MLflow save the plain model.

    Raises:
        PolicyError: no policy is found, or it is wrong; nothing has been trained.
        BindingError: a role of the policy has the name of one of the model's own fit parameters.
        TypeError: the object cannot be governed, or a keyword is no role of the policy.
    """
    plain = cast(Model, unwrap_self(model))
    _refuse_non_models(plain)
    rules = resolve_policy(policy)
    _refuse_unknown_roles(rules, roles)
    refuse_collisions(rules, plain)
    if plain is model:  # what was governed before was audited
        hint_fitted(plain, rules)
    given = {name: value for name, value in roles.items() if value is not None}
    own = plain if plain is not model else _shallow_copy(model)
    return cast(Model, adopt(own, Governance(rules, given, train)))


def unwrap(model: Model) -> Model:
    """The plain model behind a governed one, at every depth.

    The result is a shallow copy (as `copy.copy` of the bare model) of the model's own class that
    shares what was fitted; inside it, governed steps, estimators and fitted parts are plain too.
    A model with nothing governed in it is returned itself.
    """
    return cast(Model, plain_value(model))


def unwrap_self(model: Any) -> Any:
    """A plain shallow copy of a governed model; any other object itself. Parts stay as they are."""
    return model if governance_of(model) is None else plain_copy(model)


def _refuse_non_models(model: Any) -> None:
    kind = type(model)
    if isinstance(model, type):
        raise TypeError(
            f"vl.wrap takes a model, and {model.__name__} is a class: "
            f"write vl.wrap({model.__name__}(), policy=...)"
        )
    if isinstance(model, str | PathLike):
        raise TypeError("the model comes first: vl.wrap(model, policy='model_policy.yaml')")
    for method in ("fit", "predict"):
        if not callable(getattr(model, method, None)) and not _comes_with_fit(model, method):
            raise TypeError(_without(kind.__name__, method))
    for method in ("fit", "partial_fit"):
        if method in getattr(model, "__dict__", {}):
            raise TypeError(
                f"{kind.__name__} object has its own '{method}' attribute, which hides the method "
                "of its class: training would escape the audit. Define it in the class"
            )
    if inspect.getattr_static(kind, "fit", None) is None:
        raise TypeError(
            f"{kind.__name__} hands 'fit' on to another object (by __getattr__): wrap that object"
        )


def _comes_with_fit(model: Any, method: str) -> bool:
    """Whether a conditional `predict` (scikit-learn's `available_if`) may appear by training.

    A stack has it once its last estimator is made. A search without refit, and a composition
    whose part has none, never will.
    """
    found = inspect.getattr_static(type(model), method, None)
    if method != "predict" or not hasattr(type(found), "__get__"):
        return False
    part = getattr(model, "estimator", None)
    never = hasattr(model, "steps") or not getattr(model, "refit", True)
    return not never and (part is None or callable(getattr(part, method, None)))


def _without(name: str, method: str) -> str:
    hint = {
        "fit": "it cannot be trained; judge what it predicts with vl.enforce(data, model=...)",
        "predict": (
            "there is nothing to judge. A search needs refit=True, a pipeline a last step that "
            "predicts; judge data alone with vl.enforce(data, phase='data')"
        ),
    }[method]
    return f"vl.wrap takes a model with fit and predict; {name} has no '{method}': {hint}"


def _refuse_unknown_roles(policy: Policy, roles: dict[str, Any]) -> None:
    names = audit_names(policy)
    refuse_computed(roles, "vl.wrap()")
    for name in roles:
        if name == AUDIT_DATA:
            raise TypeError(
                "vl.wrap() takes the roles' columns; audit_data belongs to one training: "
                "model.fit(X, y, audit_data=...)"
            )
        if name not in names:
            known = [known for known in names if known != AUDIT_DATA]
            hint = did_you_mean(name, known) or "."
            raise TypeError(
                f"vl.wrap() got an unexpected keyword argument '{name}'{hint} "
                f"Roles of policy '{policy.name}': {', '.join(known)}"
            )


def _shallow_copy(model: Any) -> Any:
    twin = copy.copy(model)
    if twin is model or type(twin) is not type(model):
        raise TypeError(
            f"{type(model).__name__} cannot be wrapped: copy.copy() does not give another object "
            "of its class, and vl.wrap leaves yours as it is"
        )
    return twin
