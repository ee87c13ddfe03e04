"""Two distributions of a column: a row for each cell, two bars and both shares as numbers."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from venturalitica.reports.compared import Cell, Compared, most_moved
from venturalitica.reports.html.markup import tag

MOST_CELLS = 24
"""More cells than this are shown by those that moved most; the rest are counted."""


def drift_plot(found: Compared) -> Markup:
    """A table whose bars share one scale; its numbers are what the bars draw."""
    shown = most_moved(found.cells, MOST_CELLS)
    widest = _widest(shown)
    left_out = len(found.cells) - len(shown)
    return tag(
        "table",
        tag("caption", tag("bdi", found.name)),
        _head(),
        tag("tbody", *(_row(cell, widest) for cell in shown)),
        _foot(left_out) if left_out else None,
        cls="vl-groups vl-drift",
    )


def _head() -> Markup:
    heads = ("Reference", "Now")
    return tag(
        "thead",
        tag(
            "tr",
            tag("th", "Values", scope="col"),
            *(tag("th", head, scope="col", cls="vl-num") for head in heads),
            tag("th", "hollow: reference; filled: now", scope="col", cls="vl-ends"),
        ),
    )


def drift_bars(found: Compared) -> list[tuple[str, str, Markup]]:
    """Of each cell that is shown: its words, both shares in words, and two bars 21 high."""
    shown = most_moved(found.cells, MOST_CELLS)
    widest = _widest(shown)
    return [
        (cell.words, f"{_percent(cell.then)} → {_percent(cell.now)}", _bars(cell, widest))
        for cell in shown
    ]


def _widest(shown: Sequence[Cell]) -> float:
    return max(max(cell.then, cell.now) for cell in shown) or 1.0


def _bars(cell: Cell, widest: float) -> Markup:
    return Markup("").join(
        tag("rect", x=1, y=at, width=f"{98 * share / widest:.1f}%", height=7, rx=1, cls=cls)
        for share, at, cls in ((cell.then, 2, "vl-then"), (cell.now, 12, "vl-now"))
    )


def _row(cell: Cell, widest: float) -> Markup:
    label = f"{cell.words}: reference {_percent(cell.then)}, now {_percent(cell.now)}"
    bars = _bars(cell, widest)
    svg = tag("svg", bars, width="100%", height=21, cls="vl-dots", role="img", aria_label=label)
    return tag(
        "tr",
        tag("th", tag("bdi", cell.words), scope="row"),
        tag("td", _percent(cell.then), cls="vl-num"),
        tag("td", _percent(cell.now), cls="vl-num"),
        tag("td", svg, cls="vl-plot"),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _foot(left_out: int) -> Markup:
    said = f"{left_out:,} cells whose shares moved less are not drawn."
    return tag("tfoot", tag("tr", tag("td", said, colspan=4)))
