"""Measure one control: from the tally's cells to a value and its replicates."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy

from venturalitica.core.circumstances import RULES
from venturalitica.core.policy import Policy
from venturalitica.core.tally import NULL, Tally
from venturalitica.errors import listed
from venturalitica.judge.compare_groups import Found, Part, compared, single
from venturalitica.judge.count import Counted, Sample, count_cells, sample_of
from venturalitica.judge.doubts import check_favorable, left_out, renamed_doubts
from venturalitica.judge.labels import (
    Labels,
    check_agreeing,
    check_listed,
    favorable_index,
    read_labels,
)
from venturalitica.judge.question import COUNTING, Question, Refusal
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.data import completeness, group_shares, holes_of
from venturalitica.metrics.intervals import REPLICATES, Floats, Integers, Resampling
from venturalitica.metrics.registry import STATISTICS, Statistic

_ROUNDING = 1e-9
"""Sums of the same losses in another order, on another processor, differ by less."""


@dataclass(slots=True)
class Told:
    """Values that a record tells, for judging it again from the coarser counts that it keeps.

    By control id: its value, or the value of each of its groups, None where there is none.
    `moved` collects how far from the value on the recorded levels the one that was taken lies.
    """

    values: Mapping[str, Sequence[float | None]]
    moved: dict[str, float] = field(default_factory=dict)

    def refined(self, controls: Iterable[str], values: Floats, bounds: Floats) -> Floats:
        """`values` `(G,)`, with what is told in their place where it is within `bounds` `(G,)`.

        `controls` are those that ask for these very values; the first of which any is told counts.
        """
        name, told = next(
            ((name, self.values[name]) for name in controls if name in self.values), ("", ())
        )
        if len(told) != values.size:
            return values
        claimed = numpy.array([numpy.nan if value is None else value for value in told], float)
        apart = numpy.abs(claimed - values)
        near = apart <= numpy.broadcast_to(bounds, values.shape) + _ROUNDING
        self.moved[name] = float(apart[near].max(initial=0.0))
        return numpy.where(near, claimed, values)


Made = TypeVar("Made")


@dataclass(slots=True)
class Bench:
    """What the controls of one judgement share: the tally and the replicates drawn from it.

    `rules` are the rules of judgement (`circumstances.RULES`): an old record keeps its verdicts.
    """

    policy: Policy
    tally: Tally
    rules: int = RULES
    told: Told | None = None
    _resamplings: dict[str, Resampling] = field(default_factory=dict)
    _evidence: Tally | None = None
    _shared: dict[Hashable, Any] = field(default_factory=dict)

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

    def resampling(self, sample: Sample) -> Resampling:
        """The replicates of a table, drawn once; their seed is the table's name and its counts.

        Not the whole tally: what other controls ask for would then move this one's interval.
        """
        seed = sample.seed
        if seed not in self._resamplings:
            self._resamplings[seed] = Resampling(sample.cells, seed)
        return self._resamplings[seed]


def measure(bench: Bench, question: Question) -> Found:
    """Measure a control that is not about scores. Raises Refusal where there is no value."""
    if question.spec.name == "completeness":
        return _completeness(bench, question)
    if question.spec.name == "row_count" and not question.control.across:
        return _row_count(bench)
    counted, favorable, said = _counted(bench, question)
    if question.parts == ("group_representation",) or question.parts == ("row_count",):
        return with_left_out(_group_sizes(bench, question, counted), bench, question, counted)
    parts = [_part(bench, question, metric, counted, favorable) for metric in question.parts]
    found = _found(question, parts, counted).with_notes(*counted.notes, *said.notes)
    found = replace(found, doubts=(*found.doubts, *said.doubts))
    return with_left_out(found, bench, question, counted)


def with_left_out(found: Found, bench: Bench, question: Question, counted: Counted) -> Found:
    """What was found, with the rows of groups that the control does not compare counted."""
    notes, doubts = left_out(question, counted, since=bench.rules)
    return replace(found, notes=(*found.notes, *notes), doubts=(*found.doubts, *doubts))


def table_key(question: Question, *roles: str) -> str:
    """The name of the table a control counts: the same for all that may share replicates."""
    return "|".join((",".join(roles), ",".join(question.control.across)))


@dataclass(frozen=True, slots=True)
class _Said:
    """What is to be said of the labels of target and prediction."""

    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def _counted(bench: Bench, question: Question) -> tuple[Counted, int | None, _Said]:
    roles = question.spec.needs
    table = bench.tally.table((*roles, *question.control.across))
    cells = numpy.array(table.cells, dtype=numpy.int64)
    cells = cells.reshape(-1, len(roles) + len(question.control.across) + 1)
    labels = labels_of(bench.tally)
    check_listed(bench.policy, labels.levels)
    favorable = None
    if question.spec.needs_favorable and cells.size:
        favorable = favorable_index(bench.policy, labels.levels)
    cells[:, : len(roles)] = moved_levels(cells[:, : len(roles)], labels)
    counted = count_cells(bench.policy, question.control, bench.tally, cells, roles=roles)
    return counted, favorable, _labels_said(bench, labels, counted, roles, favorable)


def labels_of(tally: Tally) -> Labels:
    """The labels that target and prediction share."""
    axis = tally.axis("target") or tally.axis("prediction")
    return read_labels(axis.levels if axis else ())


def moved_levels(indices: Integers, labels: Labels) -> Integers:
    """Level indices after merging; NULL stays."""
    return numpy.append(labels.moved, NULL)[indices] if indices.size else indices


def _labels_said(
    bench: Bench, labels: Labels, counted: Counted, roles: Sequence[str], favorable: int | None
) -> _Said:
    """Raises Refusal where target and prediction cannot be compared."""
    if "prediction" not in roles:
        return _Said()
    both = len(roles) > 1
    prediction = set(counted.indices[:, -1].tolist())
    target = set(counted.indices[:, 0].tolist()) if both else _target_labels(bench.tally, labels)
    strange = check_agreeing(labels.levels, target, prediction) if target else ""
    if favorable is not None:
        check_favorable(labels.levels, favorable, target, prediction, both=both, since=bench.rules)
    return _Said(
        tuple(filter(None, ["; ".join(filter(None, (labels.note, strange)))])),
        renamed_doubts(labels.levels, target, prediction, since=bench.rules),
    )


def _target_labels(tally: Tally, labels: Labels) -> set[int]:
    """The labels that the target has, for a control that counts predictions alone."""
    if not any("target" in table.roles for table in tally.tables):
        return set()
    cells = tally.table(("target",)).cells
    return {int(labels.moved[level]) for level, _ in cells if level != NULL}


def _part(
    bench: Bench, question: Question, metric: str, counted: Counted, favorable: int | None
) -> Part:
    statistic = STATISTICS[metric]
    sample = sample_of(
        counted,
        statistic.shape,
        favorable=favorable,
        key=table_key(question, *question.spec.needs),
    )
    return Part(
        metric,
        sample.measured(statistic.compute),
        _support(sample, statistic, counted),
        sample.replicates(bench.resampling(sample), statistic.compute),
    )


def _support(sample: Sample, statistic: Statistic, counted: Counted) -> Floats:
    rows = counted.rows.astype(float)
    return rows if statistic.support is None else sample.measured(statistic.support)


def _found(question: Question, parts: Sequence[Part], counted: Counted) -> Found:
    if question.compare is None:
        return single(parts[0], n=counted.n, undefined=CATALOG[question.spec.name].undefined)
    found = compared(question, parts, counted.groups.names, counted.rows)
    return doubting_absent(found, counted)


def doubting_absent(found: Found, counted: Counted) -> Found:
    """A group that the policy names and nobody belongs to was not compared: nothing is settled."""
    if not counted.groups.absent:
        return found
    doubt = f"the policy names groups without rows: {listed(counted.groups.absent)}"
    return replace(found, doubts=(*found.doubts, doubt))


def _group_sizes(bench: Bench, question: Question, counted: Counted) -> Found:
    """Row counts and shares: a group that the policy names and no row belongs to counts 0."""
    sample = sample_of(
        counted, "rows", favorable=None, key=table_key(question, *question.spec.needs)
    )
    absent = () if counted.groups.intersections else counted.groups.absent
    compute = group_shares if question.spec.name == "group_representation" else _itself

    def padded(rows: Floats) -> Floats:
        return numpy.pad(compute(rows), [(0, 0)] * (rows.ndim - 1) + [(0, len(absent))])

    names = (*counted.groups.names, *absent)
    rows = numpy.pad(counted.rows, (0, len(absent)))
    part = Part(
        question.spec.name,
        sample.measured(padded),
        rows.astype(float),
        sample.replicates(bench.resampling(sample), padded),
    )
    assert question.spec.name in COUNTING
    return compared(question, [part], names, rows).with_notes(*counted.notes)


def _itself(rows: Floats) -> Floats:
    return rows


def _row_count(bench: Bench) -> Found:
    rows = bench.tally.rows
    if not rows:
        raise Refusal("there are no rows: give data with at least one row")
    return Found(float(rows), numpy.full(REPLICATES, float(rows)), rows, rows)


def _completeness(bench: Bench, question: Question) -> Found:
    tally = bench.tally
    # Sorted, as a record keeps them: the replicates depend on the order.
    roles = question.control.of or tuple(sorted(tally.nulls))
    if not tally.rows or not roles:
        raise Refusal("there are no rows: give data with at least one row")
    nulls = {role: tally.nulls[role] for role in roles}
    holes = numpy.array(holes_of(list(nulls.values()), tally.rows), dtype=numpy.int64)

    def share(drawn: Floats) -> Floats:
        return completeness(drawn, roles=len(roles))

    resampling = bench.resampling(Sample(holes, share, f"holes|{','.join(roles)}"))
    value = float(share(holes.astype(float)))
    notes = [
        f"{role}: {count:,} of {tally.rows:,} missing" for role, count in nulls.items() if count
    ]
    counted_in = f"counted over {listed(roles, 12)}"
    return Found(value, resampling.each(share), tally.rows, tally.rows, notes=(counted_in, *notes))
