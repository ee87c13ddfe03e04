"""Bars: a value, its interval and its threshold on one line of characters, to scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from venturalitica.records import Verdict


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
