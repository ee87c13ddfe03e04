"""Tallies: the counts that every verdict is computed from.

A `Tally` is what one pass over the data leaves: for each axis its levels, and for each table the
number of rows in each cell. All numbers are integers, levels are in a canonical order, so the same
values give the same tally, and the same digest, on every engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from venturalitica.core.amounts import AmountTable, with_sums
from venturalitica.core.drift import DriftTable, joined_drift
from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.levels import Moves, joined, moved, places, rule_of
from venturalitica.core.policy import LABEL_ROLES, Role
from venturalitica.core.scores import ScoreTable, added, coarsen, summed
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, listed

FORMAT = "venturalitica/tally/v1"
"""Of the stored form. A change of meaning gets the next number; `from_json` keeps reading this."""


def may_be_told(counts: Iterable[int], rows: int, least: int) -> bool:
    """Whether none of the counts, and nothing that they lack of all `rows`, is of a few rows."""
    parts = list(counts)
    return all(not part or part >= least for part in (*parts, rows - sum(parts)))


OTHERS = re.compile(r"\(([0-9,]+) other values?\)")
UNTOLD = "(other values)"
"""The key for such values in a record that tells of no count of them."""


def others(count: int) -> str:
    """The key under which unmapped values that are not named are counted."""
    return f"({count:,} other value{'s' if count != 1 else ''})"


class Axis(Struct, frozen=True):
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


class Table(Struct, frozen=True):
    """Row counts over some axes: each cell is `(level index per role ..., count)`.

    Cells are sorted, without zero counts; `NULL` marks a missing value on that axis.
    """

    roles: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


class Tally(Struct, frozen=True, dict=True):
    """All counts of one audit.

    `rows` is the number of rows seen, missing values included. `tables` hold label and grouping
    axes; `scores` the same with the score, `amounts` exact sums of amounts by groups; `drift` the
    rows of single columns beside those of a reference. `nulls` maps each bound role to its missing
    values, also roles that no table needs.
    """

    rows: int
    axes: tuple[Axis, ...]
    tables: tuple[Table, ...] = ()
    scores: tuple[ScoreTable, ...] = ()
    amounts: tuple[AmountTable, ...] = ()
    nulls: Mapping[str, int] = field(default_factory=dict)
    drift: tuple[DriftTable, ...] = ()

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

    @classmethod
    def merge(cls, parts: Sequence[Tally], roles: Mapping[str, Role]) -> Tally:
        """The tally of all the rows of the parts: counts of equal levels are added.

        It equals the tally of the rows pooled, bit for bit, and so does every verdict. Where the
        parts hold a score table on different grids, it is the coarsest; where only some hold the
        joint table of all roles (the others have too many cells), what the others hold.

        Args:
            parts: tallies of the same controls over different rows, counted or read from evidence.
            roles: those of the policy that each part was counted under (`Policy.roles`).

        Raises:
            DataError: there is no part; one counts other roles, columns or tables; a role's levels
                hang on the data (quartiles, values that the policy does not list), with the line to
                add to the policy; a value has no entry in its `map`; scores outside of [0, 1] are
                on a grid over their own range.
        """
        if not parts:
            raise DataError("no tallies to add up: expected one or more")
        for number, part in enumerate(parts, start=1):
            _refuse_other(parts[0], part, number)
        labels = [axis.role for axis in parts[0].axes if axis.role in LABEL_ROLES]
        axes = tuple(
            _joined_axis(same, roles, labels) for same in zip(*(p.axes for p in parts), strict=True)
        )
        moves = [
            {
                old.role: places(old.levels, new.levels)
                for old, new in zip(p.axes, axes, strict=True)
            }
            for p in parts
        ]
        fewest = max((part.tables for part in parts), key=len)
        return cls(
            rows=sum(part.rows for part in parts),
            axes=axes,
            tables=tuple(_added([p.table(t.roles) for p in parts], moves) for t in fewest),
            scores=tuple(
                added(same, moves) for same in zip(*(p.scores for p in parts), strict=True)
            ),
            amounts=tuple(
                with_sums(same, moves) for same in zip(*(p.amounts for p in parts), strict=True)
            ),
            nulls={role: sum(part.nulls[role] for part in parts) for role in parts[0].nulls},
            drift=joined_drift([part.drift for part in parts]),
        )

    def to_json(self) -> dict[str, Any]:
        """The form kept in evidence."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "nulls": dict(self.nulls),
            "axes": [asdict(axis) | {"levels": list(axis.levels)} for axis in self.axes],
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
                    **({"number": s.number} if s.number != "score" else {}),
                }
                for s in self.scores
            ],
            **({"amounts": [table.to_json() for table in self.amounts]} if self.amounts else {}),
            **({"drift": [table.to_json() for table in self.drift]} if self.drift else {}),
        }

    def axes_json(self, least: int) -> list[dict[str, Any]]:
        """What a record says of its axes, which anybody may read.

        Where one of its counts is of fewer than `least` rows, which may speak of one person, all of
        them are left out (None): the others would tell it.
        """
        return [
            asdict(axis)
            | {"levels": list(axis.levels)}
            | ({} if self.tells(axis, least) else _untold(axis, least))
            for axis in self.axes
        ]

    def tells(self, axis: Axis, least: int) -> bool:
        """Whether it may be told how many rows have no level of this axis, and why."""
        return may_be_told((axis.nulls, *axis.unmapped.values()), self.rows, least)

    def nulls_told(self, least: int) -> dict[str, int | None]:
        """By role: how many of its values are missing; None where that is not to be told."""
        told: dict[str, int | None] = {}
        for role, count in self.nulls.items():
            axis = self.axis(role) or Axis(role, "", (), count)
            told[role] = count if not count or self.tells(axis, least) else None
        return told

    def few_nulls(self, role: str, least: int) -> bool:
        """Whether fewer than `least` of its values are missing, or without an entry in its map."""
        axis = self.axis(role) or Axis(role, "", (), self.nulls[role])
        return axis.nulls + sum(axis.unmapped.values()) < least

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
                    s.get("number", "score"),
                )
                for s in data["scores"]
            ),
            amounts=tuple(
                AmountTable(
                    a["number"],
                    tuple(a["roles"]),
                    tuple(a["names"]),
                    tuple(tuple(c) for c in a["cells"]),
                    tuple(tuple(own) for own in a["sums"]),
                    tuple(float(low) for low in a["bins"]),
                    a.get("column", ""),
                )
                for a in data.get("amounts", ())
            ),
            drift=tuple(map(DriftTable.from_json, data.get("drift", ()))),
        )

    def for_evidence(self) -> Tally:
        """The form that is stored and hashed: each score table on at most 512 levels.

        Label and group counts stay as they are. Doing it twice changes nothing.
        """
        if not self.scores:
            return self

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


