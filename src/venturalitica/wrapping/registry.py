"""What governs which object, and which plain class a governed one stands for.

It is kept beside the objects and not in them. Everything that saves a model (pickle, joblib,
cloudpickle, MLflow) asks `__reduce_ex__`; answering with the user's own class is what keeps this
package out of serving.

What scikit-learn's metadata routing is asked for is kept there too, so that a governed step gets
the audit's arguments, and the plain model that is saved asks for nothing of ours:

    model = vl.wrap(classifier, policy=policy).set_fit_request(audit_data=True, gender=True)
    Pipeline([("prepare", prepare), ("model", model)]).fit(X, y, audit_data=train, gender="sex")
"""

from __future__ import annotations

import copy
import copyreg
import functools
import inspect
import pickle
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.policy import WEIGHT, Policy
from venturalitica.errors import did_you_mean
from venturalitica.frameworks.beside import parameters_of
from venturalitica.frameworks.sklearn import routing_is_on


class Governance(Struct, frozen=True):
    """What governs one object.

    `roles` are the bindings given at wrap. `train` trains and audits: it is given the model, this
    governance, the method's name, the model's own method, and its arguments. `direct` is False for
    clones, whose `fit` is audited only when it is given audit arguments. `requests` are the audit's
    arguments that scikit-learn's metadata routing was asked for: method -> name -> alias. `name` is
    what its audits are called, if anybody said. `predict_params` are what `predict`
    takes besides X, as given at wrap.
    """

    policy: Policy
    roles: Mapping[str, Any]
    train: Callable[..., Any]
    direct: bool = True
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str = ""
    predict_params: Mapping[str, Any] = field(default_factory=dict)


AUDIT_DATA = "audit_data"
PREDICT_PARAMS = "predict_params"


def audit_names(policy: Policy) -> tuple[str, ...]:
    """Keywords of `fit` that go to the audit."""
    return (AUDIT_DATA, "target", *policy.grouping_roles, WEIGHT, PREDICT_PARAMS)


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


_base_of: weakref.WeakKeyDictionary[type, type] = weakref.WeakKeyDictionary()


def set_plain_class(governed: type, base: type) -> None:
    """Say which class of the user's a governed class was made from."""
    _base_of[governed] = base


def plain_class(kind: type) -> type:
    """The user's class behind a governed one; any other class is itself."""
    return _base_of.get(kind, kind)


def plain_reduction(self: Any, protocol: Any = 2) -> tuple[Any, ...]:
    """`__reduce_ex__` of a governed object: the reduction of its plain twin.

    The base's own `__getstate__`, `__reduce__` and `copyreg` entries are honoured.
    """
    sub, base = type(self), plain_class(type(self))
    registered = copyreg.dispatch_table.get(base)
    reduced = registered(self) if registered else super(sub, self).__reduce_ex__(protocol)
    if isinstance(reduced, str):
        raise pickle.PicklingError(
            f"{base.__module__}.{base.__qualname__} pickles by the name {reduced!r}, "
            "and a wrapped copy has no name"
        )
    function, args, *rest = reduced
    return (*_plain_call(function, tuple(args), sub, base), *rest)


def _plain_call(
    function: Any, args: tuple[Any, ...], sub: type, base: type
) -> tuple[Any, tuple[Any, ...]]:
    """The same constructing call, for `base` where it says `sub`.

    `copyreg.__newobj__` cannot stay: pickle refuses it when the class is not the object's own.
    """
    args = tuple(base if arg is sub else arg for arg in args)
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        return base.__new__, args
    if function is copyreg.__newobj_ex__:  # type: ignore[attr-defined]
        kind, positional, named = args
        return functools.partial(kind.__new__, kind, *positional, **named), ()
    if function is sub:
        return base, args
    if isinstance(function, functools.partial):
        inner, bound = _plain_call(function.func, function.args, sub, base)
        return functools.partial(inner, *bound, **function.keywords), args
    if getattr(function, "__self__", None) is sub:
        return getattr(base, function.__name__), args
    return function, args


def rebuild(reduced: tuple[Any, ...], original: Any, memo: dict[int, Any] | None) -> Any:
    """What `copy.copy` (memo None) or `copy.deepcopy` do with a reduction."""
    padded = [*reduced, None, None, None, None][:6]
    function, args, state, items, pairs, setter = padded

    def own(value: Any) -> Any:
        return value if memo is None else copy.deepcopy(value, memo)

    made = function(*own(args))
    if memo is not None:
        memo[id(original)] = made
    if state is not None:
        _set_state(made, own(state), setter)
    for item in items or ():
        made.append(own(item))
    for key, value in pairs or ():
        made[own(key)] = own(value)
    return made


def _set_state(made: Any, state: Any, setter: Callable[[Any, Any], None] | None) -> None:
    if setter is not None:
        setter(made, state)
    elif hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        if attributes:
            made.__dict__.update(attributes)
        for name, value in (slots or {}).items():
            object.__setattr__(made, name, value)


