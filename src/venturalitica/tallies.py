"""Tallies: the counts that every verdict is computed from.

A `Tally` is what one pass over the data leaves: for each axis its levels, and for each table the
number of rows in each cell. All numbers are integers, levels are in a canonical order, so the same
values give the same tally, and the same digest, on every engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from venturalitica.canonical import canonical_json, sha256_hex
from venturalitica.errors import DataError
from venturalitica.records import Label

FORMAT = "venturalitica/tally/v1"
"""Of the stored form. A change of meaning gets the next number; `from_json` keeps reading this."""
NULL = -1
"""The level index of a missing value."""


OTHERS = re.compile(r"\(([0-9,]+) other values?\)")


def others(count: int) -> str:
    """The key under which unmapped values that are not named are counted."""
    return f"({count:,} other value{'s' if count != 1 else ''})"


@dataclass(frozen=True, slots=True)
class Axis:
    """One role of the tally.

    `levels` are label values (target, prediction: in the order booleans, numbers, text, each
    ascending; both label axes share one list, so index i means the same label on both) or group
    names (grouping roles, in the order of their bins, else sorted; only groups that have rows).
    `unmapped` counts rows by value where the role's `map` has no entry for it; such rows have no
    level and are at `NULL`. At most 20 such values are named, and only those of enough rows; the
    rest are counted under one key (`others`).
    """

    role: str
    column: str
    levels: tuple[Label, ...]
    nulls: int = 0
    unmapped: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Row counts over some axes: each cell is `(level index per role ..., count)`.

    Cells are sorted, without zero counts; `NULL` marks a missing value on that axis.
    """

    roles: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Counts by (target, grouping roles ..., score level).

    `scores[i]` is the score at level i, ascending. `exact` is True where these are the very
    values of the data; otherwise each stands for `width` of score around it: no score was moved
    by more than half of that. `roles` starts with `target` and excludes `score`; the last index of
    a cell before its count is the score level, `NULL` where the score is missing. `note` says what
    was done to the scores.
    """

    roles: tuple[str, ...]
    scores: tuple[float, ...]
    cells: tuple[tuple[int, ...], ...]
    exact: bool = True
    width: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Tally:
    """All counts of one audit.

    `rows` is the number of rows seen, missing values included. `tables` hold label and grouping
    axes; `scores` the same with the score. `nulls` maps each bound role to its missing values,
    also roles that no table needs.
    """

    rows: int
    axes: tuple[Axis, ...]
    tables: tuple[Table, ...] = ()
    scores: tuple[ScoreTable, ...] = ()
    nulls: Mapping[str, int] = field(default_factory=dict)

    def axis(self, role: str) -> Axis | None:
        return next((axis for axis in self.axes if axis.role == role), None)

    def table(self, roles: tuple[str, ...]) -> Table:
        """Row counts over exactly `roles`, summed out of the smallest table that holds them all.

        Raises DataError where no table holds them: the tally was built for another policy.
        """
        holding = [table for table in self.tables if set(roles) <= set(table.roles)]
        if not holding:
            known = " | ".join(" × ".join(table.roles) for table in self.tables) or "none"
            raise DataError(
                f"this tally has no counts over {' × '.join(roles)} (it has: {known}): "
                "judge the data itself under this policy"
            )
        smallest = min(holding, key=lambda table: (table.roles != roles, len(table.cells)))
        return smallest if smallest.roles == roles else _summed(smallest, roles)

    def to_json(self) -> dict[str, Any]:
        """The form kept in evidence."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "nulls": dict(self.nulls),
            "axes": [
                {
                    "role": axis.role,
                    "column": axis.column,
                    "levels": list(axis.levels),
                    "nulls": axis.nulls,
                    "unmapped": dict(axis.unmapped),
                    "note": axis.note,
                }
                for axis in self.axes
            ],
            "tables": [
                {"roles": list(t.roles), "cells": [list(c) for c in t.cells]} for t in self.tables
            ],
            "scores": [
                {
                    "roles": list(s.roles),
                    "scores": list(s.scores),
                    "cells": [list(c) for c in s.cells],
                    "exact": s.exact,
                    "width": s.width,
                    # Left out where empty: a tally from before has the digest that it had.
                    **({"note": s.note} if s.note else {}),
                }
                for s in self.scores
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tally:
        """Read back what `to_json` wrote; DataError where the format is another."""
        if data.get("format") != FORMAT:
            raise DataError(
                f"a tally of format {data.get('format')!r}: this version reads {FORMAT!r}; "
                "read it with the version of venturalitica that wrote it, or a newer one"
            )
        return cls(
            rows=data["rows"],
            nulls=dict(data["nulls"]),
            axes=tuple(
                Axis(
                    a["role"], a["column"], tuple(a["levels"]), a["nulls"], a["unmapped"], a["note"]
                )
                for a in data["axes"]
            ),
            tables=tuple(
                Table(tuple(t["roles"]), tuple(tuple(c) for c in t["cells"]))
                for t in data["tables"]
            ),
            scores=tuple(
                ScoreTable(
                    tuple(s["roles"]),
                    tuple(float(score) for score in s["scores"]),
                    tuple(tuple(c) for c in s["cells"]),
                    s["exact"],
                    s["width"],
                    s.get("note", ""),
                )
                for s in data["scores"]
            ),
        )

    def for_evidence(self) -> Tally:
        """The form that is stored and hashed: each score table on at most 512 levels.

        Label and group counts stay as they are. Doing it twice changes nothing.
        """
        if not self.scores:
            return self
        from venturalitica.scoregrid import coarsen

        coarse = tuple(coarsen(table) for table in self.scores)
        return self if coarse == self.scores else replace(self, scores=coarse)

    @property
    def sha256(self) -> str:
        """Digest of the evidence form.

        A tally read back from evidence has the digest of the first.
        """
        # Not `cached_property`: up to Python 3.11 it holds one lock for all objects, which a child
        # forked while another thread computes a digest would wait for without end.
        found: str | None = self.__dict__.get("_sha256")
        if found is None:
            found = sha256_hex(canonical_json(self.for_evidence().to_json()))
            self.__dict__["_sha256"] = found
        return found


def _summed(table: Table, roles: tuple[str, ...]) -> Table:
    kept = [table.roles.index(role) for role in roles]
    counts: dict[tuple[int, ...], int] = {}
    for cell in table.cells:
        key = tuple(cell[index] for index in kept)
        counts[key] = counts.get(key, 0) + cell[-1]
    return Table(roles, tuple((*key, count) for key, count in sorted(counts.items())))
