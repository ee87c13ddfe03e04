"""Which groups are kept back, so that nobody can tell how few rows a small one has.

A group of fewer than `min_cell` rows, or whose value rests on fewer, enters no value, interval,
status or light. Its size may still follow from those that are shown: by subtraction from the whole,
or where the groups of several roles cross. So for each small group a second table is looked for, in
which everything shown is the same and this group has other rows; where none is found, the next
smallest group is kept back too, until there is one or no group is shown at all.

Rows without a group are as a group themselves, whose size is told unless it is small or would give
one away that is; so they are protected, and never shown for another's sake.

Whoever reads is taken to know, of each group that is shown and of all rows together, how many have
each combination of labels. The second table then differs by rows moved among cells of the same
labels: one row from a cell to another, or two rows around a cycle of four cells. Each combination
of labels that a hidden row has must be able to move, so that outcomes do not follow either.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import TypeVar

import numpy

from venturalitica.core.levels import NULL
from venturalitica.metrics.intervals import Integers

Thing = TypeVar("Thing")
Across = tuple[str, ...]
Group = tuple[int, ...]
"""Level indices, one for each role of its `across`."""

SINCE = 3
"""The rules of judgement under which small groups are kept back."""
MOST_CELLS = 60
"""Cells of one combination of labels among which cycles of four are looked for."""

Stuck = tuple[int, Group]
"""A group by the place of its set."""


class Crossing:
    """The joint table of all grouping roles.

    Args:
        roles: the grouping roles.
        places: `(C, R)` the level index of each role, NULL where a row has none.
        labels: `(C,)` which combination of labels.
        counts: `(C,)` rows.
        sets: the `across` of every control, each without doubles.
        untold: roles of which it is not told how many rows have no level.
        least: the smallest number of rows that is told.
    """

    def __init__(
        self,
        roles: Sequence[str],
        places: Integers,
        labels: Integers,
        counts: Integers,
        sets: Sequence[Across],
        *,
        untold: Collection[str] = (),
        least: int,
    ) -> None:
        self._asked = tuple(sets)
        # How many rows have no level of a role is told also where no control compares by it alone.
        alone = [(role,) for role in roles if (role,) not in sets]
        self.sets = sets = (*sets, *alone)
        # Nobody knows which combinations are empty: a row may be moved to any that there is.
        places, of_place = numpy.unique(places, axis=0, return_inverse=True)
        kinds, of_label = numpy.unique(labels, return_inverse=True)
        filled = numpy.zeros((kinds.size, len(places)), dtype=numpy.int64)
        numpy.add.at(filled, (of_label.reshape(-1), of_place.reshape(-1)), counts)
        self._counts, self._least = filled.tolist(), least
        columns = [[list(roles).index(role) for role in across] for across in sets]
        self._groups = [[tuple(row) for row in places[:, column].tolist()] for column in columns]
        self._moves: set[tuple[Stuck, int]] = set()
        self.sizes: list[dict[Group, int]] = []
        for groups in self._groups:
            sizes: dict[Group, int] = {}
            for group, count in zip(groups, filled.sum(axis=0).tolist(), strict=True):
                sizes[group] = sizes.get(group, 0) + count
            self.sizes.append(sizes)
        self._hidden = [
            {
                group
                for group in sizes
                if (
                    across in alone if NULL not in group else len(across) > 1 or across[0] in untold
                )
            }
            for across, sizes in zip(sets, self.sizes, strict=True)
        ]

    def keep_back(self, small: Mapping[Across, set[Group]]) -> dict[Across, set[Group]]:
        """The groups to be kept back: the small ones, and those that would give them away."""
        small = {across: {*small.get(across, ()), *few} for across, few in self._nameless.items()}
        kept = [
            small[across] | hidden for across, hidden in zip(self.sets, self._hidden, strict=True)
        ]
        while (stuck := next(self._given_away(small, kept), None)) is not None:
            shown = self._shown(stuck[0], kept)
            if not shown:
                break
            place, group = next((one for one in shown if self._helps(one, stuck, kept)), shown[0])
            kept[place].add(group)
        return {
            across: {group for group in back if NULL not in group}
            for across, back in zip(self._asked, kept, strict=False)
        }

    @property
    def _nameless(self) -> dict[Across, set[Group]]:
        """Rows without a level of a role, where they are few."""
        return {
            across: {(NULL,)} if 0 < sizes.get((NULL,), 0) < self._least else set()
            for across, sizes in zip(self.sets, self.sizes, strict=True)
        }

    def _given_away(
        self, small: Mapping[Across, set[Group]], kept: Sequence[set[Group]]
    ) -> Iterator[Stuck]:
        """The small groups whose rows, or their labels, follow from what is shown."""
        free = _Free(self._groups, kept)
        for place, across in enumerate(self.sets):
            for group in sorted(small.get(across, ())):
                if not self._may_differ((place, group), kept, free, keep=True):
                    yield place, group

    def _shown(self, first: int, kept: Sequence[set[Group]]) -> list[Stuck]:
        """The smallest group of each set that is shown still: that of the same roles first."""
        smallest = [
            min(
                ((size, group) for group, size in sizes.items() if self._open(group, back)),
                default=None,
            )
            for sizes, back in zip(self.sizes, kept, strict=True)
        ]
        found = [(place, one[1]) for place, one in enumerate(smallest) if one is not None]
        return sorted(found, key=lambda one: (one[0] != first, self.sizes[one[0]][one[1]]))

    @staticmethod
    def _open(group: Group, back: set[Group]) -> bool:
        return group not in back and NULL not in group

    def _helps(self, one: Stuck, stuck: Stuck, kept: Sequence[set[Group]]) -> bool:
        """Whether keeping this one back is enough."""
        tried = [back | {one[1]} if at == one[0] else back for at, back in enumerate(kept)]
        return self._may_differ(stuck, tried, _Free(self._groups, tried))

    def _may_differ(
        self, stuck: Stuck, kept: Sequence[set[Group]], free: _Free, *, keep: bool = False
    ) -> bool:
        """Whether its rows may be others; and of each label, unless all that are hidden have it."""
        groups, back = self._groups[stuck[0]], kept[stuck[0]]
        inside = [found == stuck[1] for found in groups]
        out = [at for at, found in enumerate(groups) if found in back]
        hidden = [sum(counts[at] for at in out) for counts in self._counts]
        moved = []
        for label, rows in enumerate(hidden):
            # What moves unseen does so too when more is kept back.
            known = (stuck, label) in self._moves
            if rows:
                moved.append(known or self._moved(self._counts[label], inside, kept, free))
                if keep and moved[-1]:
                    self._moves.add((stuck, label))
        return any(moved) and (all(moved) or sum(hidden) in hidden)

    def _moved(
        self, counts: Sequence[int], inside: Sequence[bool], kept: Sequence[set[Group]], free: _Free
    ) -> bool:
        """Whether rows of one label can move, unseen, into or out of the group."""
        ways = (
            (losing, gaining)
            for losing, gaining in free.moves(inside)
            if all(counts[at] for at in losing)
        )
        return any(self._possible(losing, gaining, kept) for losing, gaining in ways)

    def _possible(
        self, losing: Sequence[int], gaining: Sequence[int], kept: Sequence[set[Group]]
    ) -> bool:
        """Whether no group that is named becomes empty, and few rows without one stay few."""
        for groups, sizes, back in zip(self._groups, self.sizes, kept, strict=True):
            change: dict[Group, int] = {}
            for at in losing:
                change[groups[at]] = change.get(groups[at], 0) - 1
            for at in gaining:
                change[groups[at]] = change.get(groups[at], 0) + 1
            if any(
                group in back and not self._in_bounds(group, sizes[group], sizes[group] + by)
                for group, by in change.items()
            ):
                return False
        return True

    def _in_bounds(self, group: Group, was: int, now: int) -> bool:
        """Whether nothing that is said of a group that is not shown would have to be another."""
        alike = (was < self._least) == (now < self._least)
        return now >= 1 and (alike or group != (NULL,))


class _Free:
    """The moves of rows that nothing shows: places that lose one each, and places that gain one.

    Args:
        groups: by set, the group of each place.
        kept: by set, the groups that are not shown; these look alike.
    """

    def __init__(self, groups: Sequence[Sequence[Group]], kept: Sequence[set[Group]]) -> None:
        numbers = [
            {group: number for number, group in enumerate(dict.fromkeys(own), start=1)}
            for own in groups
        ]
        columns = [
            [0 if group in back else number[group] for group in own]
            for own, number, back in zip(groups, numbers, kept, strict=True)
        ]
        self._signs = list(zip(*columns, strict=True))
        self._alike = _alike(self._signs, range(len(self._signs)))
        self._cycles: list[list[tuple[int, int]]] | None = None

    def moves(self, inside: Sequence[bool]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Those that change how many rows are `inside`."""
        for same in self._alike:
            ins, outs = [at for at in same if inside[at]], [at for at in same if not inside[at]]
            for a, b in product(ins, outs):
                yield (a,), (b,)
                yield (b,), (a,)
        for pairs in self._of_four():
            by_inside: dict[int, list[tuple[int, int]]] = {}
            for pair in pairs:
                by_inside.setdefault(inside[pair[0]] + inside[pair[1]], []).append(pair)
            for few, more in combinations(by_inside.values(), 2):
                for known, other in product(few, more):
                    yield known, other
                    yield other, known

    def _of_four(self) -> list[list[tuple[int, int]]]:
        if self._cycles is None:
            some = len(self._signs) if len(self._signs) <= MOST_CELLS else 0
            pairs = list(combinations(range(some), 2))
            signs = [
                tuple(
                    (one, other) if one < other else (other, one)
                    for one, other in zip(self._signs[a], self._signs[b], strict=True)
                )
                for a, b in pairs
            ]
            self._cycles = _alike(signs, pairs)
        return self._cycles


def _alike(signs: Sequence[Hashable], things: Sequence[Thing]) -> list[list[Thing]]:
    """Those of one sign together, where there are several."""
    by_sign: dict[Hashable, list[Thing]] = {}
    for sign, thing in zip(signs, things, strict=True):
        by_sign.setdefault(sign, []).append(thing)
    return [same for same in by_sign.values() if len(same) > 1]
