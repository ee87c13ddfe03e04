"""The colours of every page, light and dark; a test holds their contrast to WCAG 2.2 AA.

`strong` colours are read as text and marks, `tint` colours lie behind them.
"""

from __future__ import annotations

LIGHT = {
    "page": "#f6f7f8",
    "card": "#ffffff",
    "sunken": "#f1f3f4",
    "text": "#1c2126",
    "muted": "#545d66",
    "line": "#d9dde1",
    "mark": "#6b747d",
    "link": "#0b5cad",
    "allowed": "#d2ecd9",
    "green": "#17713a",
    "green-tint": "#e6f4ea",
    "amber": "#855700",
    "amber-tint": "#fdf3d9",
    "red": "#b3261e",
    "red-tint": "#fcebe9",
    "grey": "#545d66",
    "grey-tint": "#eceff1",
}

DARK = {
    "page": "#12151a",
    "card": "#1a1f25",
    "sunken": "#222931",
    "text": "#e7eaed",
    "muted": "#a5aeb8",
    "line": "#343c46",
    "mark": "#8b95a0",
    "link": "#7fb8f2",
    "allowed": "#20432b",
    "green": "#6fd08f",
    "green-tint": "#17301f",
    "amber": "#e8bc55",
    "amber-tint": "#33290f",
    "red": "#ff9a90",
    "red-tint": "#3d1c1a",
    "grey": "#a5aeb8",
    "grey-tint": "#262d35",
}


def variables(palette: dict[str, str]) -> str:
    """The palette as CSS custom properties: `--vl-page:#f6f7f8;...`."""
    return "".join(f"--vl-{name}:{colour};" for name, colour in palette.items())
