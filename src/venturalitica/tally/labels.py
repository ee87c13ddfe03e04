"""The labels of target and prediction: one list that both share, compared by value and type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from venturalitica.records import Label
from venturalitica.rules import Role
from venturalitica.tally.groups import Levels
from venturalitica.tally.spelling import refuse_alike
from venturalitica.tally.values import RefusedValues, RoleError, checked_label, identity, kinds

ZERO_ONE = {0, 1}


def label_levels(
    values: Mapping[str, Sequence[Label]], rules: Mapping[str, Role] | None = None
) -> dict[str, Levels]:
    """Role -> levels, where equal labels of target and prediction have the same index.

    Raises DataError where the two can never be equal (text and numbers), or one has both and the
    other does not, or labels are spelt almost alike: every rate would be 0, and a control such as
    "at most 5 %" would pass on it; and where a role holds fractions, which are measurements: judged
    as labels they say nothing, and listed as levels they would put the rows' own values into the
    evidence.
    """
    for role, found in values.items():
        _refuse_fractions(role, found)
    read = {role: _reader(role, values) for role in values}
    as_read = {role: [read[role](v) for v in values[role]] for role in values}
    _refuse_strangers(as_read)
    refuse_alike(as_read, rules or {})
    every: dict[object, Label] = {}
    for role, found in values.items():
        for value in found:
            label = checked_label(read[role](value), role)
            every.setdefault(identity(label), label)
    names = tuple(every[key] for key in sorted(every, key=_order))
    level = {identity(name): index for index, name in enumerate(names)}
    return {
        role: Levels(
            names,
            {identity(v): level[identity(read[role](v))] for v in found},
            _note(role, values),
        )
        for role, found in values.items()
    }


def _order(key: object) -> tuple[object, ...]:
    assert isinstance(key, tuple)
    return key


def _reader(role: str, values: Mapping[str, Sequence[Label]]) -> Callable[[Label], Label]:
    """How a label is read: 0/1 against the target's booleans, and the reverse, as the target's
    own kind; Python, numpy and scikit-learn hold them for equal too."""
    if role == "prediction" and _mixes(values):
        return bool if kinds(values["target"]) == {"booleans"} else int
    return lambda value: value


def _mixes(values: Mapping[str, Sequence[Label]]) -> bool:
    target, prediction = values.get("target", ()), values.get("prediction", ())
    both = {frozenset(kinds(target)), frozenset(kinds(prediction))}
    if both != {frozenset({"booleans"}), frozenset({"numbers"})}:
        return False
    return set(target) | set(prediction) <= ZERO_ONE


def _note(role: str, values: Mapping[str, Sequence[Label]]) -> str:
    if role != "prediction" or not _mixes(values):
        return ""
    one, other = ("0/1", "False/True")
    if kinds(values["target"]) == {"numbers"}:
        one, other = other, one
    return f"the prediction's {one} is read as the target's {other}"


def _refuse_strangers(values: Mapping[str, Sequence[Label]]) -> None:
    """An encoder that does not know a label leaves a number of its own among the texts."""
    target, prediction = values.get("target", ()), values.get("prediction", ())
    if not target or not prediction or kinds(target) == kinds(prediction):
        return
    holds = f"target holds {_said(target)} and prediction holds {_said(prediction)}"
    if not kinds(target) & kinds(prediction):
        raise RoleError("prediction", f"{holds}: they can never be equal; give both the same type")
    if not _are_zero_one([*target, *prediction]):
        raise RefusedValues(
            "prediction",
            f"{holds}: some of them can never be equal (did an encoder leave a number for a label "
            "that it does not know?); give all the same type",
        )


def _are_zero_one(values: Sequence[Label]) -> bool:
    """Booleans and 0/1, which the judgement reads as one."""
    return all(not isinstance(value, str) and value in ZERO_ONE for value in values)


def _refuse_fractions(role: str, values: Sequence[Label]) -> None:
    """Whole floats are integers by now; any other is no label, for scikit-learn neither."""
    if not any(isinstance(value, float) and math.isfinite(value) for value in values):
        return
    instead = (
        "the predicted labels, and probabilities as score="
        if role == "prediction"
        else "labels, such as amounts cut into classes"
    )
    raise RoleError(
        role,
        f"'{role}' holds numbers with fractions, which are measurements or scores, not labels: "
        f"bind {instead}",
    )


def _said(values: Sequence[Label]) -> str:
    shown = ", ".join(repr(value) for value in sorted(values, key=identity)[:5])
    more = ", …" if len(values) > 5 else ""
    return f"{' and '.join(sorted(kinds(values)))} ({shown}{more})"
