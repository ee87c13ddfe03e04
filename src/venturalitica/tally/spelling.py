"""Values that must not be counted as they are: respelt, unlisted, or one for every person.

All of it is decided before there is a tally, so that none holds what was refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from venturalitica.core.labels import alike, likeness, map_to_write, written
from venturalitica.core.policy import LABEL_ROLES, MIN_CELL, Role
from venturalitica.core.verdict import Label
from venturalitica.errors import listed, shortened
from venturalitica.tally.values import RefusedValues, identity, is_number, kinds

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
    rows = sum(weight for _, weight in strange)
    named = [f"{written(value)} ({weight:,})" for value, weight in strange if weight >= MIN_CELL]
    shown = listed(named[:SHOWN])
    more = len(strange) - len(named[:SHOWN])
    rest = f"{more:,} other value{'s' if more > 1 else ''}" if more else ""
    raise RefusedValues(
        role,
        f"role '{role}' holds what its 'labels' in the policy do not list, in {rows:,} "
        f"row{'s' if rows > 1 else ''}: {' and '.join(filter(None, (shown, rest)))}; listed: "
        f"{listed(map(written, labels), 12)}. Correct the data (does the model or an "
        "encoder name its classes otherwise?), or the list",
    )
