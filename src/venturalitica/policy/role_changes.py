"""How a role is read otherwise than before: other groups, another favorable label, another column.

No direction is claimed, since which rows are in which group decides every value that is compared,
except for `labels`, which only refuse.
"""

from __future__ import annotations

from collections.abc import Iterator

from venturalitica.policy.changes import Aspect, Direction
from venturalitica.policy.words import describe_role
from venturalitica.records import Label
from venturalitica.rules import Role

_MOVED_SHOWN = 5
"""Values of a role's map that are told one by one."""


def role_aspects(old: Role, new: Role) -> Iterator[Aspect]:
    """Which keys of the role differ; none where it is read the same, in whatever order."""
    if _typed(old.favorable) != _typed(new.favorable):
        yield Aspect("favorable", _label(old.favorable), _label(new.favorable), "changed")
    before, after = _map_of(old), _map_of(new)
    if before != after:
        yield Aspect(
            "map", _described(old, "map"), _described(new, "map"), "changed", _moved(old, new)
        )
    if old.bins != new.bins:
        yield Aspect("bins", _described(old, "bins"), _described(new, "bins"), "changed")
    if _listed(old) != _listed(new):
        yield _labels_aspect(old, new)
    if old.column != new.column:
        note = "read from another column unless the call names one"
        yield Aspect("column", old.column or "", new.column or "", "changed", note)


def _typed(label: Label | None) -> tuple[bool, Label | None]:
    """Labels keep their type: Python holds 1 and True for equal, a policy does not."""
    return isinstance(label, bool), label


def _listed(role: Role) -> set[tuple[bool, Label | None]] | None:
    return None if role.labels is None else {*map(_typed, role.labels)}


def _labels_aspect(old: Role, new: Role) -> Aspect:
    """Fewer values allowed are tighter: what is not listed is refused, and passes nothing."""
    before, after = _listed(old), _listed(new)
    direction: Direction = "changed"
    if before is None or (after is not None and after < before):
        direction, note = "tightened", "other values are refused now"
    elif after is None or after > before:
        direction, note = "loosened", "values that were refused are taken now"
    else:
        note = "other values are allowed"
    return Aspect("labels", _described(old, "labels"), _described(new, "labels"), direction, note)


def _map_of(role: Role) -> dict[object, str]:
    return {_typed(label): group for label, group in (role.map or {}).items()}


def _label(label: Label | None) -> str:
    return "" if label is None else repr(label)


def _described(role: Role, key: str) -> str:
    value = getattr(role, key)
    return "" if value is None else describe_role(Role(role.name, **{key: value}))


def _moved(old: Role, new: Role) -> str:
    """`A95: female, was male; and 3 more`."""
    before, after = _map_of(old), _map_of(new)
    labels = {_typed(label): label for label in (*(old.map or {}), *(new.map or {}))}
    moved = [
        f"{labels[key]!r}: {after.get(key, 'no group')}, was {before.get(key, 'no group')}"
        for key in labels
        if before.get(key) != after.get(key)
    ]
    shown = sorted(moved)[:_MOVED_SHOWN]
    more = len(moved) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])
