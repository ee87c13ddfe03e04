"""From what was found to a verdict: pass or fail, how sure, and a sentence that says why.

A verdict may be inconclusive although its interval is clear, for what the rows were. Counts do not
show it: rows that the model was trained on flatter it, rows given twice narrow its interval, and a
prediction that is a copy of the target is always right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from venturalitica.core import text as words
from venturalitica.core.circumstances import Circumstances, Share
from venturalitica.core.policy import TOLERANCE, Control, Policy, Threshold
from venturalitica.core.sample import DOUBT, sample_words
from venturalitica.core.verdict import (
    Chance,
    GroupValue,
    Interval,
    Status,
    Verdict,
    left_out_sentence,
)
from venturalitica.errors import shortened
from venturalitica.judge.by_chance import by_chance
from venturalitica.judge.compare_groups import Found
from venturalitica.judge.count import Missed
from venturalitica.judge.pen import Pen, pen_of, rounded
from venturalitica.judge.question import Question, error_of, level_of
from venturalitica.metrics.catalog import CATALOG, counts_all_roles
from venturalitica.metrics.intervals import FEWEST_BEYOND, MOST_UNDEFINED, REPLICATES

LONGEST = 1_500
"""Characters of a reason or a note: an error of a library may quote a whole table."""
UNSEEN = 3.0
"""The rule of three: what never occurred in n rows may still occur in 3/n of all (95 %)."""


def verdict(
    policy: Policy,
    control: Control,
    *,
    status: Status,
    reason: str,
    value: float | None = None,
    interval: Interval | None = None,
    conclusive: bool = False,
    n: int = 0,
    groups: tuple[GroupValue, ...] = (),
    notes: tuple[str, ...] = (),
    compare: str | None = None,
    by_chance: Chance | None = None,
    step: float = 0.0,
) -> Verdict:
    """A verdict with everything that its control and its policy say."""
    return Verdict(
        control=control.id,
        title=control.title,
        article=control.article,
        metric=control.metric,
        across=control.across,
        compare=compare if compare is not None else control.compare,
        must=str(control.must),
        operator=control.must.operator,
        threshold=control.must.bound,
        on_fail=control.on_fail,
        status=status,
        reason=shortened(reason, LONGEST),
        value=value,
        interval=interval,
        level=level_of(error_of(policy)),
        conclusive=conclusive,
        n=n,
        groups=groups,
        notes=tuple(shortened(note, LONGEST) for note in notes),
        remedy=control.remedy,
        file=policy.filename,
        line=control.line,
        by_chance=by_chance,
        step=step,
    )


def conclude(
    policy: Policy,
    question: Question,
    found: Found,
    *,
    besides: Sequence[str] = (),
    explains: bool = True,
) -> Verdict:
    """The verdict on what was found. Anything uncertain makes it inconclusive, and is noted.

    `besides` are doubts that no count shows; each is said in the sentence. `explains`: it says how
    many rows would settle it, and what equal groups would show.
    """
    control = question.control
    value = found.value + 0.0
    pen = pen_of(question.spec.name, control.must, question.compare, found.step)
    interval = found.interval
    told = pen.ends(value, interval)
    doubts = (*besides, *found.doubts, *_doubts(question, found, interval))
    # What is told must show what was concluded.
    wide = told if found.step else interval
    wide = wide and _widened(wide, found.error_bound)
    settled = wide is not None and control.must.settled_by(wide)
    met = control.must.met_by(value, wide)
    # What is said is what a record says, so that no page shows another last digit beside it.
    parts = [
        words.compared(pen.value(value), control.must),
        *([f"weighted by {found.weighted}"] if found.weighted else []),
        *_extremes(question, found, pen),
        *unsure(control.must, value, met),
        *_straddle(question, told, settled, doubts, besides),
    ]
    conclusive = settled and not doubts
    equal = by_chance(question, found) if explains and not (met and conclusive) else None
    made = verdict(
        policy,
        control,
        status=status_of(met),
        reason="; ".join(parts),
        value=value,
        interval=interval,
        conclusive=conclusive,
        n=found.n,
        groups=found.groups,
        notes=(*found.notes, *_steps(found.step), *(f"{DOUBT}{doubt}" for doubt in doubts)),
        compare=question.compare,
        by_chance=equal,
        step=found.step,
    )
    more = [_rows_wanted(made)] if explains and not settled else []
    if equal is not None:
        more.append(words.chance_words(pen.chance(equal), control.must))
    return replace(made, reason="; ".join([made.reason, *filter(None, more)]))


def _rows_wanted(made: Verdict) -> str:
    """Of what is told, which may lie on the threshold where the value does not."""
    told = rounded(made) if made.step else made
    return "" if made.step and told.value == made.threshold else sample_words(told)


def _steps(step: float) -> list[str]:
    if not step:
        return []
    return [f"told in steps of {step:.10g}, since it is not told how many rows were left out"]


def _widened(interval: Interval, error_bound: float) -> Interval:
    return Interval(interval.low - error_bound, interval.high + error_bound)


def unsure(must: Threshold, value: float, met: bool | None) -> list[str]:
    """Why a value that meets the bound does not pass."""
    if met is None:
        return ["the value meets it, and without an interval nobody can be sure"]
    return ["the value meets it, but not surely"] if must.holds(value) and not met else []


def status_of(met: bool | None) -> Status:
    """Of `Threshold.met_by`: what nobody can be sure of was not evaluated."""
    return "not_evaluated" if met is None else "passed" if met else "failed"


def _doubts(question: Question, found: Found, interval: Interval | None) -> list[str]:
    control = question.control
    doubts = []
    if found.n < control.min_support:
        doubts.append(
            f"{words.rows(found.n)} in all, fewer than {control.min_support} (min_support)"
        )
    elif not found.groups and found.support < control.min_support:
        behind = "" if found.step else f"{words.rows(found.support)}, "
        doubts.append(f"the value rests on {behind}fewer than {control.min_support} (min_support)")
    if found.undefined > MOST_UNDEFINED * REPLICATES:
        doubts.append(f"{found.undefined:,} of {REPLICATES:,} replicates have no value")
    if found.drawn and question.alpha * REPLICATES < FEWEST_BEYOND - TOLERANCE:
        level = words.level_words(level_of(question.alpha))
        doubts.append(f"{REPLICATES:,} replicates are too few for a {level} interval")
    doubts += _unvaried(question, found, interval)
    return doubts


def _unvaried(question: Question, found: Found, interval: Interval | None) -> list[str]:
    """No replicate differs: resampling cannot know what it never saw, so rows must tell."""
    if interval is None or not found.drawn or question.spec.census or _varies(interval):
        return []
    low, high = question.low_high()
    may_be = UNSEEN / max(found.support, 1) * (high - low)
    least, most = max(found.value - may_be, low), min(found.value + may_be, high)
    if question.control.must.settled_by(Interval(least, most)):
        return []
    ends: Interval | None = Interval(least, most)
    if found.step:
        pen = pen_of(question.spec.name, question.control.must, question.compare, found.step)
        ends = pen.ends(found.value, ends)
    assert ends is not None
    within = words.interval_words(ends, question.control.must)
    behind = "these rows" if found.step else words.rows(found.support)
    return [
        f"no replicate differs from the value; what {behind} never showed may still move it within "
        f"{within} (rule of three)"
    ]


def _varies(interval: Interval) -> bool:
    """A width of 1e-17 is rounding: equal losses have not the same sum in every replicate."""
    size = max(1.0, abs(interval.low), abs(interval.high))
    return interval.high - interval.low > TOLERANCE * size


def _straddle(
    question: Question,
    interval: Interval | None,
    settled: bool,
    doubts: Sequence[str],
    besides: Sequence[str],
) -> list[str]:
    said = []
    if interval is None:
        said = ["no interval"]
    elif not settled:
        ends = words.interval_words(interval, question.control.must)
        level = words.level_words(level_of(question.alpha))
        said = [f"the {level} interval {ends} holds both answers, met and not met"]
    said += besides or (() if said else doubts[:1])
    return [f"not conclusive: {'; '.join(said)}"] if said else []


def _extremes(question: Question, found: Found, pen: Pen) -> list[str]:
    """`lowest female 0.620 (n=310), highest male 0.840 (n=690)`."""
    must = question.control.must
    by_name = {group.name: group for group in found.groups}
    seen = [by_name[name] for name in found.compared if by_name[name].value is not None]
    if not seen:
        return []
    if question.compare == "between":
        return [" minus ".join(words.group(pen.group(group), must) for group in seen)]
    low = pen.group(min(seen, key=_value))
    high = pen.group(max(reversed(seen), key=_value))  # of equal groups another one than the lowest
    if question.compare == "min":
        return [words.group(low, must, "lowest")]
    if question.compare == "max" or question.spec.drift:
        return [words.group(high, must, "highest")]
    return [f"{words.group(low, must, 'lowest')}, {words.group(high, must, 'highest')}"]


def _value(group: GroupValue) -> float:
    assert group.value is not None
    return group.value


HELD_OUT = "give audit_data=(X_test, y_test)"
UNIQUE = (
    "keep one of each, or say `duplicates: expected` in the policy where each is a case of its own"
)
COPIED = (
    "the {role} equals the target in every row; check that it is not a copy of the target column"
)
MOST_DOUBLED = 0.05
"""Copies that nobody minds; more of them make intervals clearly too narrow."""
MOST_DROPPED = 0.05
"""Rows without a value that may be left out before what is left speaks for others no more."""


def doubts_of(policy: Policy, question: Question, circumstances: Circumstances) -> tuple[str, ...]:
    """Doubts on every measured value of this question, the gravest first.

    None under rules 1: records made before must be judged as they were.
    """
    if circumstances.rules < 2:
        return ()
    return tuple(_other_doubts(policy, question, circumstances))


def dropped(question: Question, missed: Missed | None, rows: int, rules: int) -> tuple[str, ...]:
    """A doubt where `nulls: drop` left out more than a few of the rows, or may have."""
    if rules < 2 or missed is None or question.control.nulls != "drop":
        return ()
    if missed.most <= MOST_DROPPED * rows:
        return ()
    more = "more" if missed.exact is not None else "which may be more"
    return (
        f"{missed.words} of {rows:,} rows are left out for missing values (`nulls: drop`), "
        f"{more} than {words.percent(MOST_DROPPED)}",
    )


def reservations(
    policy: Policy, verdicts: Iterable[Verdict], circumstances: Circumstances
) -> tuple[str, ...]:
    """What to say of the whole, once: each doubt that any of these verdicts has."""
    left_out = left_out_sentence(circumstances.phase, len(circumstances.left_out))
    said = [left_out[0].lower() + left_out[1:-1]] if left_out else []
    for metric in dict.fromkeys(v.metric for v in verdicts if v.value is not None):
        if metric in CATALOG and circumstances.rules >= 2:
            said += _of_rows(policy, metric, circumstances)
    return tuple(dict.fromkeys(said))


def _other_doubts(
    policy: Policy, question: Question, circumstances: Circumstances
) -> Iterator[str]:
    if vacuous(question):
        yield "this rule cannot fail: every possible value meets it"
    if counts_all_roles(question.control):
        for role, column in circumstances.absent.items():
            yield f"not counted over {role}: the data lack its column '{column}'"
    yield from _of_rows(policy, question.spec.name, circumstances)


def _of_rows(policy: Policy, metric: str, circumstances: Circumstances) -> Iterator[str]:
    trained, doubled = circumstances.training_share, circumstances.doubled_share
    if trained is not None and (trained.clear or _may_matter(trained)) and _asks_the_model(metric):
        yield training_words(trained)  # a forest knows them by heart: no copy need be looked for
    else:
        copied = [role for role in circumstances.copies_of_target if role in CATALOG[metric].needs]
        yield from (COPIED.format(role=role) for role in copied)
    if doubled is None or policy.duplicates == "expected":
        return
    if doubled.excess > MOST_DOUBLED or _may_matter(doubled):
        share = f"{_up_to(doubled)}{words.percent(doubled.share)}"
        yield f"{share} of the rows are exact copies of other rows; {UNIQUE}"


def _may_matter(share: Share) -> bool:
    """Whether few rows, whose number is not told, may be a large part of them all."""
    return share.few and share.clear is None


def _up_to(share: Share) -> str:
    return "up to " if share.few else "at least " if share.most else ""


def vacuous(question: Question) -> bool:
    """Whether the rule decides nothing: a pass says nothing either."""
    low, high = question.low_high()
    whole = question.spec.whole_of(question.compare)
    return question.control.must.cannot_fail(low, high, whole=whole)


def _asks_the_model(metric: str) -> bool:
    """Whether the value says something of a model; else it is a fact of the very rows.

    By what the metric is computed from, not by the phase that a control may name.
    """
    return not {"prediction", "score"}.isdisjoint(CATALOG[metric].needs)


def training_words(trained: Share) -> str:
    """`judged on rows the model was trained on; give audit_data=(X_test, y_test)`."""
    if trained.share >= 1.0 and not trained.few:
        return f"judged on rows the model was trained on; {HELD_OUT}"
    share = f"{_up_to(trained)}{words.percent(trained.share)}"
    return f"{share} of the judged rows are rows the model was trained on; {HELD_OUT}"
