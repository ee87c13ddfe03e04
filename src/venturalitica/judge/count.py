"""The rows that a control counts: cells, grouped, missing values dropped or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from venturalitica.core.levels import NULL
from venturalitica.core.policy import MIN_CELL, Control, Policy
from venturalitica.core.tally import OTHERS, Axis, Tally, may_be_told
from venturalitica.core.text import rows
from venturalitica.errors import did_you_mean, listed
from venturalitica.judge.keep_back import Group
from venturalitica.judge.question import Groups, Refusal, observed_groups, product_codes
from venturalitica.metrics.intervals import Floats, Integers
from venturalitica.metrics.statistic import Counts
from venturalitica.metrics.weights import Weights

_VALUES_SHOWN = 5


class Missed(Struct, frozen=True):
    """Rows that lack a value that a control needs.

    `most` is how many at most, as far as may be told, `words` says how many, `causes` why.
    """

    most: int
    exact: int | None
    words: str
    causes: tuple[str, ...] = ()


class Counted(Counts, frozen=True, kw_only=True):
    """What a control counts, by its groups."""

    groups: Groups
    kept_back: tuple[str, ...] = ()
    """The groups that are kept back: they are in no count here."""
    held: Integers = field(default_factory=lambda: numpy.zeros(0, dtype=numpy.int64))
    """Codes of groups that are here to be pooled and never shown by themselves."""
    pool: int | None = None
    """The place of the group that `small_groups: pool` makes of small ones, the last."""
    together: tuple[str, ...] = ()
    """The groups that are in it."""
    excluded: tuple[tuple[str, int], ...] = ()
    """The groups that `small_groups: exclude` leaves out, with their rows."""
    gone: int | None = None
    """Rows of groups that are kept back or left out; None where it is not told how many."""
    missed: Missed | None = None
    """Rows that were left out for missing values, of all groups."""
    untold: tuple[str, ...] = ()
    """Roles whose missing values are counted as the most that there may be."""
    told: Integers
    """`(G,)` the rows of each group as they may be told: where it is not told how many were left
    out, in all or of any group, with those, since the difference would tell it."""
    rough: bool = False
    """Whether it is not told how many rows of these groups were left out for missing values."""
    notes: tuple[str, ...] = ()
    weights: Weights | None = None
    """What the rows of each cell weigh, where they do not count for one each."""


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
    back: Collection[Group] = (),
    least: int = 0,
) -> Counted:
    """Prepare `cells` `(C, roles + groups + 1)`: roles, then `control.across`, then the count.

    With the `values` of a number's levels, the last role is that number, which has no axis. Raises
    Refusal where rows have missing values and the control does not drop them, and where nothing is
    left. `back` are the groups that are kept back; no count of fewer than `least` rows is told.
    """
    if not cells.shape[0] or not tally.rows:
        raise Refusal(NO_ROWS)
    indices, counts = cells[:, :-1], cells[:, -1]
    missing = indices == NULL
    missed = _missed(tally, (*roles, *control.across), missing, counts, least)
    notes = _missing(control, tally, missed)
    kept = ~missing.any(axis=1)
    if not kept.any():
        raise Refusal("no row is left without a missing value", notes=notes)
    groups, group = EVERYONE, numpy.zeros(int(kept.sum()), dtype=numpy.int64)
    kept_back: tuple[str, ...] = ()
    hidden: Collection[Group] = ()
    gone: int | None = 0
    if control.across:
        kept_back = _names_of(policy, control, tally, back)
        places = indices[:, len(roles) :]
        known = (places != NULL).all(axis=1)
        gone = int(counts[known & ~_shown(places, back)].sum())
        if back and not all(_tells_nulls(tally, role, least) for role in control.across):
            gone = None  # what all rows lack of those that are shown is not told either
        pools = control.small_groups is not None and control.small_groups.how == "pool"
        if pools and gone and (known & _shown(places, back)).any():
            # How many these are together follows from all rows and those of the others.
            hidden, back, kept_back, gone = back, (), (), 0
        shown = _shown(places, back)
        indices, counts, kept = indices[shown], counts[shown], kept[shown]
        if not kept.any():
            raise Refusal(f"no group is shown: {kept_back_words(kept_back, policy.min_cell)}")
        groups, group = _grouped(
            policy, control, tally, indices[:, len(roles) :], kept, hidden=len(kept_back)
        )
    labels = len(roles) if values is None else len(roles) - 1
    used = numpy.zeros(groups.size or 1, dtype=numpy.int64)
    numpy.add.at(used, group, counts[kept])
    whole = None
    if missed is not None:
        whole = _whole(control, tally, indices, counts, groups, used, missed, least, hidden)
    counted = Counted(
        indices=indices[kept, :labels],
        group=group,
        counts=counts[kept],
        size=groups.size or 1,
        favorable=favorable,
        level=None if values is None else indices[kept, labels],
        values=values,
        groups=groups,
        kept_back=kept_back,
        missed=missed,
        told=used if whole is None else whole,
        rough=whole is not None,
        notes=(*notes, *groups.notes),
    )
    if control.across:
        return replace(counted, gone=gone, held=_held(control, tally, hidden))
    return counted


def _tells_nulls(tally: Tally, role: str, least: int) -> bool:
    axis = tally.axis(role)
    return axis is None or not (axis.nulls or axis.unmapped) or tally.tells(axis, least)


def _held(control: Control, tally: Tally, groups: Collection[Group]) -> Integers:
    """Their places in the product of the axes."""
    if not groups:
        return numpy.zeros(0, dtype=numpy.int64)
    axes = [_axis(tally, role) for role in control.across]
    return product_codes(numpy.array(sorted(groups), dtype=numpy.int64), axes)


def _whole(
    control: Control,
    tally: Tally,
    indices: Integers,
    counts: Integers,
    groups: Groups,
    used: Integers,
    missed: Missed,
    least: int,
    hidden: Collection[Group],
) -> Integers | None:
    """The rows of each group with those that were left out; None where it is told how many."""
    roles = indices.shape[1] - len(control.across)
    missing, places = indices[:, :roles] == NULL, indices[:, roles:]
    known = (places != NULL).all(axis=1)
    place = numpy.zeros(int(known.sum()), dtype=numpy.int64)
    if control.across:
        axes = [_axis(tally, role) for role in control.across]
        place = numpy.searchsorted(groups.codes, product_codes(places[known], axes))
    missing, counts = missing[known], counts[known]
    whole = numpy.zeros(used.size, dtype=numpy.int64)
    numpy.add.at(whole, place, counts)
    lacking = numpy.zeros((used.size, roles), dtype=numpy.int64)
    numpy.add.at(lacking, place, missing * counts[:, None])
    lost = whole - used
    alone = numpy.ones(used.size, dtype=bool)
    if hidden:
        alone = ~numpy.isin(groups.codes, _held(control, tally, hidden))
    every = [
        _losses(roles_lost, int(any_of))
        for roles_lost, any_of in zip(lacking[alone].tolist(), lost[alone], strict=True)
    ]
    # What all lost less those of the groups that are shown is of the others.
    every.append([missed.exact - int(lost[alone].sum())] if missed.exact is not None else [])
    few = any(0 < count < least for own in every for count in own)
    return whole if few or missed.exact is None else None


def _losses(lacking: Sequence[int], lost: int) -> list[int]:
    """All counts that follow from how many rows lack each role, and how many lack any.

    How many lack two at once, and how many lack others alone.
    """
    return [*lacking, lost, sum(lacking) - lost, *(lost - own for own in lacking)]


def _shown(places: Integers, back: Collection[Group]) -> NDArray[numpy.bool_]:
    if not back:
        return numpy.ones(places.shape[0], dtype=bool)
    kept = set(back)
    return numpy.array([tuple(row) not in kept for row in places.tolist()], dtype=bool)


def _names_of(
    policy: Policy, control: Control, tally: Tally, back: Collection[Group]
) -> tuple[str, ...]:
    if not back:
        return ()
    axes = [_axis(tally, role) for role in control.across]
    codes = numpy.sort(product_codes(numpy.array(sorted(back), dtype=numpy.int64), axes))
    return observed_groups(policy, axes, codes).names


def kept_back_words(names: Sequence[str], min_cell: int) -> str:
    """`2 groups are not judged: 'a' and 'b' (fewer than 5 rows, or they would tell ...)`."""
    many = "1 group is" if len(names) == 1 else f"{len(names)} groups are"
    return (
        f"{many} not judged: {listed(map(repr, names), 4)} (fewer than {min_cell} rows, "
        "or they would tell how few another has)"
    )


NO_ROWS = "there are no rows: give data with at least one row"


UNTOLD = "the most that there may be are counted"


def count_all(
    tally: Tally, missing: Mapping[str, int] | None = None, untold: Sequence[str] = ()
) -> Counted:
    """Every row, whatever it misses; where `missing` values are what is asked, with those.

    Of the roles `untold` it is the most that may be missing.
    """
    if not tally.rows:
        raise Refusal(NO_ROWS)
    told = [
        f"{role}: {'at most ' if role in untold else ''}{count:,} of {tally.rows:,} missing"
        for role, count in (missing or {}).items()
        if count
    ]
    return Counted(
        indices=numpy.zeros((1, 0), dtype=numpy.int64),
        group=numpy.zeros(1, dtype=numpy.int64),
        counts=numpy.array([tally.rows], dtype=numpy.int64),
        missing=missing or {},
        untold=tuple(untold),
        told=numpy.array([tally.rows], dtype=numpy.int64),
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
    policy: Policy,
    control: Control,
    tally: Tally,
    indices: Integers,
    kept: Integers,
    *,
    hidden: int,
) -> tuple[Groups, Integers]:
    """Groups seen in any row, even one whose label is missing: none must vanish unnoticed."""
    axes = [_axis(tally, role) for role in control.across]
    known = (indices != NULL).all(axis=1)
    codes = numpy.unique(product_codes(indices[known], axes))
    groups = observed_groups(policy, axes, codes, hidden=hidden)
    group = numpy.searchsorted(codes, product_codes(indices[kept], axes)).astype(numpy.int64)
    return groups, group


def _axis(tally: Tally, role: str) -> Axis:
    axis = tally.axis(role)
    if axis is None:
        raise Refusal(f"the tally has no axis for {role}: judge the data itself")
    return axis


def _missed(
    tally: Tally, roles: Sequence[str], missing: Integers, counts: Integers, least: int
) -> Missed | None:
    """The rows that lack any of the roles; None where none does."""
    lost = int(counts[missing.any(axis=1)].sum())
    if not lost:
        return None
    lacking = {
        role: int(counts[column].sum())
        for role, column in zip(roles, missing.T, strict=True)
        if column.any()
    }
    told = {role: _tells(tally, role, count, least) for role, count in lacking.items()}
    exact = all(told.values()) and may_be_told((lost,), tally.rows, least)
    losses = _losses(list(lacking.values()), lost)
    exact = exact and not any(0 < count < least for count in losses)
    most = min(sum(max(count, least - 1) for count in lacking.values()), tally.rows)
    causes = [
        _cause(tally, role, _many(count, least, shown=told[role]), least, shown=told[role])
        for role, count in lacking.items()
    ]
    return Missed(
        lost if exact else most,
        lost if exact else None,
        _many(lost, least, shown=exact),
        tuple(causes),
    )


def _tells(tally: Tally, role: str, count: int, least: int) -> bool:
    axis = tally.axis(role)
    if axis is None or count != axis.nulls + sum(axis.unmapped.values()):
        return may_be_told((count,), tally.rows, least)
    return tally.tells(axis, least)


def _many(count: int, least: int, *, shown: bool) -> str:
    """`7`, `fewer than 5`, `some`."""
    return f"{count:,}" if shown else f"fewer than {least}" if count < least else "some"


def _missing(control: Control, tally: Tally, missed: Missed | None) -> tuple[str, ...]:
    if missed is None:
        return ()
    said = f"{missed.words} of {rows(tally.rows)} cannot be used: {'; '.join(missed.causes)}"
    if control.nulls == "drop":
        return (f"{said}; left out, as `nulls: drop` says",)
    raise Refusal(
        f"{said}. Correct the data, or leave these rows out with `nulls: drop`",
        n=tally.rows - (missed.exact or 0),
    )


def _cause(tally: Tally, role: str, many: str, least: int, *, shown: bool) -> str:
    axis = tally.axis(role)
    many = "1 row has" if many == "1" else f"{many} rows have"
    if axis is None or not axis.unmapped:
        column = f" (column {axis.column})" if axis and axis.column not in ("", role) else ""
        return f"{many} no {role}{column}"
    nulls = f", {axis.nulls:,} missing" if axis.nulls and shown else ""
    note = f"; {axis.note}" if axis.note else ""
    unmapped = _unmapped_words(axis.unmapped, least, shown=shown)
    return f"{many} a {role} that its `map` does not name: {unmapped}{nulls}{note}"


def _unmapped_words(unmapped: Mapping[str, int], least: int, *, shown: bool) -> str:
    """`'A97' (12), 3 other values (4 rows)`: older tallies name values of fewer rows, too."""
    named = [value for value, times in unmapped.items() if times >= (least or MIN_CELL)]
    named = [value for value in named if not OTHERS.fullmatch(value)][:_VALUES_SHOWN]
    rest = {value: times for value, times in unmapped.items() if value not in named}
    parts = [f"'{value}' ({unmapped[value]:,})" if shown else f"'{value}'" for value in named]
    if rest:
        found = [OTHERS.fullmatch(value) for value in rest]
        many = sum(int(match[1].replace(",", "")) if match else 1 for match in found)
        values = "1 other value" if many == 1 else f"{many:,} other values"
        parts.append(f"{values} ({rows(sum(rest.values()))})" if shown else "other values")
    return ", ".join(parts)
