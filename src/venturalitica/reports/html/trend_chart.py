"""How near to its threshold a pipeline has been: the worst margin of each run, oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from markupsafe import Markup
from msgspec import Struct

from venturalitica.core.text import format_number
from venturalitica.core.verdict import Interval, Light
from venturalitica.reports.html.markup import tag
from venturalitica.reports.html.parts import light_shape

WIDTH, HEIGHT = 320, 96
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 8
_MARK = 11.0


class TrendPoint(Struct, frozen=True):
    """One run: its light, its worst margin with the interval, and what is said of it.

    `margin` is None where nothing was measured: the mark is then drawn on the lower edge, and no
    line leads to it. `link` is the address of its page; empty for none.
    """

    light: Light
    margin: float | None
    interval: Interval | None = None
    words: str = ""
    link: str = ""


def trend(points: Sequence[TrendPoint]) -> Markup | None:
    """SVG to scale, the threshold at zero and what the rules allow above it; None without points.

    Each mark has its light's shape, so colour is never the only sign.
    """
    return _drawn(tuple(points)) if points else None


@lru_cache(maxsize=512)  # of most pipelines nothing is new when a page is drawn again
def _drawn(points: tuple[TrendPoint, ...]) -> Markup:
    scale = _Scale.of(points)
    measured = any(point.margin is not None for point in points)
    return tag(
        "svg",
        *_allowed(points, scale),
        _zero(scale) if measured else None,
        _line(points, scale),
        *(_point(point, scale.x(place), scale) for place, point in enumerate(points)),
        *(_labels(scale) if measured else ()),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        cls="vl-trend",
        # What is in an image is not there for a screen reader: links would be lost.
        role="group" if any(point.link for point in points) else "img",
        aria_label=trend_label(points),
    )


def trend_label(points: Sequence[TrendPoint]) -> str:
    """The drawing in words, for those who do not see it."""
    margins = [point.margin for point in points if point.margin is not None]
    runs = "1 run" if len(points) == 1 else f"{len(points)} runs"
    if not margins:
        return f"Worst margin of the last {runs}: nothing was measured"
    said = f"between {signed(min(margins))} and {signed(max(margins))}, last {signed(margins[-1])}"
    missing = len(points) - len(margins)
    rest = f"; {missing} without a measured value" if missing else ""
    return f"Worst margin of the last {runs}: {said}{rest}"


def signed(margin: float) -> str:
    """`+0.050`, `−0.060`, `0`: which side of the threshold it is on, never rounded across."""
    if margin == 0:
        return "0"
    return ("+" if margin > 0 else "−") + format_number(abs(margin))


class _Scale(Struct, frozen=True):
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, points: Sequence[TrendPoint]) -> _Scale:
        held = [0.0]
        for point in points:
            if point.margin is not None:
                held += [point.margin, *(point.interval or ())]
        low, high = min(held), max(held)
        return cls(low, high if high > low else low + 1.0, len(points))

    def x(self, place: int) -> float:
        room = WIDTH - _LEFT - _RIGHT - 2 * _MARK
        share = place / (self.count - 1) if self.count > 1 else 1.0
        return round(_LEFT + _MARK + share * room, 2)

    def y(self, margin: float) -> float:
        room = HEIGHT - _TOP - _BOTTOM
        # Divided first: the difference of two large numbers may be none.
        span = self.high / 2 - self.low / 2
        share = (margin / 2 - self.low / 2) / span if span else 0.0
        return round(HEIGHT - _BOTTOM - share * room, 2)


def _allowed(points: Sequence[TrendPoint], scale: _Scale) -> Iterator[Markup]:
    """What the rules allow, beside the runs that were measured: elsewhere no rule was held to a
    value, and the field would look like a result."""
    edges = [
        _LEFT,
        *((scale.x(place - 1) + scale.x(place)) / 2 for place in range(1, len(points))),
        WIDTH - _RIGHT,
    ]
    places = range(len(points))
    for measured, some in groupby(places, lambda place: points[place].margin is not None):
        stretch = list(some)
        if measured:
            low, high = edges[stretch[0]], edges[stretch[-1] + 1]
            yield tag(
                "rect",
                x=f"{low:g}",
                y=_TOP,
                width=f"{high - low:g}",
                height=f"{scale.y(0.0) - _TOP:g}",
                cls="vl-allowed",
            )


def _zero(scale: _Scale) -> Markup:
    at = scale.y(0.0)
    return tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at, cls="vl-threshold")


def _line(points: Sequence[TrendPoint], scale: _Scale) -> Markup | None:
    """Through what was measured; it is broken where nothing was."""
    path, pen = "", "M"
    for place, point in enumerate(points):
        if point.margin is None:
            pen = "M"
            continue
        path += f"{pen}{scale.x(place):g} {scale.y(point.margin):g}"
        pen = "L"
    return tag("path", d=path, cls="vl-trend-line") if "L" in path else None


def _point(point: TrendPoint, x: float, scale: _Scale) -> Markup:
    y = HEIGHT - _BOTTOM if point.margin is None else scale.y(point.margin)
    mark = tag(
        "g",
        tag("title", point.words) if point.words else None,
        _interval(point, x, scale),
        light_shape(point.light, x=x, y=y, size=_MARK),
        cls=f"vl-is-{point.light}",
    )
    if not point.link:
        return mark
    # Thirty marks would be thirty stops of the keyboard; whoever draws the picture has a link to
    # the list of the same runs beside it.
    return tag("a", mark, href=point.link, aria_label=point.words or None, tabindex="-1")


def _interval(point: TrendPoint, x: float, scale: _Scale) -> Markup | None:
    if point.margin is None or point.interval is None:
        return None
    low, high = scale.y(point.interval.low), scale.y(point.interval.high)
    return tag("line", x1=x, x2=x, y1=low, y2=high, cls="vl-whisker")


def _labels(scale: _Scale) -> list[Markup]:
    """The threshold, and the ends where they are not on it."""
    found = [_label("limit", scale.y(0.0), " vl-tick-strong")]
    for end in (scale.low, scale.high):
        if abs(scale.y(end) - scale.y(0.0)) > 12:
            found.append(_label(signed(float(f"{end:.2g}")), scale.y(end)))
    return found


def _label(words: str, y: float, cls: str = "") -> Markup:
    return tag(
        "text", words, x=_LEFT - 6, y=f"{y + 4:g}", text_anchor="end", cls=f"vl-tick{cls}",
        aria_hidden="true",
    )  # fmt: skip
