"""The levels of an axis where the policy fixes them: the same list for every part of the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from venturalitica.core.labels import identity, resolve, scalar
from venturalitica.core.policy import LABEL_ROLES, Role, bin_names
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, listed

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

NULL = -1
"""The level index of a missing value."""
CUT = "cut at its quartiles "
"""In the note of a role that was cut for want of bins, before the cut points."""
Moves = Mapping[str, "NDArray[numpy.int64]"]
"""Role -> the new place of each level of a part, and `NULL` as a last one."""
WHOLE = "different whole numbers and no bins"
"""In the same note, where all were whole: an age, or a code that no quartile makes sense of."""
_SHOWN = 12


def rule_of(role: str, roles: Mapping[str, Role]) -> Role:
    """How a role is read; a prediction without a rule of its own, as the target."""
    own = roles.get(role) or Role(role)
    return roles.get("target") or own if role == "prediction" and not own.reads else own


def joined(
    role: str, rules: Sequence[Role], parts: Sequence[tuple[Label, ...]], note: str
) -> tuple[Label, ...]:
    """The levels that occur in any of the parts, in the order that the whole would list them.

    Args:
        role: the axis.
        rules: how it is read; of a label axis, how target and prediction are, which share a list.
        parts: its levels in each part.
        note: what was done to its values.

    Raises:
        DataError: the data decide which levels there are, or a part was counted by other rules.
    """
    for rule in rules:
        if not rule.reads:
            raise DataError(_open(rule, parts, note))
    known = _known(rules, label=role in LABEL_ROLES)
    found: dict[int, Label] = {}
    for number, levels in enumerate(parts, start=1):
        for level in levels:
            if level not in known:
                raise DataError(
                    f"part {number} has the level {scalar(level)} of role '{role}', which the "
                    f"policy does not name (it names {listed(map(scalar, known), _SHOWN)}): count "
                    "the part under the policy of the others"
                )
            one = found.setdefault(known[level], level)
            if identity(one) != identity(level):
                raise DataError(
                    f"part {number} holds {scalar(level)} of role '{role}' where another part "
                    f"holds {scalar(one)}: give the column the same type in every part"
                )
    return tuple(found[place] for place in sorted(found))


def places(old: Sequence[Label | float], new: Sequence[Label | float]) -> NDArray[numpy.int64]:
    """The place of each old level among the new, and `NULL` as a last one, for code -1 to find."""
    import numpy

    place = {level: index for index, level in enumerate(new)}
    return numpy.array([*(place[level] for level in old), NULL], dtype=numpy.int64)


def moved(
    roles: Sequence[str], cells: Sequence[tuple[int, ...]], moves: Moves, *, width: int
) -> NDArray[numpy.int64]:
    """The cells of a part, shape `(m, width)`, with the levels of the whole."""
    import numpy

    matrix = numpy.array(cells, dtype=numpy.int64).reshape(len(cells), width)
    for index, role in enumerate(roles):
        matrix[:, index] = moves[role][matrix[:, index]]
    return matrix


def _known(rules: Sequence[Role], *, label: bool) -> dict[Label, int]:
    """Every level that the rules name, and its place; 0 and False are one place, as 1 and True."""
    bins = {rule.bins for rule in rules}
    if len(bins) == 1 and None not in bins:
        return {name: place for place, name in enumerate(bin_names(*filter(None, bins)))}
    values = sorted({value for rule in rules for value in _named(rule)}, key=identity)
    if label:
        return {value: place for place, value in enumerate(values)}
    return {text: place for place, value in enumerate(values) for text in _texts(value)}


def _named(rule: Role) -> Iterable[Label]:
    if rule.map is not None:
        return rule.map.values()
    return rule.labels if rule.labels is not None else bin_names(rule.bins or ())


def _texts(value: Label) -> tuple[str, ...]:
    """The names that the group of this value may have."""
    if isinstance(value, str):
        return (value,)
    return (repr(int(value)), repr(bool(value))) if value in (0, 1) else (repr(value),)


def _open(rule: Role, parts: Sequence[tuple[Label, ...]], note: str) -> str:
    _, cut, points = note.partition(CUT)
    if cut:
        which, line = "its quartiles are those of each part", f"bins: [{points}]"
    else:
        which = "the policy does not say which values it has"
        every = sorted({level for levels in parts for level in levels}, key=identity)
        line = f"labels: [{listed(map(_value, every), _SHOWN)}]"
    return (
        f"role '{rule.name}' cannot be added up: {which}. Add to it under 'roles' in the policy: "
        f"{line} (or a 'map'), and count each part again"
    )


def _value(level: Label) -> str:
    """A level as its value is listed: the group of the number 1 is named by its text."""
    loose = isinstance(level, str) and not isinstance(resolve(level), str)
    return str(level) if loose else scalar(level)
