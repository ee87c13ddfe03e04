"""As many lines of a policy's text, or of two compared, as are drawn."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LINES = 5_000
"""More lines than these are not drawn; the page says so, and the file has them."""
MOST_CHARACTERS = 400_000


def drawn(lines: Sequence[str]) -> tuple[list[str], int]:
    """The lines that are drawn, and how many are not."""
    room, shown = MOST_CHARACTERS, list[str]()
    for line in lines[:MOST_LINES]:
        room -= len(line)
        if room < 0:
            break
        shown.append(line)
    return shown, len(lines) - len(shown)


def drawn_lines(text: str) -> tuple[list[str], int]:
    """The same of a text; a carriage return that ends no line would look like one that does."""
    shown, left_out = drawn(text.removesuffix("\n").split("\n"))
    return [line.removesuffix("\r").replace("\r", "[U+000D]") or " " for line in shown], left_out


def diff_class(line: str) -> str | None:
    """The class of a line of a unified diff, by its sign."""
    if line.startswith(("--- ", "+++ ")):
        return "vl-diff-name"
    return {"+": "vl-diff-new", "-": "vl-diff-old", "@": "vl-diff-place"}.get(line[:1])
