"""Build a tally: plan the pass, make it, turn values into levels, sum the tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.amounts import AmountTable
from venturalitica.core.levels import NULL, rule_of
from venturalitica.core.policy import LABEL_ROLES, MIN_CELL, ONE_LIST, WEIGHT, Role, bin_names
from venturalitica.core.scores import ScoreTable, summed
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally import in_memory, on_engine
from venturalitica.tally.binding import Binding, numbers_of, tables_of
from venturalitica.tally.engines.arrays import Cells, Codes, Ints
from venturalitica.tally.engines.inputs import readable
from venturalitica.tally.engines.queries import TooWide
from venturalitica.tally.groups import (
    QUARTILES_ABOVE,
    Levels,
    are_whole,
    bin_levels,
    cut_levels,
    map_levels,
    plain_levels,
    quartile_cuts,
    quartile_names,
    quartile_note,
    refuse_many,
    unmapped_counts,
    weighted_quartile_cuts,
)
from venturalitica.tally.in_memory import Grouped, levels_by_cell
from venturalitica.tally.labels import label_levels
from venturalitica.tally.rows import Rows, Slot, Source, sources_of
from venturalitica.tally.values import is_number, refuse_identifiers, refuse_unlisted, text_of

STORED_CELLS = 2_000
"""The joint table is kept up to this many cells, so that other policies can be judged from it."""
CELL_LIMIT = 100_000
"""More cells than this are no tally but a copy of the data."""
_JOINT_ESTIMATE = 1_000_000
_CUT_ABOVE = 256


def build_tally(
    data: Any,
    *,
    needs: Sequence[Need],
    binding: Binding,
    roles: Mapping[str, Role] | None = None,
    least: int = MIN_CELL,
) -> Tally:
    """Count the rows once, over exactly the columns that `needs` and `binding` name.

    Args:
        data: a table of n rows that narwhals knows (pandas, Polars, pyarrow, Modin, and where rows
            stay: lazy Polars, DuckDB, Ibis, Dask, PySpark), an Arrow dataset, scanner or reader, a
            Delta or Iceberg table, a dict of 1-D arrays, a structured array, a list of dicts, or
            None where the binding holds arrays only.
        needs: the tables wanted; one that has an unbound role is left out.
        binding: where each role is read from; the nulls of every bound role are counted.
        roles: how each role's values are read (`map`, `bins`, `labels`); absent ones are taken as
            they are.
        least: no count of fewer rows is told by an error.

    Returns:
        The same tally, and the same digest, for the same values on every engine.

    Raises:
        DataError: no table, other lengths, values that are no labels, too many of them, bins over
            text, a target and a prediction that can never be equal, weights that are none.
    """
    return _Builder(data, needs, binding, roles or {}, least).tally()


class _Builder:
    def __init__(
        self,
        data: Any,
        needs: Sequence[Need],
        binding: Binding,
        roles: Mapping[str, Role],
        least: int,
    ) -> None:
        self.binding, self.least = binding, least
        self.rules = roles
        self.sources = sources_of(binding)
        bound = frozenset(self.sources)
        self.wanted = tables_of(needs, bound)
        self.numbers = numbers_of(needs, bound)
        self.asked = {role for need in needs for role in need.nulls}
        self.rows = Rows(readable(data), binding)
        self.every = list(dict.fromkeys([*self.wanted, *chain(*self.numbers.values())]))
        self.roles = labels_first(role for table in self.every for role in table)
        self.notes: dict[str, str] = {}
        self.cuts: dict[str, tuple[float, ...]] = {}

    def tally(self) -> Tally:
        self._plan_cuts()
        counted = [self._count(roles) for roles in self._passes()]
        levels = self._levels(counted)
        axes = tuple(self._axis(role, counted, levels[role]) for role in self.roles)
        tables = self._tables(counted, levels)
        scores, amounts, number_nulls = self._number_tables(levels)
        rows = counted[0].cells.rows if counted else self.rows.count_rows()
        nulls = self._nulls(axes, number_nulls)
        return Tally(rows, axes, tables, scores, amounts, nulls)

    def _plan_cuts(self) -> None:
        """Cut numbers before grouping where a sample shows so many that the pass would explode."""
        self.seen = self._seen()
        for role in self.roles:
            rule, source = rule_of(role, self.rules), self.sources[role]
            many = self.seen.get(source, 0)
            if rule.map is not None or rule.labels is not None:
                continue
            if rule.bins is not None:
                if self.rows.is_cuttable(source) and (many > _CUT_ABOVE or self.rows.is_lazy):
                    self.cuts[role] = tuple(rule.bins)
            elif role in ONE_LIST:
                refuse_many(role, many, label=True)
            elif many > QUARTILES_ABOVE and not rule.as_text and self.rows.is_cuttable(source):
                self.cuts[role], whole = quartiles(self.rows, source)
                self.notes[role] = quartile_note(role, self.cuts[role], whole=whole)
            elif rule.as_text or not self.rows.is_numeric(source):
                refuse_many(role, many, label=False)

    def _seen(self) -> dict[Source, int]:
        sources = list(dict.fromkeys(self.sources[role] for role in self.roles))
        if not self.rows.is_lazy:
            return self.rows.seen(sources)
        # What the policy lists or maps is counted as it is; all else may be a name in each row.
        loose = [self.sources[r] for r in self.roles if not rule_of(r, self.rules).reads]
        return self.rows.seen(list(dict.fromkeys(loose)))

    def _passes(self) -> list[tuple[str, ...]]:
        """One joint pass over all roles, or one per table where the joint would explode."""
        if not self.roles:
            return []
        least = (self._size(r, self.seen.get(self.sources[r], 1), least=True) for r in self.roles)
        return [self.roles] if math.prod(least) <= _JOINT_ESTIMATE else largest(self.every)

    def _size(self, role: str, different: int, *, least: bool = False) -> int:
        """Into how many groups a role of so many values is cut, missing ones one of them.

        Args:
            least: a sample showed the values: there may be more, and so many that they are cut.
        """
        rule = rule_of(role, self.rules)
        if rule.bins is not None:
            return len(rule.bins) + 2
        if role in self.cuts or role in self.notes:
            return 5
        return min(different + 1, 5) if least and not rule.map else different + 1

    def _count(self, roles: tuple[str, ...]) -> GroupBy:
        slots = [self._slot(role) for role in roles]
        different = list(dict.fromkeys(slots))
        try:
            cells = self.rows.count(different, at_most=CELL_LIMIT if self.rows.is_lazy else None)
        except TooWide:
            self._refuse_unseen(roles)
            cells = self.rows.count(different)
        columns = tuple(cells.columns[different.index(slot)] for slot in slots)
        return GroupBy(roles, Cells(columns, cells.counts))

    def _refuse_unseen(self, roles: Sequence[str]) -> None:
        """Names or addresses that the first rows did not show are numbered where they are."""
        for role in roles:
            rule, source = rule_of(role, self.rules), self.sources[role]
            if role not in self.cuts and not rule.reads:
                refuse_many(role, self.rows.different(source), label=role in ONE_LIST)

    def _levels(self, counted: Sequence[GroupBy]) -> dict[str, Levels]:
        first = {role: next(c for c in counted if role in c.roles) for role in self.roles}
        labels = {
            role: list(first[role].column(role).values)
            for role in ONE_LIST
            if role in first and self._is_plain(role)
        }
        for role, counted_role in first.items():
            self._refuse_values(role, counted_role)
        found = label_levels(labels, {role: rule_of(role, self.rules) for role in labels})
        for role in self.roles:
            if role not in found:
                found[role] = self._group_levels(role, first[role])
                refuse_many(role, len(found[role].names), label=role in ONE_LIST)
        return shared_labels(found, self.rules)

    def _refuse_values(self, role: str, counted: GroupBy) -> None:
        """What no rule can make levels of: too many labels, identifiers, values not listed."""
        column, rule = counted.column(role), rule_of(role, self.rules)
        if role in self.cuts or rule.map is not None or rule.bins is not None:
            return
        if role in ONE_LIST:
            refuse_many(role, len(column.values), label=True)
        weights = weights_of(column, counted.cells.counts)
        if rule.labels is not None:
            refuse_unlisted(role, rule.labels, column.values, weights)
        else:
            values = [*map(text_of, column.values)] if rule.as_text else column.values
            refuse_identifiers(role, values, weights)

    def _is_plain(self, role: str) -> bool:
        rule = rule_of(role, self.rules)
        return rule.map is None and rule.bins is None

    def _group_levels(self, role: str, counted: GroupBy) -> Levels:
        rule, values = rule_of(role, self.rules), counted.column(role).values
        if role in self.cuts:
            cuts = self.cuts[role]
            names = bin_names(cuts) if rule.bins is not None else quartile_names(cuts)
            return cut_levels(values, cuts, names, self.notes.get(role, ""))
        if rule.map is not None:
            return map_levels(rule, values)
        if rule.bins is not None:
            return bin_levels(role, values, rule.bins, bin_names(rule.bins))
        many = len(values) > QUARTILES_ABOVE and rule.labels is None and not rule.as_text
        if many and all(map(is_number, values)):
            weights = weights_of(counted.column(role), counted.cells.counts)
            numbers = [v for v in values if not isinstance(v, str)]
            cuts = weighted_quartile_cuts(numbers, weights)
            whole = all(isinstance(v, int) or math.isinf(v) for v in numbers)
            note = quartile_note(role, cuts, whole=whole)
            return bin_levels(role, values, cuts, quartile_names(cuts), note)
        return plain_levels(values, replace(rule, name=role))

    def _axis(self, role: str, counted: Sequence[GroupBy], levels: Levels) -> Axis:
        first = next(c for c in counted if role in c.roles)
        column = first.column(role)
        weights = weights_of(column, first.cells.counts)
        places = levels.of(column.values).tolist()
        lost = [
            (value, weight)
            for value, weight, place in zip(column.values, weights, places, strict=False)
            if place == NULL
        ]
        nulls = first.cells.rows - sum(weights)
        name = self.binding.names[role]
        return Axis(role, name, levels.names, nulls, unmapped_counts(lost), levels.note)

    def _tables(
        self, counted: Sequence[GroupBy], levels: Mapping[str, Levels]
    ) -> tuple[Table, ...]:
        joint = [placed(c, levels) for c in counted]
        if len(joint) == 1 and self._explodes(counted[0], levels):
            joint = [_part(joint[0], roles) for roles in largest(self.every)]
        if all(len(table.cells) <= STORED_CELLS for table in joint):
            return tuple(joint)
        tables = []
        for roles in self.wanted:
            source = next(t for t in joint if set(roles) <= set(t.roles))
            tables.append(_part(source, roles))
        maximal = largest([table.roles for table in tables])
        kept = [table for table in tables if table.roles in maximal]
        for table in kept:
            if len(table.cells) > CELL_LIMIT:
                raise DataError(
                    f"{' × '.join(table.roles)} has {len(table.cells):,} combinations: at most "
                    f"{CELL_LIMIT:,} can be judged; compare fewer roles at once, or map them to "
                    "fewer groups"
                )
        return tuple(kept)

    def _explodes(self, joint: GroupBy, levels: Mapping[str, Levels]) -> bool:
        """Whether the joint table is too wide to be one: by its values, never by a sample."""
        sizes = (self._size(r, self._values(joint, r, levels)) for r in joint.roles)
        return math.prod(sizes) > _JOINT_ESTIMATE

    def _values(self, joint: GroupBy, role: str, levels: Mapping[str, Levels]) -> int:
        return 4 if levels[role].note else len(joint.column(role).values)

    def _number_tables(
        self, levels: Mapping[str, Levels]
    ) -> tuple[tuple[ScoreTable, ...], tuple[AmountTable, ...], dict[str, int]]:
        if not self.numbers:
            return (), (), {}
        # Of rows that stay on their engine only the counts are asked for.
        counting: Any = on_engine if self.rows.is_lazy else in_memory
        slots = {role: self._slot(role) for role in self.sources}
        given = Grouped(self.rows, slots, levels, self.binding.names, self.least)
        scores: list[ScoreTable] = []
        amounts: list[AmountTable] = []
        nulls: dict[str, int] = {}
        for number, wanted in self.numbers.items():
            if number.is_amount:
                amounts += counting.amount_tables(number, largest(wanted), given)
                continue
            tables, lacking = counting.score_tables(number, largest(wanted), given)
            scores += tables
            if len(number.of) == 1:
                nulls[number.of[0]] = lacking
        return tuple(scores), tuple(amounts), nulls

    def _slot(self, role: str) -> Slot:
        return Slot(self.sources[role], self.cuts.get(role))

    def _nulls(self, axes: Sequence[Axis], number_nulls: Mapping[str, int]) -> dict[str, int]:
        known = {**number_nulls, **{axis.role: axis.nulls for axis in axes}}
        rest = {role: source for role, source in self.sources.items() if role not in known}
        counts = self.rows.nulls(list(dict.fromkeys(rest.values())))
        known |= {role: counts[source] for role, source in rest.items()}
        # None of them has a missing weight; it is counted where a control asks for it by name.
        counted = [role for role in self.sources if role != WEIGHT or role in self.asked]
        return {role: known[role] for role in labels_first(counted)}


class GroupBy(Struct, frozen=True):
    """One group-by: the roles it was made over, and its cells in the same order."""

    roles: tuple[str, ...]
    cells: Cells

    def column(self, role: str) -> Codes:
        return self.cells.columns[self.roles.index(role)]


def largest(tables: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those that are not part of another one."""
    return [t for t in tables if not any(set(t) < set(other) for other in tables)]


