"""Measure a control about a number: the value from the finest table, its interval from few levels.

The evidence keeps numbers on at most 512 levels, and the replicates are drawn from that form, so
that judging again from the evidence gives the same interval. It is then moved by the distance of
the exact value from the one on few levels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Tally
from venturalitica.judge.compare_groups import Found, Part
from venturalitica.judge.count import Counted, count_cells
from venturalitica.judge.measure import (
    Bench,
    compared_or_single,
    fewest_of,
    read_favorable,
    table_key,
    with_left_out,
)
from venturalitica.judge.pooling import regrouped, tellable
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats, Integers, divide, segment_sums
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Sample, Shape, rarest_label

BLOCKS = 128
"""Levels that are resampled; neighbours are joined so that each holds about as many rows."""


class Levelled(Struct, frozen=True):
    """`counts` `(G, *shape, S)` by level of a number; `values` `(S,)`."""

    counts: Floats
    values: Floats
    counted: Counted
    exact: bool
    reach: float
    note: str = ""

    def fewest(self, question: Question) -> Floats:
        """The fewest rows behind any part of the value, by group `(G,)`."""
        return fewest_of(question, self.counted, self.counts, self.values)


def counted_levels(bench: Bench, question: Question) -> Levelled:
    """What a control about a number counts, of the form that evidence keeps.

    Raises Refusal where it cannot be counted.
    """
    return _read(bench, question, bench.evidence)


def measure_number(bench: Bench, question: Question) -> Found:
    """Measure a metric of a number. Raises Refusal where it has no value."""
    fine = _read(bench, question, bench.tally)
    if fine.counted.rough:
        # A record tells such values on steps, so what it keeps must be enough to find them again.
        fine = _read(bench, question, bench.evidence)
    _refuse_unfit(question, fine)
    every = _parts(bench, question, fine)
    parts = [every[metric] for metric in question.spec.parts]
    found = compared_or_single(
        bench, question, [part for part, _ in parts], fine.counted, fine.fewest(question)
    )
    if bench.exact:
        found = replace(found, doubts=(*found.doubts, *_unsure(question, fine)))
    shift = max(moved for _, moved in parts)
    note = () if shift <= 1e-12 else (_level_note(_number(question), shift),)
    if bench.told is None or fine.counted.rough:
        found = _bounded(found, question, fine)
    # Else of the values that the record tells, which may be exact: how far they are off is theirs.
    found = found.with_notes(*fine.counted.notes, *filter(None, [fine.note]), *note)
    return with_left_out(found, bench, question, fine.counted)


def _unsure(question: Question, fine: Levelled) -> tuple[str, ...]:
    every = (STATISTICS[metric].unsure for metric in question.spec.parts)
    said = (unsure(fine.counts, fine.values) for unsure in every if unsure is not None)
    return tuple(dict.fromkeys(filter(None, said)))


def _number(question: Question) -> str:
    assert question.spec.number is not None
    return question.spec.number.name


def _shape(spec: MetricSpec) -> Shape:
    return STATISTICS[spec.parts[0]].shape


def _same(question: Question) -> tuple[Hashable, ...]:
    """What makes two controls about a number count the same rows by the same groups."""
    spec, control = question.spec, question.control
    what = _number(question), _shape(spec).name, spec.needs
    return *what, control.across, control.nulls, control.small_groups


def _alike(bench: Bench, question: Question) -> list[tuple[str, MetricSpec]]:
    """The controls of the policy that count the same, with their metrics."""

    def found() -> list[tuple[str, MetricSpec]]:
        same = _same(question)
        known = [(c, CATALOG[c.metric]) for c in bench.policy.controls if c.metric in CATALOG]
        return [
            (control.id, spec)
            for control, spec in known
            if spec.number is not None and _same(Question(control, spec, None)) == same
        ]

    return bench.once(("alike", *_same(question)), found)


def _read(bench: Bench, question: Question, tally: Tally) -> Levelled:
    back = frozenset(bench.back.get(question.control.across, ()))
    return bench.once(
        ("levels", tally is bench.tally, back, *_same(question)),
        lambda: _read_levels(bench, question, tally),
    )


def _read_levels(bench: Bench, question: Question, tally: Tally) -> Levelled:
    spec, control = question.spec, question.control
    table = _table(question, tally, (*spec.labels, *control.across))
    cells = _columns(table, spec.labels, control.across)
    _, favorable = read_favorable(bench, question, cells, tally)
    counted = count_cells(
        bench.policy,
        control,
        tally,
        cells,
        roles=(*spec.labels, table.number),
        favorable=favorable,
        values=numpy.array(table.scores, dtype=numpy.float64),
        back=bench.back.get(control.across, ()),
        least=bench.least,
    )
    counted = regrouped(control, counted)
    counted = tellable(counted, rarest_label(counted), bench.least)
    assert counted.values is not None
    reach = 0.0 if table.exact else table.width / 2
    counts = _shape(spec).lay(counted).measured
    return Levelled(counts, counted.values, counted, table.exact, reach, table.note)


def _table(question: Question, tally: Tally, roles: tuple[str, ...]) -> ScoreTable:
    number = question.spec.number
    assert number is not None
    of_number = [table for table in tally.scores if table.number == number.name]
    holding = [table for table in of_number if set(roles) <= set(table.roles)]
    if not holding:
        raise Refusal(
            f"the tally has no {number.name}s by {' × '.join(roles)}: judge the data itself, with "
            + " and ".join(f"{role}=<column name>" for role in number.of)
        )
    return min(holding, key=lambda table: (not table.exact, len(table.cells)))


def _columns(table: ScoreTable, labels: Sequence[str], across: Sequence[str]) -> Integers:
    """Cells as `(C, labels + 1 + groups + 1)`: labels, the number's level, groups, count."""
    cells = table.matrix()
    level = len(table.roles)
    places = [table.roles.index(role) for role in (*labels, *across)]
    return cells[:, [*places[: len(labels)], level, *places[len(labels) :], level + 1]]


