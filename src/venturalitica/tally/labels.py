"""The labels of target and prediction: one list that both share, compared by value and type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from venturalitica.core.labels import identity
from venturalitica.core.policy import Role
from venturalitica.core.verdict import Label
from venturalitica.errors import listed
from venturalitica.tally.groups import Levels
from venturalitica.tally.values import (
    RefusedValues,
    RoleError,
    checked_label,
    kinds,
    refuse_alike,
    text_of,
)

ZERO_ONE = {0, 1}
_PLAIN = re.compile(
    r"-?(?:0|[1-9][0-9]{0,14})"  # no code: neither a leading zero nor more digits than are exact
    r"(?:(?:\.[0-9]*)?(?:[eE][+-][0-9]+)?|\.[0-9]*[eE][0-9]+)"  # as programs print: 1.2e-105
)


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
    own kind; Python, numpy and scikit-learn hold them for equal too. Numbers are read as text where
    the other role holds codes."""
    if kinds(values[role]) == {"numbers"} and codes_beside_numbers(values):
        return text_of
    if role == "prediction" and _mixes(values):
        return bool if kinds(values["target"]) == {"booleans"} else int
    return lambda value: value


def codes_beside_numbers(columns: Mapping[str, Iterable[Label]]) -> bool:
    """Whether columns that are compared hold codes, of which one column shows numbers only.

    A file without types has text in all of them; whatever read it typed each alone: `101 102` as
    numbers, `101 other` as text. They are numbers only where every value of every column is one;
    else all are text. Columns that share no value are not the same codes, and stay apart.
    """
    found = [set(values) for values in columns.values()]
    numbers = [{text_of(v) for v in values} for values in found if kinds(values) == {"numbers"}]
    texts = [values for values in found if kinds(values) == {"text"}]
    if len(numbers) + len(texts) < len(found) or not numbers or not texts:
        return False
    codes = set().union(*texts)
    return not all(map(is_plain_number, codes)) and bool(set().union(*numbers) & codes)


def is_plain_number(value: Label) -> bool:
    """A number, or the text of one in the spelling that loses nothing: not `007`, not `1E5`."""
    return not isinstance(value, str) or _PLAIN.fullmatch(value) is not None


def _mixes(values: Mapping[str, Sequence[Label]]) -> bool:
    target, prediction = values.get("target", ()), values.get("prediction", ())
    both = {frozenset(kinds(target)), frozenset(kinds(prediction))}
    if both != {frozenset({"booleans"}), frozenset({"numbers"})}:
        return False
    return set(target) | set(prediction) <= ZERO_ONE


def _note(role: str, values: Mapping[str, Sequence[Label]]) -> str:
    if role == "prediction" and codes_beside_numbers(values):
        return "target and prediction are codes, of which some are no numbers: all are read as text"
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
        else "labels, such as amounts cut into classes, or name metrics of amounts in the policy "
        "('venturalitica metrics --family regression')"
    )
    raise RoleError(
        role,
        f"'{role}' holds numbers with fractions, which are measurements or scores, not labels: "
        f"bind {instead}",
    )


def _said(values: Sequence[Label]) -> str:
    shown = listed((repr(value) for value in sorted(values, key=identity)), 5)
    return f"{' and '.join(sorted(kinds(values)))} ({shown})"
