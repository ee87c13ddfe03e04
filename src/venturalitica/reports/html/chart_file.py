"""One control's chart, of a record or over time, as an SVG file of its own, for other documents.

Its colours are attributes, not a style sheet: no content security policy, and no program that opens
it, leaves them out. They are those of the light theme, on its own ground, whatever is around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from venturalitica.core.verdict import LIGHTS, Verdict
from venturalitica.reports.compared import Compared
from venturalitica.reports.html.drift_chart import drift_bars
from venturalitica.reports.html.group_chart import group_dots
from venturalitica.reports.html.history_chart import (
    HEIGHT,
    HistoryPoint,
    history_scale,
    placed_history,
)
from venturalitica.reports.html.interval_chart import Scale, bar_label, interval_bar
from venturalitica.reports.html.markup import tag
from venturalitica.reports.html.theme import LIGHT

WIDTH = 720
_EDGE, _TOP, _ROW = 16, 92, 24
_NAMES, _VALUES, _CAPTION = 300, 72, 34
LONGEST = 84
LONGEST_NAME = 30

_CLASS = re.compile(r' class="([a-z -]+)"')
_LOOKS = {
    "vl-axis": f'stroke="{LIGHT["line"]}" stroke-width="1.5"',
    "vl-allowed": f'fill="{LIGHT["allowed"]}"',
    "vl-chance": f'fill="{LIGHT["muted"]}" opacity=".35"',
    "vl-interval": 'stroke="currentColor" stroke-width="3" opacity=".55"',
    "vl-value": f'fill="currentColor" stroke="{LIGHT["card"]}" stroke-width="1.5"',
    "vl-dot": f'fill="currentColor" stroke="{LIGHT["card"]}" stroke-width="1.5"',
    "vl-threshold": f'stroke="{LIGHT["text"]}" stroke-width="2"',
    "vl-reference": f'stroke="{LIGHT["text"]}" stroke-width="1.2" stroke-dasharray="3 3"',
    "vl-then": f'fill="none" stroke="{LIGHT["mark"]}" stroke-width="1.2"',
    "vl-now": f'fill="{LIGHT["mark"]}"',
    "vl-tick": f'font-size="11" fill="{LIGHT["muted"]}"',
    "vl-tick vl-tick-strong": f'font-size="11" font-weight="600" fill="{LIGHT["text"]}"',
    "vl-trend-line": f'fill="none" stroke="{LIGHT["mark"]}" stroke-width="1.2"',
    "vl-whisker": 'stroke="currentColor" stroke-width="2"',
    "vl-version": f'stroke="{LIGHT["mark"]}" stroke-dasharray="2 3"',
    "vl-reach": 'fill="none"',
    "vl-at": 'overflow="visible"',
    "vl-shape": f'fill="currentColor" stroke="{LIGHT["card"]}" stroke-width="2"',
    "vl-sign": f'fill="none" stroke="{LIGHT["card"]}" stroke-width="2.6" stroke-linecap="round"',
    "vl-part": f'color="{LIGHT["mark"]}"',
    **{f"vl-is-{light}": f'color="{LIGHT[light]}"' for light in LIGHTS},
    "vl-dots": f'color="{LIGHT["mark"]}" overflow="visible"',
}
"""What the style sheet of a page says of each class that a chart has."""


def chart_svg(verdict: Verdict, source: str, drift: Sequence[Compared] = ()) -> str | None:
    """The file; None where nothing was measured: an empty drawing would look like a result.

    `source` says below the chart what it is of: the record and its digest. `drift` are the columns
    whose distributions the control compared.
    """
    bar = interval_bar(verdict)
    if bar is None:
        return None
    rows = group_dots(verdict)
    compared = [(one.name, drift_bars(one)) for one in drift]
    top = _TOP + 46 + _ROW * len(rows) + (18 if rows else 0)
    height = top + sum(_CAPTION + _ROW * len(of) for _, of in compared) + 26
    drawn = tag(
        "svg",
        tag("title", f"{verdict.control}: {bar_label(verdict)}"),
        tag("rect", width=WIDTH, height=height, fill=LIGHT["card"]),
        _words(_cut(verdict.title or verdict.control, LONGEST), 30, size=15, weight=650),
        _words(_cut(f"{verdict.control}: {_status(verdict)}", LONGEST), 52),
        _words(_cut(bar_label(verdict), 110), 72, size=12, fill=LIGHT["muted"]),
        tag(
            "svg",
            tag("g", bar, color=LIGHT[verdict.light]),
            x=_EDGE,
            y=_TOP,
            width=WIDTH - 2 * _EDGE,
            height=38,
            overflow="visible",
        ),
        *(_row(row, _TOP + 64 + _ROW * place) for place, row in enumerate(rows)),
        *_compared(compared, top),
        _words(source, height - 12, size=10, fill=LIGHT["muted"]),
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {height}",
        font_family="system-ui, sans-serif",
        font_size=13,
        role="img",
    )
    return _CLASS.sub(_look, str(drawn))


def history_svg(
    points: Sequence[HistoryPoint],
    heading: str,
    label: str,
    source: str,
    *,
    scale: Scale | None = None,
) -> str | None:
    """A chart over time as a file; None without any run.

    `label` is the drawing in words, `source` says below it which runs it is of.
    """
    if not points:
        return None
    height = _TOP + HEIGHT + 34
    drawn = tag(
        "svg",
        tag("title", label),
        tag("rect", width=WIDTH, height=height, fill=LIGHT["card"]),
        _words(_cut(heading, LONGEST), 30, size=15, weight=650),
        _words(_cut(label, 110), 54, size=12, fill=LIGHT["muted"]),
        *placed_history(
            points,
            scale or history_scale(points),
            left=_EDGE,
            middle=_EDGE + _VALUES,
            right=WIDTH - _EDGE,
            top=_TOP - 20,
        ),
        _words(_cut(source, 120), height - 12, size=10, fill=LIGHT["muted"]),
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {height}",
        font_family="system-ui, sans-serif",
        font_size=13,
        role="img",
    )
    return _CLASS.sub(_look, str(drawn))


def _compared(found: Sequence[tuple[str, list[tuple[str, str, Markup]]]], top: int) -> list[Markup]:
    drawn = []
    for name, rows in found:
        said = f"{_cut(name, LONGEST_NAME)}: hollow is the reference, filled is now"
        drawn.append(_words(said, top + 18, size=12, weight=650))
        drawn += [_row(row, top + _CAPTION + 8 + _ROW * at) for at, row in enumerate(rows)]
        top += _CAPTION + _ROW * len(rows)
    return drawn


def _look(found: re.Match[str]) -> str:
    look = _LOOKS.get(found[1])
    return f" {look}" if look else ""


def _row(row: tuple[str, str, Markup], at: int) -> Markup:
    name, value, dot = row
    left = _EDGE + _NAMES + _VALUES
    return tag(
        "g",
        _words(_cut(name, LONGEST_NAME), at + 4, size=12),
        _words(value, at + 4, x=left - 12, size=12, anchor="end"),
        tag(
            "svg", dot, x=left, y=at - 9, width=WIDTH - _EDGE - left, height=21, overflow="visible"
        ),
    )


def _words(
    text: str,
    y: int,
    *,
    x: int = _EDGE,
    size: int = 13,
    weight: int | None = None,
    fill: str = LIGHT["text"],
    anchor: str | None = None,
) -> Markup:
    return tag(
        "text",
        text,
        x=x,
        y=y,
        font_size=size,
        font_weight=weight,
        fill=fill,
        text_anchor=anchor,
    )


def _status(verdict: Verdict) -> str:
    said = verdict.status.replace("_", " ")
    return said if verdict.conclusive or verdict.status != "passed" else f"{said}, not conclusive"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
