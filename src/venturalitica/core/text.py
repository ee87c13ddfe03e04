"""Numbers and names as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import cache, lru_cache

from venturalitica.core.policy import Threshold
from venturalitica.core.verdict import Chance, GroupValue, Interval, Label
from venturalitica.errors import listed, shortened


def requirement(must: Threshold) -> str:
    """`>= 0.80`, or `>= 0.80 surely`."""
    return f"{must.operator} {format_bound(must.bound)}{must.word}"


def compared(value: float, must: Threshold) -> str:
    """`0.714, must be >= 0.80`, the value on the side of the threshold where it lies."""
    return f"{format_number(value, beside=must.bound)}, must be {requirement(must)}"


def interval_words(interval: Interval, must: Threshold) -> str:
    """`0.712 to 0.883`."""
    return format_interval(interval, beside=must.bound, dash=" to ")


def chance_words(chance: Chance, must: Threshold) -> str:
    """`equal groups would show 0.780 here, 95 % of the time at least 0.660`."""
    typical, low, high = (format_number(number, beside=must.bound) for number in chance)
    bound = f"at least {low}" if must.operator in (">=", ">") else f"at most {high}"
    return f"exactly equal groups would show {typical} here, 95 % of the time {bound}"


def rows(count: int) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def have(count: int) -> str:
    """The verb that goes with so many rows."""
    return "has" if count == 1 else "have"


def label(value: Label) -> str:
    """A label as YAML writes it: text in quotes, so that 1 and '1' look different."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str) else f"{value:g}" if _short(value) else repr(value)


def labels(values: Sequence[Label]) -> str:
    """`'bad', 'good'`; the first few of many."""
    return listed([label(value) for value in values])


def quoted(names: Iterable[str]) -> str:
    """Group names in quotes, with commas."""
    return listed([f"'{shortened(name)}'" for name in names])


def group(value: GroupValue, must: Threshold, word: str = "") -> str:
    """`lowest female 0.620 (n=310)`."""
    shown = "undefined" if value.value is None else format_number(value.value, beside=must.bound)
    return f"{word + ' ' if word else ''}{shortened(value.name)} {shown} (n={value.n:,})"


def sizes(groups: Iterable[GroupValue]) -> str:
    """`'female' (n=3), 'male' (n=4)`; the first few of many."""
    return listed([f"'{shortened(group.name)}' (n={group.n:,})" for group in groups])


def _short(value: float) -> bool:
    return float(f"{value:g}") == value


def format_number(value: float | None, *, beside: float | None = None) -> str:
    """At least three decimals for fractions, none for whole numbers; `–` for None.

    `beside` is the threshold that the number is compared with: more decimals are shown where three
    would make the two look equal although they are not.
    """
    return "–" if value is None else _shown(value, () if beside is None else (beside,))


def format_interval(
    interval: Interval | None, *, beside: float | None = None, dash: str = " – "
) -> str:
    """`0.731 – 0.897`, or an empty string where there is none.

    More decimals where two ends that differ would look the same.
    """
    if interval is None:
        return ""
    low, high = interval
    near = () if beside is None else (beside,)
    return f"{_shown(low, (*near, high))}{dash}{_shown(high, (*near, low))}"


def format_bound(bound: float) -> str:
    """A threshold: two decimals at least, all that were written otherwise; counts as whole."""
    if float(bound).is_integer() and abs(bound) >= 2:
        return f"{int(bound):,}"
    short = f"{bound:.2f}"
    return short if float(short) == bound else repr(float(bound))


def _shown(value: float, near: tuple[float, ...]) -> str:
    if abs(value) >= 1e15:
        return f"{value:.6g}"
    if value == int(value) and abs(value) >= 2:
        return f"{int(value):,}"
    # In decimal, so that 0.0525 reads the same whether it is stored a hair above or below.
    exact = Decimal(f"{value:.12g}")
    for digits in range(3 if abs(value) < 1000 else 1, 13):
        shown = f"{exact:,.{digits}f}"
        if not _blurred(float(shown.replace(",", "")), value, near):
            return shown.removeprefix("-") if value == 0 else shown
    return repr(value)


def _blurred(shown: float, value: float, near: tuple[float, ...]) -> bool:
    """Whether rounding hides a real difference, from zero or a number beside it, or makes one."""
    if shown == 0 and abs(value) >= 1e-12:
        return True
    return any(
        _alike(shown, other) or (shown > other) != (value > other)
        if not _alike(value, other)
        else shown != other
        for other in near
    )


def _alike(value: float, other: float) -> bool:
    return abs(value - other) <= 1e-12 * max(1.0, abs(other))


