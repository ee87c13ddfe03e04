"""A light as icon, shape and word: colour is never the only sign."""

from __future__ import annotations

from venturalitica.records import Light, Verdict
from venturalitica.reports.markup import Markup, tag
from venturalitica.reports.words import LIGHT_WORDS, status_words

_SHAPES: dict[Light, str] = {
    "green": "M12 1.5a10.5 10.5 0 1 0 0 21a10.5 10.5 0 1 0 0-21z",
    "amber": "M12 1.8 23 21.5a.7.7 0 0 1-.6 1H1.6a.7.7 0 0 1-.6-1z",
    "red": "M7.7 1.5h8.6l6.2 6.2v8.6l-6.2 6.2H7.7l-6.2-6.2V7.7z",
    "grey": "M12 1.2 22.8 12 12 22.8 1.2 12z",
}
_SIGNS: dict[Light, str] = {
    "green": "M7 12.4l3.4 3.4L17 8.9",
    "amber": "M12 9v6M12 18.2v.9",
    "red": "M8.4 8.4l7.2 7.2M15.6 8.4l-7.2 7.2",
    "grey": "M12 7.6v5.6M12 16.2v.6",
}


def light_icon(light: Light, *, size: int = 18, label: str = "") -> Markup:
    """Circle with a tick, triangle, octagon with a cross, or diamond.

    Without a `label` it is decoration beside a word and hidden from screen readers.
    """
    return tag(
        "svg",
        tag("path", d=_SHAPES[light], cls="vl-shape"),
        tag("path", d=_SIGNS[light], cls="vl-sign"),
        viewBox="0 0 24 24",
        width=size,
        height=size,
        cls=f"vl-icon vl-is-{light}",
        role="img" if label else None,
        aria_label=label or None,
        aria_hidden=None if label else "true",
    )


def light_shape(light: Light, *, x: float, y: float, size: float) -> Markup:
    """The light's shape and sign as a mark in another drawing, its middle at (x, y)."""
    return tag(
        "g",
        tag("path", d=_SHAPES[light], cls="vl-shape"),
        tag("path", d=_SIGNS[light], cls="vl-sign"),
        transform=f"translate({x - size / 2:g} {y - size / 2:g}) scale({size / 24:g})",
    )


def light_word(light: Light) -> Markup:
    """`● Green`: icon and word together."""
    return tag("span", light_icon(light), tag("span", LIGHT_WORDS[light]), cls=_pill(light))


def status_pill(verdict: Verdict) -> Markup:
    """The status in words with the icon of its light."""
    light = verdict.light
    return tag(
        "span", light_icon(light, size=16), tag("span", status_words(verdict)), cls=_pill(light)
    )


def _pill(light: Light) -> str:
    return f"vl-pill vl-is-{light}"
