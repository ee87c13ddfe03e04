"""Which arguments of a training call belong to the audit, and which to the model."""

from __future__ import annotations

import atexit
import inspect
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct, field

from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Policy
from venturalitica.errors import BindingError, did_you_mean, listed, slip
from venturalitica.frameworks import is_fitted
from venturalitica.frameworks.alignment import column_names
from venturalitica.frameworks.sklearn import known_parameters, needed_prefix
from venturalitica.metrics.catalog.weights import reads_weights
from venturalitica.wrapping.governed import TRAINING_METHODS
from venturalitica.wrapping.registry import (
    AUDIT_DATA,
    PREDICT_PARAMS,
    Governance,
    audit_names,
    inside_training,
)

_NO_ROLES = (AUDIT_DATA, PREDICT_PARAMS)

COMPUTED = ("prediction", "score")
"""Label roles that the model itself answers for."""


class Call(Struct, frozen=True):
    """A training call, taken apart.

    `args` and `kwargs` are the model's, untouched. `X` and `y` are found among them. `given` holds
    the audit's arguments of this very call; `roles` what is bound in all, those of wrap included;
    `predict_params` what `predict` is asked with, likewise.
    `binds` is False where the model's own method will refuse the call, and should say so itself.
    `unknown` are keywords that the method swallows, and that may have been meant for the audit.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    X: Any
    y: Any
    audit_data: Any
    roles: Mapping[str, Any]
    given: frozenset[str]
    predict_params: Mapping[str, Any] = field(default_factory=dict)
    binds: bool = True
    unknown: tuple[str, ...] = ()


def take_apart(
    model: Any,
    governance: Governance,
    bare: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Call:
    """Split a call.

    Raises:
        TypeError: a keyword is neither the model's nor the audit's, with the nearest name.
        BindingError: a role has the name of a parameter of the method.
    """
    policy = governance.policy
    named, takes_any = known_parameters(model, bare)
    own = {*LABEL_ROLES, PREDICT_PARAMS} & named
    names = [name for name in audit_names(policy) if name not in own]
    _refuse_taken(policy, names, named, bare)
    audit = {name: value for name, value in kwargs.items() if name in names}
    rest = {name: value for name, value in kwargs.items() if name not in names}
    refuse_computed([name for name in rest if name not in named], _call_name(bare))
    prefix = needed_prefix(model, bare)
    _refuse_misspelt(policy, rest, names, named, bare, takes_any=takes_any, prefix=prefix)
    found = _data_arguments(bare, args, rest)
    X, y = found or (None, None)
    given = {name: value for name, value in audit.items() if value is not None}
    bound = {**governance.roles, **audit}
    return Call(
        args=args,
        kwargs=rest,
        X=X,
        y=y,
        audit_data=audit.get(AUDIT_DATA),
        roles={k: v for k, v in bound.items() if v is not None and k not in _NO_ROLES},
        given=frozenset(given),
        predict_params={**governance.predict_params, **checked_params(audit.get(PREDICT_PARAMS))},
        binds=found is not None,
        unknown=tuple(name for name in rest if name not in named and "__" not in name),
    )


def refuse_collisions(policy: Policy, model: Any) -> None:
    """At wrap: no role may have the name of a parameter of the model's training methods.

    Raises:
        BindingError: one has; the message says how to rename it.
    """
    names = [AUDIT_DATA, *policy.grouping_roles]
    for method in TRAINING_METHODS:
        bare = getattr(model, method, None)
        if callable(bare):
            _refuse_taken(policy, names, known_parameters(model, bare)[0], bare)


def refuse_computed(names: Iterable[str], call: str) -> None:
    """Predictions and scores are asked of the model, never passed in."""
    for name in names:
        if name in COMPUTED:
            raise TypeError(
                f"{call} got an unexpected keyword argument '{name}': an audit asks the model for "
                f"it. To judge a {name} that you already have, use "
                f'vl.enforce(data, {name}="column", ...)'
            )


def checked_params(given: Any) -> dict[str, Any]:
    """`predict_params=`, which names arguments of `predict`.

    Raises:
        BindingError: it is no mapping from names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise BindingError(
            f"predict_params is a {type(given).__name__}: expected arguments of predict by name, "
            'such as {"sensitive_features": "sex"}'
        )
    return dict(given)