def _refuse_unfit(question: Question, fine: Levelled) -> None:
    # Levels of rows that were left out, or that belong to another table, are no business here.
    values = fine.values[fine.counts.reshape(-1, fine.values.size).sum(axis=0) > 0]
    for metric in question.spec.parts:
        refuse = STATISTICS[metric].refuse
        reason = refuse(values) if refuse is not None else ""
        if reason:
            raise Refusal(f"{metric} {reason}")


def _parts(bench: Bench, question: Question, fine: Levelled) -> Mapping[str, tuple[Part, float]]:
    """Every metric that the policy asks of this number and these rows; each with how far its
    interval was moved at most. Drawing the replicates costs most, so it is done once for all."""
    specs = (question.spec, *(spec for _, spec in _alike(bench, question)))
    names = tuple(sorted({part for spec in specs for part in spec.parts}))
    return bench.once(
        ("metrics of a number", names, *_same(question)),
        lambda: _measured(bench, question, fine, names),
    )


def _measured(
    bench: Bench, question: Question, fine: Levelled, names: Sequence[str]
) -> Mapping[str, tuple[Part, float]]:
    coarse = _read(bench, question, bench.evidence)
    found: dict[str, tuple[Part, float]] = {}
    drawn = []
    for name in names:
        ends = STATISTICS[name].ends if bench.exact else None
        if ends is None:
            drawn.append(name)
            continue
        values = _values(bench, question, fine, name)
        at = partial(_around, ends, coarse, values)
        found[name] = Part(name, values, _support(name, fine), at=at), 0.0
    return found | (_drawn(bench, question, fine, drawn) if drawn else {})


def _around(
    ends: Callable[..., Ends | None], coarse: Levelled, values: Floats, alpha: float
) -> Ends:
    """The ends around the values, from the counts that evidence keeps."""
    found = ends(coarse.counts, coarse.values, values, alpha)
    assert found is not None, "a number has ends of all counts"
    return found


def _drawn(
    bench: Bench, question: Question, fine: Levelled, names: Sequence[str]
) -> dict[str, tuple[Part, float]]:
    """Those whose intervals are drawn from replicates."""
    coarse, shape = _read(bench, question, bench.evidence), _shape(question.spec)
    counts, values = _joined(coarse.counts, coarse.values, shape)
    sample = Sample(
        counts.reshape(-1).astype(numpy.int64),
        lambda drawn: drawn.reshape(*drawn.shape[:-1], *counts.shape),
    )

    def compute(counts: Floats) -> Floats:
        return numpy.stack([STATISTICS[name].compute(counts, values) for name in names], axis=-1)

    drawn = bench.replicates(sample, table_key(question, shape, fine.counted), compute)
    on_levels = compute(sample.measured)
    return {
        name: _part(
            name,
            fine,
            _values(bench, question, fine, name),
            on_levels[..., place],
            drawn[..., place],
        )
        for place, name in enumerate(names)
    }


