"""Rows that count by a weight: what of a tally is a sum of weights, and what stays a count.

Groups, supports and what is kept back go by rows, of those whose weight is above zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy
from msgspec.structs import replace

from venturalitica.core.amounts import AmountTable, exact_parts
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import WEIGHT, Policy
from venturalitica.core.tally import Tally
from venturalitica.core.text import quoted, rows
from venturalitica.errors import listed, shortened
from venturalitica.judge.compare_groups import Found, Part
from venturalitica.judge.count import Counted
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.metrics.catalog.weights import ROWS, SQUARES, SUM, WEIGHTS
from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats, Integers
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Proportion, Statistic
from venturalitica.metrics.weights import FEWEST, Parts, Weights, effective, kish, unsteady

_SHOWN = 12


def weighs(policy: Policy, tally: Tally, circumstances: Circumstances) -> bool:
    """Whether rows count by a weight: the policy says so, or somebody bound one."""
    bound = WEIGHT in policy.roles or WEIGHT in circumstances.faults
    return bound or bool(_tables(tally))


def can_weigh(spec: MetricSpec) -> bool:
    """Whether the metric is made of shares, which are of sums of weights as well as of rows."""
    return all(isinstance(STATISTICS[part].ends, Proportion) for part in spec.parts)


def unweighable(spec: MetricSpec) -> str:
    """Why there is no value of this metric where rows have weights; "" where there is one."""
    if not spec.has_no_weighted_form:
        return ""
    return (
        f"{spec.name} has no weighted form, and rows have weights here (role '{WEIGHT}'): judge it "
        "under a policy, or in a call, without them"
    )


def _tables(tally: Tally) -> list[AmountTable]:
    return [table for table in tally.amounts if table.number == WEIGHTS.name]


def weight_table(tally: Tally, question: Question) -> AmountTable | None:
    """The sums of weights by what the control counts; None where it counts rows.

    Raises:
        Refusal: there are weights, and none of them by these labels and groups.
    """
    tables = _tables(tally)
    if not tables or not can_weigh(question.spec):
        return None
    asked = (*question.spec.labels, *question.control.across)
    holding = [table for table in tables if set(asked) <= set(table.roles)]
    if not holding:
        raise Refusal(
            f"the tally has no weights by {' × '.join(asked)}: judge the data itself, with "
            f"{WEIGHT}=<column name>"
        )
    return min(holding, key=lambda table: len(table.cells))


def weight_cells(table: AmountTable, labels: Sequence[str], across: Sequence[str]) -> Integers:
    """`(C, labels + 1 + groups + 1)`: labels, the cell itself, groups, rows."""
    cells = numpy.array(table.cells, dtype=numpy.int64).reshape(-1, len(table.roles) + 2)
    columns = [cells[:, [table.roles.index(role)]] for role in (*labels, *across)]
    own = numpy.arange(len(cells), dtype=numpy.int64)[:, None]
    return numpy.hstack([*columns[: len(labels)], own, *columns[len(labels) :], cells[:, -1:]])


def weighed(counted: Counted, table: AmountTable) -> Counted:
    """The counts of these cells with their weights, which are added before they are rounded.

    Raises:
        Refusal: no row that counts has a weight above zero.
    """
    assert counted.level is not None
    keys = numpy.column_stack([counted.group, counted.indices])
    different, found = numpy.unique(keys, axis=0, return_inverse=True)
    place = found.reshape(-1)
    own = [table.sums[cell] for cell in counted.level.tolist()]
    (sums, unit), (squares, square), (positive, one) = (
        _added([texts[table.names.index(name)] for texts in own], place, len(different))
        for name in (SUM, SQUARES, ROWS)
    )
    total, rows_in_all = sum(sums), sum(positive) << one
    if not total:
        raise Refusal("the weights of all rows that count are 0", n=int(counted.told.sum()))
    # Whole numbers, of which a quotient is rounded once.
    up, down = max(square - 2 * unit, 0), max(2 * unit - square, 0)
    times, of = rows_in_all**2 << up, total**2 << down
    counts = numpy.zeros(len(different), dtype=numpy.int64)
    numpy.add.at(counts, place, counted.counts)
    weights = Weights(
        table.column,
        numpy.array([part * rows_in_all / total for part in sums]),
        numpy.array([part * times / of for part in squares]),
        numpy.array([part << one for part in positive], dtype=numpy.int64),
    )
    return replace(
        counted,
        indices=different[:, 1:],
        group=different[:, 0],
        counts=counts,
        level=None,
        values=None,
        weights=weights,
    )


def _added(texts: Sequence[str], place: Integers, size: int) -> tuple[list[int], int]:
    """The sums by place, exact, as whole numbers of one power of two: 2 to which power."""
    parts = list(map(exact_parts, texts))
    unit = min((power for mantissa, power in parts if mantissa), default=0)
    sums = [0] * size
    for (mantissa, power), key in zip(parts, place.tolist(), strict=True):
        sums[key] += mantissa << (power - unit) if mantissa else 0
    return sums, unit


def of_weight(counted: Counted) -> Counted:
    """The counts of rows whose weight is above zero."""
    assert counted.weights is not None
    return replace(counted, counts=counted.weights.rows)


def worth(question: Question, counted: Counted) -> Floats:
    """The fewest rows that a share in the value is worth whatever it counts, by group `(G,)`.

    So few may be seen in a value although more are behind it: one of them may have all the weight.
    """
    least = numpy.full(counted.size, numpy.inf)
    for metric in question.spec.parts:
        (_, trials), (_, squares), _ = _shares(STATISTICS[metric], counted)
        found = kish(trials, squares).reshape(counted.size, -1)
        least = numpy.minimum(least, numpy.where(numpy.isnan(found), numpy.inf, found).min(axis=1))
    return least


def _laid(statistic: Statistic, counted: Counted, values: Any) -> Floats:
    return statistic.shape.lay(replace(counted, counts=values)).measured


def _shares(statistic: Statistic, counted: Counted) -> tuple[Parts, Parts, Parts]:
    """By weights, by their squares, and by rows whose weight is above zero."""
    weights, ends = counted.weights, statistic.ends
    assert weights is not None
    assert isinstance(ends, Proportion)
    sums, squares, positive = (
        ends.of(_laid(statistic, counted, one))
        for one in (weights.sums, weights.squares, weights.rows)
    )
    return sums, squares, positive


def _effective(statistic: Statistic, counted: Counted) -> Parts:
    sums, squares, (_, positive) = _shares(statistic, counted)
    return effective(sums, squares, positive)


def weighted_part(metric: str, counted: Counted) -> Part:
    """The metric of sums of weights over the groups, with ends of as many rows as it is worth.

    How many these are is estimated, so they are ends at half of the error unless all weights are
    equal.
    """
    statistic, weights = STATISTICS[metric], counted.weights
    assert weights is not None
    assert isinstance(statistic.ends, Proportion)
    positive = of_weight(counted)
    support = positive.rows.astype(float)
    if statistic.support is not None:
        support = statistic.support(_laid(statistic, counted, weights.rows))
    ends = partial(statistic.ends.ends, *_effective(statistic, counted))
    part = 1.0 if weights.are_equal(counted.counts) else 0.5

    def at(alpha: float) -> Ends:
        return ends(alpha * part)

    return Part(
        metric,
        statistic.compute(_laid(statistic, counted, weights.sums)),
        support,
        at=cache(at),
    )


def with_weights(found: Found, question: Question, counted: Counted) -> Found:
    """What was found, with what there is to say of the weights."""
    weights = counted.weights
    if weights is None:
        return found
    names = counted.groups.names
    places = [names.index(name) for name in found.compared] or [0]
    sizes, behind = numpy.full(counted.size, numpy.inf), numpy.full(counted.size, numpy.inf)
    loose = numpy.zeros(counted.size, dtype=bool)
    for metric in question.spec.parts:
        statistic = STATISTICS[metric]
        share = _effective(statistic, counted)
        (_, trials), (_, squares), (_, positive) = _shares(statistic, counted)
        for least, values in ((sizes, share[1]), (behind, positive)):
            own = values.reshape(counted.size, -1)
            numpy.minimum(least, numpy.where(own > 0, own, numpy.inf).min(axis=1), out=least)
        found_loose = unsteady(share, trials, squares, positive)
        loose |= found_loose.reshape(counted.size, -1).any(axis=1)
    doubts = found.doubts
    for faulty, why in (
        (behind < FEWEST, f"the value rests on fewer than {rows(FEWEST)} of weight above 0"),
        (loose, "the weights differ too much for its rows"),
    ):
        chosen = [place for place in places if faulty[place]]
        if chosen and not weights.are_equal(counted.counts):
            where = f" in {quoted(names[place] for place in chosen)}" if names else ""
            doubts = (*doubts, f"weighted, and {why}{where}")
    # Where it is not told how many rows were left out, nor is what is left worth.
    if numpy.array_equal(counted.told, counted.rows):
        said = [f"{sizes[p]:,.1f} rows" + (f" in '{names[p]}'" if names else "") for p in places]
        note = f"effective size (the least of the shares in a value): {listed(said, _SHOWN)}"
        found = found.with_notes(note)
    return replace(found, doubts=doubts, weighted=shortened(weights.column))


def unweighted_note(tally: Tally, spec: MetricSpec) -> tuple[str, ...]:
    """A note on what stays a count of rows although they have weights."""
    tables = _tables(tally)
    if not tables or can_weigh(spec):
        return ()
    return (f"not weighted by {shortened(tables[0].column)}: it is about the rows themselves",)
