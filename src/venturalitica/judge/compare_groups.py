"""The value of a control, its groups, its replicates: numbers only, no judgement yet."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.text import quoted, rows, sizes, step_of
from venturalitica.core.verdict import GroupValue, Interval
from venturalitica.errors import listed, shortened
from venturalitica.judge.count import Counted, Missed
from venturalitica.judge.question import Question, Refusal, compared_groups
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.ends import HALF, Apart, AtLevel, Shares, compared_ends
from venturalitica.metrics.intervals import (
    COMPARISONS,
    MOST_UNDEFINED,
    REPLICATES,
    WORST,
    Floats,
    Integers,
    holding,
    interval_around,
    undefined_replicates,
)
from venturalitica.metrics.statistic import Function


class Part(Struct, frozen=True):
    """One base metric over the groups.

    `values` `(G,)`, `support` `(G,)` rows behind each; G is 1 without groups. Either `at` gives
    their ends at any one-sided error, or there are `replicates` `(2000, G)`. `rows` `(G,)` where
    the values are shares of all these rows; `share` the rows that are counted and those that they
    are a share of, `(G,)` each, where they are other shares. `within` is as in `Apart`. `compute`
    gives the values from `counts` `(..., G, *shape)`, where these are counts of rows.
    """

    metric: str
    values: Floats
    support: Floats
    replicates: Floats | None = None
    at: AtLevel | None = None
    rows: Floats | None = None
    share: tuple[Floats, Floats] | None = None
    within: float = HALF
    counts: Floats | None = None
    compute: Function | None = None

    def groups(self, places: Sequence[int]) -> Apart:
        """The groups that are compared, with their ends."""
        assert self.at is not None
        if self.rows is not None:
            every: Apart = Shares(self.rows, self.values, self.at)
        else:
            every = Apart(self.values, self.at, self.within)
        return every.of(numpy.array(places))


class Found(Struct, frozen=True):
    """What was measured. `support` is the fewest rows behind any value that counts, `missed` the
    rows that were left out for missing values; `undefined` replicates have no value. `weighted`:
    by which column rows were weighted."""

    value: float
    interval: Interval | None
    n: int
    support: int
    groups: tuple[GroupValue, ...] = ()
    compared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    error_bound: float = 0.0
    missed: Missed | None = None
    undefined: int = 0
    drawn: bool = False
    parts: tuple[Part, ...] = ()
    places: tuple[int, ...] = ()
    """Of the groups that are compared."""
    weighted: str = ""
    step: float = 0.0
    """Values are told in multiples of it; 0 where it is told on how many rows they rest."""

    def with_notes(self, *notes: str) -> Found:
        return replace(self, notes=(*notes, *self.notes))


def single(question: Question, part: Part, *, n: int, undefined: str) -> Found:
    """A metric without groups."""
    value = float(part.values[0]) + 0.0
    if numpy.isnan(value):
        raise Refusal(f"{part.metric} is undefined: {undefined}", n=n)
    support = int(part.support[0])
    if part.at is not None:
        low, high = (float(end[0]) for end in part.at(question.alpha))
        return Found(value, _bounded(low, high, value), n, support)
    assert part.replicates is not None
    return _drawn(question, part.replicates[:, 0], Found(value, None, n, support))


def _bounded(low: float, high: float, value: float) -> Interval | None:
    """The interval, stretched to hold the value; None where an end is infinitely far away."""
    if not math.isfinite(low) or not math.isfinite(high):
        return None
    return holding(Interval(low, high), value)


def _drawn(question: Question, replicates: Floats, found: Found) -> Found:
    """With the interval that replicates `(2000,)` of its value give."""
    low, high = question.low_high()
    interval = interval_around(
        replicates,
        found.value,
        low=low,
        high=high,
        raised_by_chance=question.spec.raised_by_chance,
        alpha=question.alpha,
    )
    return replace(
        found,
        interval=holding(interval, found.value) if interval else None,
        undefined=undefined_replicates(replicates),
        drawn=True,
    )


def compared(
    question: Question,
    parts: Sequence[Part],
    names: Sequence[str],
    counts: Integers,
    *,
    rough: bool = False,
) -> Found:
    """Groups' values become one; with several parts the worst of them counts.

    `names` and `counts` are `(G,)`; of `rough` ones it is not told how many rows were left out.
    Raises Refusal where a group that counts has no value.
    """
    assert question.compare is not None
    n = int(counts.sum())
    shown = _deciding(question, parts)
    groups = _group_values(question, shown, names, counts)
    try:
        places = compared_groups(question, {name: index for index, name in enumerate(names)})
        for part in parts:
            _check_defined(part, places, groups)
        value = float(together(question, [part.values[None, :] for part in parts], places)[0])
        value += 0.0
        if numpy.isnan(value):
            below = numpy.nanmin(parts[0].values[places]) < 0
            why = "a group's value is below 0" if below else "every group's value is 0"
            raise Refusal(f"the {question.compare} is undefined: {why}")
    except Refusal as refusal:
        raise Refusal(refusal.reason, n=n, groups=groups, notes=refusal.notes) from None
    deciding = (f"the groups show {shown.metric}, which decides",) if len(parts) > 1 else ()
    found = Found(
        value,
        None,
        n,
        int(min(part.support[places].min() for part in parts)),
        groups,
        tuple(names[place] for place in places),
        deciding,
        _thin(parts, places, groups, question.control.min_support, rough=rough),
        parts=tuple(parts),
        places=tuple(places),
    )
    if all(part.at is not None for part in parts):
        return replace(found, interval=_bounded(*_ends(question, parts, places), value))
    drawn = [part.replicates for part in parts if part.replicates is not None]
    assert len(drawn) == len(parts)
    found = replace(found, notes=(*deciding, *_vanished(drawn, places, names)))
    return _drawn(question, together(question, drawn, places), found)


def _ends(question: Question, parts: Sequence[Part], places: Sequence[int]) -> tuple[float, float]:
    """Of several parts the worst counts: it keeps a bound where each does, so that end is at the
    whole error, and the other one divides it among the parts."""
    compare = question.compare
    assert compare is not None
    sure = question.alpha
    ends = [compared_ends(compare, p.groups(places), sure, sure / len(parts)) for p in parts]
    worst = max if compare == "difference" else min
    low, high = worst(low for low, _ in ends), worst(high for _, high in ends)
    least, most = question.low_high()
    return min(max(low, least), most), max(min(high, most), least)


def together(question: Question, values: Sequence[Floats], places: Sequence[int]) -> Floats:
    """`(b,)`: the comparison of each row of `(b, G)`, the worst one of several parts."""
    assert question.compare is not None
    compare = COMPARISONS[question.compare]
    every = len(places) == values[0].shape[-1] and list(places) == sorted(places)
    results = [compare(one if every else one[:, list(places)]) for one in values]
    worst = results[0]
    for result in results[1:]:
        worst = WORST[question.compare](worst, result)
    return worst


def _deciding(question: Question, parts: Sequence[Part]) -> Part:
    """The part whose comparison is the value: its groups are what the reader must see."""
    if len(parts) == 1 or question.compare is None:
        return parts[0]
    results = [COMPARISONS[question.compare](part.values) for part in parts]
    worst = WORST[question.compare](*results)
    return next(
        (part for part, result in zip(parts, results, strict=True) if result == worst), parts[0]
    )


def _group_values(
    question: Question, part: Part, names: Sequence[str], counts: Integers
) -> tuple[GroupValue, ...]:
    intervals = _group_intervals(part, question.alpha)
    min_support = question.control.min_support
    return tuple(
        GroupValue(
            name,
            int(count),
            None if numpy.isnan(value) else float(value) + 0.0,
            int(count) >= min_support,
            None if numpy.isnan(value) else interval,
        )
        for name, count, value, interval in zip(names, counts, part.values, intervals, strict=True)
    )


def _group_intervals(part: Part, alpha: float) -> list[Interval | None]:
    if part.at is not None:
        ends = (end.tolist() for end in part.at(alpha))
        return [
            None if math.isnan(value) else _bounded(low, high, value)
            for low, high, value in zip(*ends, part.values.tolist(), strict=True)
        ]
    spec, replicates = CATALOG[part.metric], part.replicates
    assert replicates is not None
    return [
        None
        if undefined_replicates(column) > MOST_UNDEFINED * REPLICATES
        else interval_around(
            column,
            float(value),
            low=spec.low,
            high=spec.high,
            raised_by_chance=spec.raised_by_chance,
            alpha=alpha,
        )
        for column, value in zip(numpy.ascontiguousarray(replicates.T), part.values, strict=True)
    ]


def _check_defined(part: Part, places: Sequence[int], groups: Sequence[GroupValue]) -> None:
    undefined = [groups[place] for place in places if numpy.isnan(part.values[place])]
    if undefined:
        why = CATALOG[part.metric].undefined
        raise Refusal(f"{part.metric} is undefined for {sizes(undefined)}: {why}")


def _vanished(
    drawn: Sequence[Floats], places: Sequence[int], names: Sequence[str]
) -> tuple[str, ...]:
    gone = numpy.zeros((REPLICATES, len(places)), dtype=bool)
    for replicates in drawn:
        gone |= numpy.isnan(replicates[:, list(places)])
    affected = int(gone.any(axis=1).sum())
    if not affected:
        return ()
    who = [names[places[index]] for index in numpy.flatnonzero(gone.any(axis=0)).tolist()]
    return (
        f"in {affected:,} of {REPLICATES:,} replicates {quoted(who)} had no value; the statistic "
        "was taken over the other groups there",
    )


def _thin(
    parts: Sequence[Part],
    places: Sequence[int],
    groups: Sequence[GroupValue],
    min_support: int,
    *,
    rough: bool,
) -> tuple[str, ...]:
    small = [groups[place] for place in places if groups[place].n < min_support]
    doubts = []
    if small:
        doubts.append(f"fewer than {rows(min_support)} (min_support) in {sizes(small)}")
    for part in parts:
        thin = [
            f"'{shortened(groups[place].name)}'"
            + ("" if rough else f" ({rows(int(part.support[place]))})")
            for place in places
            if part.support[place] < min_support <= groups[place].n
        ]
        if thin:
            doubts.append(
                f"{part.metric} rests on fewer than {rows(min_support)} (min_support) in "
                f"{listed(thin)}"
            )
    return tuple(doubts)


def step_of_parts(question: Question, parts: Sequence[Part], counted: Counted) -> float:
    """What values are told in multiples of: the step of the group whose values are furthest apart.

    A mean of amounts is of no whole number of rows, and tells none.
    """
    if question.spec.is_amount:
        return 0.0
    every = counted.rows.astype(float)
    behind = [
        counted.told.astype(float)
        if numpy.array_equal(part.support[: every.size], every)
        else part.support
        for part in parts
    ]
    return step_of(min(float(support[support > 0].min(initial=numpy.inf)) for support in behind))
