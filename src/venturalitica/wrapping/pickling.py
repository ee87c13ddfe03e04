"""How a governed object is reduced: always to its plain twin, for pickle and for copies.

Everything that saves a model (pickle, joblib, cloudpickle, MLflow) asks `__reduce_ex__`; answering
with the user's own class is what keeps this package out of serving.
"""

from __future__ import annotations

import copy
import copyreg
import functools
import pickle
import weakref
from collections.abc import Callable
from typing import Any

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
