"""The kinds of value that a policy holds, as types that pydantic checks.

Faults are raised with our words: `said` is a whole message, `is` one that wants the key before it;
`shape` puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from venturalitica.policy.limits import MAX_NAME, MAX_ROLES_CROSSED, MAX_TEXT
from venturalitica.policy.names import (
    TAKEN,
    canonical_label,
    label_fault,
    name_fault,
    role_name_fault,
    text_fault,
)
from venturalitica.policy.thresholds import parse_threshold
from venturalitica.records import Label
from venturalitica.rules import Threshold

ABSENT: Any = None
"""The default of a key that a policy may leave out, though it may not say null."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Metadata of a key: what it must hold, in words, for errors."""

    words: str


def _said(message: str) -> PydanticCustomError:
    """An error whose message is complete."""
    return PydanticCustomError("said", "{message}", {"message": message})


def _is(fault: str) -> PydanticCustomError:
    """An error whose message wants the key before it."""
    return PydanticCustomError("is", "{fault}", {"fault": fault})


def _without_fault(check: Callable[[str], str | None]) -> Callable[[str], str]:
    def run(text: str) -> str:
        fault = check(text)
        if fault:
            raise _is(fault)
        return text

    return run


def _role_name(name: str) -> str:
    fault = role_name_fault(name)
    if fault:
        raise _said(fault)
    return name


def as_threshold(text: str) -> Threshold:
    try:
        return parse_threshold(text)
    except ValueError as error:
        raise _said(str(error)) from None


def _label(value: Any) -> Label:
    fault = label_fault(value)
    if fault:
        raise PydanticCustomError("label", "{fault}", {"fault": fault})
    return canonical_label(value)


def finite(value: float) -> float:
    if not math.isfinite(value):
        raise PydanticCustomError("finite", "not finite")
    return value + 0.0


def ascending(bins: list[float]) -> list[float]:
    for before, after in pairwise(bins):
        if after <= before:
            raise _said(
                f"'bins' must ascend, each cut point larger than the one before: "
                f"{after:g} follows {before:g}"
            )
    return bins


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def different(labels: list[Label]) -> list[Label]:
    """As Python tells them apart: True is 1, and cannot be listed beside it."""
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise _said(f"'labels' lists {label!r} twice")
    return labels


def distinct(values: list[str]) -> list[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise _said(f"'{value}' is given twice")
        seen.add(value)
    return values


_ROLE_SCHEMA: dict[str, Any] = {
    "type": "string",
    # Looser than the reader's rule: \w means ASCII to most JSON Schema tools, and a role may not.
    "pattern": r"^[^\s\d!-/:-@\[-^`{-~][^\s!-/:-@\[-^`{-~]*$",
    "not": {"enum": sorted(TAKEN)},
}

Name = Annotated[
    str, AfterValidator(_without_fault(name_fault)), Field(min_length=1, max_length=MAX_NAME)
]
ColumnName = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Prose = Annotated[str, AfterValidator(_without_fault(text_fault)), Field(max_length=MAX_TEXT)]
RoleName = Annotated[
    str,
    AfterValidator(_role_name),
    WithJsonSchema(_ROLE_SCHEMA),
]
LabelValue = Annotated[
    Any, AfterValidator(_label), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Roles = Annotated[
    list[RoleName],
    Field(min_length=1, max_length=MAX_ROLES_CROSSED),
    AfterValidator(distinct),
    BeforeValidator(_one_or_more),
]
GROUP_NAME_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
ROLES_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            _ROLE_SCHEMA,
            {
                "type": "array",
                "items": _ROLE_SCHEMA,
                "minItems": 1,
                "maxItems": MAX_ROLES_CROSSED,
                "uniqueItems": True,
            },
        ]
    }
)
ROLES_WORDS = "the name of a role, or a list of them"
