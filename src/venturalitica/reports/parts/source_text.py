"""A file's text with line numbers, and two texts as a unified diff: to be read, never run."""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.reports.markup import Markup, tag

MOST_LINES = 5_000
"""More lines than these are not drawn; the page says so, and the file has them."""
MOST_CHARACTERS = 400_000


def numbered(text: str, *, label: str) -> Markup:
    """The lines as a list, each with the id `line-N`; what is copied has no numbers in it."""
    shown, left_out = _held(text.removesuffix("\n").split("\n"))
    items = [tag("li", tag("code", _line(one)), id=f"line-{n}") for n, one in enumerate(shown, 1)]
    return _framed(tag("ol", *items, cls="vl-source"), left_out, label)


def text_diff(lines: Sequence[str], *, label: str) -> Markup:
    """The lines of a unified diff; the sign at the beginning tells, the colour only helps."""
    shown, left_out = _held(lines)
    items = [tag("li", tag("code", line or " "), cls=_line_cls(line)) for line in shown]
    return _framed(tag("ol", *items, cls="vl-source vl-diff"), left_out, label)


def _line(text: str) -> str:
    """One line as it is read: a carriage return that ends none would look like one that does."""
    return text.removesuffix("\r").replace("\r", "[U+000D]") or " "


def _held(lines: Sequence[str]) -> tuple[list[str], int]:
    """As many lines as are drawn, and how many are not."""
    room, shown = MOST_CHARACTERS, list[str]()
    for line in lines[:MOST_LINES]:
        room -= len(line)
        if room < 0:
            break
        shown.append(line)
    return shown, len(lines) - len(shown)


def _framed(listed: Markup, left_out: int, label: str) -> Markup:
    more = f"{left_out:,} more lines are not drawn here." if left_out else ""
    return tag(
        "div",
        tag(
            "div", listed, cls="vl-scroll vl-framed", tabindex="0", role="region", aria_label=label
        ),
        tag("p", more, cls="vl-muted") if more else None,
    )


def _line_cls(line: str) -> str | None:
    if line.startswith(("--- ", "+++ ")):
        return "vl-diff-name"
    return {"+": "vl-diff-new", "-": "vl-diff-old", "@": "vl-diff-place"}.get(line[:1])
