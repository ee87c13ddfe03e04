"""Measure one control: from the tally's cells to a value and its replicates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeVar

import numpy
from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.amounts import AmountTable
from venturalitica.core.circumstances import INTERVALS, RULES, UNNAMED
from venturalitica.core.levels import NULL, WHOLE
from venturalitica.core.policy import ONE_LIST, Control, Policy
from venturalitica.core.tally import Tally
from venturalitica.core.text import rows
from venturalitica.errors import listed
from venturalitica.judge.compare_groups import Found, Part, compared, single, step_of_parts
from venturalitica.judge.count import UNTOLD, Counted, count_all, count_cells, kept_back_words
from venturalitica.judge.keep_back import SINCE, Across, Group
from venturalitica.judge.labels import (
    Labels,
    check_agreeing,
    check_favorable,
    check_listed,
    favorable_index,
    read_labels,
    renamed_doubts,
)
from venturalitica.judge.pooling import groups_without_rows, left_out, regrouped, tellable
from venturalitica.judge.question import Question, Refusal
from venturalitica.judge.told import Told
from venturalitica.judge.weights import (
    of_weight,
    unweighted_note,
    weighed,
    weight_cells,
    weight_table,
    weighted_part,
    with_weights,
    worth,
)
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.intervals import Floats, Integers, Resampling
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Sample, Shape, Statistic, rarest_label

Made = TypeVar("Made")


class Bench(Struct):
    """What the controls of one judgement share: the tally and the replicates drawn from it.

    `rules` are the rules of judgement (`circumstances.RULES`): an old record keeps its verdicts.
    """

    policy: Policy
    tally: Tally
    rules: int = RULES
    told: Told | None = None
    back: Mapping[Across, set[Group]] = field(default_factory=dict)
    """By the roles of `across`, the groups that are kept back."""
    _resamplings: dict[str, Resampling] = field(default_factory=dict)
    _evidence: Tally | None = None
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    intervals: str = INTERVALS
    """The method of intervals."""

    @property
    def exact(self) -> bool:
        """Whether intervals are ends of the counts, where the metric has some."""
        return self.intervals != UNNAMED

    @property
    def least(self) -> int:
        """No smaller count of rows is told or enters a value; 0 under rules that told them all."""
        return self.policy.min_cell if self.rules >= SINCE else 0

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, made for the first control that asks and shared by the others."""
        if key not in self._shared:
            self._shared[key] = make()
        made: Made = self._shared[key]
        return made

    @property
    def evidence(self) -> Tally:
        """The tally as it is stored: score tables on few levels."""
        if self._evidence is None:
            self._evidence = self.tally.for_evidence()
        return self._evidence

    def replicates(self, sample: Sample, key: str, statistic: Callable[[Floats], Floats]) -> Floats:
        """The statistic of each replicate of a table, `(2000, ...)`; these are drawn once.

        Their seed is the table's name, `key`, and a digest of its counts, the same on every
        machine. Not the whole tally: what other controls ask for would then move this interval.
        """
        seed = f"{key}|{hashlib.sha256(sample.cells.astype('<i8').tobytes()).hexdigest()}"
        if seed not in self._resamplings:
            self._resamplings[seed] = Resampling(sample.cells, seed)
        return self._resamplings[seed].each(lambda drawn: statistic(sample.expand(drawn)))


def counted_rows(bench: Bench, question: Question) -> Counted:
    """What a control counts by its groups. Raises Refusal where it cannot be counted."""
    return _counted(bench, question)[0]


def fewest_of(question: Question, counted: Counted, *measured: Floats) -> Floats:
    """The fewest rows behind any part of the value, by group `(G,)`.

    `measured` are the counts and levels of a number, where the metric is about one.
    """
    least = counted.rows.astype(float)
    if counted.weights is not None:
        least, counted = worth(question, counted), of_weight(counted)
        least = numpy.minimum(least, counted.rows)
    for metric in question.spec.parts:
        statistic = STATISTICS[metric]
        if statistic.fewest is None:
            fewest = rarest_label(counted)
        else:
            fewest = statistic.fewest(*(measured or (statistic.shape.lay(counted).measured,)))
        least = numpy.minimum(least, fewest[: least.size])
    return least


def measure(bench: Bench, question: Question) -> Found:
    """Measure a control. Raises Refusal where there is no value."""
    counted, (notes, doubts) = _counted(bench, question)
    fewest = fewest_of(question, counted)
    told = tellable(counted, fewest, bench.least)
    if told is not counted:
        counted, fewest = told, fewest_of(question, told)
    parts = [_part(bench, question, metric, counted) for metric in question.spec.parts]
    doubts = (*doubts, *_unsure(bench, question, counted))
    found = compared_or_single(bench, question, parts, counted, fewest).with_notes(
        *counted.notes, *notes, *unweighted_note(bench.tally, question.spec)
    )
    found = with_weights(replace(found, doubts=(*found.doubts, *doubts)), question, counted)
    return with_left_out(found, bench, question, counted)