UNCHANGED, UNUSED = "$UNCHANGED$", "$UNUSED$"
"""Special aliases of scikit-learn's: leave a request as it is, take it away."""

ROUTED_METHODS = ("fit", "partial_fit")
"""Training methods with requests of their own; scikit-learn makes `fit_transform`'s of them."""


def add_routing(sub: type, base: type) -> None:
    """Let objects of the governed class `sub` request audit arguments, if `base` can request any.

    A composition that routes to its parts (a pipeline, a search) requests nothing itself.
    """
    reads = getattr(base, "get_metadata_routing", None)
    if not getattr(reads, "__module__", "").endswith("_metadata_requests"):
        return
    sub.get_metadata_routing = _get_metadata_routing(sub, reads)  # type: ignore[attr-defined]
    for method in ROUTED_METHODS:
        if callable(getattr(base, method, None)):
            setattr(sub, f"set_{method}_request", _Requesting(sub, base, method))


def _get_metadata_routing(sub: Any, bare: Any) -> Callable[..., Any]:
    @functools.wraps(bare)
    def get_metadata_routing(self: Any) -> Any:
        found = super(sub, self).get_metadata_routing()
        governance = governance_of(self)
        if governance is not None and routing_is_on():
            for method in ROUTED_METHODS:
                for name, alias in _requests(self, governance, method).items():
                    getattr(found, method).add_request(param=name, alias=alias)
        return found

    return get_metadata_routing


def _requests(model: Any, governance: Governance, method: str) -> Mapping[str, Any]:
    """Audit name -> alias, of those that somebody said whether they are wanted: the requests of a
    wrapped model are else those of the bare one."""
    if not callable(getattr(model, method, None)):
        return {}
    asked = governance.requests.get(method, {})
    return {name: alias for name, alias in asked.items() if alias != UNUSED}


def _audit_names(model: Any, governance: Governance, method: str) -> list[str]:
    """Those of the audit's names that are no parameter of the model's own method."""
    named, _ = parameters_of(getattr(plain_class(type(model)), method))
    return [name for name in audit_names(governance.policy) if name not in named]


class _Requesting:
    """`set_fit_request` and the like: there where the base has its own, or routing is on."""

    def __init__(self, sub: type, base: type, method: str) -> None:
        self.sub = weakref.ref(sub)
        self.name = f"set_{method}_request"
        self.method = method
        self.bare = getattr(base, self.name, None)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None and self.bare is not None:
            return self.bare
        if instance is None or (self.bare is None and not routing_is_on()):
            kind = owner.__name__ if owner else type(instance).__name__
            raise AttributeError(f"'{kind}' object has no attribute '{self.name}'")
        sub: Any = self.sub()
        own = getattr(super(sub, instance), self.name, None)
        if not routing_is_on():
            return own  # which says how to switch routing on
        return types.MethodType(self._function(instance, own), instance)

    def _function(self, instance: Any, own: Callable[..., Any] | None) -> Callable[..., Any]:
        governance = governance_of(instance)
        names = _audit_names(instance, governance, self.method) if governance else []
        known = _parameters(own)

        def request(self_: Any, /, **kwargs: Any) -> Any:
            audit = {name: alias for name, alias in kwargs.items() if name in names}
            rest = {name: alias for name, alias in kwargs.items() if name not in names}
            unknown = [name for name in rest if own is None or name not in known]
            try:
                if own is not None:
                    own(**rest)  # some take any name
                elif unknown:
                    raise TypeError(f"Unexpected args: {unknown}")
            except TypeError as error:
                if not unknown:
                    raise
                hint = did_you_mean(unknown[0], [*names, *known])
                raise TypeError(
                    f"{error}. Of a wrapped model {self.name}() takes "
                    f"{', '.join([*names, *known])}{hint}"
                ) from None
            for name, alias in audit.items():
                # Refuses an alias that is none, as for the model's own arguments.
                if alias not in (UNCHANGED, UNUSED):
                    getattr(self_.get_metadata_routing(), self.method).add_request(
                        param=name, alias=alias
                    )
            _keep(self_, self.method, {n: a for n, a in audit.items() if a != UNCHANGED})
            return self_

        request.__name__, request.__doc__ = self.name, getattr(own, "__doc__", None)
        request.__signature__ = _signature([*known, *names])  # type: ignore[attr-defined]
        return request


def _keep(model: Any, method: str, asked: Mapping[str, Any]) -> None:
    governance = governance_of(model)
    if governance is None or not asked:
        return
    requests = dict(governance.requests)
    requests[method] = {**requests.get(method, {}), **asked}
    remember(model, replace(governance, requests=requests))


def _parameters(own: Callable[..., Any] | None) -> list[str]:
    """What the base's own method takes; scikit-learn writes `self` into its signature."""
    if own is None:
        return []
    return [name for name in inspect.signature(own).parameters if name != "self"]


def _signature(names: list[str]) -> inspect.Signature:
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=UNCHANGED) for name in names
    ]
    return inspect.Signature([first, *rest])
