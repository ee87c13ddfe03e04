"""What a value found in the data is: a boolean, a number, a text, or missing.

1, 1.0, a numpy integer and the decimal 1.00 are one number; True and False stay booleans; NaN,
None, NaT and pandas.NA are missing. Dates are their ISO text, at midnight without the time, so
that an engine with dates and one with only timestamps agree. Times of a zone are said in UTC: some
engines keep the instant and forget the zone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from statistics import median
from typing import Any

from venturalitica.core.labels import alike, identity, likeness, map_to_write, written
from venturalitica.core.policy import LABEL_ROLES, MIN_CELL, Role
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, listed, shortened


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
        return _trimmed(value.isoformat()) if value.tzinfo is None else _in_utc(value)
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


def _in_utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def _trimmed(iso: str) -> str:
    """ISO text without trailing zeros of the second, as `datetime.isoformat` would print it; of
    nanoseconds all nine digits, as pandas does."""
    whole, dot, fraction = iso.partition(".")
    digits = fraction.rstrip("0")
    if dot and digits:
        return f"{whole}.{digits.ljust(6 if len(digits) <= 6 else 9, '0')}"
    return whole.removesuffix(_MIDNIGHT)


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


SHOWN = 5
"""So many values are named in one sentence."""
PERSONS = 10
"""From so many groups on, a role most of whose groups have one row is taken for an identifier."""
MANY_GROUPS = 50
FEW_ROWS = 3
"""More groups than that, with a median of fewer rows than this, are an identifier too."""

_PERSONAL = re.compile(
    r"""(?x)
      (?:[^<>@]*+<)?(?:mailto:)?[^\s@<>]++@[^\s@<>]+\.[^\s@<>.\d]{2,}>?    # an e-mail address
    | \{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?         # a UUID
    | \+\d[\d\ ()./\-]{6,24}                                             # a telephone number
    """
)


def refuse_identifiers(role: str, values: Sequence[Label], weights: Sequence[int]) -> None:
    """RefusedValues where nearly every row has a value of its own: a name, an address, a number.

    Such values would be written into the evidence one by one, where no erasure finds them. Numbers
    are let by: few of them are amounts or years, and many are cut into groups. Addresses are
    identifiers however few they are and however often each occurs.
    """
    _refuse_addresses(role, values)
    if not values or all(map(is_number, values)):
        return
    alone = sum(weight == 1 for weight in weights)
    mostly_alone = len(values) >= PERSONS and 2 * alone > len(values)
    thin = len(values) > MANY_GROUPS and median(weights) < FEW_ROWS
    if mostly_alone or thin:
        raise RefusedValues(
            role,
            f"role '{role}' looks like an identifier: {len(values):,} different values in "
            f"{sum(weights):,} rows, {alone:,} of them in one row only; a group must hold people "
            "to compare. Bind another column, or give the role a 'map' to groups in the policy",
        )


def is_personal(value: Label) -> bool:
    """Whether a value is shaped as an e-mail address, a telephone number or a UUID."""
    return isinstance(value, str) and _PERSONAL.fullmatch(value.strip()) is not None


def _refuse_addresses(role: str, values: Sequence[Label]) -> None:
    texts = [value for value in values if isinstance(value, str)]
    personal = sum(map(is_personal, texts))
    if 2 * personal > len(texts):
        raise RefusedValues(
            role,
            f"role '{role}' looks like an identifier: {personal:,} of its {len(values):,} "
            "different values have the shape of an e-mail address, a telephone number or a UUID; "
            "a group must hold people to compare. Bind another column, or give the role a 'map' "
            "to groups in the policy",
        )


def refuse_alike(roles: Mapping[str, Sequence[Label]], rules: Mapping[str, Role]) -> None:
    """RefusedValues where values are spelt almost alike, within one role or between compared ones.

    `roles` maps each role to its different values. What a role's `labels` list is meant so. The
    fault is laid to the last role: prediction where target and prediction differ.
    """
    declared = {identity(label) for rule in rules.values() for label in rule.labels or ()}
    every = {identity(value): value for values in roles.values() for value in values}
    every = dict(sorted(every.items()))  # engines come upon them in an order of their own
    loose = [value for key, value in every.items() if key not in declared]
    found = alike([*loose, *(value for key, value in every.items() if key in declared)])
    found = [same for same in found if any(identity(value) not in declared for value in same)]
    if set(roles) <= set(LABEL_ROLES):
        found = [same for same in found if not _one_in_python(same, every.values())]
    if not found:
        return
    at = [role for role, values in roles.items() if any(v in values for v in found[0])][-1]
    owner = next(iter(roles))
    raise RefusedValues(at, _said_alike(" and ".join(roles), owner, found, list(every.values())))


def in_words(names: Sequence[str]) -> str:
    """`a, b and c`; of many the first few."""
    if len(names) > SHOWN:
        return listed(names, SHOWN)
    return " and ".join(filter(None, [listed(names[:-1]), shortened(names[-1])]))


def _one_in_python(same: Sequence[Label], every: Iterable[Label]) -> bool:
    """True and 1, False and 0: one label for Python, numpy and us, where there are no others."""
    return "text" not in kinds(same) and all(
        not isinstance(value, str) and value in (0, 1) for value in every
    )


def _said_alike(
    roles: str, owner: str, found: Sequence[Sequence[Label]], every: Sequence[Label]
) -> str:
    shown = in_words([written(value) for value in found[0]])
    more = f" (and {len(found) - 1} more such)" if len(found) > 1 else ""
    return (
        f"{roles}: {shown} are spelt almost alike{more}, and would be counted as different. Use "
        "one spelling in the data, or say in the policy, under 'roles:', what each means: "
        f"{owner}: {{map: {map_to_write(every)}}}; if they do differ, list all values there: "
        f"{owner}: {{labels: [...]}}"
    )


def refuse_alike_groups(role: str, names: Iterable[str]) -> None:
    """RefusedValues where a `map` makes two groups of almost one name."""
    found = alike(names)
    if found:
        shown = in_words([*map(written, found[0])])
        raise RefusedValues(
            role,
            f"the map of '{role}' makes the groups {shown}, which are spelt almost alike: give "
            "them one name, or names that readers can tell apart",
        )


def refuse_nearly_mapped(role: Role, values: Iterable[Label]) -> None:
    """RefusedValues where a value is in no entry of the `map`, and almost is one of its keys.

    `nulls: drop` would leave out the rows that spell it so, and with them perhaps all that failed.
    """
    keys = {likeness(key): key for key in role.map or ()}
    near = [(value, keys[likeness(value)]) for value in values if likeness(value) in keys]
    if not near:
        return
    value, key = near[0]
    more = f" (and {len(near) - 1} more such)" if len(near) > 1 else ""
    quotes = "" if kinds([value]) == kinds([key]) else _quotes_advice([value], [key])
    raise RefusedValues(
        role.name,
        f"the map of '{role.name}' has {written(key)}, and the data {written(value)}, which is "
        f"spelt almost alike{more}: use one spelling, or add an entry to the map: "
        f"{written(value)}: {written((role.map or {})[key])}{quotes}",
    )


def _quotes_advice(values: Iterable[Label], keys: Iterable[Label]) -> str:
    return (
        f" (it is written for {' and '.join(sorted(kinds(keys)))}, the data holds "
        f"{' and '.join(sorted(kinds(values)))}: quote the map's keys, or remove the quotes)"
    )


def refuse_unlisted(
    role: str, labels: Sequence[Label], values: Sequence[Label], weights: Sequence[int]
) -> None:
    """RefusedValues where a value is none of the role's `labels`; named if enough rows have it.

    True and 1 are one, as in Python: a target of booleans may be listed as 0 and 1.
    """
    allowed = {(isinstance(label, str), label) for label in labels}
    strange = [
        (value, weight)
        for value, weight in zip(values, weights, strict=True)
        if weight and (isinstance(value, str), value) not in allowed
    ]
    if not strange:
        return
    named = [written(value) for value, weight in strange if weight >= MIN_CELL]
    shown = listed(named[:SHOWN])
    more = len(strange) - len(named[:SHOWN])
    rest = f"{more:,} other value{'s' if more > 1 else ''}" if more else ""
    raise RefusedValues(
        role,
        f"role '{role}' holds what its 'labels' in the policy do not list: "
        f"{' and '.join(filter(None, (shown, rest)))}; listed: "
        f"{listed(map(written, labels), 12)}. Correct the data (does the model or an "
        "encoder name its classes otherwise?), or the list",
    )