def with_left_out(found: Found, bench: Bench, question: Question, counted: Counted) -> Found:
    """What was found, with the rows of groups that the control does not compare counted."""
    notes, doubts = left_out(question, counted, since=bench.rules, least=bench.policy.min_cell)
    doubts = (*doubts, *_cut_codes(bench.tally, question.control))
    if counted.untold:
        doubts = (*doubts, f"how many rows have no {listed(counted.untold)} is not told: {UNTOLD}")
    notes, doubts = (*found.notes, *notes), (*found.doubts, *doubts)
    return replace(found, notes=notes, doubts=doubts, missed=counted.missed)


def _cut_codes(tally: Tally, control: Control) -> Iterator[str]:
    """Whole numbers that were cut for want of bins may be ages, or codes that have no order."""
    for axis in map(tally.axis, control.across):
        if axis is not None and WHOLE in axis.note:
            yield (
                f"'{axis.role}' holds whole numbers, which were cut at their quartiles: give it "
                "`bins:` in the policy, or `as: text` where they are codes"
            )


def table_key(question: Question, shape: Shape, counted: Counted) -> str:
    """The name of the table a control counts: the same for all that may share replicates."""
    if question.spec.of_nulls:
        return f"{shape.name}|{','.join(counted.missing)}"
    return "|".join((shape.name, ",".join(question.spec.needs), ",".join(question.control.across)))


_Said = tuple[tuple[str, ...], tuple[str, ...]]
"""Notes and doubts on the labels of target and prediction."""


def _counted(bench: Bench, question: Question) -> tuple[Counted, _Said]:
    control, roles, tally = question.control, question.spec.labels, bench.tally
    if question.spec.of_nulls:
        return _counted_missing(bench, control), ((), ())
    if not roles and not control.across:
        return count_all(tally), ((), ())
    back = frozenset(bench.back.get(control.across, ()))
    favored, table = question.spec.needs_favorable, weight_table(tally, question)
    return bench.once(
        (
            "counted",
            roles,
            control.across,
            control.nulls,
            favored,
            back,
            control.small_groups,
            table is None,
        ),
        lambda: _counted_cells(bench, question, back, table),
    )


def _counted_cells(
    bench: Bench, question: Question, back: frozenset[Group], table: AmountTable | None
) -> tuple[Counted, _Said]:
    control, roles = question.control, question.spec.labels
    if table is None:
        cells = numpy.array(bench.tally.table((*roles, *control.across)).cells, dtype=numpy.int64)
        cells = cells.reshape(-1, len(roles) + len(control.across) + 1)
    else:
        cells = weight_cells(table, roles, control.across)
    labels, favorable = read_favorable(bench, question, cells)
    counted = count_cells(
        bench.policy,
        control,
        bench.tally,
        cells,
        roles=roles if table is None else (*roles, table.number),
        favorable=favorable,
        values=None if table is None else numpy.arange(len(cells), dtype=float),
        back=back,
        least=bench.least,
    )
    counted = regrouped(control, counted)
    counted = counted if table is None else weighed(counted, table)
    return counted, _labels_said(bench, labels, counted, roles)


def _counted_missing(bench: Bench, control: Control) -> Counted:
    """Missing values; where they are few, the most that there may be.

    Raises Refusal where a count is not to be told although it is of more rows: a part of it is of
    few, and the size of a group may follow from it.
    """
    tally, told = bench.tally, bench.tally.nulls_told(bench.least)
    # Sorted, as a record keeps them: the replicates depend on the order.
    asked = {role: told[role] for role in control.of or sorted(tally.nulls)}
    untold = [role for role, count in asked.items() if count is None]
    kept = [role for role in untold if not tally.few_nulls(role, bench.least)]
    if kept:
        raise Refusal(
            f"how many rows have no {listed(kept)} is not told, since counts of fewer than "
            f"{rows(bench.least)} would follow: there is no value",
            n=tally.rows,
        )
    # The most that there may be, whatever it is: it must not depend on what is not told.
    most = min(bench.least - 1, tally.rows)
    missing = {role: most if count is None else count for role, count in asked.items()}
    return count_all(tally, missing, untold)


def read_favorable(
    bench: Bench, question: Question, cells: Integers, tally: Tally | None = None
) -> tuple[Labels, int | None]:
    """What target and prediction hold, and the favorable label among it.

    The first columns of `cells` are moved onto the indices of their own role's labels.
    """
    counted, labels = tally or bench.tally, read_labels(())
    for column, role in enumerate(question.spec.labels):
        own = labels_of(counted, role)
        if role in ONE_LIST:
            labels = own
            check_listed(bench.policy, labels.levels)
        cells[:, column] = numpy.append(own.moved, NULL)[cells[:, column]]
    favorable = None
    if question.spec.needs_favorable and cells.size:
        favorable = favorable_index(bench.policy, labels.levels)
    return labels, favorable


def labels_of(tally: Tally, role: str) -> Labels:
    """The labels of a role; those that target and prediction share, of these two."""
    axis = tally.axis(role)
    return read_labels(axis.levels if axis else ())


