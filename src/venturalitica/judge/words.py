"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from venturalitica.errors import listed, shortened
from venturalitica.figures import format_bound, format_interval, format_number
from venturalitica.records import GroupValue, Interval, Label
from venturalitica.rules import Threshold


def requirement(must: Threshold) -> str:
    """`>= 0.80`."""
    return f"{must.operator} {format_bound(must.bound)}"


def compared(value: float, must: Threshold) -> str:
    """`0.714, must be >= 0.80`, the value on the side of the threshold where it lies."""
    return f"{format_number(value, beside=must.bound)}, must be {requirement(must)}"


def interval_words(interval: Interval, must: Threshold) -> str:
    """`0.712 to 0.883`."""
    return format_interval(interval, beside=must.bound, dash=" to ")


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
