"""Measure a control about amounts: from exact sums by group to a value and what it might have been.

Of records from before, replicates are Student's t at equal steps of its distribution, in an order
of each group's own, so that the interval of one group is Student's, and groups are compared as
independent ones.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.amounts import GREATEST, AmountTable, exact_value
from venturalitica.core.levels import NULL
from venturalitica.core.text import rows
from venturalitica.judge.compare_groups import Found, Part
from venturalitica.judge.count import Counted, count_cells
from venturalitica.judge.measure import Bench, compared_or_single, with_left_out
from venturalitica.judge.measure_numbers import how_far_off
from venturalitica.judge.pooling import regrouped, tellable
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.catalog import withheld
from venturalitica.metrics.ends import ALPHA, Ends
from venturalitica.metrics.intervals import REPLICATES, Floats
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Amounts

STUDENT = "the interval is Student's, of sums of amounts, and no replicate of counts"
"""A note: what a record says of its intervals as a whole is of those of counts."""
WIDENED = "the interval is Student's, widened by how skewed the amounts may be"
RANKED = "the interval is of ranks, exact whatever the amounts are"
FEWEST = 30
"""Rows from which the mean of skewed errors was held near enough to normal, before it was
measured (`metrics.means.FEWEST`)."""
LARGEST = 0.25
"""A share of the sum that one row may have before the value hangs on that row."""


class Summed(Struct, frozen=True):
    """What a control about amounts counts: its rows by group, their sums, and a digest of these."""

    counted: Counted
    amounts: Amounts
    digest: str


def _shared(bench: Bench, question: Question) -> Summed:
    """The same, once for all controls that count the same rows of the same number."""
    table, counted = _rows(bench, question)
    control = question.control
    key = ("amounts", table.number, control.across, control.nulls, control.small_groups)
    return bench.once(key, lambda: _summed(table, counted, control.across))


def measure_amount(bench: Bench, question: Question) -> Found:
    """Measure a metric of amounts. Raises Refusal where it has no value."""
    name = question.spec.name
    if why := withheld(question.spec, bench.least):
        raise Refusal(why, n=bench.tally.rows)
    summed = _shared(bench, question)
    statistic, counted, amounts = STATISTICS[name], summed.counted, summed.amounts
    support = counted.rows.astype(float)
    part = Part(name, statistic.compute(amounts), support, within=numpy.inf)
    part = replace(part, **_uncertainty(bench, question, summed))
    found = compared_or_single(bench, question, [part], counted, support)
    if statistic.bound is not None:
        found = replace(found, error_bound=how_far_off(found, question, statistic.bound(amounts)))
    found = replace(found, doubts=(*found.doubts, *_doubts(bench, question, summed)))
    found = found.with_notes(*counted.notes, *_notes(question, summed, part))
    return with_left_out(found, bench, question, counted)


def _uncertainty(bench: Bench, question: Question, summed: Summed) -> dict[str, Any]:
    """Ends, or replicates, for a part."""
    statistic, amounts = STATISTICS[question.spec.name], summed.amounts
    low, high = question.spec.low, question.spec.high
    ends = statistic.ends
    if bench.exact and ends is not None and ends(amounts, ALPHA) is not None:

        def at(alpha: float) -> Ends:
            found = ends(amounts, alpha)
            assert found is not None, "what has ends at one error has them at another"
            return numpy.maximum(found[0], low), numpy.minimum(found[1], high)

        return {"at": at}
    replicates = numpy.full((REPLICATES, summed.counted.size), numpy.nan)
    if statistic.draw is not None:
        student = bench.once(summed.digest, lambda: _student(amounts, summed.digest))
        replicates = numpy.clip(statistic.draw(amounts, student), low, high)
    return {"replicates": replicates}


def _doubts(bench: Bench, question: Question, summed: Summed) -> list[str]:
    """Why the interval cannot be defended."""
    statistic, amounts, doubts = STATISTICS[question.spec.name], summed.amounts, []
    if statistic.draw is None:
        return ["of the greatest error of all rows no interval is known"]
    if bench.exact and statistic.ends is not None:
        if statistic.ends(amounts, ALPHA) is None:
            doubts.append("the sums are of an earlier version: how skewed they are is not known")
        elif statistic.unsure is not None:
            doubts += filter(None, [statistic.unsure(amounts)])
    elif (fewest := int(summed.counted.rows.min())) < FEWEST:
        doubts.append(f"an interval of {rows(fewest)}, fewer than {FEWEST}, is not to be relied on")
    if statistic.greatest and float(numpy.nanmax(statistic.greatest(summed.amounts))) > LARGEST:
        doubts.append(f"one row is more than {LARGEST:.0%} of the sum: the value hangs on it")
    return doubts


def _notes(question: Question, summed: Summed, part: Part) -> list[str]:
    statistic = STATISTICS[question.spec.name]
    of_now = RANKED if statistic.said is not None else WIDENED
    method = [of_now if part.at else STUDENT] if statistic.draw is not None else []
    said = statistic.said
    if said is None:
        return method
    names = summed.counted.groups.names or ("",)
    notes = [(name, said(summed.amounts, place)) for place, name in enumerate(names)]
    return [*method, *(f"{name}: {note}" if name else note for name, note in notes)]


def counted_amount_rows(bench: Bench, question: Question) -> Counted:
    """The rows by group that a control about amounts counts. Raises Refusal where it cannot."""
    return _rows(bench, question)[1]


def _rows(bench: Bench, question: Question) -> tuple[AmountTable, Counted]:
    control, table = question.control, _table(bench, question)
    cells = numpy.array(table.cells, dtype=numpy.int64).reshape(-1, len(table.roles) + 2)
    own = numpy.where(cells[:, -2] == NULL, NULL, numpy.arange(len(cells)))
    places = [table.roles.index(role) for role in control.across]
    assert question.spec.number is not None
    counted = count_cells(
        bench.policy,
        control,
        bench.tally,
        numpy.column_stack([own, cells[:, places], cells[:, -1]]),
        roles=(f"finite {' and '.join(question.spec.number.of)}",),
        values=numpy.arange(len(cells), dtype=float),
        back=bench.back.get(control.across, ()),
        least=bench.least,
    )
    counted = regrouped(control, counted)
    return table, tellable(counted, counted.rows.astype(float), bench.least)


def _summed(table: AmountTable, counted: Counted, across: tuple[str, ...]) -> Summed:
    assert counted.level is not None
    sums = {name: [Fraction(0)] * counted.size for name in table.names}
    bins: list[dict[float, int]] = [{} for _ in range(counted.size)]
    triples = zip(
        counted.level.tolist(), counted.group.tolist(), counted.counts.tolist(), strict=True
    )
    for cell, group, count in triples:
        low = table.bins[table.cells[cell][-2]]
        bins[group][low] = bins[group].get(low, 0) + count
        for name, text in zip(table.names, table.sums[cell], strict=True):
            value, before = exact_value(text), sums[name][group]
            sums[name][group] = max(before, value) if name.startswith(GREATEST) else before + value
    amounts = Amounts(counted.rows.tolist(), sums, [sorted(own.items()) for own in bins])
    return Summed(counted, amounts, _digest(table.number, across, amounts))


def _digest(number: str, across: tuple[str, ...], amounts: Amounts) -> str:
    """Equal sums give equal replicates, whatever else the policy asks for."""
    said = repr((number, across, amounts.rows, sorted(amounts.sums.items()), amounts.bins))
    return hashlib.sha256(said.encode()).hexdigest()


def _table(bench: Bench, question: Question) -> AmountTable:
    number = question.spec.number
    assert number is not None
    tables = [table for table in bench.tally.amounts if table.number == number.name]
    holding = [table for table in tables if set(question.control.across) <= set(table.roles)]
    if not holding:
        by = f" by {' × '.join(question.control.across)}" if question.control.across else ""
        raise Refusal(
            f"the tally has no sums of the {number.name}{by}: judge the data itself, with "
            + " and ".join(f"{role}=<column name>" for role in number.of)
        )
    return min(holding, key=lambda table: len(table.cells))


def _student(amounts: Amounts, digest: str) -> Floats:
    """`(2000, G)`: Student's t of n − 1 degrees of freedom, at equal steps of its distribution."""
    from scipy.special import stdtrit  # imported when the first interval is made

    steps = (numpy.arange(REPLICATES) + 0.5) / REPLICATES
    drawn = numpy.full((REPLICATES, len(amounts.rows)), numpy.nan)
    generator = numpy.random.Generator(numpy.random.PCG64(int(digest, 16)))
    for place, n in enumerate(amounts.rows):
        order = generator.permutation(REPLICATES)
        if n > 1:
            drawn[:, place] = stdtrit(n - 1, steps)[order]
    return drawn
