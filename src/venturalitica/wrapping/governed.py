"""Make one object governed: the run-time subclass, what it remembers, and its plain copies.

A governed model is a shallow copy of the user's model whose class is a subclass, made at run time,
of the model's own class: same module, name, signatures and attributes. What governs it is kept
beside the object, not in it, so that `vars`, `repr`, `get_params` and every serialiser see the
model and nothing else. Whatever leaves the process (pickle and all that build on it) is plain.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from venturalitica.frameworks.sklearn import clone, is_estimator
from venturalitica.wrapping.registry import (
    Governance,
    add_routing,
    forget,
    governance_of,
    is_training,
    plain_class,
    plain_reduction,
    rebuild,
    remember,
    set_plain_class,
)

TRAINING_METHODS = ("fit", "partial_fit", "fit_predict", "fit_transform")
"""Methods that train; each takes audit arguments on a governed model."""

COPY_PROTOCOL = 4
"""The pickle protocol whose state `copy` works with; it calls for no serialised arrays."""


_subclass_of: weakref.WeakKeyDictionary[type, weakref.ref[type]] = weakref.WeakKeyDictionary()


def adopt(plain: Any, governance: Governance) -> Any:
    """Turn a plain object that nobody else holds into a governed one, and return it.

    Raises:
        TypeError: its class cannot be subclassed, or its objects cannot change class.
    """
    kind = type(plain)
    try:
        object.__setattr__(plain, "__class__", governed_class(kind))
        remember(plain, governance)
    except TypeError as error:
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} cannot be wrapped: {error}. "
            "A model can be wrapped if its class may be subclassed and its objects have a "
            "__dict__ (with __slots__, also '__weakref__'): "
            "put it inside a small Python class with fit and predict, or judge its predictions "
            "with vl.enforce(data, prediction=...)"
        ) from error
    return plain


def adopt_in_place(model: Any, governance: Governance) -> Any:
    """Govern the object itself, by attributes that stand before the methods of its class.

    Its class stays the user's own, and so does whatever is saved of it.
    """
    remember(model, governance)
    for name in TRAINING_METHODS:
        if callable(getattr(model, name, None)):
            vars(model)[name] = _training_attribute(model, name)
    return model


def _training_attribute(model: Any, name: str) -> Callable[..., Any]:
    @functools.wraps(getattr(model, name))
    def governed(*args: Any, **kwargs: Any) -> Any:
        own = getattr(type(model), name).__get__(model)  # as autolog has patched it by now
        governance = governance_of(model)
        if governance is None or is_training(model):
            return own(*args, **kwargs)
        return governance.train(model, governance, name, own, args, kwargs)

    return governed


def _without_attributes(model: Any) -> Any:
    """A shallow copy of an object that is governed in place."""
    twin = object.__new__(type(model))
    vars(twin).update((k, v) for k, v in vars(model).items() if k not in TRAINING_METHODS)
    return twin


def release(governed: Any) -> Any:
    """Turn a governed object that nobody else holds into a plain one, and return it."""
    forget(governed)
    object.__setattr__(governed, "__class__", plain_class(type(governed)))
    return governed


def plain_copy(model: Any) -> Any:
    """A plain shallow copy of a governed object, as `copy.copy` of the bare model would give."""
    base = plain_class(type(model))
    if base is type(model):
        return _without_attributes(model)
    own = getattr(base, "__copy__", None)
    if own is None:
        return rebuild(plain_reduction(model, COPY_PROTOCOL), model, None)
    return release(own(model))


def governed_class(base: type) -> type:
    """The governed subclass of `base`, made once for each class.

    Raises:
        TypeError: `base` cannot be subclassed.
    """
    reference = _subclass_of.get(base)
    made = reference() if reference is not None else None
    if made is None:
        made = _make_subclass(base)
        set_plain_class(made, base)
        _subclass_of[base] = weakref.ref(made)
    return made


def _make_subclass(base: type) -> type:
    """An empty subclass first, so that the base's own class hooks see nothing new."""

    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = base.__module__
        namespace["__qualname__"] = base.__qualname__
        namespace["__doc__"] = base.__doc__
        namespace["__slots__"] = ()

    sub = types.new_class(base.__name__, (base,), exec_body=body)
    _drop_what_hooks_added(sub, base)
    for name in TRAINING_METHODS:
        if _has(base, name):
            setattr(sub, name, _training_method(sub, base, name))
    add_routing(sub, base)
    sub.__reduce_ex__ = plain_reduction  # type: ignore[method-assign]
    sub.__copy__ = _governed_copy  # type: ignore[attr-defined]
    sub.__deepcopy__ = _governed_deepcopy  # type: ignore[attr-defined]
    sub.__sklearn_clone__ = _governed_clone  # type: ignore[attr-defined]
    return sub


