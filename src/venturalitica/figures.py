"""How a number reads: the same value is the same text in sentence, table, page, report and log.

Numbers are never rounded across their threshold: 0.7996 against `>= 0.80` reads 0.7996.
"""

from __future__ import annotations

from decimal import Decimal

from venturalitica.records import Interval


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
    """Whether rounding hides a real difference: from zero, or from a number beside it."""
    if shown == 0 and abs(value) > 1e-12:
        return True
    return any(
        shown == other or (shown > other) != (value > other)
        for other in near
        if abs(value - other) > 1e-12 * max(1.0, abs(other))
    )


def percent(share: float) -> str:
    """`23 %`, `1.5 %`; never 100 % of what is not all."""
    value = 100 * share
    shown = (
        f"{value:.0f}" if 10 <= value < 99.5 else f"{value:.2g}" if value < 10 else f"{value:.4g}"
    )
    return f"{shown} %"
