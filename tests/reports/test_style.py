from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

import venturalitica.reports as room
from venturalitica.reports.html.theme import DARK, LIGHT, fragment_style, page_policy, page_style

PAGES = Path(__file__).parents[2] / "src/venturalitica/ui/static/app.css"
TEXT_ON = [
    ("text", "page"),
    ("text", "card"),
    ("text", "sunken"),
    ("muted", "page"),
    ("muted", "card"),
    ("muted", "sunken"),
    ("link", "card"),
    ("link", "page"),
    *((light, f"{light}-tint") for light in ("green", "amber", "red", "grey")),
    *(("text", f"{light}-tint") for light in ("green", "amber", "red", "grey")),
    *(("muted", f"{light}-tint") for light in ("green", "amber", "red", "grey")),
    *((light, "card") for light in ("green", "amber", "red", "grey")),
]
MARKS_ON = [
    ("mark", "card"),
    *((light, "allowed") for light in ("green", "amber", "red")),
    ("text", "allowed"),
]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_is_wcag_aa(palette) -> None:
    weak = {
        pair: contrast(palette[pair[0]], palette[pair[1]])
        for pair in TEXT_ON
        if contrast(palette[pair[0]], palette[pair[1]]) < 4.5
    }
    weak |= {
        pair: contrast(palette[pair[0]], palette[pair[1]])
        for pair in MARKS_ON
        if contrast(palette[pair[0]], palette[pair[1]]) < 3
    }
    assert weak == {}


@pytest.mark.parametrize("style", [page_style, fragment_style])
def test_the_style_loads_nothing_and_cannot_end_its_element(style) -> None:
    css = style()
    assert css.count("{") == css.count("}")
    for forbidden in ("<", "@import", "url(", "http", "expression"):
        assert forbidden not in css


def test_every_colour_used_is_in_both_palettes() -> None:
    used = set(re.findall(r"var\(--vl-([a-z-]+)\)", page_style() + fragment_style()))
    assert used <= set(LIGHT)
    assert set(LIGHT) == set(DARK)


def test_a_fragment_styles_nothing_outside_itself() -> None:
    css = re.sub(r"@(container|media)[^{]*\{", "", fragment_style()).replace("}}", "}")
    selectors = re.findall(r"(?:^|\})([^{}@]+)\{", css)
    assert selectors
    for selector in ",".join(selectors).split(","):
        assert re.search(r"(^|\s)\.vl\b", selector.strip()), selector


def test_every_class_written_has_a_style() -> None:
    sources = "".join(
        path.read_text()
        for path in Path(str(room.__file__)).parent.rglob("*")
        if path.suffix in (".py", ".html")
    )
    written = set(
        re.findall(r"\bvl-[a-z-]+[a-z]", " ".join(re.findall(r'"[^"]*vl-[^"]*"', sources)))
    )
    css = page_style() + fragment_style() + PAGES.read_text()
    unstyled = {name for name in written if f".{name}" not in css}
    assert unstyled <= {"vl-is", "vl-edge", "vl-measured", "vl-c-value", "vl-changes"}


def test_the_content_security_policy_names_the_very_style() -> None:
    digest = base64.b64encode(hashlib.sha256(page_style().encode()).digest()).decode()
    assert page_policy() == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
