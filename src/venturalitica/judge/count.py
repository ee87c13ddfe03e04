"""The rows that a control counts: cells, grouped, missing values dropped or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy

from venturalitica.core.policy import MIN_CELL, Control, Policy
from venturalitica.core.tally import NULL, OTHERS, Axis, Tally
from venturalitica.core.text import have, rows
from venturalitica.errors import did_you_mean, listed
from venturalitica.judge.question import Groups, Refusal, observed_groups, product_codes
from venturalitica.metrics.intervals import Floats, Integers, Resampling, segment_sums
from venturalitica.metrics.registry import Shape

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


_INNER: dict[Shape, tuple[int, ...]] = {
    "chosen": (2,),
    "outcomes": (2, 2),
    "agreement": (2,),
    "rows": (),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One table as cells `(C,)`, and how cells become `(..., G, *shape)` counts.

    The same `expand` serves the measured cells and their replicates. `key` names the table.
    """

    cells: Integers
    expand: Callable[[Floats], Floats]
    key: str

    @property
    def seed(self) -> str:
        """The table's name and a digest of its counts, the same on every machine."""
        return f"{self.key}|{hashlib.sha256(self.cells.astype('<i8').tobytes()).hexdigest()}"

    def measured(self, statistic: Callable[[Floats], Floats]) -> Floats:
        """The statistic of the counts themselves, `(G,)`."""
        return statistic(self.expand(self.cells.astype(float)))

    def replicates(self, resampling: Resampling, statistic: Callable[[Floats], Floats]) -> Floats:
        """The statistic of each replicate, `(2000, G)`."""
        return resampling.each(lambda drawn: statistic(self.expand(drawn)))


def sample_of(counted: Counted, shape: Shape, *, favorable: int | None, key: str) -> Sample:
    """The cells in the shape asked; `favorable` is the index of the favorable label."""
    if shape == "classes":
        return _classes(counted, key)
    if shape == "labels":
        return _labels(counted, key)
    inner = _INNER[shape]
    return _dense(counted, _slots(counted, shape, favorable), inner, f"{shape}|{key}")


def _slots(counted: Counted, shape: Shape, favorable: int | None) -> Integers:
    """Where in the inner shape each cell belongs, `(C,)`."""
    indices = counted.indices
    if shape == "rows":
        return numpy.zeros(counted.counts.size, dtype=numpy.int64)
    if shape == "agreement":
        right: Integers = (indices[:, 0] == indices[:, 1]).astype(numpy.int64)
        return right
    chosen = (indices == favorable).astype(numpy.int64)
    first: Integers = chosen[:, 0]
    return first if shape == "chosen" else 2 * first + chosen[:, 1]


def _dense(counted: Counted, slots: Integers, inner: tuple[int, ...], key: str) -> Sample:
    size = int(numpy.prod(inner)) if inner else 1
    groups = counted.groups.size or 1
    cells: Integers = numpy.zeros(groups * size, dtype=numpy.int64)
    numpy.add.at(cells, counted.group * size + slots, counted.counts)
    return Sample(cells, lambda drawn: drawn.reshape(*drawn.shape[:-1], groups, *inner), key)


def _labels(counted: Counted, key: str) -> Sample:
    """Only labels that occur: a label that the predictions alone know is no class of the data."""
    present, slots = numpy.unique(counted.indices[:, 0], return_inverse=True)
    return _dense(counted, slots.astype(numpy.int64), (present.size,), f"labels|{key}")


def _classes(counted: Counted, key: str) -> Sample:
    """Sparse: with K labels there are up to K² cells, and sums by label are all that is needed."""
    labels = int(counted.indices.max()) + 1
    groups = counted.groups.size or 1
    target = counted.group * labels + counted.indices[:, 0]
    prediction = counted.group * labels + counted.indices[:, 1]
    right = numpy.flatnonzero(counted.indices[:, 0] == counted.indices[:, 1])
    size = groups * labels

    def expand(drawn: Floats) -> Floats:
        parts = [
            segment_sums(drawn[..., right], target[right], size),
            segment_sums(drawn, target, size),
            segment_sums(drawn, prediction, size),
        ]
        shaped = [part.reshape(*part.shape[:-1], groups, labels) for part in parts]
        return numpy.stack(shaped, axis=-2)

    return Sample(counted.counts, expand, f"classes|{key}")
