"""Ask a model without a trace: model, random numbers and screen stay as if nobody had asked.

A model may keep a record of its calls, draw from a generator, print how far it is, or be watched by
a tracker's autologging. The audit's questions are not the user's: they are put to a twin.
"""

from __future__ import annotations

import copy
import logging
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from venturalitica.frameworks.generators import kept_generators
from venturalitica.frameworks.sklearn import is_estimator

SMALL = 10_000
"""Containers of more items are learned (vocabularies, trees), and shared."""

WATCHED = "_mlflow_run_id"
"""Where MLflow's autologging finds a model's run, to log what is predicted as an evaluation."""

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, np.ndarray})


@contextmanager
def asked(model: Any) -> Iterator[Any]:
    """A twin of `model` to put questions to; on leaving, all generators are as they were."""
    with ExitStack() as stack:
        stack.enter_context(kept_generators())
        made = twin(model)
        for value in list(getattr(made, "__dict__", {}).values()):
            _keep(stack, value)
        stack.enter_context(muted())
        yield made


def _keep(stack: ExitStack, value: Any) -> None:
    """What a model that has no twin holds itself."""
    if isinstance(value, np.random.RandomState):
        stack.callback(value.set_state, value.get_state())
    elif isinstance(value, np.random.Generator):
        stack.callback(setattr, value.bit_generator, "state", value.bit_generator.state)


def twin(model: Any) -> Any:
    """The same estimators at every depth as other objects; what they learned is shared.

    A network (it can be called), a class that says itself how it is copied, and one with slots have
    no twin: they are themselves.
    """
    return _twin(model, {}, top=True)


def _twin(value: Any, seen: dict[int, Any], *, top: bool = False) -> Any:
    if type(value) in _ATOMS:
        return value
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, np.random.RandomState | np.random.Generator):
        made = copy.deepcopy(value)
    elif isinstance(value, dict | list | tuple | set | deque):
        return _twin_container(value, seen)
    elif (top or is_estimator(value)) and _may_have_twin(value):
        return _twin_estimator(value, seen)
    else:
        made = value
    seen[id(value)] = made
    return made


def _may_have_twin(value: Any) -> bool:
    slots = any(vars(kind).get("__slots__") for kind in type(value).__mro__)
    own = hasattr(type(value), "__copy__")
    return hasattr(value, "__dict__") and not (own or slots or callable(value))


def _twin_estimator(value: Any, seen: dict[int, Any]) -> Any:
    try:
        made = object.__new__(type(value))
    except TypeError:  # a class of an extension module
        seen[id(value)] = value
        return value
    seen[id(value)] = made
    attributes = {name: _twin(item, seen) for name, item in vars(value).items()}
    attributes.pop(WATCHED, None)
    if isinstance(attributes.get("verbose"), int):
        attributes["verbose"] = 0
    made.__dict__.update(attributes)
    return made


def _twin_container(value: Any, seen: dict[int, Any]) -> Any:
    if len(value) > SMALL:
        seen[id(value)] = value
        return value
    if isinstance(value, tuple):
        items = tuple(_twin(item, seen) for item in value)
        seen[id(value)] = items if type(value) is tuple else value
        return seen[id(value)]
    made: Any = copy.copy(value)
    seen[id(value)] = made
    if not isinstance(value, set):
        places = value.items() if isinstance(value, dict) else enumerate(value)
        for place, item in places:
            made[place] = _twin(item, seen)
    return made


_asking = threading.local()
"""How many questions this thread is asking now."""
_muting = threading.Lock()
_mutes: list[_Mute] = []
_handlers: list[logging.Handler] = []
_deep = 0


def _asks() -> bool:
    return bool(getattr(_asking, "now", 0))


class _Mute:
    """A stream that drops what a thread that asks writes, and lets all others through."""

    def __init__(self, name: str) -> None:
        self.name, self.stream = name, getattr(sys, name)

    def write(self, text: str) -> Any:
        return len(text) if _asks() else self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class _Here(type):
    def __subclasscheck__(cls, category: type) -> bool:
        return _asks()


class _Warned(Warning, metaclass=_Here):
    """Any kind of warning, in a thread that asks; no kind at all in the others."""


_IGNORED: Any = ("ignore", None, _Warned, None, 0)
"""Put before all filters by hand: `simplefilter` would have Python show again what was shown. What
is ignored leaves no mark, so the same warning is seen when it is the user's own."""


def _elsewhere(record: logging.LogRecord) -> bool:
    return not _asks()


@contextmanager
def muted() -> Iterator[None]:
    """Nothing that this thread prints, logs or warns of is seen: nobody called that `predict`."""
    with _muting:
        _mute()
        filters: list[Any] = warnings.filters  # type: ignore[assignment]
        filters.insert(0, _IGNORED)
    _asking.now = getattr(_asking, "now", 0) + 1
    try:
        yield
    finally:
        _asking.now -= 1
        with _muting:
            if _IGNORED in filters:
                filters.remove(_IGNORED)
            _unmute()


def _mute() -> None:
    global _deep
    _deep += 1
    if _deep > 1:
        return
    _mutes[:] = [_Mute(name) for name in ("stdout", "stderr") if getattr(sys, name)]
    for mute in _mutes:
        setattr(sys, mute.name, mute)
    loggers = [logging.root, *list(logging.root.manager.loggerDict.values())]
    _handlers[:] = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    for handler in _handlers:
        handler.addFilter(_elsewhere)


def _unmute() -> None:
    global _deep
    _deep -= 1
    if _deep:
        return
    for mute in _mutes:  # unless somebody put another stream there meanwhile
        if getattr(sys, mute.name) is mute:
            setattr(sys, mute.name, mute.stream)
    for handler in _handlers:
        handler.removeFilter(_elsewhere)
    _mutes.clear()
    _handlers.clear()
