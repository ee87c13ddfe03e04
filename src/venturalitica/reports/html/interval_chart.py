"""A value and its interval against a threshold, drawn to scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from markupsafe import Markup
from msgspec import Struct

from venturalitica.core.text import format_interval, format_number, level_words
from venturalitica.core.verdict import LIGHTS, Interval, Light, Verdict
from venturalitica.reports.html.markup import join, tag
from venturalitica.reports.html.parts import light_icon
from venturalitica.reports.sentences import must_signs

_UNIT_RANGES = ((0.0, 0.1), (0.0, 0.25), (0.0, 0.5), (0.5, 1.0), (0.0, 1.0), (-1.0, 1.0))


class Scale(Struct, frozen=True):
    """A linear scale from `low` to `high`; the ends are inset so that marks are not cut off."""

    low: float
    high: float
    inset: float = 2.0

    def at(self, value: float) -> float:
        """Place of `value` in per cent, held within the line."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.inset + min(1.0, max(0.0, share)) * (100 - 2 * self.inset), 2)

    def percent(self, value: float) -> str:
        return f"{self.at(value):g}%"


def scale_for(numbers: Iterable[float | None]) -> Scale:
    """A scale with plain ends that holds all the numbers: 0 to 1 and its parts where they fit.

    The ends are shown beside every plot, so a part of the range is never taken for the whole.
    """
    held = [number for number in numbers if number is not None]
    if not held:
        return Scale(0.0, 1.0)
    low, high = min(held), max(held)
    for start, end in _UNIT_RANGES:
        if start <= low and high <= end:
            return Scale(start, end)
    top = _plain(max(abs(low), abs(high)))
    return Scale(0.0 if low >= 0 else -top, top if high > 0 else 0.0)


def _plain(number: float) -> float:
    """The next of 1, 2, 2.5 or 5 times a power of ten."""
    power = float(10.0 ** math.floor(math.log10(number)))
    return next(
        (step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if number <= step * power),
        number * 2,
    )


_MIDDLE = 12
_CLEARANCE = 16.0
"""A label within this many per cent of the line's end takes the place of the end's own."""


UNIT = Scale(0.0, 1.0)


def fits(verdict: Verdict, scale: Scale) -> bool:
    """Whether all that would be drawn of the verdict lies within the scale."""
    held = [number for number in _numbers(verdict) if number is not None]
    return all(scale.low <= number <= scale.high for number in held)


def interval_bar(verdict: Verdict, *, scale: Scale | None = None) -> Markup | None:
    """SVG of a measured verdict: band allowed by the policy, threshold, interval, value.

    With a `scale` of the caller's (who then shows its ends) the drawing carries no labels.

    None where nothing was measured: an empty drawing would look like a result. The drawing has no
    fixed width (places are in per cent), so it is to scale at any size.
    """
    if verdict.value is None:
        return None
    labels = scale is None
    scale = scale or scale_for(_numbers(verdict))
    return tag(
        "svg",
        _axis(scale),
        _allowed(verdict, scale),
        _by_chance(verdict, scale),
        _interval(verdict, scale),
        _threshold(verdict, scale),
        _value(verdict, scale),
        _labels(verdict, scale) if labels else None,
        cls=f"vl-bar vl-is-{verdict.light}",
        width="100%",
        height=38 if labels else 24,
        role="img",
        aria_label=bar_label(verdict),
    )


def bar_label(verdict: Verdict) -> str:
    """The drawing in words, for those who do not see it."""
    said = f"value {format_number(verdict.value, beside=verdict.threshold)}"
    if verdict.interval is not None:
        interval = format_interval(verdict.interval, beside=verdict.threshold)
        said += f", {level_words(verdict.level)} interval {interval}"
    if verdict.by_chance is not None:
        low, high = verdict.by_chance.low, verdict.by_chance.high
        band = format_interval(Interval(low, high), beside=verdict.threshold)
        said += f", equal groups {band}"
    return f"{said}, must be {must_signs(verdict)}"


def _numbers(verdict: Verdict) -> list[float | None]:
    return [verdict.value, verdict.threshold, *(verdict.interval or ()), *(verdict.by_chance or ())]


