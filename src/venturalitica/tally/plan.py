"""What a control asks of a tally, as plain names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """Row counts over `labels` and `groups` together; with `score`, over the score levels too.

    `labels` are of `target` and `prediction`, `groups` are grouping roles. With all three empty
    only the number of rows is wanted.
    """

    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    score: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The axes of the table, labels first, each once; the score is not an axis."""
        names = dict.fromkeys([*self.labels, *self.groups])
        return tuple(name for name in names if name != "score")

    @property
    def scored_roles(self) -> tuple[str, ...]:
        """The axes of the score table: the target, then the groups."""
        return ("target", *(role for role in self.roles if role not in ("target", "prediction")))


def tables_of(needs: Sequence[Need], bound: frozenset[str]) -> list[tuple[str, ...]]:
    """The tables that the needs ask for, in their order, each once; those with an unbound role
    are left out, because their controls cannot be evaluated anyway.

    Where predictions are counted, a bound target is too: which labels there are, and so which one
    is favorable, must not hang on whether another control happens to need the target.
    """
    asked = dict.fromkeys(need.roles for need in needs if need.roles)
    if any("prediction" in roles for roles in asked):
        asked |= {("target",): None}
    return [roles for roles in asked if bound.issuperset(roles)]


def scored_of(needs: Sequence[Need], bound: frozenset[str]) -> list[tuple[str, ...]]:
    """The score tables that the needs ask for, in the same manner."""
    asked = dict.fromkeys(need.scored_roles for need in needs if need.score)
    return [roles for roles in asked if bound.issuperset((*roles, "score"))]
