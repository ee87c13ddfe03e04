"""What a value found in the data is: a boolean, a number, a text, or missing.

1, 1.0, a numpy integer and the decimal 1.00 are one number; True and False stay booleans; NaN,
None, NaT and pandas.NA are missing. Dates are their ISO text, at midnight without the time, so
that an engine with dates and one with only timestamps agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any

from venturalitica.core.verdict import Label
from venturalitica.errors import DataError


class RoleError(DataError):
    """The values of one role cannot be counted; the other roles may be fine."""

    def __init__(self, role: str, message: str) -> None:
        self.role = role
        super().__init__(message)

    def __reduce__(self) -> tuple[type[RoleError], tuple[str, str]]:
        return type(self), (self.role, str(self))


class RefusedValues(RoleError):
    """One role's values say something else than their reader would think: respelt, one a person.

    Whoever asked made no mistake in the call, so it costs the controls of that role, everywhere:
    they are errors, with this reason, and the other controls are judged.
    """


Identity = tuple[int, Any]
"""What makes two values the same level, and sorts them: booleans, numbers, texts."""

WHOLE_LIMIT = 2**53
_MIDNIGHT = "T00:00:00"


def canonical(value: Any) -> Label | None:
    """The value as a label, None where it is missing; TypeError for anything that is no label."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, str):
        return str(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return value.isoformat().removesuffix(_MIDNIGHT)
    if isinstance(value, date):
        return value.isoformat()
    if type(value).__name__ in ("Interval", "Period"):
        return str(value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return _of_numpy(value)
    raise TypeError(type(value).__name__)


def _number(value: Any) -> Label | None:
    if value != value:
        return None
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    number = float(value)
    return int(number) if number.is_integer() else number


def _of_numpy(value: Any) -> Label | None:
    kind = value.dtype.kind
    if kind == "M":
        text = str(value)
        return None if text == "NaT" else _trimmed(text)
    if kind not in "bU":
        raise TypeError(type(value).__name__)
    return canonical(value.item())


def _trimmed(iso: str) -> str:
    """ISO text without trailing zeros of the second, as `datetime.isoformat` would print it."""
    whole, dot, fraction = iso.partition(".")
    digits = fraction.rstrip("0")
    if dot and digits:
        return f"{whole}.{digits.ljust(6, '0')}"
    return whole.removesuffix(_MIDNIGHT)


def identity(value: Label) -> Identity:
    """The same for values that are one level, and in the order that levels are listed."""
    if isinstance(value, bool):
        return (0, value)
    if isinstance(value, int | float):
        return (1, value)
    return (2, value)


def is_number(value: Label) -> bool:
    """Whether the value is a number; a boolean is none."""
    return identity(value)[0] == 1


def text_of(value: Label) -> str:
    """The name of the group of this value."""
    return value if isinstance(value, str) else repr(value)


def number_text(value: float) -> str:
    """A cut point as people write it: 25 for 25.0."""
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def checked_label(value: Label, role: str) -> Label:
    """The label, or DataError where it can be no label: infinite, or beyond exact numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise RoleError(role, f"role '{role}' holds an infinite value: labels must be finite")
        if abs(value) > WHOLE_LIMIT:
            raise RoleError(
                role,
                f"role '{role}' holds a number beyond 2^53, which is no label: give it as text",
            )
    return checked_text(value, role)


def checked_text(value: Label, role: str) -> Label:
    """The value, or DataError where its text cannot be written as UTF-8."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RoleError(
                role,
                f"role '{role}' holds text that is not valid Unicode ({error.reason}): "
                "read the file with its right encoding",
            ) from error
    return value


def kinds(values: Iterable[Label]) -> set[str]:
    """Which of `booleans`, `numbers`, `text` occur."""
    return {("booleans", "numbers", "text")[identity(value)[0]] for value in values}