def _drop_what_hooks_added(sub: type, base: type) -> None:
    """`__init_subclass__` may have set public names again on the subclass; the base's are right.

    scikit-learn's output wrapping, for one, would forget `auto_wrap_output_keys=None`.
    """
    for name in list(vars(sub)):
        if not (name.startswith("__") or name == "_abc_impl") and _has(base, name):
            delattr(sub, name)


def _has(kind: type, name: str) -> bool:
    missing = object()
    return inspect.getattr_static(kind, name, missing) not in (missing, None)


def _training_method(sub: type, base: type, name: str) -> Any:
    found = inspect.getattr_static(base, name)
    bare = getattr(base, name)

    @functools.wraps(bare)
    def governed(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        own = getattr(super(sub, self), name)
        governance = governance_of(self)
        if governance is None or is_training(self):
            return own(*args, **kwargs)
        return governance.train(self, governance, name, own, args, kwargs)

    return governed if inspect.isfunction(found) else _Conditional(sub, name, governed)


class _Conditional:
    """A method that is there only when the base's own is (scikit-learn's `available_if`)."""

    def __init__(self, sub: type, name: str, method: Callable[..., Any]) -> None:
        self.sub = weakref.ref(sub)
        self.name = name
        self.method = method
        functools.update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self.method
        sub = self.sub()
        assert sub is not None, "an instance keeps its class alive"
        getattr(super(sub, instance), self.name)
        return types.MethodType(self.method, instance)


def _governed_copy(self: Any) -> Any:
    return _like(self, plain_copy(self))


def _governed_deepcopy(self: Any, memo: dict[int, Any] | None = None) -> Any:
    base = plain_class(type(self))
    own = getattr(base, "__deepcopy__", None)
    if own is not None:
        return _like(self, release(own(self, memo)))
    memo = {} if memo is None else memo
    made = rebuild(plain_reduction(self, COPY_PROTOCOL), self, memo)
    return _like(self, made)


def _governed_clone(self: Any) -> Any:
    """scikit-learn's protocol: a clone is governed, and silent until given audit arguments."""
    governance = governance_of(self)
    plain = plain_copy(self)
    cloned = clone(plain)
    if cloned is plain:  # a frozen model is its own clone
        return self
    if governance is None:
        return cloned
    return adopt(cloned, replace(governance, direct=False))


def _like(original: Any, plain: Any) -> Any:
    """A copy of a governed object is governed as the original is."""
    governance = governance_of(original)
    return plain if governance is None else adopt(plain, governance)


_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})


def plain_value(value: Any, _seen: dict[int, Any] | None = None) -> Any:
    """`value` without governance; itself where there is none in it.

    Looked into: lists, tuples and dicts, and the attributes of estimators. A copy is made only of
    what holds something governed; arrays and trees are shared.
    """
    seen = {} if _seen is None else _seen
    if type(value) in _ATOMS:
        return value
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = value
    if governance_of(value) is not None:
        made = plain_copy(value)
        seen[id(value)] = made
        _clean_attributes(made, seen)
        return made
    made = _plain_container(value, seen)
    if is_estimator(value):
        made = _plain_estimator(value, seen)
    seen[id(value)] = made
    return made


def _plain_container(value: Any, seen: dict[int, Any]) -> Any:
    if type(value) in (list, tuple) and not _only_atoms(value):
        items = [plain_value(item, seen) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    if type(value) is dict and not _only_atoms(value.values()):
        pairs = {key: plain_value(item, seen) for key, item in value.items()}
        same = all(pairs[key] is item for key, item in value.items())
        return value if same else pairs
    return value


def _only_atoms(values: Iterable[Any]) -> bool:
    """Quick on the long lists and vocabularies that fitted models hold."""
    return _ATOMS.issuperset(map(type, values))


def _plain_estimator(value: Any, seen: dict[int, Any]) -> Any:
    attributes = getattr(value, "__dict__", {})
    plain = {name: plain_value(item, seen) for name, item in attributes.items()}
    if all(plain[name] is item for name, item in attributes.items()):
        return value
    made = copy.copy(value)
    made.__dict__.update(plain)
    return made


def _clean_attributes(made: Any, seen: dict[int, Any]) -> None:
    """Of a copy that is ours: its attributes, in place."""
    attributes = getattr(made, "__dict__", {})
    for name, item in list(attributes.items()):
        plain = plain_value(item, seen)
        if plain is not item:
            attributes[name] = plain