def _untold(axis: Axis, least: int) -> dict[str, Any]:
    """What an axis says of its missing values where no count of them is told."""
    named = (
        value if count >= least and not OTHERS.fullmatch(value) else UNTOLD
        for value, count in axis.unmapped.items()
    )
    return {"nulls": None if axis.nulls else 0, "unmapped": dict.fromkeys(named)}


def _summed(table: Table, roles: tuple[str, ...]) -> Table:
    kept = [table.roles.index(role) for role in roles]
    counts: dict[tuple[int, ...], int] = {}
    for cell in table.cells:
        key = tuple(cell[index] for index in kept)
        counts[key] = counts.get(key, 0) + cell[-1]
    return Table(roles, tuple((*key, count) for key, count in sorted(counts.items())))


def _refuse_other(first: Tally, part: Tally, number: int) -> None:
    """DataError where the part was counted for another policy or other columns."""
    for what, one, other in (
        ("roles", _columns(first), _columns(part)),
        ("tables by a number", _kinds(first), _kinds(part)),
        ("columns with missing values counted", sorted(first.nulls), sorted(part.nulls)),
    ):
        if one != other:
            raise DataError(
                f"part {number} has other {what} ({', '.join(other) or 'none'}) than part 1 "
                f"({', '.join(one) or 'none'}): count both for the same controls and columns"
            )


def _columns(tally: Tally) -> list[str]:
    return [f"{axis.role} from {axis.column}" for axis in tally.axes]


def _kinds(tally: Tally) -> list[str]:
    tables: tuple[ScoreTable | AmountTable, ...] = (*tally.scores, *tally.amounts)
    weights = [f"weights from {table.column}" for table in tally.amounts if table.column]
    return [*(f"{table.number} × {' × '.join(table.roles)}" for table in tables), *weights]


def _joined_axis(parts: Sequence[Axis], roles: Mapping[str, Role], labels: Sequence[str]) -> Axis:
    """One axis of all parts; `labels` are the label axes, which share one list."""
    first = parts[0]
    together = labels if first.role in labels else [first.role]
    rules = [rule_of(role, roles) for role in together]
    levels = joined(first.role, rules, [part.levels for part in parts], first.note)
    for number, part in enumerate(parts, start=1):
        if part.unmapped:
            raise DataError(
                f"part {number} has {sum(part.unmapped.values()):,} rows whose {first.column} has "
                f"no entry in the map of role '{first.role}' ({listed(part.unmapped)}): add it to "
                "the 'map' in the policy, and count each part again"
            )
        if part.note != first.note:
            raise DataError(
                f"role '{first.role}' was read in another way in part {number} "
                f"({part.note or 'as it is'}) than in part 1 ({first.note or 'as it is'}): give "
                "the column the same type in every part"
            )
    return replace(first, levels=levels, nulls=sum(part.nulls for part in parts))


def _added(parts: Sequence[Table], moves: Sequence[Moves]) -> Table:
    import numpy

    roles = parts[0].roles
    every = [
        moved(roles, p.cells, m, width=len(roles) + 1) for p, m in zip(parts, moves, strict=True)
    ]
    return Table(roles, tuple(map(tuple, summed(numpy.concatenate(every)).tolist())))
