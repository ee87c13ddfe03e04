"""Which groups are kept back, so that nobody can tell how few rows a small one has.

A group of fewer than `min_cell` rows, or whose value rests on fewer, enters no value, interval,
status or light. Its size may still follow from those that are shown: by subtraction from the whole,
or where the groups of several roles cross. So for each small group a second table is looked for, in
which everything shown is the same and this group has other rows; where none is found, the next
smallest group is kept back too, until there is one or no group is shown at all.

Whoever reads is taken to know, of each group that is shown and of all rows together, how many have
each combination of labels. The second table then differs by rows moved among cells of the same
labels: one row from a cell to another, or two rows around a cycle of four cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy

from venturalitica.metrics.intervals import Integers

Across = tuple[str, ...]
Group = tuple[int, ...]
"""Level indices, one for each role of its `across`."""

SINCE = 3
"""The rules of judgement under which small groups are kept back."""
MOST_CELLS = 300
"""Cells of one combination of labels among which cycles of four are looked for."""


class Crossing:
    """The joint table of all grouping roles.

    Args:
        roles: the grouping roles.
        places: `(C, R)` the level index of each role, NULL where a row has none.
        labels: `(C,)` which combination of labels.
        counts: `(C,)` rows.
        sets: the `across` of every control, each without doubles.
    """

    def __init__(
        self,
        roles: Sequence[str],
        places: Integers,
        labels: Integers,
        counts: Integers,
        sets: Sequence[Across],
    ) -> None:
        self.sets = tuple(sets)
        self._counts = counts
        columns = [[list(roles).index(role) for role in across] for across in sets]
        self._groups = [[tuple(row) for row in places[:, column].tolist()] for column in columns]
        self._cells = [numpy.flatnonzero(labels == one).tolist() for one in numpy.unique(labels)]
        self.sizes: list[dict[Group, int]] = []
        for groups in self._groups:
            sizes: dict[Group, int] = {}
            for group, count in zip(groups, counts.tolist(), strict=True):
                if min(group) >= 0:
                    sizes[group] = sizes.get(group, 0) + count
            self.sizes.append(sizes)

    def keep_back(self, small: Mapping[Across, set[Group]]) -> dict[Across, set[Group]]:
        """The groups to be kept back: the small ones, and those that would give them away."""
        kept = [set(small.get(across, ())) for across in self.sets]
        while True:
            stuck = next(self._given_away(small, kept), None)
            if stuck is None:
                break
            shown = self._shown(stuck, kept)
            if not shown:
                break
            place, group = shown[0]
            kept[place].add(group)
        return dict(zip(self.sets, kept, strict=True))

    def _given_away(
        self, small: Mapping[Across, set[Group]], kept: Sequence[set[Group]]
    ) -> Iterator[int]:
        """The places of sets with a small group whose rows follow from what is shown."""
        for place, across in enumerate(self.sets):
            for group in sorted(small.get(across, ())):
                if not self._may_differ(place, group, kept):
                    yield place

    def _shown(self, first: int, kept: Sequence[set[Group]]) -> list[tuple[int, Group]]:
        """Groups that are shown still: those of the same roles first, the smallest first."""
        ranked = sorted(
            (place != first, size, group, place)
            for place, sizes in enumerate(self.sizes)
            for group, size in sizes.items()
            if group not in kept[place]
        )
        return [(place, group) for _, _, group, place in ranked]

    def _may_differ(self, place: int, group: Group, kept: Sequence[set[Group]]) -> bool:
        inside = [found == group for found in self._groups[place]]
        return any(self._moved(cells, inside, kept) for cells in self._cells)

    def _moved(
        self, cells: Sequence[int], inside: Sequence[bool], kept: Sequence[set[Group]]
    ) -> bool:
        """Whether rows can move among these cells, unseen, into or out of the group."""
        # What is not shown looks alike: the groups kept back of one set have one sign.
        signs = {
            cell: tuple(
                None if groups[cell] in back else groups[cell]
                for groups, back in zip(self._groups, kept, strict=True)
            )
            for cell in cells
        }
        alike: dict[tuple[Group | None, ...], list[int]] = {}
        for cell in cells:
            alike.setdefault(signs[cell], []).append(cell)
        for same in alike.values():
            for one, other in combinations(same, 2):
                if inside[one] != inside[other] and (
                    self._possible((one,), (other,), kept) or self._possible((other,), (one,), kept)
                ):
                    return True
        if len(cells) > MOST_CELLS:
            return False
        pairs: dict[tuple[object, ...], list[tuple[int, int]]] = {}
        for one, other in combinations(cells, 2):
            both = zip(signs[one], signs[other], strict=True)
            key = tuple(tuple(sorted(pair, key=repr)) for pair in both)
            for known in pairs.setdefault(key, []):
                moved = sum(inside[cell] for cell in known) != inside[one] + inside[other]
                if moved and (
                    self._possible(known, (one, other), kept)
                    or self._possible((one, other), known, kept)
                ):
                    return True
            pairs[key].append((one, other))
        return False

    def _possible(
        self, losing: tuple[int, ...], gaining: tuple[int, ...], kept: Sequence[set[Group]]
    ) -> bool:
        """Whether each losing cell has a row to give, and no group that is named becomes empty."""
        if any(self._counts[cell] < 1 for cell in losing):
            return False
        for groups, sizes, back in zip(self._groups, self.sizes, kept, strict=True):
            change: dict[Group, int] = {}
            for cell in losing:
                change[groups[cell]] = change.get(groups[cell], 0) - 1
            for cell in gaining:
                change[groups[cell]] = change.get(groups[cell], 0) + 1
            if any(group in back and sizes[group] + by < 1 for group, by in change.items()):
                return False
        return True
