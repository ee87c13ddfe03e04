"""The rows of one number as its engine groups them, under names of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw
import numpy
from numpy.typing import NDArray

from venturalitica.core.levels import NULL
from venturalitica.errors import EngineError
from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines import blocks, queries
from venturalitica.tally.engines.arrays import Ints, encode
from venturalitica.tally.engines.narwhals import series_array
from venturalitica.tally.engines.traced import chosen, name
from venturalitica.tally.in_memory import Grouped

_LISTED = 64
"""Up to so many values of the keys are told to the engine, each with its level."""
_KINDS = ((nw.Boolean, 0), (nw.Int64, 1), (nw.Float64, 1), (nw.String, 2))
"""Types whose values the engine compares as Python does, and their place in `labels.identity`."""


class Keyed:
    """A lazy frame of ours: a column to group by for each role, and the inputs of a number."""

    def __init__(self, number: Number, roles: Sequence[str], given: Grouped) -> None:
        slots = list(dict.fromkeys(given.slots[role] for role in roles))
        self.levels = given.levels
        self.keys = {role: f"key{slots.index(given.slots[role])}" for role in roles}
        self.columns = list(dict.fromkeys(self.keys.values()))
        self.frame = given.rows.on_engine(
            {f"key{place}": slot for place, slot in enumerate(slots)},
            {
                name(place): given.rows.checked_numbers(
                    given.slots[role].source, role, number.expected
                )
                for place, role in enumerate(number.of)
            },
            plain=True,
        )
        self._kinds: Mapping[str, Any] = self.frame.collect_schema()
        self.names = frozenset(self._kinds)

    def places(self, found: Any, roles: Sequence[str]) -> list[Ints]:
        """For each role the level of each row of what was found."""
        columns = []
        for role in roles:
            codes = encode(series_array(found[self.keys[role]]), f"role '{role}'")
            level: Ints = self.levels[role].of(codes.values)[codes.codes]
            columns.append(level)
        return columns

    def grouped(
        self,
        frame: Any,
        roles: Sequence[str],
        besides: Sequence[str],
        sums: Mapping[str, nw.Expr],
        at_most: int | None = None,
    ) -> Any:
        """The engine's rows, and sums, of each combination of the keys of `roles` and `besides`."""
        keys = list(dict.fromkeys([*(self.keys[role] for role in roles), *besides]))
        aggregates = [one.alias(name) for name, one in sums.items()]
        return queries.answered(frame.group_by(keys).agg(*aggregates), at_most)

    def counted(
        self, frame: Any, roles: Sequence[str], column: str, size: int, at_most: int | None = None
    ) -> NDArray[numpy.int64]:
        """Rows by the levels of `roles` and a column of whole numbers from 0, less than `size`:
        `(level per role ..., number, count)`, `(m, k + 2)`.

        Raises `queries.TooWide` where more than `at_most` combinations would leave the engine.
        """
        levels = [self._level(role) for role in roles]
        if any(one is None for one in levels):
            at_most = at_most if all(map(self._is_one_to_one, roles)) else None
            found = self.grouped(frame, roles, [column], {"rows": nw.len()}, at_most)
            numbers = queries.whole_array(found[column])
            return numpy.column_stack([*self.places(found, roles), numbers, row_counts(found)])
        radix = [len(self.levels[role].names) + 2 for role in roles]
        joint, possible = nw.col(column), size
        for level, many in zip(reversed(levels), reversed(radix), strict=True):
            joint, possible = joint + level * possible, possible * many
        codes, counts = blocks.counted(frame.select(joint.alias("cell")), possible, at_most)
        numbers, codes = codes % size, codes // size
        columns: list[Ints] = []
        for many in reversed(radix):
            columns.append(codes % many - 1)
            codes = codes // many
            if (columns[-1] == many - 2).any():
                raise EngineError(queries.stopped(frame.implementation.name.lower(), KeyError()))
        return numpy.column_stack([*reversed(columns), numbers, counts])

    def _level(self, role: str) -> Any:
        """One more than the level of each row, 0 where it has none, and one more than all for a
        value that was not there before. None where its values are too many, or not told alike."""
        levels, key = self.levels[role], nw.col(self.keys[role])
        kind = self._kinds[self.keys[role]]
        if kind.is_integer() and kind not in (nw.UInt64, nw.Int128, nw.UInt128):
            kind, key = nw.Int64, key.cast(nw.Int64)
        elif kind == nw.Float32:
            kind, key = nw.Float64, key.cast(nw.Float64)
        rank = next((rank for known, rank in _KINDS if kind == known), None)
        if len(levels.place) > _LISTED or any(first != rank for first, _ in levels.place):
            return None
        values: dict[int, list[Any]] = {}
        for (_, value), place in levels.place.items():
            values.setdefault(place, []).append(float(value) if kind == nw.Float64 else value)
        if kind == nw.Int64 and any(abs(v) >= 2**63 for own in values.values() for v in own):
            return None
        cases = [
            (
                reduce(or_, (key == value for value in own)),
                _whole(0 if place == NULL else place + 1),
            )
            for place, own in values.items()
        ]
        missing = key.is_null() | key.is_nan() if kind == nw.Float64 else key.is_null()
        return chosen([(missing, _whole(0)), *cases], _whole(len(levels.names) + 1))

    def _is_one_to_one(self, role: str) -> bool:
        """Whether each value of the role is a level of its own."""
        places = list(self.levels[role].place.values())
        return NULL not in places and len(set(places)) == len(places)


def _whole(value: int) -> nw.Expr:
    return nw.lit(value, nw.Int64)


def roles_of(sets: Sequence[tuple[str, ...]]) -> list[str]:
    """Every role of several tables, each once."""
    return list(dict.fromkeys(role for roles in sets for role in roles))


def row_counts(found: Any) -> Ints:
    """How many rows each combination has."""
    return queries.whole_array(found["rows"])
