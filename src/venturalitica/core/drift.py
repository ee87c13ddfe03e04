"""Two samples of one column beside each other: the reference's rows by cell, and those judged.

A grid says which cells there are: a number is cut at points that the reference fixes, any other
value has a cell of its own, and what the reference pooled is together in the last one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.labels import identity
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError

LAST_GREEN = "last-green"
"""The reference that is the newest green record of the same policy and pipeline."""
FILE_ENDING = ".json"
"""By which a reference that is a file is known from one that is a run."""
MOST_LEVELS = 1_000
MOST_CUTS = 1_000


class Distribution(Struct, frozen=True):
    """Rows of one column or role by cell.

    `cuts` are ascending: cell i holds `cuts[i - 1] <= value < cuts[i]`, one cell more than there
    are cuts. Without cuts there is a cell for each of the `levels` and one more, the last, for all
    other values. Missing values are in no cell.
    """

    name: str
    role: bool
    cuts: tuple[float, ...]
    levels: tuple[Label, ...]
    counts: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows that have a value."""
        return sum(self.counts)

    @property
    def key(self) -> tuple[bool, str]:
        """What it is of."""
        return self.role, self.name

    def to_json(self) -> dict[str, Any]:
        """The form that a baseline keeps."""
        return {
            "name": self.name,
            "role": self.role,
            "cuts": list(self.cuts),
            "levels": list(self.levels),
            "counts": list(self.counts),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Distribution:
        """Read back what `to_json` wrote.

        Raises:
            DataError: it is no distribution: cells and counts do not fit, or a count is none.
        """
        if not isinstance(said.get("name"), str) or not isinstance(said.get("role"), bool):
            raise DataError("a distribution does not say what it is of")
        try:
            cuts = tuple(map(float, said["cuts"]))
            levels, counts = tuple(said["levels"]), tuple(said["counts"])
            found = cls(said["name"], said["role"], cuts, levels, counts)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a distribution is malformed ({type(error).__name__})") from None
        if fault := found.fault:
            raise DataError(f"the distribution of {found.name[:80]!r}: {fault}")
        return found

    @property
    def fault(self) -> str:
        """Why it is none; "" where it is."""
        if grid := grid_fault(self.cuts, self.levels):
            return grid
        return counts_fault(self.counts, self.cuts, self.levels)


def grid_fault(cuts: Sequence[float], levels: Sequence[Label]) -> str:
    """Why these are no cells; "" where they are."""
    if cuts and levels:
        return "it has both cut points and levels"
    if len(cuts) > MOST_CUTS or len(levels) > MOST_LEVELS:
        return "it has too many cells"
    if not all(map(math.isfinite, cuts)) or not all(low < high for low, high in pairwise(cuts)):
        return "its cut points are not ascending numbers"
    if not all(map(_is_label, levels)):
        return "a level is no label"
    return "a level is there twice" if len(set(map(identity, levels))) < len(levels) else ""


def _is_label(level: object) -> bool:
    finite = not isinstance(level, float) or math.isfinite(level)
    return isinstance(level, str | int | float) and finite


def counts_fault(counts: Sequence[object], cuts: Sequence[float], levels: Sequence[Label]) -> str:
    """Why these are not the rows of such cells; "" where they are."""
    if len(counts) != (len(cuts) or len(levels)) + 1:
        return "it has another number of counts than of cells"
    whole = all(type(count) is int and 0 <= count < 1 << 53 for count in counts)
    return "" if whole else "a count is no number of rows"


class DriftTable(Struct, frozen=True):
    """What a control compares of one column or role, on the cells of its reference.

    `counts` are the rows that are judged, `missing` those of them without a value. `reference` are
    the rows of the reference in the same cells, none where there is no reference. `why` says why
    the column could not be counted; then nothing else is there.
    """

    against: str
    name: str
    role: bool
    cuts: tuple[float, ...] = ()
    levels: tuple[Label, ...] = ()
    reference: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    missing: int = 0
    why: str = ""

    @property
    def key(self) -> tuple[str, bool, str]:
        """What is compared with what."""
        return self.against, self.role, self.name

    @property
    def ordered(self) -> bool:
        """Whether its cells have an order: cuts, or levels that are numbers."""
        numbers = (isinstance(one, int | float) for one in self.levels)
        return bool(self.cuts) or (bool(self.levels) and all(numbers))

    @property
    def current(self) -> Distribution:
        """The rows that were judged, alone."""
        return Distribution(self.name, self.role, self.cuts, self.levels, self.counts)

    def to_json(self) -> dict[str, Any]:
        """The form kept with the tally."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in said.items()}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> DriftTable:
        """Read back what `to_json` wrote; KeyError, TypeError or ValueError where it is none."""
        found = {name: said[name] for name in cls.__struct_fields__}
        found["cuts"] = tuple(map(float, found["cuts"]))
        for name in ("levels", "reference", "counts"):
            found[name] = tuple(found[name])
        return cls(**found)

    def fault(self, rows: int) -> str:
        """What in it contradicts itself, or the number of rows of its tally; "" where nothing."""
        right = all(isinstance(text, str) for text in (self.against, self.name, self.why))
        if not right or not isinstance(self.role, bool) or type(self.missing) is not int:
            return "a comparison is malformed"
        if self.why:
            return "" if not (self.counts or self.reference) else "it counts what it could not"
        counted = [self.counts, *([self.reference] if self.reference else [])]
        faults = (counts_fault(counts, self.cuts, self.levels) for counts in counted)
        fault = grid_fault(self.cuts, self.levels) or next(filter(None, faults), "")
        if not fault and (self.missing < 0 or sum(self.counts) + self.missing != rows):
            fault = "it does not count every row once"
        return fault


def joined_tables(parts: Sequence[DriftTable], number: int) -> DriftTable:
    """The rows of all parts against their one reference; `number` is that of the part that differs.

    Raises:
        DataError: they were counted on other cells, or against another reference.
    """
    first = parts[0]
    for part in parts[1:]:
        number += 1
        if replace(part, counts=first.counts, missing=first.missing) != first:
            raise DataError(
                f"part {number} compares '{first.name}' with another reference than part 1, or on "
                "other cells: count each part against the same baseline"
            )
    counts = tuple(map(sum, zip(*(part.counts for part in parts), strict=True)))
    return replace(first, counts=counts, missing=sum(part.missing for part in parts))


def joined_drift(parts: Sequence[Sequence[DriftTable]]) -> tuple[DriftTable, ...]:
    """The comparisons of several tallies of the same controls, added up."""
    keys = [[table.key for table in part] for part in parts]
    for number, own in enumerate(keys, start=1):
        if own != keys[0]:
            raise DataError(f"part {number} compares other columns with a reference than part 1")
    return tuple(joined_tables(same, 1) for same in zip(*parts, strict=True))


def told(found: Distribution, least: int) -> Distribution | None:
    """A distribution that can be a reference: no cell of it holds from 1 to `least` - 1 rows.

    Neighbours on a grid are joined, rare levels are pooled with all others. None where fewer than
    `least` rows are left to tell of.
    """
    if found.rows < max(least, 1):
        return None
    if found.cuts:
        cuts, counts = joined_bins(found.cuts, [found.counts], least)
        return replace(found, cuts=cuts, counts=counts[0])
    keep = dict(zip(found.levels, found.counts, strict=False))
    rest = found.counts[-1] + sum(count for count in keep.values() if count < least)
    keep = {level: count for level, count in keep.items() if count >= least}
    while 0 < rest < least:
        rarest = min(keep, key=lambda level: keep[level])
        rest += keep.pop(rarest)
    return replace(found, levels=tuple(keep), counts=(*keep.values(), rest))


def joined_bins(
    cuts: Sequence[float], samples: Sequence[Sequence[int]], least: int
) -> tuple[tuple[float, ...], list[tuple[int, ...]]]:
    """Neighbours joined until no bin holds from 1 to `least` - 1 rows of the first sample.

    The samples are `(bins,)` each, over the same cuts.
    """
    cuts, counts = list(cuts), [list(sample) for sample in samples]
    while cuts:
        few = [at for at, count in enumerate(counts[0]) if 0 < count < least]
        if not few:
            break
        at = few[0]
        # With the smaller neighbour; the last bin has one only.
        sides = [side for side in (at - 1, at) if 0 <= side < len(cuts)]
        left = min(sides, key=lambda side: counts[0][side] + counts[0][side + 1])
        for sample in counts:
            sample[left : left + 2] = [sample[left] + sample[left + 1]]
        del cuts[left]
    return tuple(cuts), [tuple(sample) for sample in counts]


def few_levels(counts: Sequence[int], least: int) -> list[int]:
    """The places of the counts from 1 to `least` - 1, and of the next smallest where they are few
    together too: what has to be shown as one."""
    order = sorted(range(len(counts)), key=lambda at: (counts[at], at))
    few = [at for at in order if 0 < counts[at] < least]
    rest = [at for at in order if counts[at] >= max(least, 1)]
    while few and rest and sum(counts[at] for at in few) < least:
        few.append(rest.pop(0))
    return few


def placed(counts: Iterable[tuple[Label, int]], levels: Sequence[Label]) -> tuple[int, ...]:
    """Rows of each of these levels, and last those of all other values."""
    places = {identity(level): place for place, level in enumerate(levels)}
    found = [0] * (len(levels) + 1)
    for value, count in counts:
        found[places.get(identity(value), len(levels))] += count
    return tuple(found)
