"""What a control asks, with named compositions taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy
from msgspec import Struct

from venturalitica.core.policy import Control, Policy, Role
from venturalitica.core.tally import Axis
from venturalitica.core.text import quoted
from venturalitica.core.verdict import GroupValue
from venturalitica.errors import did_you_mean
from venturalitica.metrics.catalog import CATALOG, sharing_error
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.metrics.ends import ALPHA
from venturalitica.metrics.intervals import Integers


class Question(Struct, frozen=True):
    """A control and its metric; `compare` is how groups become one, `alpha` the error of each side
    of its intervals."""

    control: Control
    spec: MetricSpec
    compare: str | None
    alpha: float = ALPHA

    def low_high(self) -> tuple[float, float]:
        """What the value can be, after comparing."""
        return self.spec.range_of(self.control.compare)


def question_of(control: Control, alpha: float = ALPHA) -> Question:
    """Look the metric up; the control is one that `catalog.misuse_of` found nothing wrong with."""
    spec = CATALOG[control.metric]
    compare = (spec.compare or control.compare) if control.across else None
    return Question(control, spec, compare, alpha)


def error_of(policy: Policy) -> float:
    """The error of each side of each of its intervals."""
    return round((1 - policy.level) / 2, 15) / sharing_error(policy)


def level_of(alpha: float) -> float:
    """The level of an interval with this error on each side."""
    return round(1 - 2 * alpha, 12)


def compared_groups(question: Question, names: Mapping[str, int]) -> list[int]:
    """Places of the groups that are compared: the two that are named, or all.

    Raises Refusal where a named group has no rows, or where there is only one group.
    """
    control = question.control
    if question.compare == "between":
        return [_named(name, names) for name in control.groups]
    if len(names) < 2:
        only = next(iter(names), "")
        raise Refusal(
            f"all rows belong to one group, '{only}': there is nothing to compare it with"
        )
    return list(range(len(names)))


def _named(name: str, names: Mapping[str, int]) -> int:
    if name not in names:
        hint = did_you_mean(name, names)
        raise Refusal(
            f"no row belongs to the group '{name}'{hint}; groups seen: {quoted(names)}"
            if names
            else f"no row belongs to the group '{name}'"
        )
    return names[name]


JOIN = " × "
"""Between the names of an intersection."""


class Groups(Struct, frozen=True):
    """The groups of a control, in the order of the tally's axes.

    `codes` are the places of the observed groups in the product of the axes; `names` go with them.
    `absent` are groups that the policy's `map` or `bins` name and no row belongs to.
    """

    codes: Integers
    names: tuple[str, ...]
    absent: tuple[str, ...] = ()
    intersections: bool = False
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.names)


def observed_groups(
    policy: Policy, axes: Sequence[Axis], codes: Integers, *, hidden: int = 0
) -> Groups:
    """Groups of the distinct `codes` seen (see `product_codes`), in ascending order.

    `hidden` is how many more there are that are kept back: these have rows.

    Raises Refusal where an axis was grouped by another `map` or `bins` than the policy's.
    """
    absent = [name for axis in axes for name in _absent(policy.role(axis.role), axis)]
    notes = [f"{axis.role}: {axis.note}" for axis in axes if axis.note]
    if absent:
        notes.append(f"no rows for {quoted(absent)}, which the policy names")
    sizes = tuple(len(axis.levels) for axis in axes)
    places = numpy.unravel_index(codes, sizes) if codes.size else ()
    columns = [
        [str(axis.levels[place]) for place in column]
        for axis, column in zip(axes, places, strict=False)
    ]
    names = _joined(list(zip(*columns, strict=True)))
    unseen = int(numpy.prod(sizes)) - codes.size - hidden
    if len(axes) > 1 and unseen:
        notes.append(f"{unseen} of {int(numpy.prod(sizes))} intersections have no rows")
    return Groups(codes, names, tuple(absent), len(axes) > 1, tuple(notes))


def _joined(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """One name per intersection; with quotes where names of groups hold the sign that joins them,
    so that "a × b" of one role and "c" of the other are not taken for "a" and "b × c"."""
    names = tuple(JOIN.join(part) for part in parts)
    if len(set(names)) == len(names):
        return names
    return tuple(JOIN.join(map(repr, part)) for part in parts)


def product_codes(indices: Integers, axes: Sequence[Axis]) -> Integers:
    """`(C, axes)` level indices, none missing -> `(C,)` places in the product of the axes."""
    sizes = tuple(len(axis.levels) for axis in axes)
    code: Integers = numpy.zeros(indices.shape[0], dtype=numpy.int64)
    for column, size in enumerate(sizes):
        code = code * size + indices[:, column]
    return code


def _absent(role: Role, axis: Axis) -> list[str]:
    declared = role.groups
    strangers = [str(level) for level in axis.levels if declared and level not in declared]
    if strangers:
        raise Refusal(
            f"the tally was made with other groups of {role.name} than this policy's: it has "
            f"{quoted(strangers)}, the policy {quoted(declared)}; judge the data itself"
        )
    return [name for name in declared if name not in axis.levels]


class Refusal(Exception):
    """A control cannot be evaluated: no error of ours, but a `not_evaluated` verdict.

    `reason` is a sentence for people.
    """

    def __init__(
        self,
        reason: str,
        *,
        n: int = 0,
        groups: tuple[GroupValue, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.n = n
        self.groups = groups
        self.notes = notes
