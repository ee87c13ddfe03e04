"""The verdict table: one row per control, drawn for the width that there is.

From 72 columns on a row has mark, status, control, value, interval, rule and bar; from 56 the
interval is left to the bar; below that a control is a small block of lines. What is not a plain
pass is followed by its reason.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from venturalitica.cli.output import STYLES, WORDS, lines_of
from venturalitica.cli.terminal import Signs, console, inert, signs_of_stdout
from venturalitica.core.text import format_interval, format_number, level_words
from venturalitica.core.verdict import Light, Verdict
from venturalitica.metrics.catalog import CATALOG
from venturalitica.reports.sentences import summary_sentence


def scale_of(verdict: Verdict, ranges: Mapping[str, Any]) -> tuple[float, float]:
    """The ends of the bar: the metric's own range; where it has no end, just beyond what is shown.

    `ranges` maps a metric's name to an object with `low` and `high` (the catalog of metrics).
    """
    shown = [x for x in (verdict.value, verdict.threshold, *(verdict.interval or ())) if _finite(x)]
    spec = ranges.get(verdict.metric)
    low = _end(getattr(spec, "low", 0.0), min([0.0, *shown]))
    high = _end(getattr(spec, "high", 1.0), max([*shown, 0.0]) * 1.25 or 1.0)
    return min([low, *shown]), max([high, *shown])


def _end(declared: Any, otherwise: float) -> float:
    return float(declared) if _finite(declared) else otherwise


def _finite(number: Any) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


def bar(
    *,
    value: float | None,
    interval: tuple[float, float] | None,
    threshold: float | None,
    scale: tuple[float, float],
    width: int,
    signs: Signs,
) -> str:
    """`width` characters: the track, the interval on it, the threshold, the value on top.

    The threshold is drawn as a crossing only where the interval truly reaches across it, however
    near the two are on the scale.
    """
    low, high = scale
    if width < 1 or not high > low:
        return ""

    def cell(number: float) -> int:
        return min(width - 1, max(0, math.floor((number - low) / (high - low) * width)))

    cells = [signs.track] * width
    if interval is not None:
        for position in range(cell(interval[0]), cell(interval[1]) + 1):
            cells[position] = signs.interval
    limit = None if threshold is None else cell(threshold)
    if threshold is not None and limit is not None:
        covered = interval is not None and interval[0] <= threshold <= interval[1]
        cells[limit] = signs.crossing if covered else signs.threshold
    if value is not None:
        cells[cell(value)] = signs.both if cell(value) == limit else signs.value
    return "".join(cells)


def legend(signs: Signs) -> str:
    """What the signs of a bar mean."""
    return (
        f"{signs.interval * 2} interval  {signs.value} value  {signs.threshold} threshold"
        f"  {signs.both} both"
    )


MOST_GROUPS = 40
"""Groups of one verdict that are shown; the record and its page have all."""
_WIDEST_BAR = 40
_NARROWEST_BAR = 8
_WIDEST_CONTROL = 28


def verdict_lines(
    verdicts: Sequence[Verdict],
    *,
    light: Light,
    width: int | None = None,
    heading: str = "",
    groups: bool = False,
    titles: bool = False,
    signs: Signs | None = None,
    ranges: Mapping[str, Any] = CATALOG,
    first: str = "",
) -> list[Text]:
    """The lines of the whole: heading, light, one row per control in policy order, legend.

    Width and signs are those of stdout if left out. `ranges` gives each metric's `low` and `high`
    for its bar. `first` is said before all else.
    """
    width, signs = width or console().width, signs or signs_of_stdout()
    columns = _columns(verdicts, width, signs)
    summary, table = _grid(), _grid(columns.status, gap=1 if columns.stacked else 2)
    said = f"{first} {summary_sentence(verdicts)}".strip()
    summary.add_row(Text(light.upper(), STYLES[light]), said)
    if verdicts and not columns.stacked:
        table.add_row(Text("  STATUS", "dim"), columns.head())
    for verdict in verdicts:
        style = STYLES[verdict.light]
        drawn = Text(_bar(verdict, ranges, columns.bar, signs), style)
        details = _details(verdict, groups=groups, titles=titles or groups)
        below = [Text(inert(text), how) for text, how in details]
        mark, status = signs.mark(verdict), WORDS[verdict.status]
        if columns.stacked:
            block = columns.block(verdict, Text(f"{status}  ", style), drawn)
            table.add_row(Text(mark, style), Group(block, *below))
        else:
            row = columns.row(verdict, drawn)
            table.add_row(Text(f"{mark} {status}", style), Group(row, *below))
    parts: list[RenderableType] = [Text(inert(heading), "bold")] if heading else []
    parts += [summary, "", table] if verdicts else [summary]
    if columns.bar and any(verdict.value is not None for verdict in verdicts):
        parts += ["", Text(f"bar: {legend(signs)}", "dim")]
    return lines_of(Group(*parts), width)


def _grid(*widths: int, gap: int = 2) -> Table:
    """Columns `gap` blanks apart; those without a width share what is left."""
    grid = Table.grid(padding=(0, gap, 0, 0))
    for width in widths:
        grid.add_column(width=width, overflow="fold")
    return grid


class _Columns(Struct, frozen=True):
    """Their widths in characters; 0 leaves a column out."""

    signs: Signs
    level: str
    status: int
    control: int
    value: int
    interval: int
    must: int
    bar: int
    stacked: bool = False

    def head(self) -> Table:
        words = ("CONTROL", "VALUE", self.level, "MUST BE", "")
        return self._line(*(Text(word, "dim") for word in words))

    def row(self, verdict: Verdict, drawn: Text) -> Table:
        # Broken at its hyphens, where rich would break it anywhere.
        name = textwrap.wrap(inert(verdict.control), self.control, break_long_words=False)
        return self._line(
            Text("\n".join(name), "bold"),
            Text(_value(verdict, self.signs)),
            Text(_interval(verdict, self.signs), "dim"),
            Text(inert(verdict.must)),
            drawn,
        )

    def _line(self, control: Text, value: Text, interval: Text, must: Text, drawn: Text) -> Table:
        widths = (self.control, self.value, self.interval, self.must, self.bar)
        line = _grid(*filter(None, widths))
        line.columns[1].justify = "right"
        cells = zip((control, value, interval, must, drawn), widths, strict=True)
        line.add_row(*(cell for cell, width in cells if width))
        return line

    def block(self, verdict: Verdict, status: Text, drawn: Text) -> Group:
        interval = _interval(verdict, self.signs)
        value = "not measured" if verdict.value is None else _value(verdict, self.signs)
        said = f"{value} ({interval})" if interval else value
        facts = Text(f"{said}, must be {inert(verdict.must)}")
        name = status.append(inert(verdict.control), "bold")
        return Group(name, facts, *([drawn] if drawn else []))


def _columns(verdicts: Sequence[Verdict], width: int, signs: Signs) -> _Columns:
    levels = {v.level for v in verdicts if v.interval is not None}
    level = f"{level_words(levels.pop())} INTERVAL" if len(levels) == 1 else "INTERVAL"
    status = max([8, *(2 + len(WORDS[v.status]) for v in verdicts)])
    value = max([5, *(len(_value(v, signs)) for v in verdicts)])
    interval = max([len(level), *(len(_interval(v, signs)) for v in verdicts)])
    must = max([7, *(cell_len(inert(v.must)) for v in verdicts)])
    longest = max([7, *(cell_len(inert(v.control)) for v in verdicts)])
    if width < 56:
        drawn = min(_WIDEST_BAR, max(_NARROWEST_BAR, width - 2))
        return _Columns(signs, level, 1, longest, value, interval, must, drawn, True)
    interval = interval if width >= 72 else 0
    fixed = status + 2 + value + 2 + (interval + 2 if interval else 0) + must + 2 + 2
    control = min(longest, _WIDEST_CONTROL, max(16, width - fixed - 12))
    drawn = min(_WIDEST_BAR, width - fixed - control)
    drawn = drawn if drawn >= _NARROWEST_BAR else 0
    return _Columns(signs, level, status, control, value, interval, must, drawn)


def _bar(verdict: Verdict, ranges: Mapping[str, Any], width: int, signs: Signs) -> str:
    if verdict.value is None:
        return ""
    return bar(
        value=verdict.value,
        interval=verdict.interval,
        threshold=verdict.threshold,
        scale=scale_of(verdict, ranges),
        width=width,
        signs=signs,
    )


def _value(verdict: Verdict, signs: Signs) -> str:
    if verdict.value is None:
        return signs.dash
    return format_number(verdict.value, beside=verdict.threshold)


def _interval(verdict: Verdict, signs: Signs) -> str:
    return format_interval(verdict.interval, beside=verdict.threshold).replace("–", signs.dash)


def _details(verdict: Verdict, *, groups: bool, titles: bool) -> list[tuple[str, str]]:
    """What follows a row, each with its style: the reason where it is not a plain pass, titles and
    groups, notes."""
    said = []
    if titles and verdict.title:
        said.append((verdict.title, ""))
    if groups or verdict.light != "green":
        said.append((verdict.reason, ""))
    if verdict.remedy and verdict.status != "passed":
        said.append((f"remedy: {verdict.remedy}", ""))
    if verdict.blocks:
        said.append(("this control blocks", "bold red"))
    members = _groups(verdict) if groups else []
    return [*said, *members, *((f"note: {note}", "dim") for note in verdict.notes)]


def _groups(verdict: Verdict) -> list[tuple[str, str]]:
    found = []
    for group in verdict.groups[:MOST_GROUPS]:
        value = (
            "undefined"
            if group.value is None
            else format_number(group.value, beside=verdict.threshold)
        )
        few = "" if group.supported else ", too few rows to conclude"
        found.append((f"{group.name}: {value} (n={group.n:,}{few})", ""))
    more = len(verdict.groups) - MOST_GROUPS
    return [*found, *([(f"… and {more:,} more groups", "dim")] if more > 0 else [])]
