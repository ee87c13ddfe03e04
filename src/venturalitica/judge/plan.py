"""How many rows each control of a policy needs to be conclusive, at rates observed or given.

No formula stands between: tables of so many rows are drawn at these rates, judged by the very ends
that the judge uses, and the rows are looked for at which enough of them are conclusive, on the side
where the rates lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.policy import Control, Policy, SmallGroups
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.judge.compare_groups import Found, Part, compared, single
from venturalitica.judge.conclude import dropped, vacuous
from venturalitica.judge.count import Counted
from venturalitica.judge.measure import Bench, counted_rows, fewest_of, with_left_out
from venturalitica.judge.measure_numbers import counted_levels
from venturalitica.judge.pooling import LEFT_OUT, groups_without_rows, tellable
from venturalitica.judge.question import Question, Refusal, error_of, question_of
from venturalitica.judge.small_groups import groups_kept_back
from venturalitica.judge.weights import can_weigh, unweighable, weighs
from venturalitica.metrics.catalog import misuse_of
from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats, Integers, divide
from venturalitica.metrics.rates import CHOSEN
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Proportion, Statistic

POWER = 0.8
"""How often a table of the planned size is conclusive."""
MOST_ROWS = 100_000_000
MOST_GROUPS = 200
DRAWS, FEWEST_DRAWS, WORK = 200, 60, 2_000
"""Tables that are drawn of each size: fewer where there are many groups."""
_POOL = "other groups"
_STEP = 1.5
_CLOSE = 1.03


class Rate(Struct, frozen=True):
    """A group as it is planned: its value, its part of the rows, and the part of these that the
    value is a share of (of a recall: those whose target is favorable)."""

    rate: float
    rows: float = 1.0
    of: float = 1.0


class Planned(Struct, frozen=True):
    """What one control needs. `rows` and `groups` are None and empty where there is no number, and
    `why` says why; `met` is whether the rates meet it, `now` the rows they were seen in."""

    control: Control
    value: float | None = None
    met: bool | None = None
    now: int | None = None
    rows: int | None = None
    groups: tuple[tuple[str, int], ...] = ()
    power: float | None = None
    why: str = ""


class _Design(Struct, frozen=True):
    """Groups whose rows fall into cells: `shares` `(G, C)` of all rows, which are of `shape`."""

    question: Question
    names: tuple[str, ...]
    shares: Floats
    shape: tuple[int, ...]
    statistics: tuple[tuple[str, Statistic], ...]
    now: int | None = None
    levels: Floats | None = None
    """Of a number, where the metric is about one."""
    doubts: tuple[str, ...] = ()
    """What keeps a verdict on such rows from being conclusive, however many they are."""

    @property
    def parts_of_rows(self) -> Floats:
        """`(G,)`, together 1."""
        parts: Floats = self.shares.sum(axis=1)
        return parts

    def sizes(self, rows: int) -> Integers:
        """How many rows each group has, in so many; `(G,)`."""
        whole: Integers = numpy.rint(rows * self.parts_of_rows).astype(numpy.int64)
        return whole

    def found(self, cells: Floats) -> Found:
        """What the judge finds in cells `(G, C)`. Raises Refusal where that is nothing."""
        names, cells = self._regrouped(cells)
        counts = cells.reshape(len(cells), *self.shape)
        rows = cells.sum(axis=1)
        parts = [
            _part(name, one, counts, rows, _given(self.levels)) for name, one in self.statistics
        ]
        if self.question.compare is None:
            return single(self.question, parts[0], n=int(rows.sum()), undefined="no rows")
        return compared(self.question, parts, names, numpy.rint(rows).astype(numpy.int64))

    def _regrouped(self, cells: Floats) -> tuple[tuple[str, ...], Floats]:
        """With the groups pooled or left out that are small in so many rows."""
        small, rows = self.question.control.small_groups, cells.sum(axis=1)
        if small is None or not (few := rows < small.below).any():
            return self.names, cells
        names = tuple(name for name, is_few in zip(self.names, few, strict=True) if not is_few)
        if small.how == "pool":
            return (*names, _POOL), numpy.vstack([cells[~few], cells[few].sum(axis=0)])
        if rows[few].sum() > LEFT_OUT * rows.sum():
            raise Refusal(f"too many rows are left out: {small}")
        return names, cells[~few]


def _part(
    name: str, statistic: Statistic, counts: Floats, rows: Floats, levels: tuple[Floats, ...] = ()
) -> Part:
    ends = statistic.ends
    assert ends is not None
    values = statistic.compute(counts, *levels)
    around = (*levels, values) if levels else ()

    def at(alpha: float) -> Ends:
        found: Ends | None = ends(counts, *around, alpha)
        if found is None:
            raise Refusal("of these labels no interval is known")
        return found

    support = rows if statistic.support is None else statistic.support(counts, *levels)
    return Part(name, values, support, at=at, rows=counts if statistic.of_all else None)


def plan(policy: Policy, tally: Tally, *, power: float = POWER) -> tuple[Planned, ...]:
    """The rows that each control needs at the rates of a tally, with its mix of groups.

    Groups are pooled or left out where they are small among so many rows; those that are kept back
    and pooled in the tally stay one group.
    """
    bench = Bench(policy, tally)
    bench.back = groups_kept_back(bench, policy.controls)
    return tuple(_planned(c, partial(_of_tally, bench, c), power) for c in policy.controls)


def plan_rates(
    policy: Policy, rates: Mapping[str, Mapping[str, Rate]], *, power: float = POWER
) -> tuple[Planned, ...]:
    """The same at rates that are given: by control, and by group ("" where it has none)."""
    return tuple(
        _planned(c, partial(_of_rates, policy, c, rates.get(c.id, {})), power)
        for c in policy.controls
    )


def _planned(control: Control, design: Callable[[], _Design], power: float) -> Planned:
    try:
        made = design()
        return _searched(made, power)
    except (Refusal, DataError) as error:
        return Planned(control, why=str(getattr(error, "reason", error)))


def _statistics(question: Question) -> tuple[tuple[str, Statistic], ...]:
    """Raises Refusal where the metric cannot be planned."""
    spec = question.spec
    found = tuple((name, STATISTICS[name]) for name in spec.parts)
    if spec.unit == "rows":
        raise Refusal(f"{spec.name} is the number of rows itself")
    if spec.drift:
        raise Refusal(f"{spec.name} hangs on the rows of its reference, too: it cannot be planned")
    if any(one.ends is None for _, one in found):
        raise Refusal(f"{spec.name} has no ends of counts: it cannot be planned")
    return found


def _asked(policy: Policy, control: Control, tally: Tally) -> Question:
    """Raises Refusal where the control cannot be judged, or rows have weights."""
    if wrong := misuse_of(control):
        raise Refusal(wrong)
    question = question_of(control, error_of(policy))
    if weighs(policy, tally, Circumstances()):
        if why := unweighable(question.spec):
            raise Refusal(why)
        # How many rows each of these is worth hangs on weights that nobody has seen.
        if can_weigh(question.spec):
            raise Refusal("rows have weights here: this is planned only where they have none")
    return question


def _apart(question: Question) -> Question:
    """It with no group pooled or left out for its size, which is another in other rows."""
    small = question.control.small_groups
    if small is None:
        return question
    control = replace(question.control, small_groups=SmallGroups(small.how, 0))
    return replace(question, control=control)


def _doubts(bench: Bench, question: Question, counted: Counted) -> tuple[str, ...]:
    """What the judge doubts of rows such as these, whatever their number."""
    nothing = Found(0.0, None, counted.n, counted.n)
    return (
        *dropped(question, counted.missed, bench.tally.rows, bench.rules),
        *groups_without_rows(question, counted),
        *with_left_out(nothing, bench, question, counted).doubts,
    )


def _of_tally(bench: Bench, control: Control) -> _Design:
    question = _asked(bench.policy, control, bench.tally)
    statistics = _statistics(question)
    seen = _apart(question)
    for role in (*question.spec.labels, *control.across):
        if bench.tally.axis(role) is None:
            raise Refusal(f"the run has no counts by {role}")
    levels: Floats | None = None
    if question.spec.number is not None:
        levelled = counted_levels(bench, seen)
        counted, counts, levels = levelled.counted, levelled.counts, levelled.values
    else:
        counted = counted_rows(bench, seen)
        counted = tellable(counted, fewest_of(seen, counted), bench.least)
        counts = statistics[0][1].shape.lay(counted).measured
    if len({one.shape.name for _, one in statistics}) > 1:
        raise Refusal(f"{control.metric} is made of several tables: it cannot be planned")
    for _, one in statistics:
        if one.unsure is not None and (why := one.unsure(counts * 1e6, *_given(levels))):
            raise Refusal(why)
    cells = counts.reshape(counts.shape[0], -1)
    names = counted.groups.names if question.compare else ("",)
    whole = int(cells.sum())
    doubts = _doubts(bench, seen, counted)
    return _Design(
        question, names, cells / whole, counts.shape[1:], statistics, whole, levels, doubts
    )


def _given(levels: Floats | None) -> tuple[Floats, ...]:
    return () if levels is None else (levels,)


def _of_rates(policy: Policy, control: Control, rates: Mapping[str, Rate]) -> _Design:
    question = _asked(policy, control, Tally(rows=0, axes=()))
    statistics = _statistics(question)
    if not rates:
        raise Refusal("no rate is given for it")
    several = len(statistics) > 1 or question.spec.number is not None
    if several or statistics[0][1].of_all or not statistics[0][1].is_share:
        raise Refusal(f"{control.metric} is not planned from rates: plan it --from a run")
    if bool(question.compare) != ("" not in rates):
        wanted = "by group" if question.compare else "alone"
        raise Refusal(f"its rate must be given {wanted}")
    rows = numpy.array([one.rows for one in rates.values()])
    hits = numpy.array([one.rate for one in rates.values()])
    behind = numpy.array([one.of for one in rates.values()])
    parts = rows / rows.sum()
    # With the rows that are not behind the value beside those that it is a share of.
    cells = [parts * behind * (1 - hits), parts * behind * hits, parts * (1 - behind)]
    carrier = Statistic(
        CHOSEN,
        lambda counts: divide(counts[..., 1], counts[..., :2].sum(axis=-1)),
        lambda counts: counts[..., :2].sum(axis=-1),
        ends=Proportion(lambda counts: (counts[..., 1], counts[..., :2].sum(axis=-1))),
    )
    shares = numpy.stack(cells, axis=1)
    return _Design(question, tuple(rates), shares, (3,), ((statistics[0][0], carrier),))


def _searched(design: _Design, power: float) -> Planned:
    control, question = design.question.control, design.question
    if len(design.names) > MOST_GROUPS:
        raise Refusal(f"more than {MOST_GROUPS} groups: this is not planned")
    true = design.found(design.shares * 1e9)
    value, met = true.value, control.must.holds(true.value)
    seen = Planned(control, value, met, design.now)
    if vacuous(question):
        return _with_why(seen, "this rule cannot fail, so it is never conclusive")
    if design.doubts:
        return _with_why(seen, f"not conclusive as it is: {design.doubts[0]}")
    if true.interval is None or not control.must.settled_by(true.interval):
        return _with_why(
            seen, "the value lies on its threshold, where no number of rows settles it"
        )

    # A table that lies at the rates themselves is conclusive half of the time, about.
    rows = _first(lambda size: _settled(design, design.shares * size, met=met), 2)
    rows = _first(lambda size: _power(design, size, met=met) >= power, rows)
    needed, reached = _rounded_up(rows), 0.0
    while needed <= MOST_ROWS and (reached := _power(design, needed, met=met)) < power:
        needed = _rounded_up(int(needed * _CLOSE) + 1)
    if needed > MOST_ROWS:
        return _with_why(seen, f"more than {MOST_ROWS:,} rows would be needed")
    sizes = design.sizes(needed).tolist() if question.compare else []
    groups = tuple(zip(design.names, sizes, strict=True)) if sizes else ()
    return Planned(control, value, met, design.now, needed, groups, reached)


def _first(enough: Callable[[int], bool], start: int) -> int:
    """About the least number of rows, `start` or more, that is enough; beyond `MOST_ROWS`, more."""
    rows = start
    while not enough(rows):
        if rows > MOST_ROWS:
            return rows
        rows = int(rows * _STEP) + 1
    low, high = max(start, int(rows / _STEP) - 1), rows
    while high > low * _CLOSE and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _with_why(seen: Planned, why: str) -> Planned:
    return Planned(seen.control, seen.value, seen.met, seen.now, why=why)


def _power(design: _Design, rows: int, *, met: bool) -> float:
    """In how many of the drawn tables it is conclusive, on the side where the rates lie."""
    draws = max(FEWEST_DRAWS, min(DRAWS, WORK // len(design.names)))
    generator = numpy.random.Generator(numpy.random.PCG64(int(sha256_hex(b"plan"), 16)))
    tables = _drawn(design, rows, draws, generator)
    return sum(_settled(design, cells, met=met) for cells in tables) / draws


def _settled(design: _Design, cells: Floats, *, met: bool) -> bool:
    """Whether such a table `(G, C)` is conclusive on the side where the rates lie."""
    control = design.question.control
    try:
        found = design.found(cells)
    except Refusal:
        return False
    few = min(found.n, found.support) < control.min_support
    if found.interval is None or found.doubts or few:
        return False
    return control.must.settled_by(found.interval) and control.must.holds(found.value) == met


def _drawn(design: _Design, rows: int, draws: int, generator: numpy.random.Generator) -> Floats:
    """Tables `(draws, G, C)`: each group has its rows, unless these are what is asked for."""
    if any(one.of_all for _, one in design.statistics):
        flat = design.shares.reshape(-1)
        drawn = generator.multinomial(rows, flat / flat.sum(), draws)
        whole: Floats = drawn.reshape(draws, *design.shares.shape).astype(float)
        return whole
    within = design.shares / design.parts_of_rows[:, None]
    sizes = design.sizes(rows)
    tables: Floats = numpy.stack(
        [
            generator.multinomial(size, chances / chances.sum(), draws)
            for size, chances in zip(sizes.tolist(), within, strict=True)
        ],
        axis=1,
    ).astype(float)
    return tables


def _rounded_up(rows: int) -> int:
    """Two digits: more than the draws can tell."""
    step: int = 10 ** max(0, len(str(rows)) - 2)
    return -(-rows // step) * step
