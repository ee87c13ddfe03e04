"""The plain twin of a model, governed or with governed parts at any depth."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from venturalitica.frameworks.composition import is_estimator
from venturalitica.wrapping.governed import plain_copy
from venturalitica.wrapping.registry import governance_of

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