def _labels_said(bench: Bench, labels: Labels, counted: Counted, roles: Sequence[str]) -> _Said:
    """Raises Refusal where target and prediction cannot be compared."""
    if "prediction" not in roles:
        return ((), ())
    both = "target" in roles
    prediction, target = (
        set(counted.indices[:, roles.index(role)].tolist())
        if role in roles
        else _target_labels(bench.tally, labels)
        for role in ("prediction", "target")
    )
    strange = check_agreeing(labels.levels, target, prediction) if target else ""
    if counted.favorable is not None:
        check_favorable(
            labels.levels, counted.favorable, target, prediction, both=both, since=bench.rules
        )
    note = "; ".join(filter(None, (labels.note, strange)))
    doubts = renamed_doubts(labels.levels, target, prediction, since=bench.rules)
    return ((note,) if note else ()), doubts


def _target_labels(tally: Tally, labels: Labels) -> set[int]:
    """The labels that the target has, for a control that counts predictions alone."""
    if not any("target" in table.roles for table in tally.tables):
        return set()
    cells = tally.table(("target",)).cells
    return {int(labels.moved[level]) for level, _ in cells if level != NULL}


def _part(bench: Bench, question: Question, metric: str, counted: Counted) -> Part:
    if counted.weights is not None:
        return weighted_part(metric, counted)
    statistic = STATISTICS[metric]
    sample = statistic.shape.lay(counted)
    absent = len(absent_groups(statistic, counted))
    rows = counted.rows.astype(float)
    rows = numpy.pad(rows, (0, absent)) if absent else rows
    if bench.exact and statistic.ends is not None:
        counts = sample.measured
        if absent:  # nobody belongs to these: they have a count, and it is 0
            counts = numpy.pad(counts, [(0, absent)] + [(0, 0)] * (counts.ndim - 1))
        at: Any = cache(partial(statistic.ends, counts))
        if at(question.alpha) is not None:
            return Part(
                metric,
                statistic.compute(counts),
                rows if statistic.support is None else statistic.support(counts),
                at=at,
                rows=counts if statistic.of_all else None,
                share=statistic.share(counts),
                counts=counts,
                compute=statistic.compute,
            )

    def padded(counts: Floats) -> Floats:
        values = statistic.compute(counts)
        return numpy.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, absent)])

    compute = padded if absent else statistic.compute
    return Part(
        metric,
        compute(sample.measured),
        rows if statistic.support is None else statistic.support(sample.measured),
        bench.replicates(sample, table_key(question, statistic.shape, counted), compute),
        counts=None if absent else sample.measured,
        compute=compute,
    )


def _unsure(bench: Bench, question: Question, counted: Counted) -> tuple[str, ...]:
    """Why no interval of these counts is shown to hold."""
    if not bench.exact:
        return ()
    every = (STATISTICS[metric] for metric in question.spec.parts)
    said = (s.unsure(s.shape.lay(counted).measured) for s in every if s.unsure is not None)
    return tuple(dict.fromkeys(filter(None, said)))


def absent_groups(statistic: Statistic, counted: Counted) -> tuple[str, ...]:
    """Groups that the policy names and no row belongs to, where these have the value 0."""
    groups = counted.groups
    return groups.absent if statistic.absent and not groups.intersections else ()


def compared_or_single(
    bench: Bench, question: Question, parts: Sequence[Part], counted: Counted, fewest: Floats
) -> Found:
    """The parts' values as one; `fewest` `(G,)` rows are behind any part of them."""
    _refuse_kept_back(bench, question, counted, fewest)
    step = step_of_parts(question, parts, counted) if counted.rough else 0.0
    if question.compare is None:
        found = single(
            question,
            parts[0],
            n=int(counted.told.sum()),
            undefined=CATALOG[question.spec.name].undefined,
        )
        return replace(found, step=step)
    statistic = STATISTICS[question.spec.parts[0]]
    absent = absent_groups(statistic, counted)
    told = numpy.pad(counted.told, (0, len(absent))) if absent else counted.told
    names = (*counted.groups.names, *absent)
    found = compared(question, parts, names, told, rough=counted.rough)
    doubts = (*found.doubts, *groups_without_rows(question, counted))
    return replace(found, doubts=doubts, step=step)


def _refuse_kept_back(bench: Bench, question: Question, counted: Counted, fewest: Floats) -> None:
    """Raises Refusal where what is asked for is kept back, or nothing is left to compare."""
    least = bench.least
    if question.compare is None:
        if counted.n < least or 0 < fewest[0] < least:
            raise Refusal(f"the value rests on fewer than {rows(least)}: it is not shown")
        return
    back = set(counted.kept_back)
    hidden = [name for name in question.control.groups if name in back]
    if hidden or (back and question.compare != "between" and counted.groups.size < 2):
        raise Refusal(
            f"nothing is left to compare: {kept_back_words(counted.kept_back, least)}",
            n=int(counted.told.sum()),
        )