WRITTEN = 4
"""Decimals of a value in a record; more where it would else be on another side of its threshold."""
STEPS = 4.0
"""Rows that a value is at least away from the next that is written, where it is not told how many
rows were left out."""
FEWEST_DIGITS, MOST_DIGITS = 4, 9
"""Significant digits of an amount in a record, whatever its scale."""


@lru_cache(maxsize=4096)
def written(
    value: float, bound: float | None, rounding: str = ROUND_HALF_EVEN, *, amount: bool = False
) -> float:
    """The value as a record has it. Doing it twice changes nothing.

    Args:
        value: finite, in the unit of its metric.
        bound: the threshold that it is compared with; None where there is none.
        rounding: as of `decimal`.
        amount: whether it may be of any scale: a small one has more decimals, a large one fewer.
    """
    exact = Decimal(f"{value:.15g}")
    first = WRITTEN
    if amount and exact:
        before = exact.adjusted() + 1
        first = min(max(WRITTEN, FEWEST_DIGITS - before), max(MOST_DIGITS - before, 0))
    for digits in range(first, max(first + 9, 13)):
        shown = float(exact.quantize(_step(digits), rounding=rounding, context=_WIDE))
        if not _blurred(shown, value, () if bound is None else (bound,)):
            return shown + 0.0
    return value


_WIDE = Context(prec=120)


@cache
def _step(digits: int) -> Decimal:
    return Decimal(1).scaleb(-digits, context=_WIDE)


def written_interval(
    interval: Interval | None, bound: float | None, *, amount: bool = False
) -> Interval | None:
    """Its ends as a record has them, rounded outward."""
    if interval is None:
        return None
    low, high = interval
    return Interval(
        written(low, bound, ROUND_FLOOR, amount=amount),
        written(high, bound, ROUND_CEILING, amount=amount),
    )


def step_of(support: float) -> float:
    """The least of 1, 2 and 5 · 10^-k in which no value tells on how many rows it rests.

    Of `support` rows or a few less or more, each has several values within one step. Never below
    what a record writes anyway, nor above a half.
    """
    wanted = min(STEPS / max(support, 1.0), 0.5)
    whole = Decimal(1).scaleb(math.floor(math.log10(wanted)))
    step = next(float(whole * factor) for factor in (1, 2, 5, 10) if whole * factor >= wanted)
    return max(step, 10.0**-WRITTEN)


def on_steps(value: float, must: Threshold | None, step: float) -> float:
    """The value as a multiple of `step`, the nearest that keeps the rule where the value does."""
    exact, unit = Decimal(f"{value:.15g}"), Decimal(f"{step:.15g}")
    for how in (ROUND_HALF_EVEN, ROUND_FLOOR, ROUND_CEILING):
        times = (exact / unit).to_integral_value(rounding=how, context=_WIDE)
        near = float(times * unit) + 0.0
        if must is None or must.holds(near) == must.holds(value):
            return near
    return value


def around_on_steps(told: float, value: float, interval: Interval, step: float) -> Interval:
    """The interval of a value that is told as another, at most a step away; it is within.

    Its distances from the value are rounded up, one step more. Its ends are not: these move with
    the value, and would tell where in its step that lies.
    """
    below, above = (
        step * math.ceil(distance / step - 1e-9) + step
        for distance in (value - interval.low, interval.high - value)
    )
    return Interval(float(f"{told - below:.12g}"), float(f"{told + above:.12g}"))


def percent(share: float) -> str:
    """`23 %`, `1.5 %`; never 100 % of what is not all."""
    value = 100 * share
    shown = (
        f"{value:.0f}" if 10 <= value < 99.5 else f"{value:.2g}" if value < 10 else f"{value:.4g}"
    )
    return f"{shown} %"


def level_words(level: float) -> str:
    """`95 %`, `99.29 %`: two digits of the error, so that it is never 100 %."""
    return f"{100 * (1 - float(f'{1 - level:.2g}')):.10g} %"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, always 27 characters, so that texts compare as times do.

    A clock may say anything: what no date in UTC can express becomes the nearest that can.
    """
    try:
        utc = moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError):
        utc = datetime.max if moment.year > 2000 else datetime.min
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_DECEPTIVE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_UNPRINTABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'\\^`{|}]+\Z", re.IGNORECASE)


def visible(text: str) -> str:
    """The text with deceptive characters spelled out and lone surrogates replaced."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _DECEPTIVE.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)
    return _UNPRINTABLE.sub("\ufffd", text)


def is_web_address(url: str) -> bool:
    """Whether `url` is a plain http or https address: nothing else becomes a link."""
    return bool(_WEB_ADDRESS.match(url))
