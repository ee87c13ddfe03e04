"""The colours and the style sheet of the report page, and of fragments in notebooks."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from venturalitica.reports.html.templating import environment

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


@cache
def _style(fragment: bool) -> str:
    css = environment().get_template("style.css")
    return css.render(light=LIGHT, dark=DARK, fragment=fragment).replace("\n", "")


def page_style() -> str:
    """The style of the report."""
    return _style(fragment=False)


def fragment_style() -> str:
    """The style of a fragment."""
    return _style(fragment=True)


@cache
def page_policy() -> str:
    """The content security policy of the report: its own style sheet and nothing else."""
    hashed = base64.b64encode(hashlib.sha256(page_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
