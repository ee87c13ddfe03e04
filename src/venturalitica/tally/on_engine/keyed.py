"""The rows of one number as its engine groups them, under names of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy

from venturalitica.metrics.catalog.spec import Number
from venturalitica.tally.engines import queries
from venturalitica.tally.engines.arrays import Ints, encode
from venturalitica.tally.engines.narwhals import series_array
from venturalitica.tally.engines.traced import name
from venturalitica.tally.in_memory import Grouped


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
        )

    def places(self, found: Any, roles: Sequence[str]) -> list[Ints]:
        """For each role the level of each row of what was found."""
        columns = []
        for role in roles:
            codes = encode(series_array(found[self.keys[role]]), f"role '{role}'")
            level: Ints = self.levels[role].of(codes.values)[codes.codes]
            columns.append(level)
        return columns

    def grouped(
        self, frame: Any, roles: Sequence[str], besides: Sequence[str], sums: Mapping[str, nw.Expr]
    ) -> Any:
        """The engine's rows, and sums, of each combination of the keys of `roles` and `besides`."""
        keys = list(dict.fromkeys([*(self.keys[role] for role in roles), *besides]))
        aggregates = [one.alias(name) for name, one in sums.items()]
        return queries.answered(frame.group_by(keys).agg(*aggregates))


def roles_of(sets: Sequence[tuple[str, ...]]) -> list[str]:
    """Every role of several tables, each once."""
    return list(dict.fromkeys(role for roles in sets for role in roles))


def row_counts(found: Any) -> Ints:
    """How many rows each combination has."""
    counts: Ints = found["rows"].to_numpy().astype(numpy.int64)
    return counts
