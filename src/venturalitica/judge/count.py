"""The rows that a control counts: cells, grouped, missing values dropped or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from venturalitica.core.levels import NULL
from venturalitica.core.policy import MIN_CELL, Control, Policy
from venturalitica.core.tally import OTHERS, Axis, Tally
from venturalitica.core.text import have, rows
from venturalitica.errors import did_you_mean, listed
from venturalitica.judge.question import Groups, Refusal, observed_groups, product_codes
from venturalitica.metrics.intervals import Floats, Integers
from venturalitica.metrics.statistic import Counts

_VALUES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Counts):
    """What a control counts, by its groups."""

    groups: Groups
    notes: tuple[str, ...] = ()


EVERYONE = Groups(numpy.zeros(1, dtype=numpy.int64), ())
"""Where a control has no groups."""


def count_cells(
    policy: Policy,
    control: Control,
    tally: Tally,
    cells: Integers,
    *,
    roles: Sequence[str],
    favorable: int | None = None,
    values: Floats | None = None,
) -> Counted:
    """Prepare `cells` `(C, roles + groups + 1)`: roles, then `control.across`, then the count.

    With the `values` of a number's levels, the last role is that number, which has no axis. Raises
    Refusal where rows have missing values and the control does not drop them, and where nothing is
    left.
    """
    if not cells.shape[0] or not tally.rows:
        raise Refusal(NO_ROWS)
    indices, counts = cells[:, :-1], cells[:, -1]
    missing = indices == NULL
    notes = _missing(control, tally, (*roles, *control.across), missing, counts)
    kept = ~missing.any(axis=1)
    if not kept.any():
        raise Refusal("no row is left without a missing value", notes=notes)
    groups, group = EVERYONE, numpy.zeros(int(kept.sum()), dtype=numpy.int64)
    if control.across:
        groups, group = _grouped(policy, control, tally, indices[:, len(roles) :], kept)
    labels = len(roles) if values is None else len(roles) - 1
    counted = Counted(
        indices=indices[kept, :labels],
        group=group,
        counts=counts[kept],
        size=groups.size or 1,
        favorable=favorable,
        level=None if values is None else indices[kept, labels],
        values=values,
        groups=groups,
        notes=(*notes, *groups.notes),
    )
    if control.across:
        _check_left(counted)
    return counted


NO_ROWS = "there are no rows: give data with at least one row"


def count_all(tally: Tally, missing: Mapping[str, int] | None = None) -> Counted:
    """Every row, whatever it misses; where `missing` values are what is asked, with those."""
    if not tally.rows:
        raise Refusal(NO_ROWS)
    told = [
        f"{role}: {count:,} of {tally.rows:,} missing"
        for role, count in (missing or {}).items()
        if count
    ]
    return Counted(
        indices=numpy.zeros((1, 0), dtype=numpy.int64),
        group=numpy.zeros(1, dtype=numpy.int64),
        counts=numpy.array([tally.rows], dtype=numpy.int64),
        missing=missing or {},
        groups=EVERYONE,
        notes=() if missing is None else (f"counted over {listed(missing, 12)}", *told),
    )


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
