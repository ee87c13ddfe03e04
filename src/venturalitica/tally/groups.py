"""Values into levels: labels as they are, groups by their map, bins or quartiles; numbers as their
very values, or cells of a grid where there are too many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import ceil, isfinite
from typing import Any

import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.core.labels import Identity, identity
from venturalitica.core.levels import CUT, NULL, WHOLE
from venturalitica.core.policy import MIN_CELL, Role, bin_names
from venturalitica.core.scores import EXACT_LIMIT, FINE_CELLS, HAIR, Grid, clipped, grid_over
from venturalitica.core.tally import others
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines.arrays import MISSING, Codes, Ints, spread
from venturalitica.tally.values import (
    RoleError,
    canonical,
    checked_text,
    is_number,
    is_personal,
    kinds,
    number_text,
    refuse_alike,
    refuse_alike_groups,
    refuse_nearly_mapped,
    text_of,
)

QUARTILES_ABOVE = 20
"""A numeric grouping role with more different values than this is cut."""
LEVEL_LIMIT = 1_000
_UNMAPPED_SHOWN = 20
_VALUE_SHOWN = 80


class Levels(Struct, frozen=True):
    """How the values of a role become levels.

    `place` maps a value's identity to its level, `NULL` where it has none.
    """

    names: tuple[Label, ...]
    place: Mapping[Identity, int]
    note: str = ""

    def of(self, values: Iterable[Label]) -> Ints:
        """The level of each value, and `NULL` as a last one for code -1 to find."""
        places = [self.place[identity(value)] for value in values]
        return numpy.array([*places, NULL], dtype=numpy.int64)


def bin_levels(
    role: str,
    values: Iterable[Label],
    cuts: Sequence[float],
    names: Sequence[str],
    note: str = "",
) -> Levels:
    """Levels of numbers cut at `cuts`; only bins that hold a value, in ascending order."""
    placed: dict[Identity, int] = {}
    for value in values:
        if not is_number(value):
            raise RoleError(
                role,
                f"role '{role}' has bins, and its data holds {kinds([value]).pop()}: "
                "bind it to a numeric column, or give it a 'map' instead of 'bins'",
            )
        placed[identity(value)] = bisect_right(cuts, value)
    return _used(placed, names, note)


def cut_levels(
    places: Iterable[Label], cuts: Sequence[float], names: Sequence[str], note: str = ""
) -> Levels:
    """Levels of values that the engine has cut already: each is the number of its bin."""
    return _used({identity(place): int(place) for place in places}, names, note)


def quartile_names(cuts: Sequence[float]) -> tuple[str, ...]:
    """Names of groups cut at quartiles; long fractions are shortened where they stay apart.

    The note of the role has the exact cut points.
    """
    short = [float(f"{cut:.4g}") if abs(cut) < 1e4 and cut % 1 else cut for cut in cuts]
    return bin_names(short if len(set(short)) == len(cuts) else cuts)


def _used(placed: Mapping[Identity, int], names: Sequence[str], note: str) -> Levels:
    used = sorted(set(placed.values()))
    moved = {index: level for level, index in enumerate(used)}
    return Levels(
        tuple(names[index] for index in used),
        {key: moved[index] for key, index in placed.items()},
        note,
    )


def map_levels(role: Role, values: Sequence[Label]) -> Levels:
    """Levels by the role's `map`; a value without an entry has none and is counted as unmapped."""
    assert role.map is not None
    named = {_map_key(role.name, key): name for key, name in role.map.items()}
    names = sorted({str(named[identity(v)]) for v in values if identity(v) in named})
    level = {name: index for index, name in enumerate(names)}
    place = {
        identity(v): level[str(named[identity(v)])] if identity(v) in named else NULL
        for v in values
    }
    refuse_nearly_mapped(role, [v for v in values if place[identity(v)] == NULL])
    refuse_alike_groups(role.name, names)
    return Levels(tuple(names), place)


