"""How the numbers of a verdict are written in a record: few decimals, ends rounded outward."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core import text as words
from venturalitica.core.policy import OPERATORS, Threshold
from venturalitica.core.verdict import Chance, GroupValue, Interval, Verdict
from venturalitica.metrics.catalog import CATALOG

EVERY = Interval(-math.inf, math.inf)


def as_recorded(verdicts: Iterable[Verdict], *, rough: bool) -> tuple[Verdict, ...]:
    """Verdicts as a record has them: values with four decimals, ends of intervals rounded outward.

    Their status was decided before. Of scores on a grid (`rough`) values stay as they are: those
    that the record tells are what it is judged again by.
    """
    return tuple(
        one if rough and not one.step and _has_levels(one.metric) else rounded(one)
        for one in verdicts
    )


def _has_levels(metric: str) -> bool:
    return metric in CATALOG and CATALOG[metric].has_levels


def rounded(verdict: Verdict) -> Verdict:
    """It as a record has it."""
    must = None
    if verdict.threshold is not None and verdict.operator in OPERATORS:
        must = Threshold(verdict.operator, verdict.threshold)
    pen = pen_of(verdict.metric, must, verdict.compare, verdict.step)
    value, groups = verdict.value, tuple(map(pen.group, verdict.groups))
    if value is None:
        return replace(verdict, groups=groups)
    return replace(
        verdict,
        by_chance=verdict.by_chance and pen.chance(verdict.by_chance),
        value=pen.value(value),
        interval=pen.ends(value, verdict.interval),
        groups=groups,
    )


class Pen(Struct, frozen=True):
    """How numbers of a verdict are written in a record: values, and ends rounded outward.

    `must` is the threshold, whose side nothing leaves; values that are an `amount` are in the unit
    of the target, of whatever scale that is. `range` is what the value can be, `range_of_groups`
    what a group's can. `step` as in `Verdict`.
    """

    must: Threshold | None
    amount: bool = False
    step: float = 0.0
    range: Interval = EVERY
    range_of_groups: Interval = EVERY

    def value(self, value: float) -> float:
        if self.step:
            return words.on_steps(value, self.must, self.step)
        return words.written(value, self._bound, amount=self.amount)

    @property
    def _bound(self) -> float | None:
        return None if self.must is None else self.must.bound

    def ends(self, value: float, interval: Interval | None) -> Interval | None:
        if not self.step or interval is None:
            return words.written_interval(interval, self._bound, amount=self.amount)
        low, high = words.around_on_steps(self.value(value), value, interval, self.step)
        return Interval(max(low, self.range.low), min(high, self.range.high))

    def group(self, group: GroupValue) -> GroupValue:
        if group.value is None:
            return group
        pen = replace(self, range=self.range_of_groups)
        ends = pen.ends(group.value, group.interval)
        return replace(group, value=pen.value(group.value), interval=ends)

    def chance(self, chance: Chance) -> Chance:
        return Chance(*map(self.value, chance))


def pen_of(metric: str, must: Threshold | None, compare: str | None, step: float) -> Pen:
    """That of a metric, compared with `must`."""
    spec = CATALOG.get(metric)
    if spec is None:
        return Pen(must, step=step)
    of_groups = CATALOG[spec.parts[0]]
    return Pen(
        must,
        spec.is_amount,
        step,
        Interval(*spec.range_of(compare)),
        Interval(of_groups.low, of_groups.high),
    )
