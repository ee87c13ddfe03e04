"""scikit-learn's metadata routing: a governed step may ask for the audit's arguments.

    model = vl.wrap(classifier, policy=policy).set_fit_request(audit_data=True, gender=True)
    Pipeline([("prepare", prepare), ("model", model)]).fit(X, y, audit_data=train, gender="sex")

What was asked for is kept beside the object, as everything that governs it: the plain model that is
saved asks for nothing of ours.
"""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from venturalitica.errors import did_you_mean
from venturalitica.frameworks.sklearn import fit_parameters
from venturalitica.wrapping.registry import (
    Governance,
    audit_names,
    governance_of,
    plain_class,
    remember,
)

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
        if governance is not None and _enabled():
            for method in ROUTED_METHODS:
                for name, alias in _requests(self, governance, method).items():
                    getattr(found, method).add_request(param=name, alias=alias)
        return found

    return get_metadata_routing


def _requests(model: Any, governance: Governance, method: str) -> Mapping[str, Any]:
    """Audit name -> alias; None, as scikit-learn has it, where nobody said whether it is wanted."""
    if not callable(getattr(model, method, None)):
        return {}
    all_of_them = dict.fromkeys(_audit_names(model, governance, method))
    all_of_them |= dict(governance.requests.get(method, {}))
    return {name: alias for name, alias in all_of_them.items() if alias != UNUSED}


def _audit_names(model: Any, governance: Governance, method: str) -> list[str]:
    """Those of the audit's names that are no parameter of the model's own method."""
    named, _ = fit_parameters(getattr(plain_class(type(model)), method))
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
        if instance is None or (self.bare is None and not _enabled()):
            kind = owner.__name__ if owner else type(instance).__name__
            raise AttributeError(f"'{kind}' object has no attribute '{self.name}'")
        sub: Any = self.sub()
        own = getattr(super(sub, instance), self.name, None)
        if not _enabled():
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
            if unknown:
                hint = did_you_mean(unknown[0], [*names, *known])
                raise TypeError(
                    f"{self.name}() got an unexpected keyword argument '{unknown[0]}'{hint}. It "
                    f"takes {', '.join([*names, *known])}"
                )
            if own is not None:
                own(**rest)
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


def _enabled() -> bool:
    from venturalitica.frameworks.sklearn import routing_is_on

    return routing_is_on()