def _values(bench: Bench, question: Question, fine: Levelled, name: str) -> Floats:
    """The metric over the groups `(G,)`: of the finest table, or as a record tells it.

    What evidence keeps of a number is coarser than what was judged, so a record's own values are
    taken where they lie as near to those on its levels as must be.
    """
    values = STATISTICS[name].compute(fine.counts, fine.values)
    if fine.exact or fine.counted.rough or bench.told is None:
        return values
    alike = (control for control, spec in _alike(bench, question) if spec.name == name)
    return bench.told.refined(alike, values, _bounds(name, fine))


def _bounds(name: str, fine: Levelled) -> Floats:
    """How far off the metric can be, `(G,)`."""
    bound = STATISTICS[name].bound
    if bound is None:
        return numpy.full(fine.counts.shape[0], numpy.inf)
    return bound(fine.counts, fine.values, fine.reach)


def _part(
    name: str, fine: Levelled, values: Floats, on_levels: Floats, replicates: Floats
) -> tuple[Part, float]:
    """The base metric over the groups, and how far the interval was moved at most."""
    spec = CATALOG[name]
    shift = values - on_levels
    known = shift[~numpy.isnan(shift)]
    moved = numpy.ascontiguousarray(numpy.clip(replicates + shift, spec.low, spec.high))
    return Part(name, values, _support(name, fine), moved), float(numpy.abs(known).max(initial=0.0))


def _support(name: str, fine: Levelled) -> Floats:
    """The rows behind each group's value, `(G,)`."""
    support = STATISTICS[name].support
    return support(fine.counts, fine.values) if support else fine.counted.rows.astype(float)


def _joined(counts: Floats, values: Floats, shape: Shape) -> tuple[Floats, Floats]:
    """At most about `BLOCKS` levels: neighbours joined, never across a bin of the shape.

    Favorable and other rows weigh the same in total, so that a rare label keeps its ranks.
    """
    if values.size <= BLOCKS:
        return counts, values
    by_label = counts.reshape(counts.shape[0], -1, values.size).sum(axis=0)
    shares = divide(by_label, by_label.sum(axis=-1, keepdims=True))
    mass = numpy.nan_to_num(shares).mean(axis=0)
    middle = numpy.cumsum(mass) - mass / 2
    block = numpy.floor(middle / max(mass.sum(), 1e-300) * BLOCKS).astype(numpy.int64)
    bins = shape.bins(values) if shape.bins else numpy.zeros_like(block)
    mark = bins * (BLOCKS + 1) + block
    _, place = numpy.unique(mark, return_inverse=True)
    place = place.astype(numpy.int64)
    size = int(place.max()) + 1
    rows = by_label.sum(axis=0)
    centre = divide(segment_sums(rows * values, place, size), segment_sums(rows, place, size))
    plain = segment_sums(values, place, size) / numpy.bincount(place)
    return segment_sums(counts, place, size), numpy.where(numpy.isnan(centre), plain, centre)


def _level_note(number: str, shift: float) -> str:
    return (
        f"the interval was drawn from {number}s on few levels and moved by at most "
        f"{shift:.2g} to the value"
    )


def _bounded(found: Found, question: Question, fine: Levelled) -> Found:
    """How far off the value can be because numbers were cut into cells."""
    if fine.exact:
        return found
    bounds = numpy.stack([_bounds(name, fine) for name in question.spec.parts]).max(axis=0)
    bound = how_far_off(found, question, bounds)
    note = (
        f"{_number(question)}s were cut into cells {2 * fine.reach:.2g} wide: the exact value lies "
        f"within {bound:.2g} of this one"
    )
    return replace(found, error_bound=bound).with_notes(note)


def how_far_off(found: Found, question: Question, bounds: Floats) -> float:
    """How far off the value can be, where each group's is by at most `bounds` `(G,)`."""
    if question.compare == "ratio":
        return _ratio_bound(found, bounds)
    low, high = question.low_high()
    both = 1 if question.compare in (None, "min", "max") else 2
    return min(float(bounds.max()) * both, high - low)


def _ratio_bound(found: Found, bounds: Floats) -> float:
    """min/max where each group's value may be off by `bounds`."""
    values = numpy.array([g.value for g in found.groups if g.value is not None])
    off = float(bounds.max())
    low, high = float(values.min()), float(values.max())
    if high <= off:
        return 1.0
    least = max(low - off, 0.0) / (high + off)
    most = min((low + off) / (high - off), 1.0)
    return max(most - found.value, found.value - least)