def _map_key(role: str, key: Any) -> Identity:
    value = canonical(key)
    if value is None:
        raise DataError(f"role '{role}': its map has an entry for a missing value; remove it")
    return identity(value)


def plain_levels(values: Iterable[Label], role: Role) -> Levels:
    """Each value is its own group, named by its text, in the order of the values."""
    ordered = sorted(values, key=identity)
    refuse_alike({role.name: ordered}, {role.name: role})
    names: dict[str, int] = {}
    place: dict[Identity, int] = {}
    for value in ordered:
        name = text_of(checked_text(value, role.name))
        place[identity(value)] = names.setdefault(name, len(names))
    return Levels(tuple(names), place)


def quartile_cuts(numbers: NDArray[Any]) -> tuple[float, ...]:
    """Cut points at the quartiles of the numbers, shape `(n,)`, n > 0: values of the data itself.

    The q-quartile is the smallest value with at least q·n values at or below it (the inverted
    empirical distribution), so every engine finds the same. A cut at the smallest value would
    leave an empty group and is left out; if none is left, the cut is at the next greater value.
    """
    ranks = quartile_ranks(numbers.size)
    ordered = numpy.partition(numbers, ranks)
    lowest = numbers.min()
    cuts = sorted({_item(ordered[rank]) for rank in ranks if ordered[rank] > lowest})
    return tuple(cuts) or (_item(numbers[numbers > lowest].min()),)


def weighted_quartile_cuts(values: Sequence[float], weights: Sequence[int]) -> tuple[float, ...]:
    """The same from different values and how often each occurs."""
    ordered = sorted(zip(values, weights, strict=True))
    below = list(accumulate(weight for _, weight in ordered))
    ranks = (ceil(share * below[-1] / 4) for share in (1, 2, 3))
    cuts = {ordered[bisect_left(below, rank)][0] for rank in ranks}
    return tuple(sorted(cuts - {ordered[0][0]})) or (ordered[1][0],)


def quartile_note(role: str, cuts: Sequence[float], *, whole: bool) -> str:
    """What the verdict says of a role that was cut for want of bins; `whole`: of whole numbers."""
    shown = ", ".join(number_text(cut) for cut in cuts)
    what = WHOLE if whole else "different values and no bins"
    return f"'{role}' has more than {QUARTILES_ABOVE} {what}: {CUT}{shown}"


def are_whole(numbers: NDArray[Any]) -> bool:
    """Whether numbers, none missing, are all whole; objects are integers beyond 64 bits."""
    return numbers.dtype.kind in "iuO" or bool((numbers == numpy.floor(numbers)).all())


def quartile_ranks(size: int) -> list[int]:
    """The places of the quartiles among so many numbers in order, counted from 0."""
    return [ceil(share * size / 4) - 1 for share in (1, 2, 3)]


def _item(value: Any) -> float:
    return plain(value.item() if hasattr(value, "item") else value)


def plain(value: float) -> float:
    """A cut point, whole ones as integers."""
    return int(value) if float(value).is_integer() else float(value)


def unmapped_counts(counts: Sequence[tuple[Label, int]]) -> dict[str, int]:
    """Rows by unmapped value, most frequent first; the rest under one key.

    At most 20 are named, and none that fewer than `MIN_CELL` rows hold, and no address.
    """
    pairs = sorted(counts, key=lambda pair: (-pair[1], identity(pair[0])))
    frequent = [pair for pair in pairs if pair[1] >= MIN_CELL and not is_personal(pair[0])]
    named = frequent[:_UNMAPPED_SHOWN]
    shown: dict[str, int] = {}
    for value, count in named:
        name = _shown(value)
        shown[name] = shown.get(name, 0) + count
    rest = len(pairs) - len(named)
    if rest:
        lost = sum(count for _, count in pairs) - sum(count for _, count in named)
        shown[others(rest)] = lost
    return shown


def _shown(value: Label) -> str:
    text = text_of(value)
    return text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}…"