def _axis(scale: Scale) -> Markup:
    return tag(
        "line",
        x1=scale.percent(scale.low),
        x2=scale.percent(scale.high),
        y1=_MIDDLE,
        y2=_MIDDLE,
        cls="vl-axis",
    )


def _allowed(verdict: Verdict, scale: Scale) -> Markup | None:
    """The side of the threshold that the policy allows."""
    if verdict.threshold is None or verdict.operator not in (">=", ">", "<=", "<"):
        return None
    at = scale.at(verdict.threshold)
    start, end = (at, 100.0) if verdict.operator in (">=", ">") else (0.0, at)
    return tag(
        "rect", x=f"{start:g}%", width=f"{end - start:g}%", y=3, height=18, rx=2, cls="vl-allowed"
    )


def _by_chance(verdict: Verdict, scale: Scale) -> Markup | None:
    """Where nine of ten comparisons of exactly equal groups would lie."""
    if verdict.by_chance is None:
        return None
    start, end = scale.at(verdict.by_chance.low), scale.at(verdict.by_chance.high)
    return tag(
        "rect", x=f"{start:g}%", width=f"{end - start:g}%", y=7, height=10, rx=2, cls="vl-chance"
    )


def _interval(verdict: Verdict, scale: Scale) -> Markup | None:
    if verdict.interval is None:
        return None
    low, high = scale.percent(verdict.interval.low), scale.percent(verdict.interval.high)
    return join(
        (
            tag("line", x1=low, x2=high, y1=_MIDDLE, y2=_MIDDLE, cls="vl-interval"),
            tag("line", x1=low, x2=low, y1=_MIDDLE - 4, y2=_MIDDLE + 4, cls="vl-whisker"),
            tag("line", x1=high, x2=high, y1=_MIDDLE - 4, y2=_MIDDLE + 4, cls="vl-whisker"),
        )
    )


def _threshold(verdict: Verdict, scale: Scale) -> Markup | None:
    if verdict.threshold is None:
        return None
    at = scale.percent(verdict.threshold)
    return tag("line", x1=at, x2=at, y1=0, y2=24, cls="vl-threshold")


def _value(verdict: Verdict, scale: Scale) -> Markup:
    assert verdict.value is not None
    return tag("circle", cx=scale.percent(verdict.value), cy=_MIDDLE, r=4.5, cls="vl-value")


def _labels(verdict: Verdict, scale: Scale) -> Markup:
    """The ends of the scale, and the threshold where it stands."""
    at = None if verdict.threshold is None else scale.at(verdict.threshold)
    ends = []
    if at is None or at > _CLEARANCE:
        ends.append(_label(_end(scale.low), scale.at(scale.low), "start"))
    if at is None or at < 100 - _CLEARANCE:
        ends.append(_label(_end(scale.high), scale.at(scale.high), "end"))
    if at is not None:
        anchor = "start" if at <= _CLEARANCE else "end" if at >= 100 - _CLEARANCE else "middle"
        ends.append(_label(must_signs(verdict), at, anchor, "vl-tick vl-tick-strong"))
    return join(ends)


def _label(words: str, at: float, anchor: str, cls: str = "vl-tick") -> Markup:
    return tag("text", words, x=f"{at:g}%", y=36, text_anchor=anchor, cls=cls, aria_hidden="true")


def _end(number: float) -> str:
    return f"{number:,g}"


MOST = 24
"""Marks in one strip; of more, the worst are drawn and the rest is counted."""


class Mark(Struct, frozen=True):
    """One control: its light, and what is said of it (`gender-parity failed`)."""

    light: Light
    words: str


def strip(marks: Sequence[Mark], *, size: int = 15) -> Markup | None:
    """The marks in the order given; None where there is none, which is not the same as good."""
    if not marks:
        return None
    shown = list(marks)
    if len(shown) > MOST:
        shown = sorted(shown, key=lambda mark: LIGHTS.index(mark.light))[:MOST]
    rest = len(marks) - len(shown)
    more = tag("li", f"and {rest:,} more", cls="vl-muted") if rest else None
    return tag("ul", *(_mark(mark, size) for mark in shown), more, cls="vl-strip")


@lru_cache(maxsize=1024)  # a page of runs says the same few things of the same controls
def _mark(mark: Mark, size: int) -> Markup:
    return tag("li", light_icon(mark.light, size=size, label=mark.words), title=mark.words)
