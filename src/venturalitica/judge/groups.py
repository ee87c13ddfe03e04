"""Groups: the observed ones of a control, and those that the policy names and no row has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from venturalitica.judge.refusal import Refusal
from venturalitica.judge.words import quoted
from venturalitica.metrics.arrays import Integers
from venturalitica.rules import Policy, Role
from venturalitica.tallies import Axis

JOIN = " × "
"""Between the names of an intersection."""


@dataclass(frozen=True, slots=True)
class Groups:
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


def observed_groups(policy: Policy, axes: Sequence[Axis], codes: Integers) -> Groups:
    """Groups of the distinct `codes` seen (see `product_codes`), in ascending order.

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
    unseen = int(numpy.prod(sizes)) - codes.size
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
