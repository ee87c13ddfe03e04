"""The rows that a control counts: cells, grouped, missing values dropped or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from venturalitica.errors import did_you_mean, listed
from venturalitica.judge.groups import Groups, observed_groups, product_codes
from venturalitica.judge.refusal import Refusal
from venturalitica.judge.words import have, rows
from venturalitica.metrics.arrays import Integers
from venturalitica.rules import MIN_CELL, Control, Policy
from venturalitica.tallies import NULL, OTHERS, Axis, Tally

_VALUES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """Cells of one table that hold no missing value.

    `indices` is `(C, roles)`: level indices of the roles that are no groups, in the order asked;
    `group` is `(C,)`: which of `groups` (all 0 where the control has none); `counts` is `(C,)`.
    """

    indices: Integers
    group: Integers
    counts: Integers
    groups: Groups
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def rows(self) -> Integers:
        """Rows of each group, `(G,)`."""
        summed: Integers = numpy.zeros(self.groups.size or 1, dtype=numpy.int64)
        numpy.add.at(summed, self.group, self.counts)
        return summed


def count_cells(
    policy: Policy,
    control: Control,
    tally: Tally,
    cells: Integers,
    *,
    roles: Sequence[str],
) -> Counted:
    """Prepare `cells` `(C, roles + groups + 1)`: roles, then `control.across`, then the count.

    A role without an axis is the score, whose levels are the index itself. Raises Refusal where
    rows have missing values and the control does not drop them, and where nothing is left.
    """
    if not cells.shape[0] or not tally.rows:
        raise Refusal("there are no rows: give data with at least one row")
    indices, counts = cells[:, :-1], cells[:, -1]
    missing = indices == NULL
    notes = _missing(control, tally, (*roles, *control.across), missing, counts)
    kept = ~missing.any(axis=1)
    if not kept.any():
        raise Refusal("no row is left without a missing value", notes=notes)
    width = len(roles)
    if not control.across:
        group = numpy.zeros(int(kept.sum()), dtype=numpy.int64)
        everyone = Groups(numpy.zeros(1, dtype=numpy.int64), ())
        return Counted(indices[kept, :width], group, counts[kept], everyone, notes)
    groups, group = _grouped(policy, control, tally, indices[:, width:], kept)
    counted = Counted(indices[kept, :width], group, counts[kept], groups, (*notes, *groups.notes))
    _check_left(counted)
    return counted


def unbound_reason(
    roles: Sequence[str], tally: Tally, unbound: Mapping[str, str], bound: Sequence[str]
) -> str:
    """Why a control cannot be judged for want of a role; "" where all are bound."""
    for role in roles:
        if role in unbound:
            return unbound[role]
        if role not in bound:
            hint = did_you_mean(role, bound)
            return (
                f"the role '{role}' is not bound to a column{hint}: give {role}=<column name>, or "
                f"`column` for it under `roles:` (bound: {listed(list(bound)) or 'none'})"
            )
    return ""


def _grouped(
    policy: Policy, control: Control, tally: Tally, indices: Integers, kept: Integers
) -> tuple[Groups, Integers]:
    """Groups seen in any row, even one whose label is missing: none must vanish unnoticed."""
    axes = [_axis(tally, role) for role in control.across]
    known = (indices != NULL).all(axis=1)
    codes = numpy.unique(product_codes(indices[known], axes))
    groups = observed_groups(policy, axes, codes)
    group = numpy.searchsorted(codes, product_codes(indices[kept], axes)).astype(numpy.int64)
    return groups, group


def _axis(tally: Tally, role: str) -> Axis:
    axis = tally.axis(role)
    if axis is None:
        raise Refusal(f"the tally has no axis for {role}: judge the data itself")
    return axis


def _check_left(counted: Counted) -> None:
    for name, count in zip(counted.groups.names, counted.rows, strict=True):
        if not count:
            raise Refusal(
                f"no row of '{name}' is left without a missing value",
                n=counted.n,
                notes=counted.notes,
            )


def _missing(
    control: Control, tally: Tally, roles: Sequence[str], missing: Integers, counts: Integers
) -> tuple[str, ...]:
    lost = int(counts[missing.any(axis=1)].sum())
    if not lost:
        return ()
    causes = [
        _cause(tally, role, int(counts[missing[:, column]].sum()))
        for column, role in enumerate(roles)
        if missing[:, column].any()
    ]
    said = f"{lost:,} of {rows(tally.rows)} cannot be used: {'; '.join(causes)}"
    if control.nulls == "drop":
        return (f"{said}; left out, as `nulls: drop` says",)
    raise Refusal(
        f"{said}. Correct the data, or leave these rows out with `nulls: drop`",
        n=tally.rows - lost,
    )


def _cause(tally: Tally, role: str, count: int) -> str:
    axis = tally.axis(role)
    if axis is None or not axis.unmapped:
        column = f" (column {axis.column})" if axis and axis.column not in ("", role) else ""
        return f"{rows(count)} {have(count)} no {role}{column}"
    shown = _unmapped_words(axis.unmapped)
    nulls = f", {axis.nulls:,} missing" if axis.nulls else ""
    note = f"; {axis.note}" if axis.note else ""
    return (
        f"{rows(count)} {have(count)} a {role} that its `map` does not name: {shown}{nulls}{note}"
    )


def _unmapped_words(unmapped: Mapping[str, int]) -> str:
    """`'A97' (12), 3 other values (4 rows)`: older tallies name values of fewer rows, too."""
    named = [value for value, times in unmapped.items() if times >= MIN_CELL]
    named = [value for value in named if not OTHERS.fullmatch(value)][:_VALUES_SHOWN]
    rest = {value: times for value, times in unmapped.items() if value not in named}
    parts = [f"'{value}' ({unmapped[value]:,})" for value in named]
    if rest:
        found = [OTHERS.fullmatch(value) for value in rest]
        many = sum(int(match[1].replace(",", "")) if match else 1 for match in found)
        values = "1 other value" if many == 1 else f"{many:,} other values"
        parts.append(f"{values} ({rows(sum(rest.values()))})")
    return ", ".join(parts)
