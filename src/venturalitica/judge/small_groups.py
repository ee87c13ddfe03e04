"""Which groups of a tally are kept back under a policy: those that are small, and what they need.

The same tally gives the same groups, in the process that judges and wherever it is judged again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy
from msgspec.structs import replace

from venturalitica.core.policy import Control
from venturalitica.core.scores import ScoreTable, summed
from venturalitica.core.tally import Table, Tally
from venturalitica.errors import DataError
from venturalitica.judge.count import Counted
from venturalitica.judge.keep_back import Across, Crossing, Group
from venturalitica.judge.measure import Bench, counted_rows, fewest_of
from venturalitica.judge.measure_numbers import counted_levels
from venturalitica.judge.question import Question, Refusal, question_of
from venturalitica.metrics.catalog import misuse_of
from venturalitica.metrics.intervals import Floats, Integers


def groups_kept_back(bench: Bench, controls: Iterable[Control]) -> Mapping[Across, set[Group]]:
    """By the roles of `across`: the groups that no verdict on these controls may show."""
    least = bench.least
    if not least:
        return {}
    asked = [c for c in controls if c.across and not misuse_of(c) and _holds(bench.tally, c.across)]
    # What a policy pools or leaves out must not be told apart elsewhere either.
    asked = [replace(control, small_groups=None) for control in asked]
    small: dict[Across, set[Group]] = {}
    for control in asked:
        small.setdefault(control.across, set()).update(_small(bench, control, least))
    if not any(small.values()) and not _untold(bench.tally, small, least):
        return {}
    roles = dict.fromkeys(role for c in asked for role in question_of(c).spec.labels)
    labels = [role for role in roles if bench.tally.axis(role)]
    return _kept_back(bench.tally, labels, small, least)


def _untold(tally: Tally, sets: Iterable[Across], least: int) -> list[str]:
    """Roles of which it is not told how many rows have no level."""
    axes = [tally.axis(role) for role in dict.fromkeys(role for across in sets for role in across)]
    return [
        axis.role
        for axis in axes
        if axis and (axis.nulls or axis.unmapped) and not tally.tells(axis, least)
    ]


def _holds(tally: Tally, across: Across) -> bool:
    return all(tally.axis(role) is not None for role in across)


def _small(bench: Bench, control: Control, least: int) -> set[Group]:
    """Groups of fewer rows, or with a value that rests on fewer. Those without rows have none."""
    question = question_of(control)
    try:
        counted, fewest = _counted(bench, question)
    except (Refusal, DataError):
        cells = _cells(bench.tally, control.across)
        return set() if cells is None else _sizes_below(cells, least)
    few = (counted.rows < least) | (fewest < least)
    sizes = tuple(len(_levels(bench.tally, role)) for role in control.across)
    places = numpy.unravel_index(counted.groups.codes[few], sizes)
    return set(zip(*(column.tolist() for column in places), strict=True))


def _counted(bench: Bench, question: Question) -> tuple[Counted, Floats]:
    """The rows by group, and the fewest behind any part of the value `(G,)`."""
    if question.spec.is_amount:
        from venturalitica.judge.measure_amounts import counted_amount_rows

        counted = counted_amount_rows(bench, question)
        return counted, counted.rows.astype(float)
    if question.spec.number is not None:
        levelled = counted_levels(bench, question)
        return levelled.counted, levelled.fewest(question)
    counted = counted_rows(bench, question)
    return counted, fewest_of(question, counted)


def _levels(tally: Tally, role: str) -> Sequence[object]:
    axis = tally.axis(role)
    return axis.levels if axis else ()


def _sizes_below(cells: Integers, least: int) -> set[Group]:
    known = cells[(cells[:, :-1] >= 0).all(axis=1)]
    return {tuple(row[:-1]) for row in known.tolist() if row[-1] < least}


def _kept_back(
    tally: Tally, labels: Sequence[str], small: Mapping[Across, set[Group]], least: int
) -> Mapping[Across, set[Group]]:
    roles = tuple(dict.fromkeys(role for across in small for role in across))
    untold = _untold(tally, small, least)
    crossing = partial(_crossing, untold=untold, least=least)
    cells = _cells(tally, (*labels, *roles))
    if cells is not None:
        return crossing(cells, len(labels), roles, tuple(small)).keep_back(small)
    back: dict[Across, set[Group]] = {}
    for across, groups in small.items():
        alone = _cells(tally, (*labels, *across))
        alone, width = (_cells(tally, across), 0) if alone is None else (alone, len(labels))
        if alone is not None:
            back |= crossing(alone, width, across, (across,)).keep_back({across: groups})
    # How these cross is not counted: none of those that share a role with a small one is shown.
    for one, other in combinations(small, 2):
        few = small[one] or small[other] or {*one, *other} & set(untold)
        if set(one) & set(other) and few:
            for across in (one, other):
                cells = _cells(tally, across)
                if cells is not None:
                    back[across] = _sizes_below(cells, int(cells[:, -1].max(initial=0)) + 1)
    return back


def _crossing(
    cells: Integers,
    width: int,
    roles: Sequence[str],
    sets: Sequence[Across],
    *,
    untold: Collection[str],
    least: int,
) -> Crossing:
    _, labels = numpy.unique(cells[:, :width], axis=0, return_inverse=True)
    places, counts = cells[:, width:-1], cells[:, -1]
    return Crossing(roles, places, labels.reshape(-1), counts, sets, untold=untold, least=least)


def _cells(tally: Tally, roles: Sequence[str]) -> Integers | None:
    """`(C, roles + 1)`: level indices and rows, from the smallest table that holds the roles."""
    tables: tuple[Table | ScoreTable, ...] = (*tally.tables, *tally.scores)
    held = [table for table in tables if set(roles) <= set(table.roles) and table.cells]
    if not held:
        return None
    table = min(held, key=lambda one: len(one.cells))
    if isinstance(table, ScoreTable):
        matrix = table.matrix()
    else:
        matrix = numpy.array(table.cells, dtype=numpy.int64)
    columns = [table.roles.index(role) for role in roles]
    return summed(matrix[:, [*columns, matrix.shape[1] - 1]])
