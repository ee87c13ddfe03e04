"""Values of parsed JSON as what they should be, whoever wrote them; nothing here raises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


# `dict` first: asking parsed JSON whether it is a `Mapping` takes many times longer.
def as_object(value: object) -> Json | None:
    """`value` if it is a JSON object, else None."""
    return value if isinstance(value, dict | Mapping) else None


def mapping(value: object) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return as_object(value) or {}


def mappings(value: object) -> tuple[Json, ...]:
    """The JSON objects of a list."""
    return tuple(item for item in items(value) if isinstance(item, dict | Mapping))


def text(value: object) -> str:
    """`value` as text; None is empty, a number is its JSON form."""
    return value if type(value) is str else "" if value is None else str(value)


def texts(value: object) -> tuple[str, ...]:
    """The items of a list as texts."""
    return tuple(map(text, items(value)))


def items(value: object) -> Sequence[Any]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def number(value: object) -> float | None:
    """`value` if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def integer(value: object) -> int | None:
    """`value` if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
