"""A strip of lights: one mark for each control of a run, to be taken in at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from venturalitica.records import Light
from venturalitica.reports.markup import Markup, tag
from venturalitica.reports.parts.lights import light_icon

MOST = 24
"""Marks in one strip; of more, the worst are drawn and the rest is counted."""

_ORDER: Sequence[Light] = ("red", "amber", "grey", "green")


@dataclass(frozen=True, slots=True)
class Mark:
    """One control: its light, and what is said of it (`gender-parity failed`)."""

    light: Light
    words: str


def strip(marks: Sequence[Mark], *, size: int = 15) -> Markup | None:
    """The marks in the order given; None where there is none, which is not the same as good."""
    if not marks:
        return None
    shown = list(marks)
    if len(shown) > MOST:
        shown = sorted(shown, key=lambda mark: _ORDER.index(mark.light))[:MOST]
    rest = len(marks) - len(shown)
    more = tag("li", f"and {rest:,} more", cls="vl-muted") if rest else None
    return tag("ul", *(_mark(mark, size) for mark in shown), more, cls="vl-strip")


@lru_cache(maxsize=1024)  # a page of runs says the same few things of the same controls
def _mark(mark: Mark, size: int) -> Markup:
    return tag("li", light_icon(mark.light, size=size, label=mark.words), title=mark.words)
