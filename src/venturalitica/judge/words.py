"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from venturalitica.errors import listed, shortened
from venturalitica.records import GroupValue, Interval, Label
from venturalitica.rules import Threshold

_DIGITS = range(2, 16)


def number(value: float) -> str:
    """Two decimals, or three significant digits where that is too coarse; counts as whole."""
    if float(value).is_integer() and abs(value) >= 2:
        return f"{int(value):,}"
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def measured(value: float, must: Threshold) -> str:
    """As many decimals as it takes to see on which side of the threshold the value lies.

    0.7996 against `>= 0.80` reads 0.7996, not 0.80.
    """
    if float(value).is_integer() and abs(value) >= 2:
        return f"{int(value):,}"
    for digits in _DIGITS:
        shown = f"{value:.{digits}f}"
        rough = float(shown)
        same_side = must.holds(rough) == must.holds(value)
        if same_side and (rough != must.bound or abs(value - must.bound) <= 1e-12):
            return "0.00" if rough == 0 and value == 0 else shown if rough else f"{value:.3g}"
    return repr(value)


def requirement(must: Threshold) -> str:
    """`>= 0.80`: two decimals at least, all that were written otherwise."""
    bound = must.bound
    if float(bound).is_integer() and abs(bound) >= 2:
        return f"{must.operator} {int(bound):,}"
    short = f"{bound:.2f}"
    return f"{must.operator} {short if float(short) == bound else repr(float(bound))}"


def interval_words(interval: Interval) -> str:
    """`0.71 to 0.88`; more digits where two ends that differ would look the same."""
    low, high = interval
    shown, other = number(low), number(high)
    for digits in _DIGITS:
        if shown != other or low == high:
            break
        shown, other = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return f"{shown} to {other}"


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


def group(value: GroupValue, word: str = "") -> str:
    """`lowest female 0.62 (n=310)`."""
    shown = "undefined" if value.value is None else number(value.value)
    return f"{word + ' ' if word else ''}{shortened(value.name)} {shown} (n={value.n:,})"


def sizes(groups: Iterable[GroupValue]) -> str:
    """`'female' (n=3), 'male' (n=4)`; the first few of many."""
    return listed([f"'{shortened(group.name)}' (n={group.n:,})" for group in groups])


def _short(value: float) -> bool:
    return float(f"{value:g}") == value
