"""One measure in run after run: values with intervals, the threshold of each, and where the policy
changed. Drawn in per cent of the width, so that words keep their size at any width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

from markupsafe import Markup
from msgspec import Struct

from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Interval, Light
from venturalitica.reports.html.interval_chart import Scale, scale_for
from venturalitica.reports.html.markup import tag
from venturalitica.reports.html.parts import light_shape

HEIGHT, _TOP, _BOTTOM = 168, 24, 26
_MARK = 11.0
_APART = 13.0
"""Pixels that two words of the axis need between them."""

_LARGEST = 1e300
"""Beyond it a value lies on the edge: twice as much may be no number."""

MOST_DATES, MOST_VERSIONS = 3, 4


class HistoryPoint(Struct, frozen=True, kw_only=True):
    """What one run found. `value` is None where nothing was measured: the line breaks there.

    `light` None is of a part of a verdict, which has none of its own: a dot. `limit` is the
    threshold of that run and `above` whether the rule allows what lies above it, None where it
    allows neither side; `policy` tells the policy's texts apart and `version` names
    them; `url` leads to the run, empty for no link; `words` is all of it as a sentence.
    """

    light: Light | None
    value: float | None
    interval: Interval | None = None
    limit: float | None = None
    above: bool | None = None
    day: str = ""
    policy: str = ""
    version: str = ""
    url: str = ""
    words: str = ""


def history_scale(points: Sequence[HistoryPoint]) -> Scale:
    """A scale for all of these; those that are compared share one."""
    return scale_for(_numbers(points))


def history_chart(
    points: Sequence[HistoryPoint], label: str, *, scale: Scale | None = None, links: bool = True
) -> Markup | None:
    """A drawing of the runs, oldest first and evenly spaced; None without any.

    Each mark has its light's shape and leads to its run where `links`; else the drawing is one
    picture. The ends of the scale and the last threshold stand beside it, dates below it.
    """
    if not points:
        return None
    return _drawn(tuple(points), label, scale or history_scale(points), links)


@lru_cache(maxsize=256)  # of 20,000 characters; most of what is drawn again has not changed
def _drawn(points: tuple[HistoryPoint, ...], label: str, scale: Scale, links: bool) -> Markup:
    drawing = _Drawing(points, scale)
    picture = {"role": "group" if links else "img", "aria_label": label}
    return tag(
        "div",
        tag("svg", *drawing.ends(), width="100%", height=HEIGHT, aria_hidden="true"),
        tag("svg", *drawing.all(links=links), width="100%", height=HEIGHT, **picture),
        cls="vl-history",
    )


def placed_history(
    points: Sequence[HistoryPoint], scale: Scale, *, left: int, middle: int, right: int, top: int
) -> tuple[Markup, Markup]:
    """The same as two parts of a larger drawing, in its pixels, without links: what stands beside
    the chart, from `left`, and the chart, from `middle` to `right`."""
    drawing = _Drawing(points, scale)
    ends = tag("svg", *drawing.ends(), x=left, y=top, width=middle - left - 6, height=HEIGHT)
    size = {"x": middle, "y": top, "width": right - middle, "height": HEIGHT}
    return ends, tag("svg", *drawing.all(links=False), **size)


def history_label(subject: str, points: Sequence[HistoryPoint]) -> str:
    """The drawing in words: how many runs, where the values lie, the last one and its threshold."""
    found = [point for point in points if point.value is not None]
    runs = "1 run" if len(points) == 1 else f"{len(points)} runs"
    if not found:
        return f"{subject}: nothing was measured in the last {runs}"
    values = [point.value for point in found if point.value is not None]
    beside = found[-1].limit
    low, high, last = (
        format_number(value, beside=beside) for value in (min(values), max(values), values[-1])
    )
    said = f"{subject}: between {low} and {high} in the last {runs}, last measured {last}"
    missing = len(points) - len(found)
    return said + (f"; {missing} without a measured value" if missing else "")


def point_words(point: HistoryPoint, beside: float | None) -> str:
    """`0.740, interval 0.690 to 0.790`, or that nothing was measured."""
    if point.value is None:
        return "nothing measured"
    interval = format_interval(point.interval, beside=beside)
    return format_number(point.value, beside=beside) + (
        f", interval {interval}" if interval else ""
    )


def _numbers(points: Sequence[HistoryPoint]) -> list[float | None]:
    found: list[float | None] = []
    for point in points:
        found += [_held(one) for one in (point.value, point.limit, *(point.interval or ()))]
    return found


def _held(number: float | None) -> float | None:
    return None if number is None else max(-_LARGEST, min(_LARGEST, number))


class _Drawing(Struct, frozen=True):
    points: Sequence[HistoryPoint]
    scale: Scale

    def all(self, *, links: bool) -> Iterator[Markup | None]:
        """The chart, what lies below first."""
        yield from self.allowed()
        yield from self.versions()
        yield from self.limits()
        yield from self.line()
        yield from (self.mark(place, links=links) for place in range(len(self.points)))
        yield from self.days()

    @property
    def _step(self) -> float:
        return 100.0 / len(self.points)

    def _x(self, place: float) -> float:
        """The middle of a run's share of the width, in per cent."""
        return round((place + 0.5) * self._step, 3)

    def _y(self, number: float) -> float:
        held, room = _held(number) or 0.0, HEIGHT - _TOP - _BOTTOM
        share = (held - self.scale.low) / (self.scale.high - self.scale.low)
        return round(HEIGHT - _BOTTOM - min(1.0, max(0.0, share)) * room, 2)

    def allowed(self) -> Iterator[Markup]:
        """The side of each threshold that the policy allows."""
        for start, end, limit in self._spans():
            above = self.points[start].above
            if above is not None:
                at = self._y(limit)
                top, bottom = (_TOP, at) if above else (at, HEIGHT - _BOTTOM)
                yield tag(
                    "rect", x=f"{self._x(start - 0.5):g}%", y=f"{top:g}",
                    width=f"{(end - start) * self._step:g}%", height=f"{bottom - top:g}",
                    cls="vl-allowed",
                )  # fmt: skip

    def limits(self) -> Iterator[Markup]:
        """A step for each threshold."""
        before: tuple[int, float] | None = None
        for start, end, limit in self._spans():
            left, right, y = self._x(start - 0.5), self._x(end - 0.5), self._y(limit)
            if before is not None and before[0] == start:
                yield _line(left, before[1], left, y, "vl-threshold")
            yield _line(left, y, right, y, "vl-threshold")
            before = end, y

    def _spans(self) -> Iterator[tuple[int, int, float]]:
        """Runs beside each other under one threshold: first, one after the last, threshold."""

        def rule(point: HistoryPoint) -> tuple[float | None, bool | None]:
            return point.limit, point.above

        for start, end in _alike(self.points, rule):
            limit = self.points[start].limit
            if limit is not None:
                yield start, end, limit

    def versions(self) -> Iterator[Markup]:
        """A line where another text of the policy begins, named where there is room."""
        room = 100.0 / MOST_VERSIONS
        free = 0.0
        for start, _ in _alike(self.points, lambda point: point.policy):
            at = self._x(start - 0.5)
            if start:
                yield _line(at, 4, at, HEIGHT - _BOTTOM, "vl-version")
            words = self.points[start].version
            if words and at >= free and at <= 100 - room / 2:
                # Versions such as 2026-11-30 differ at their end.
                shown = words if len(words) <= 8 else f"…{words[-7:]}"
                yield _word(f"v {shown}", at, 14, "start", dx=4)
                free = at + room

    def line(self) -> Iterator[Markup]:
        """Through what was measured; broken where nothing was."""
        for place, (one, other) in enumerate(zip(self.points, self.points[1:], strict=False)):
            if one.value is not None and other.value is not None:
                ends = self._y(one.value), self._y(other.value)
                yield _line(self._x(place), ends[0], self._x(place + 1), ends[1], "vl-trend-line")

    def mark(self, place: int, *, links: bool) -> Markup | None:
        """The run's mark, on the lower edge where nothing was measured; of a part, there none."""
        point = self.points[place]
        if point.light is None and point.value is None:
            return None
        y = HEIGHT - _BOTTOM if point.value is None else self._y(point.value)
        x = self._x(place)
        interval = None
        if point.value is not None and point.interval is not None:
            low, high = (self._y(end) for end in point.interval)
            interval = _line(x, low, x, high, "vl-whisker")
        drawn = (
            tag("title", point.words),
            interval,
            # A picture of its own: only that can be put at a place in per cent.
            tag(
                "svg",
                tag("rect", x=-12, y=-12, width=24, height=24, cls="vl-reach"),
                _shape(point.light),
                x=f"{x:g}%",
                y=f"{y:g}",
                cls="vl-at",
            ),
        )
        cls = f"vl-is-{point.light}" if point.light else "vl-part"
        if links and point.url:
            return tag("a", *drawn, href=point.url, aria_label=point.words, cls=cls)
        return tag("g", *drawn, cls=cls)

    def days(self) -> Iterator[Markup]:
        """The days of the first run, of the last, and of one between where it is another."""
        last = len(self.points) - 1
        places = sorted({0, last // 2, last} if last > 3 else {0, last})
        said = ""
        for place in places[-MOST_DATES:]:
            day = self.points[place].day
            if not day or day == said:
                continue
            said = day
            anchor = {0: "start", last: "end"}.get(place, "middle") if last else "middle"
            at = {"start": 0.0, "end": 100.0}.get(anchor, self._x(place))
            yield _word(day, at, HEIGHT - 6, anchor)

    def ends(self) -> Iterator[Markup]:
        """The last threshold, and the ends of the scale that are not beside it."""
        limit = next((p.limit for p in reversed(self.points) if p.limit is not None), None)
        taken = None if limit is None else self._y(limit)
        if limit is not None and taken is not None:
            yield _word(f"{limit:,.4g}", 100, taken + 4, "end", cls="vl-tick vl-tick-strong")
        for end in (self.scale.low, self.scale.high):
            if taken is None or abs(self._y(end) - taken) >= _APART:
                yield _word(f"{end:,.4g}", 100, self._y(end) + 4, "end")


@cache
def _shape(light: Light | None) -> Markup:
    if light is None:
        return tag("circle", cx=0, cy=0, r=_MARK / 3, cls="vl-dot")
    return light_shape(light, x=0, y=0, size=_MARK)


def _alike(
    points: Sequence[HistoryPoint], what: Callable[[HistoryPoint], object]
) -> Iterator[tuple[int, int]]:
    """Stretches of points of which `what` says the same: first, and one after the last."""
    start = 0
    for place in range(1, len(points) + 1):
        if place == len(points) or what(points[place]) != what(points[start]):
            yield start, place
            start = place


def _line(x1: float, y1: float, x2: float, y2: float, cls: str) -> Markup:
    return tag("line", x1=f"{x1:g}%", y1=f"{y1:g}", x2=f"{x2:g}%", y2=f"{y2:g}", cls=cls)


def _word(
    words: str, x: float, y: float, anchor: str, *, dx: int | None = None, cls: str = "vl-tick"
) -> Markup:
    return tag(
        "text", words, x=f"{x:g}%", y=f"{y:g}", dx=dx, text_anchor=anchor, cls=cls,
        aria_hidden="true",
    )  # fmt: skip