def _refuse_taken(
    policy: Policy, names: Iterable[str], named: frozenset[str], bare: Callable[..., Any]
) -> None:
    for name in names:
        if name not in named:
            continue
        if name == AUDIT_DATA:
            raise BindingError(
                f"{_call_name(bare)} has a parameter '{AUDIT_DATA}' of its own, so the audit "
                "cannot be given its table there: rename the model's parameter, or judge with "
                "vl.enforce(data, model=...)"
            )
        line = policy.role(name).line
        place = f"{policy.filename}:{line}: " if line else f"{policy.filename}: "
        raise BindingError(
            f"{place}role '{name}' has the name of a parameter of {_call_name(bare)}, and one "
            f"keyword cannot mean both: rename the role, for example to '{name}_role', under "
            f"'roles:' and wherever a control says 'across: {name}'"
        )


def _refuse_misspelt(
    policy: Policy,
    rest: Mapping[str, Any],
    names: list[str],
    named: frozenset[str],
    bare: Callable[..., Any],
    *,
    takes_any: bool,
    prefix: str,
) -> None:
    for name in rest:
        if name in named:
            continue
        if takes_any and ("__" in name or (not prefix and slip(name, names) is None)):
            continue
        hint = did_you_mean(name, [*names, *named]) or "."
        own = f" (an argument of a step is written {prefix}{name})" if prefix else ""
        raise TypeError(
            f"{_call_name(bare)} got an unexpected keyword argument '{name}'{hint} Besides the "
            f"model's own{own}, it takes {', '.join(names)}. {declaring(policy, name)}"
        )


def declaring(policy: Policy, name: str) -> str:
    """Which roles the policy's file declares, and what to write there for another one."""
    roles = policy.grouping_roles
    known = f"the grouping roles {listed(roles)}" if roles else "no grouping role"
    return (
        f"{policy.filename} (policy '{policy.name}') declares {known}. If '{name}' is to be one, "
        f"add the line '  {name}: {{}}' below 'roles:' there, and 'across: {name}' to the controls "
        "that compare its groups"
    )


@contextmanager
def telling_of_roles(policy: Policy, unknown: Sequence[str]) -> Iterator[None]:
    """Where the model refuses a keyword that it seemed to take, a note on its error says so.

    The error stays the model's, in its kind and its words: the keyword may have been meant for it.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        for name in unknown:
            if re.search(rf"\b{re.escape(name)}\b", str(error)):
                error.add_note(f"'{name}' is no role of the policy. {declaring(policy, name)}")
        raise


def _data_arguments(
    bare: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Any, Any] | None:
    """X (the first parameter) and y (so called, else the second); None if the call does not fit."""
    try:
        signature = inspect.signature(bare)
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    except ValueError:
        return _by_place(args, kwargs)
    parameters = [
        p.name
        for p in signature.parameters.values()
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if not parameters:
        return _by_place(args, kwargs)
    label = next((name for name in parameters if name in ("y", "Y")), None)
    if label is None:
        label = parameters[1] if len(parameters) > 1 and parameters[1] in LABELS else None
    return bound.arguments.get(parameters[0]), bound.arguments.get(label) if label else None


LABELS = ("target", "labels", "label", "y_true", "y_train", "targets")
"""Other names of the label parameter, in second place."""


def _by_place(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    X = args[0] if args else kwargs.get("X")
    y = args[1] if len(args) > 1 else kwargs.get("y")
    return X, y


def _call_name(bare: Callable[..., Any]) -> str:
    return f"{getattr(bare, '__qualname__', getattr(bare, '__name__', 'fit'))}()"


log = logging.getLogger(__name__)

AUDIT_ROWS = (
    "A column that the model does not learn from goes into audit_data=: a table that has it, with "
    "the same rows as X or with held-out ones"
)

SHOWN = 30
"""Names of columns in a message."""


def refuse_columns_elsewhere(
    bindings: Mapping[str, Any], columns: Sequence[str] | None, where: str = "X"
) -> None:
    """A sensitive column is often not in X, and should not be: the audit's own table has it."""
    for role, name in bindings.items():
        if not isinstance(name, str) or name in (columns or ()):
            continue
        beside = (
            f"Give its values for these rows, {role}=test_df['{name}'], or an X_test that has the "
            "column beside the model's"
        )
        remedy = beside if where == "X_test" else AUDIT_ROWS
        if columns is None:
            said = f"{role}='{name}' names a column, and there is no table with named columns"
            more = "" if where == "X_test" else f"; or pass an array, {role}=<array>"
            raise BindingError(f"{said}. {remedy}{more}")
        near = did_you_mean(name, columns)
        said = (
            f"{role}='{name}': {where} has no column '{name}'{near} "
            f"(columns of {where}: {quoted(columns)})"
        )
        raise BindingError(f"{said}. {remedy}")