def labels_first(roles: Iterable[str]) -> tuple[str, ...]:
    names = dict.fromkeys(roles)
    labels = [role for role in LABEL_ROLES if role in names]
    return (*labels, *(role for role in names if role not in LABEL_ROLES))


def shared_labels(levels: dict[str, Levels], roles: Mapping[str, Role]) -> dict[str, Levels]:
    """Both label axes on one list, also where a map or bins gave each its own."""
    own = [levels[role] for role in ONE_LIST if role in levels]
    if len(own) < 2 or own[0].names == own[1].names:
        return levels
    bins = {rule_of(role, roles).bins for role in ONE_LIST}
    names = label_levels({role: levels[role].names for role in ONE_LIST})["target"].names
    if len(bins) == 1 and None not in bins:
        names = tuple(name for name in bin_names(*filter(None, bins)) if name in names)
    level = {name: index for index, name in enumerate(names)}
    moved = {
        role: Levels(
            names,
            {
                key: NULL if index == NULL else level[levels[role].names[index]]
                for key, index in levels[role].place.items()
            },
            levels[role].note,
        )
        for role in ONE_LIST
    }
    return levels | moved


def weights_of(column: Codes, counts: Ints) -> list[int]:
    """Rows of each value of a column; int64, so that no count is rounded."""
    totals = numpy.zeros(len(column.values) + 1, dtype=numpy.int64)
    numpy.add.at(totals, column.codes, counts)
    return [int(total) for total in totals[:-1]]


def quartiles(rows: Rows, source: Source) -> tuple[tuple[float, ...], bool]:
    """Where a column is cut at its quartiles, and whether all its numbers are whole."""
    if rows.is_lazy:
        return on_engine.quartiles(rows, source)
    numbers = rows.numbers(source)
    return quartile_cuts(numbers), are_whole(numbers)


def _part(table: Table, roles: tuple[str, ...]) -> Table:
    return Tally(rows=0, axes=(), tables=(table,)).table(roles)


def placed(counted: GroupBy, levels: Mapping[str, Levels]) -> Table:
    columns = [
        levels_by_cell(column, levels[role])
        for role, column in zip(counted.roles, counted.cells.columns, strict=True)
    ]
    matrix = summed(numpy.column_stack([*columns, counted.cells.counts]))
    return Table(counted.roles, tuple(map(tuple, matrix.tolist())))
