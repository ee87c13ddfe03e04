"""Is a record's tally one that a count gives? Every number of it is held against the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.core.drift import placed
from venturalitica.core.encoding import is_place
from venturalitica.core.levels import NULL
from venturalitica.core.policy import ONE_LIST
from venturalitica.core.reference import distributions
from venturalitica.core.scores import EVIDENCE_CELLS
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError, EvidenceError
from venturalitica.ledger.rejudge.amounts import amounts_fault

MOST_AXES = 64
"""Roles in one tally: a policy has at most 200, a tally those that its controls count."""
MOST_TABLES = 200
MOST_COMPARED = 2_000
"""Columns that are compared with a reference, of all controls."""

MOST_SUMS = 5_000_000
"""Cells times tables that are held against each other: some seconds."""

_SCALARS = (str, int, float, bool)

Cells = NDArray[numpy.int64]


def read_tally(data: Mapping[str, Any]) -> Tally:
    """The tally of a record, every number of it held against the others.

    Raises:
        EvidenceError: it is none that this version reads, or it contradicts itself.
    """
    try:
        tally = Tally.from_json(data)
        _check(tally)
    except EvidenceError:
        raise
    except DataError as error:
        raise EvidenceError(f"the tally cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise EvidenceError(f"the tally is malformed ({type(error).__name__})") from None
    return tally


def _check(tally: Tally) -> None:
    _need(is_place(tally.rows), "its number of rows is none")
    _need(len(tally.axes) <= MOST_AXES, f"it has more than {MOST_AXES} axes")
    tables = len(tally.tables) + len(tally.scores) + len(tally.amounts)
    _need(tables <= MOST_TABLES, f"more than {MOST_TABLES} tables")
    _check_axes(tally)
    _need(
        all(is_place(count) and count <= tally.rows for count in tally.nulls.values()),
        "it has more missing values than rows",
    )
    sizes = {axis.role: len(axis.levels) for axis in tally.axes}
    counted = [(table.roles, _cells(table.cells, sizes, table.roles)) for table in tally.tables]
    for table in tally.scores:
        _check_scores(table.scores, table.exact, table.width)
        known = {**sizes, "score": len(table.scores)}
        counted.append(
            ((*table.roles, "score"), _cells(table.cells, known, (*table.roles, "score")))
        )
    for one in tally.amounts:
        _need(not (fault := amounts_fault(one)), fault)
        known = {**sizes, "amount": len(one.bins)}
        roles = (*one.roles, "amount")
        counted.append((roles, _cells(one.cells, known, roles)))
    for _, array in counted:
        _need(int(array[:, -1].sum()) == tally.rows, "a table does not count every row once")
    _check_nulls(tally, counted)
    _check_drift(tally)
    in_all = sum(len(array) for _, array in counted)
    _need(in_all * len(counted) <= MOST_SUMS, "it has more tables than one pass over rows makes")
    _check_sums(counted, sizes)


def _need(held: bool, otherwise: str) -> None:
    if not held:
        raise EvidenceError(f"the tally contradicts itself: {otherwise}")


def _check_axes(tally: Tally) -> None:
    roles = [axis.role for axis in tally.axes]
    _need(all(isinstance(role, str) for role in roles), "a role is no text")
    _need(len(set(roles)) == len(roles), "a role has two axes")
    for axis in tally.axes:
        _need(all(map(_is_label, axis.levels)), f"a level of {axis.role[:80]!r} is no label")
        distinct = {(type(level), level) for level in axis.levels}
        _need(len(distinct) == len(axis.levels), f"a level of {axis.role[:80]!r} is there twice")
        counts = [axis.nulls, *axis.unmapped.values()]
        _need(all(map(is_place, counts)), f"{axis.role[:80]!r} misses a number that is none")
        _need(isinstance(axis.note, str) and isinstance(axis.column, str), "a note is no text")
    labels = [axis.levels for axis in tally.axes if axis.role in ONE_LIST]
    _need(len({tuple(map(repr, levels)) for levels in labels}) < 2, "labels have two lists")


def _is_label(level: object) -> bool:
    return isinstance(level, _SCALARS) and not (
        isinstance(level, float) and not math.isfinite(level)
    )


def _check_scores(scores: Sequence[float], exact: object, width: float) -> None:
    _need(isinstance(exact, bool), "a table of scores does not say whether it is exact")
    _need(isinstance(width, int | float) and math.isfinite(width) and width >= 0, "its width")
    rising = all(low < high for low, high in pairwise(scores))
    _need(rising and all(map(math.isfinite, scores)), "its scores are not ascending numbers")
    if scores and not exact:
        low, high = scores[0], scores[-1]
        span = 1.0 if low >= 0.0 and high <= 1.0 else high - low
        # A cell as wide as all scores would let any value pass as "within its exactness".
        _need(width <= span / EVIDENCE_CELLS * (1 + 1e-9), "its cells are too wide")


def _cells(cells: Sequence[Sequence[int]], sizes: Mapping[str, int], roles: Sequence[str]) -> Cells:
    """`(C, roles + 1)`: level indices and the count of each cell."""
    _need(len(set(roles)) == len(roles), "a table has a role twice")
    width = len(roles) + 1
    right = all(len(cell) == width and all(type(n) is int for n in cell) for cell in cells)
    _need(right, "a cell of a table is not made of whole numbers")
    array = numpy.array(cells, dtype=numpy.int64).reshape(-1, width)
    limits = numpy.array([sizes[role] for role in roles], dtype=numpy.int64)
    inside = (array[:, :-1] >= NULL) & (array[:, :-1] < limits)
    _need(bool(inside.all()), "a cell is at a level that does not exist")
    _need(bool(((array[:, -1] > 0) & (array[:, -1] < 1 << 53)).all()), "a count is not above zero")
    _need(int(array[:, -1].max(initial=0)) * len(array) < 1 << 62, "its counts are too large")
    places = array[:, :-1]
    _need(len(numpy.unique(places, axis=0)) == len(places), "a cell of a table is there twice")
    return array


def _check_nulls(tally: Tally, counted: Sequence[tuple[Sequence[str], Cells]]) -> None:
    """What an axis says is missing, or has no group, must be what is at no level of its tables."""
    for axis in tally.axes:
        _need(tally.nulls.get(axis.role, axis.nulls) == axis.nulls, "missing values differ")
        missing = axis.nulls + sum(axis.unmapped.values())
        for roles, cells in counted:
            if axis.role in roles:
                column = cells[:, list(roles).index(axis.role)]
                found = int(cells[column == NULL, -1].sum())
                _need(found == missing, f"{axis.role[:80]!r} misses other rows in a table")


def _check_drift(tally: Tally) -> None:
    """Each comparison counts every row once, and a role as its own table does."""
    _need(len(tally.drift) <= MOST_COMPARED, "it compares too many columns")
    _need(len({t.key for t in tally.drift}) == len(tally.drift), "a column is compared twice")
    own = distributions(tally, 0, compared=False)
    for table in tally.drift:
        _need(not (fault := table.fault(tally.rows)), fault)
        known = own.get((True, table.name)) if table.role else None
        if known is not None and known.levels and not table.cuts and not table.why:
            counts = placed(zip(known.levels, known.counts, strict=False), table.levels)
            _need(counts == table.counts, f"{table.name[:80]!r} has other rows in a comparison")


def _check_sums(counted: Sequence[tuple[Sequence[str], Cells]], sizes: Mapping[str, int]) -> None:
    """Tables count the same rows: over the roles that two of them share they must agree."""
    for one, other in combinations(counted, 2):
        shared = [role for role in one[0] if role in other[0] and role in sizes]
        if shared:
            alike = numpy.array_equal(_over(one, shared), _over(other, shared))
            _need(alike, f"two tables differ over {' × '.join(shared)[:80]}")


def _over(table: tuple[Sequence[str], Cells], roles: Sequence[str]) -> Cells:
    """The cells summed over the other roles, sorted."""
    kept = [list(table[0]).index(role) for role in roles]
    places, where = numpy.unique(table[1][:, kept], axis=0, return_inverse=True)
    sums = numpy.zeros(len(places), dtype=numpy.int64)
    numpy.add.at(sums, where.reshape(-1), table[1][:, -1])
    return numpy.column_stack([places, sums])
