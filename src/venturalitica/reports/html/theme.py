"""The colours and the style sheet of the report page, and of fragments in notebooks."""

from __future__ import annotations

import base64
import hashlib
import re
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

_DIGEST = re.compile("[0-9a-f]{64}")


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


def footer(evidence_sha256: str) -> str:
    """The style that puts the digest of the record below each printed page; empty without one."""
    if not _DIGEST.fullmatch(evidence_sha256):
        return ""  # what is no digest could end the string, and say something else
    said = f"Record, SHA-256 {evidence_sha256}"
    return f'@page{{@bottom-left{{content:"{said}";font:7pt monospace;color:{LIGHT["muted"]}}}}}'


def page_policy(*more: str) -> str:
    """The content security policy of the report: its own style sheets and nothing else.

    Args:
        more: the text of each style element besides `page_style`.
    """
    sheets = " ".join(f"'sha256-{_hashed(sheet)}'" for sheet in (page_style(), *more))
    return f"default-src 'none'; style-src {sheets}; base-uri 'none'; form-action 'none'"


def _hashed(sheet: str) -> str:
    return base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