def quoted(names: Iterable[str]) -> str:
    """Names of columns, as a message lists them."""
    return listed((f"'{name}'" for name in names), SHOWN)


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


Kind = tuple[str, str]
"""A policy's name and the name of a class of models."""

_trained: dict[Kind, str] = {}
"""Of each kind that was trained, how nothing was audited of it; "" where something was."""

CLONES = (
    "clones of the wrapped %s were trained, and nothing was audited: a search, cross-validation, "
    "calibration or an ensemble clones the model that it is given. Wrap the search itself: "
    "vl.wrap(search, policy=...)"
)
BATCHES = (
    "the wrapped %s was trained by partial_fit alone, and nothing was audited: batches are many "
    "and small. Give the last one rows to judge: partial_fit(X, y, audit_data=(X_test, y_test))"
)


def note_audited(model: Any, policy: Policy) -> None:
    """A training of this kind of model is audited: its clones are nobody's oversight."""
    _trained[policy.name, type(model).__name__] = ""


def note_unaudited(model: Any, policy: Policy, how: str) -> None:
    """A model is trained without an audit, unless what trains it is audited itself."""
    if not inside_training():
        _trained.setdefault((policy.name, type(model).__name__), how)


@atexit.register
def tell_unaudited() -> None:
    """One line each at the end of the process, where nothing was audited of a kind."""
    trained = dict(_trained)
    _trained.clear()
    for how in (CLONES, BATCHES):
        kinds = [kind for kind, found in trained.items() if found == how]
        if kinds:
            policies, names = zip(*kinds, strict=True)
            log.warning(f"%s: {how}", listed(dict.fromkeys(policies)), listed(dict.fromkeys(names)))


os.register_at_fork(after_in_child=_trained.clear)


def say_unbound(policy: Policy, frame: Any, bound: Collection[str]) -> None:
    """One warning, before the training, for all roles that nobody bound."""
    columns = column_names(frame) or ()
    controls_of: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    for control in policy.controls:
        weight = [WEIGHT] if WEIGHT in policy.roles and reads_weights(control) else []
        for role in dict.fromkeys((*control.across, *control.of, *weight)):
            known = (role in LABEL_ROLES and role not in weight) or role in bound
            if not known and policy.role(role).column not in columns:
                controls_of.setdefault(role, []).append(control.id)
                absent[role] = policy.role(role).column or ""
    if controls_of:
        log.warning(
            "%s: not bound, so these controls will not be evaluated: %s; pass %s to fit%s",
            policy.name,
            listed(f"'{role}' ({listed(ids)})" for role, ids in controls_of.items()),
            listed(f"{role}=<column>" for role in controls_of),
            _where_to_put(absent),
        )


def _where_to_put(absent: dict[str, str]) -> str:
    """The policy names columns that the rows do not have: where they go."""
    named = [f"'{column}' (for {role})" for role, column in absent.items() if column]
    if not named:
        return ""
    return f". The policy reads {listed(named)}, which is not there. {AUDIT_ROWS}"


def _first(what: str, model: Any, policy: Policy) -> bool:
    told = (what, type(model), policy.sha256)
    new = told not in _told
    _told.add(told)
    return new
