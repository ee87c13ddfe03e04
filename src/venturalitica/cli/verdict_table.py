"""The verdict table: one row per control, drawn for the width that there is.

From 72 columns on a row has mark, status, control, value, interval, rule and bar; from 56 the
interval is left to the bar; below that a control is a small block of lines. What is not a plain
pass is followed by its reason.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from venturalitica.cli.output import STYLES, WORDS
from venturalitica.cli.terminal import console, inert, speaks_unicode
from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Light, Verdict
from venturalitica.reports.sentences import summary_sentence

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters that marks and bars are made of; each is one column wide."""

    passed: str
    unsure: str
    failed: str
    error: str
    missing: str
    track: str
    interval: str
    value: str
    threshold: str
    crossing: str
    both: str
    dash: str

    def mark(self, verdict: Verdict) -> str:
        """The sign before a verdict: its status in a shape, not in colour alone."""
        if verdict.status == "passed":
            return self.passed if verdict.conclusive else self.unsure
        return {"failed": self.failed, "error": self.error}.get(verdict.status, self.missing)


UNICODE = Signs("✓", "≈", "✗", "!", "○", "─", "━", "●", "│", "┿", "◆", "–")
ASCII = Signs("+", "~", "x", "!", "?", "-", "=", "o", "|", "#", "@", "-")


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


Span = tuple[str, str]
"""Some text and its style."""


def print_verdicts(
    verdicts: Sequence[Verdict],
    *,
    light: Light,
    heading: str = "",
    groups: bool = False,
    first: str = "",
    titles: bool = False,
) -> None:
    """Print heading, light, table and legend to stdout."""
    screen = console()
    signs = UNICODE if speaks_unicode() else ASCII
    for line in verdict_lines(
        verdicts,
        light=light,
        heading=heading,
        groups=groups,
        width=screen.width,
        signs=signs,
        first=first,
        titles=titles,
    ):
        screen.print(line, soft_wrap=True)


def verdict_lines(
    verdicts: Sequence[Verdict],
    *,
    light: Light,
    width: int,
    heading: str = "",
    groups: bool = False,
    titles: bool = False,
    signs: Signs = UNICODE,
    ranges: Mapping[str, Any] | None = None,
    first: str = "",
) -> list[Text]:
    """The lines of the whole: heading, light, one row per control in policy order, legend.

    `ranges` gives each metric's `low` and `high` for its bar; by default the catalog's. `first` is
    said before all else.
    """
    known = _catalog() if ranges is None else ranges
    layout = _layout(verdicts, width, signs)
    lines: list[list[Span]] = []
    if heading:
        lines += [[(part, "bold")] for part in _folded(inert(heading), width)]
    lines += _first_line(light, f"{first} {summary_sentence(verdicts)}".strip(), width)
    if verdicts:
        lines += [[], *layout.head()]
    for verdict in verdicts:
        lines += layout.row(verdict, known)
        lines += _details(verdict, layout, groups=groups, titles=titles or groups)
    if any(verdict.value is not None for verdict in verdicts) and layout.bar:
        lines += [[], *([(part, "dim")] for part in _folded(f"bar: {legend(signs)}", width))]
    return [_text(line) for line in lines]


def _first_line(light: Light, said: str, width: int) -> list[list[Span]]:
    word = f"{light.upper()}  "
    first, *rest = _folded(said, max(12, width - len(word)))
    lines: list[list[Span]] = [[(word, STYLES[light]), (first, "")]]
    return lines + [[(" " * len(word) + part, "")] for part in rest]


def _catalog() -> Mapping[str, Any]:
    from venturalitica.metrics.catalog import CATALOG

    return CATALOG


def _text(spans: Iterable[Span]) -> Text:
    from rich.text import Text

    line = Text.assemble(*spans)
    line.rstrip()
    return line


