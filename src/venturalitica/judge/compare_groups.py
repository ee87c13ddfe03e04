"""The value of a control, its groups, its replicates: numbers only, no judgement yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy

from venturalitica.core.text import quoted, rows, sizes
from venturalitica.core.verdict import GroupValue, Interval
from venturalitica.errors import listed, shortened
from venturalitica.judge.count import Missed
from venturalitica.judge.question import Question, Refusal, compared_groups
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.intervals import (
    COMPARISONS,
    MOST_UNDEFINED,
    REPLICATES,
    WORST,
    Floats,
    Integers,
    interval_around,
    undefined_replicates,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One base metric over the groups.

    `values` `(G,)`, `support` `(G,)` rows behind each, `replicates` `(2000, G)`; G is 1 without
    groups.
    """

    metric: str
    values: Floats
    support: Floats
    replicates: Floats


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured. `support` is the fewest rows behind any value that counts, `missed` the
    rows that were left out for missing values."""

    value: float
    replicates: Floats
    n: int
    support: int
    groups: tuple[GroupValue, ...] = ()
    compared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    error_bound: float = 0.0
    missed: Missed | None = None

    def with_notes(self, *notes: str) -> Found:
        return replace(self, notes=(*notes, *self.notes))


def single(part: Part, *, n: int, undefined: str) -> Found:
    """A metric without groups."""
    value = float(part.values[0])
    if numpy.isnan(value):
        raise Refusal(f"{part.metric} is undefined: {undefined}", n=n)
    return Found(value, part.replicates[:, 0], n, int(part.support[0]))


def compared(
    question: Question, parts: Sequence[Part], names: Sequence[str], counts: Integers
) -> Found:
    """Groups' values become one; with several parts the worst of them counts.

    `names` and `counts` are `(G,)`. Raises Refusal where a group that counts has no value.
    """
    assert question.compare is not None
    n = int(counts.sum())
    shown = _deciding(question, parts)
    groups = _group_values(shown, names, counts, question.control.min_support)
    try:
        places = compared_groups(question, {name: index for index, name in enumerate(names)})
        for part in parts:
            _check_defined(part, places, groups)
        value = float(_together(question, parts, places, lambda part: part.values[None, :])[0])
        if numpy.isnan(value):
            raise Refusal(f"the {question.compare} is undefined: every group's value is 0")
    except Refusal as refusal:
        raise Refusal(refusal.reason, n=n, groups=groups, notes=refusal.notes) from None
    replicates = _together(question, parts, places, lambda part: part.replicates)
    deciding = (f"the groups show {shown.metric}, which decides",) if len(parts) > 1 else ()
    return Found(
        value,
        replicates,
        n,
        int(min(part.support[places].min() for part in parts)),
        groups,
        tuple(names[place] for place in places),
        (*deciding, *_vanished(parts, places, names)),
        _thin(parts, places, groups, question.control.min_support),
    )


def _together(
    question: Question,
    parts: Sequence[Part],
    places: Sequence[int],
    of: Callable[[Part], Floats],
) -> Floats:
    """`(b,)`: the comparison of each row of `(b, G)`, the worst one of several parts."""
    assert question.compare is not None
    compare = COMPARISONS[question.compare]
    every = len(places) == parts[0].values.size and list(places) == sorted(places)
    results = [compare(of(part) if every else of(part)[:, list(places)]) for part in parts]
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
    part: Part, names: Sequence[str], counts: Integers, min_support: int
) -> tuple[GroupValue, ...]:
    intervals = _group_intervals(part)
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


def _group_intervals(part: Part) -> list[Interval | None]:
    spec = CATALOG[part.metric]
    return [
        None
        if undefined_replicates(column) > MOST_UNDEFINED * REPLICATES
        else interval_around(
            column,
            float(value),
            low=spec.low,
            high=spec.high,
            raised_by_chance=spec.raised_by_chance,
        )
        for column, value in zip(
            numpy.ascontiguousarray(part.replicates.T), part.values, strict=True
        )
    ]


def _check_defined(part: Part, places: Sequence[int], groups: Sequence[GroupValue]) -> None:
    undefined = [groups[place] for place in places if numpy.isnan(part.values[place])]
    if undefined:
        why = CATALOG[part.metric].undefined
        raise Refusal(f"{part.metric} is undefined for {sizes(undefined)}: {why}")


def _vanished(
    parts: Sequence[Part], places: Sequence[int], names: Sequence[str]
) -> tuple[str, ...]:
    gone = numpy.zeros((REPLICATES, len(places)), dtype=bool)
    for part in parts:
        gone |= numpy.isnan(part.replicates[:, list(places)])
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
) -> tuple[str, ...]:
    small = [groups[place] for place in places if groups[place].n < min_support]
    doubts = []
    if small:
        doubts.append(f"fewer than {rows(min_support)} (min_support) in {sizes(small)}")
    for part in parts:
        thin = [
            f"'{shortened(groups[place].name)}' ({rows(int(part.support[place]))})"
            for place in places
            if part.support[place] < min_support <= groups[place].n
        ]
        if thin:
            doubts.append(
                f"{part.metric} rests on fewer than {rows(min_support)} (min_support) in "
                f"{listed(thin)}"
            )
    return tuple(doubts)
