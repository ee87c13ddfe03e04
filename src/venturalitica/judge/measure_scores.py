"""Measure a control about a score: the value from the finest table, its interval from a few levels.

The evidence keeps scores on at most 512 levels, and the replicates are drawn from that form, so
that judging again from the evidence gives the same interval. It is then moved by the distance of
the exact value from the one on few levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy

from venturalitica.core.tally import ScoreTable, Tally
from venturalitica.core.text import format_number
from venturalitica.judge.compare_groups import Found, Part, compared, single
from venturalitica.judge.count import Counted, Sample, count_cells
from venturalitica.judge.labels import check_listed, favorable_index
from venturalitica.judge.measure import (
    Bench,
    doubting_absent,
    labels_of,
    moved_levels,
    table_key,
    with_left_out,
)
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.intervals import Floats, Integers, divide, segment_sums
from venturalitica.metrics.registry import SCORE_STATISTICS
from venturalitica.metrics.score_bounds import BOUNDS
from venturalitica.metrics.scores import calibration_bins

BLOCKS = 128
"""Levels that are resampled; neighbours are joined so that each holds about as many rows."""


@dataclass(frozen=True, slots=True)
class Scored:
    """`counts` `(G, 2, S)` by [target not favorable, favorable] and level; `scores` `(S,)`."""

    counts: Floats
    scores: Floats
    counted: Counted
    exact: bool
    reach: float
    note: str = ""


def measure_scored(bench: Bench, question: Question) -> Found:
    """Measure a score metric. Raises Refusal where it has no value."""
    fine = _read(bench, question, bench.tally)
    _check_probabilities(question, fine)
    part, shift = _parts(bench, question, fine)[question.spec.name]
    counted = fine.counted
    if question.compare is None:
        found = single(part, n=counted.n, undefined=CATALOG[part.metric].undefined)
    else:
        found = doubting_absent(
            compared(question, [part], counted.groups.names, counted.rows), counted
        )
    notes = [*counted.notes, *filter(None, [fine.note]), *_level_note(fine, part.replicates, shift)]
    if bench.told is None:
        found = _bounded(found, question, fine)
    # Else of the values that the record tells, which may be exact: how far they are off is theirs.
    return with_left_out(found.with_notes(*notes), bench, question, counted)


def _read(bench: Bench, question: Question, tally: Tally) -> Scored:
    return bench.once(
        ("scores", tally is bench.tally, *_rows_key(question)),
        lambda: _read_scores(bench, question, tally),
    )


def _rows_key(question: Question) -> tuple[tuple[str, ...], str]:
    """What makes two controls about scores count the same rows by the same groups."""
    return question.control.across, question.control.nulls


def _read_scores(bench: Bench, question: Question, tally: Tally) -> Scored:
    control, labels = question.control, labels_of(tally)
    check_listed(bench.policy, labels.levels)
    table = _table(tally, ("target", *control.across))
    cells = _columns(table, ("target", *control.across))
    favorable = favorable_index(bench.policy, labels.levels) if cells.size else 0
    cells[:, :1] = moved_levels(cells[:, :1], labels)
    counted = count_cells(bench.policy, control, tally, cells, roles=("target", "score"))
    shape = (counted.groups.size or 1, 2, len(table.scores))
    counts = numpy.zeros(shape)
    chosen = (counted.indices[:, 0] == favorable).astype(numpy.int64)
    numpy.add.at(counts, (counted.group, chosen, counted.indices[:, 1]), counted.counts)
    scores = numpy.array(table.scores, dtype=numpy.float64)
    reach = 0.0 if table.exact else table.width / 2
    return Scored(counts, scores, counted, table.exact, reach, table.note)


def _table(tally: Tally, roles: tuple[str, ...]) -> ScoreTable:
    holding = [table for table in tally.scores if set(roles) <= set(table.roles)]
    if not holding:
        raise Refusal(
            f"the tally has no scores by {' × '.join(roles)}: judge the data itself, with "
            "score=<column name>"
        )
    return min(holding, key=lambda table: (not table.exact, len(table.cells)))


def _columns(table: ScoreTable, roles: tuple[str, ...]) -> Integers:
    """Cells as `(C, 2 + groups + 1)`: target, score level, groups, count."""
    cells = numpy.array(table.cells, dtype=numpy.int64).reshape(-1, len(table.roles) + 2)
    target, *groups = [table.roles.index(role) for role in roles]
    return cells[:, [target, len(table.roles), *groups, len(table.roles) + 1]]


def _check_probabilities(question: Question, fine: Scored) -> None:
    name = question.spec.name
    # Scores of rows that were left out, or that belong to another table, are no business here.
    scores = fine.scores[fine.counts.sum(axis=(0, 1)) > 0]
    if SCORE_STATISTICS[name].probability and (scores.min() < 0 or scores.max() > 1):
        raise Refusal(
            f"{name} needs probabilities in [0, 1], and the scores run from "
            f"{_outside(scores.min())} to {_outside(scores.max())}: give predict_proba "
            "of the favorable label, not a margin"
        )


def _outside(score: float) -> str:
    """An end of the range; with all its digits where few would hide that it is outside."""
    shown = format_number(float(score))
    inside = 0 <= float(score) <= 1
    return shown if inside or not 0 <= float(shown.replace(",", "")) <= 1 else repr(float(score))


def _parts(bench: Bench, question: Question, fine: Scored) -> Mapping[str, tuple[Part, float]]:
    """Every score metric that the policy asks of these rows; each with how far its interval was
    moved at most. Drawing the replicates costs most, so it is done once for all."""
    asked = (
        control.metric
        for control in (question.control, *bench.policy.controls)
        if control.metric in SCORE_STATISTICS
        and (control.across, control.nulls) == _rows_key(question)
    )
    names = tuple(sorted(set(asked)))
    return bench.once(
        ("score metrics", names, *_rows_key(question)),
        lambda: _measured(bench, question, fine, names),
    )


def _measured(
    bench: Bench, question: Question, fine: Scored, names: Sequence[str]
) -> Mapping[str, tuple[Part, float]]:
    coarse = _read(bench, question, bench.evidence)
    counts, scores = _joined(coarse.counts, coarse.scores)
    sample = _sample(counts, f"scored|{table_key(question, 'target', 'score')}")

    def compute(counts: Floats) -> Floats:
        every = [SCORE_STATISTICS[name].compute(counts, scores) for name in names]
        return numpy.stack(every, axis=-1)

    drawn = sample.replicates(bench.resampling(sample), compute)
    on_levels = sample.measured(compute)
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


def _values(bench: Bench, question: Question, fine: Scored, name: str) -> Floats:
    """The metric over the groups `(G,)`: of the finest table, or as a record tells it.

    What evidence keeps of scores is coarser than what was judged, so a record's own values are
    taken where they lie as near to those on its levels as must be.
    """
    values = SCORE_STATISTICS[name].compute(fine.counts, fine.scores)
    if fine.exact or bench.told is None:
        return values
    alike = (
        control.id
        for control in bench.policy.controls
        if control.metric == name and (control.across, control.nulls) == _rows_key(question)
    )
    return bench.told.refined(alike, values, BOUNDS[name](fine.counts, fine.scores, fine.reach))


def _part(
    name: str, fine: Scored, values: Floats, on_levels: Floats, replicates: Floats
) -> tuple[Part, float]:
    """The base metric over the groups, and how far the interval was moved at most."""
    statistic, spec = SCORE_STATISTICS[name], CATALOG[name]
    rows = fine.counted.rows.astype(float)
    support = statistic.support(fine.counts, fine.scores) if statistic.support else rows
    shift = values - on_levels
    known = shift[~numpy.isnan(shift)]
    moved = numpy.ascontiguousarray(numpy.clip(replicates + shift, spec.low, spec.high))
    return Part(name, values, support, moved), float(numpy.abs(known).max(initial=0.0))


def _sample(counts: Floats, key: str) -> Sample:
    shape = counts.shape
    cells = counts.reshape(-1).astype(numpy.int64)
    expand: Callable[[Floats], Floats] = lambda drawn: drawn.reshape(*drawn.shape[:-1], *shape)  # noqa: E731
    return Sample(cells, expand, key)


def _joined(counts: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """At most about `BLOCKS` levels: neighbours joined, never across a calibration bin.

    Favorable and other rows weigh the same in total, so that a rare label keeps its ranks.
    """
    if scores.size <= BLOCKS:
        return counts, scores
    by_label = counts.sum(axis=0)
    shares = divide(by_label, by_label.sum(axis=-1, keepdims=True))
    mass = numpy.nan_to_num(shares).mean(axis=0)
    middle = numpy.cumsum(mass) - mass / 2
    block = numpy.floor(middle / max(mass.sum(), 1e-300) * BLOCKS).astype(numpy.int64)
    mark = calibration_bins(scores) * (BLOCKS + 1) + block
    _, place = numpy.unique(mark, return_inverse=True)
    place = place.astype(numpy.int64)
    size = int(place.max()) + 1
    rows = by_label.sum(axis=0)
    centre = divide(segment_sums(rows * scores, place, size), segment_sums(rows, place, size))
    plain = segment_sums(scores, place, size) / numpy.bincount(place)
    return segment_sums(counts, place, size), numpy.where(numpy.isnan(centre), plain, centre)


def _level_note(fine: Scored, replicates: Floats, shift: float) -> tuple[str, ...]:
    if shift <= 1e-12:
        return ()
    return (
        "the interval was drawn from scores on few levels and moved by at most "
        f"{shift:.2g} to the value",
    )


def _bounded(found: Found, question: Question, fine: Scored) -> Found:
    """How far off the value can be because scores were cut into cells."""
    if fine.exact:
        return found
    bounds = BOUNDS[question.spec.name](fine.counts, fine.scores, fine.reach)
    low, high = question.low_high()
    bound = float(bounds.max()) * (1 if question.compare in (None, "min", "max") else 2)
    bound = min(bound, high - low) if question.compare != "ratio" else _ratio_bound(found, bounds)
    note = (
        f"scores were cut into cells {2 * fine.reach:.2g} wide: the exact value lies within "
        f"{bound:.2g} of this one"
    )
    return replace(found, error_bound=bound).with_notes(note)


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
