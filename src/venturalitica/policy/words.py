"""A policy in sentences, for `policy show`, reports and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venturalitica.errors import listed
from venturalitica.rules import Compare, Control, Policy, Role, shortest

if TYPE_CHECKING:
    from venturalitica.policy.vocabulary import Vocabulary

_COMPARED: dict[Compare, str] = {
    "difference": "difference of highest and lowest",
    "ratio": "ratio of lowest to highest",
    "min": "lowest",
    "max": "highest",
}
_SHOWN = 12
_ON_FAIL = {"record": "recorded only", "warn": "warns", "block": "blocks"}


def describe(policy: Policy, vocabulary: Vocabulary | None = None) -> list[str]:
    """One sentence for each control, in the order of the file.

    `selection rate across gender: ratio of lowest to highest must be >= 0.80; blocks`
    """
    return [sentence(control, vocabulary) for control in policy.controls]


def sentence(control: Control, vocabulary: Vocabulary | None = None) -> str:
    """What a control asks for, in one sentence."""
    return f"{measure(control, vocabulary)} must be {control.must}; {_ON_FAIL[control.on_fail]}"


def measure(control: Control, vocabulary: Vocabulary | None = None) -> str:
    """What a control measures: `selection rate across gender: ratio of lowest to highest`."""
    name, compare = _base(control, vocabulary)
    what = name.replace("_", " ")
    if control.of:
        what += f" of {_listed(control.of)}"
    if control.across:
        what += f" across {_crossed(control.across)}"
    how = how_compared(control, compare)
    return f"{what}: {how}" if how else what


def _base(control: Control, vocabulary: Vocabulary | None) -> tuple[str, Compare | None]:
    """The metric of one group and the comparison, also where one name means both."""
    known = vocabulary.get(control.metric) if vocabulary is not None else None
    if known is None or vocabulary is None or known.base not in vocabulary:
        return control.metric, control.compare
    compare = next((word for word in _COMPARED if word == known.compare), None)
    return (str(known.base), compare) if compare else (control.metric, control.compare)


def how_compared(control: Control, compare: Compare | None = None) -> str:
    """How the groups become one number, in words; empty where they do not."""
    compare = compare or control.compare
    if compare is None:
        return ""
    if compare == "between":
        first, second = control.groups or ("first", "second")
        return f"{first} minus {second}"
    return _COMPARED[compare]


def describe_role(role: Role) -> str:
    """How a role is read: `column Attribute9; male: A91, A93; female: A92`."""
    parts: list[str] = []
    if role.column:
        parts.append(f"column {role.column}")
    if role.favorable is not None:
        parts.append(f"favorable {role.favorable!r}")
    if role.map:
        members: dict[str, list[str]] = {}
        for value, group in role.map.items():
            members.setdefault(group, []).append(str(value))
        groups = [f"{group}: {listed(values, _SHOWN)}" for group, values in members.items()]
        parts.append(listed(groups, _SHOWN, between="; ", longest=None))
    if role.labels:
        parts.append(f"only {listed(role.labels, _SHOWN)}")
    if role.bins:
        parts.append(f"cut at {listed(map(shortest, role.bins), _SHOWN)}")
    return "; ".join(parts) or "values as they are"


def _crossed(roles: tuple[str, ...]) -> str:
    return " × ".join(roles)


def _listed(roles: tuple[str, ...]) -> str:
    return roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} and {roles[-1]}"
