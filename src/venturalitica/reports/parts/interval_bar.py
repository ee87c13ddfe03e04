"""A value and its interval against a threshold, drawn to scale."""

from __future__ import annotations

from venturalitica.figures import format_interval, format_number
from venturalitica.records import Verdict
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.scale import Scale, scale_for
from venturalitica.reports.words import must_signs

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
        said += f", {verdict.level:.0%} interval {interval}"
    return f"{said}, must be {must_signs(verdict)}"


def _numbers(verdict: Verdict) -> list[float | None]:
    return [verdict.value, verdict.threshold, *(verdict.interval or ())]


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