@dataclass(frozen=True, slots=True)
class _Layout:
    """The widths of the columns in characters; 0 leaves a column out."""

    width: int
    signs: Signs
    status: int
    control: int
    value: int
    interval: int
    must: int
    bar: int
    stacked: bool
    level: str

    @property
    def indent(self) -> int:
        """Where the control's name starts, and so what is said about it."""
        return 2 if self.stacked else 2 + self.status + 2

    def head(self) -> list[list[Span]]:
        if self.stacked:
            return []
        cells = [
            f"  {'STATUS':<{self.status}}",
            f"{'CONTROL':<{self.control}}",
            f"{'VALUE':>{self.value}}",
            f"{self.level:<{self.interval}}" if self.interval else "",
            f"{'MUST BE':<{self.must}}",
        ]
        return [[("  ".join(cell for cell in cells if cell), "dim")]]

    def row(self, verdict: Verdict, ranges: Mapping[str, Any]) -> list[list[Span]]:
        return self._block(verdict, ranges) if self.stacked else self._line(verdict, ranges)

    def _line(self, verdict: Verdict, ranges: Mapping[str, Any]) -> list[list[Span]]:
        style = STYLES[verdict.light]
        names = _folded(inert(verdict.control), self.control)
        spans = [
            (f"{self.signs.mark(verdict)} {WORDS[verdict.status]:<{self.status}}  ", style),
            (_padded(names[0], self.control) + "  ", "bold"),
            (f"{_value(verdict, self.signs):>{self.value}}  ", ""),
        ]
        if self.interval:
            spans.append((f"{_interval(verdict, self.signs):<{self.interval}}  ", "dim"))
        spans.append((f"{inert(verdict.must):<{self.must}}  ", ""))
        spans.append((self._bar(verdict, ranges), style))
        rest = [[(" " * self.indent, ""), (name, "bold")] for name in names[1:]]
        return [spans, *rest]

    def _block(self, verdict: Verdict, ranges: Mapping[str, Any]) -> list[list[Span]]:
        style = STYLES[verdict.light]
        start = f"{self.signs.mark(verdict)} {WORDS[verdict.status]}"
        name = inert(verdict.control)
        if len(start) + 2 + _cells(name) <= self.width:
            lines: list[list[Span]] = [[(f"{start}  ", style), (name, "bold")]]
        else:
            parts = _folded(name, max(8, self.width - 2))
            lines = [[(start, style)], *([(f"  {part}", "bold")] for part in parts)]
        interval = _interval(verdict, self.signs)
        value = "not measured" if verdict.value is None else _value(verdict, self.signs)
        said = f"{value} ({interval})" if interval else value
        facts = f"{said}, must be {inert(verdict.must)}"
        lines += [[(f"  {part}", "")] for part in _folded(facts, max(8, self.width - 2))]
        drawn = self._bar(verdict, ranges)
        return [*lines, [(f"  {drawn}", style)]] if drawn else lines

    def _bar(self, verdict: Verdict, ranges: Mapping[str, Any]) -> str:
        if verdict.value is None:
            return ""
        return bar(
            value=verdict.value,
            interval=verdict.interval,
            threshold=verdict.threshold,
            scale=scale_of(verdict, ranges),
            width=self.bar,
            signs=self.signs,
        )


MOST_GROUPS = 40
"""Groups of one verdict that are shown; the record and its page have all."""
_WIDEST_BAR = 40
_NARROWEST_BAR = 8
_WIDEST_CONTROL = 28


def _layout(verdicts: Sequence[Verdict], width: int, signs: Signs) -> _Layout:
    status = max([6, *(len(WORDS[v.status]) for v in verdicts)])
    value = max([5, *(len(_value(v, signs)) for v in verdicts)])
    interval = max([8, *(len(_interval(v, signs)) for v in verdicts)])
    must = max([7, *(_cells(inert(v.must)) for v in verdicts)])
    longest = max([7, *(_cells(inert(v.control)) for v in verdicts)])
    levels = {v.level for v in verdicts if v.interval is not None}
    level = f"{100 * levels.pop():g} % INTERVAL" if len(levels) == 1 else "INTERVAL"
    interval = max(interval, len(level))
    if width < 56:
        drawn = min(_WIDEST_BAR, max(8, width - 2))
        return _Layout(width, signs, 0, 0, value, 0, must, drawn, True, level)
    shown = interval if width >= 72 else 0
    fixed = 2 + status + 2 + 2 + value + 2 + (shown + 2 if shown else 0) + must + 2
    control = min(longest, _WIDEST_CONTROL, max(16, width - fixed - 12))
    drawn = min(_WIDEST_BAR, width - fixed - control)
    drawn = drawn if drawn >= _NARROWEST_BAR else 0
    return _Layout(width, signs, status, control, value, shown, must, drawn, False, level)


def _value(verdict: Verdict, signs: Signs) -> str:
    if verdict.value is None:
        return signs.dash
    return format_number(verdict.value, beside=verdict.threshold)


def _interval(verdict: Verdict, signs: Signs) -> str:
    return format_interval(verdict.interval, beside=verdict.threshold).replace("–", signs.dash)


def _details(verdict: Verdict, layout: _Layout, *, groups: bool, titles: bool) -> list[list[Span]]:
    """What follows a row: the reason where it is not a plain pass, titles and groups, notes."""
    said: list[Span] = []
    if titles and verdict.title:
        said.append((verdict.title, ""))
    if groups or verdict.light != "green":
        said.append((verdict.reason, ""))
    if verdict.remedy and verdict.status != "passed":
        said.append((f"remedy: {verdict.remedy}", ""))
    if verdict.blocks:
        said.append(("this control blocks", "bold red"))
    notes = [(f"note: {note}", "dim") for note in verdict.notes]
    members = _groups(verdict) if groups else []
    lines: list[list[Span]] = []
    for text, style in [*said, *members, *notes]:
        for part in _folded(inert(text), max(12, layout.width - layout.indent)):
            lines.append([(" " * layout.indent, ""), (part, style)])
    return lines


def _groups(verdict: Verdict) -> list[Span]:
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


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at blanks where it can be done."""
    from rich.cells import chop_cells

    width = max(8, width)
    lines: list[str] = []
    for part in textwrap.wrap(text, width, break_long_words=False) or [""]:
        lines += chop_cells(part, width) if _cells(part) > width else [part]
    return lines


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - _cells(text))