def refuse_many(role: str, count: int, *, label: bool) -> None:
    """DataError where a role has too many different values to be labels or groups."""
    if count <= LEVEL_LIMIT:
        return
    if label:
        raise RoleError(
            role,
            f"'{role}' has more than {LEVEL_LIMIT:,} different values: it looks like a score or a "
            "measurement, not a label; bind it to score=, or bind a column of labels",
        )
    raise RoleError(
        role,
        f"grouping role '{role}' has more than {LEVEL_LIMIT:,} different values: it looks like "
        "an identifier, and a group must hold people to compare; give the role a 'map' or 'bins' "
        "in the policy, or bind another column",
    )


_PART = 200_000


class NumberLevels:
    """A number as levels: `values` ascending, `codes` one per row, -1 where missing."""

    __slots__ = ("codes", "exact", "name", "note", "role", "values", "width")

    def __init__(self, number: Number, values: NDArray[numpy.float64]) -> None:
        self.name, self.role, self.note = number.name, number.of[-1], ""
        missing = numpy.isnan(values)
        present = values[~missing] if missing.any() else values
        if present.size:
            refuse_infinite(self.role, float(present.min()), float(present.max()))
        self.exact, self.width = True, 0.0
        if number.probability:
            present, self.note = _within_one(present)
        if _too_many(present):
            levels, codes = self._on_grid(number, present)
        else:
            levels, codes = numpy.unique(present, return_inverse=True)
        self.values: tuple[float, ...] = tuple((levels + 0.0).tolist())
        self.codes = spread(codes.astype(numpy.int64), missing)

    def _on_grid(
        self, number: Number, present: NDArray[numpy.float64]
    ) -> tuple[NDArray[numpy.float64], NDArray[numpy.int64]]:
        grid = fine_grid(number, float(present.min()), float(present.max()))
        self.exact, self.width = False, grid.width
        placed = grid.place(present)
        used = numpy.flatnonzero(numpy.bincount(placed, minlength=FINE_CELLS + 2))
        moved = numpy.zeros(FINE_CELLS + 2, dtype=numpy.int64)
        moved[used] = numpy.arange(used.size)
        return grid.centres(used), moved[placed]

    @property
    def nulls(self) -> int:
        return int((self.codes == MISSING).sum())

    @property
    def column(self) -> Codes:
        """The levels as a coded column that can be counted beside others."""
        return Codes(tuple(range(len(self.values))), self.codes)


def refuse_infinite(role: str, low: float, high: float) -> None:
    """RoleError where the least or the greatest number of a role is infinite."""
    if not (isfinite(low) and isfinite(high)):
        raise RoleError(role, f"{role}= holds infinite values: expected finite numbers")


def fine_grid(number: Number, low: float, high: float) -> Grid:
    """The grid for more different numbers of this range than are kept as they are."""
    grid, role = grid_over(low, high, FINE_CELLS), number.of[-1]
    if not isfinite(grid.width):
        raise RoleError(role, f"{role}= spans more than a float can hold: scale the {number.name}s")
    return grid


def is_near_one(low: float, high: float) -> bool:
    """Whether numbers of this range leave [0, 1], and by no more than rounding does."""
    return (low < 0 or high > 1) and low >= -HAIR and high <= 1 + HAIR


def _within_one(present: NDArray[numpy.float64]) -> tuple[NDArray[numpy.float64], str]:
    """Probabilities whose last bits took them out of [0, 1], as float32 softmax does, put back.

    Only where all are within a hair of that range: a margin of 1.0000001 among others is no slip.
    """
    if not present.size or not is_near_one(float(present.min()), float(present.max())):
        return present, ""
    out = int(((present < 0) | (present > 1)).sum())
    return numpy.clip(present, 0.0, 1.0), clipped(out)


def _too_many(present: NDArray[numpy.float64]) -> bool:
    """Whether there are more different scores than are kept exactly; most often a part shows it."""
    part = present[:: max(1, present.size // _PART)]
    if numpy.unique(part).size > EXACT_LIMIT:
        return True
    return part.size < present.size and numpy.unique(present).size > EXACT_LIMIT
