"""What a notebook shows, in a browser: light and dark, and nothing around it touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.shelf import FIRST, loan_verdicts
from venturalitica.core.verification import Step, Verification
from venturalitica.policy import parse_policy
from venturalitica.reports.html.notebook import Judged, render_audit_fragment, render_run_fragment

# What JupyterLab's own style says of any output, as heavily as it says it.
JUPYTERLAB = """
body { background: #fff; color: #111; font-family: serif; }
.jp-RenderedHTMLCommon { color: #111; font-size: 14px; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { vertical-align: middle; padding: .5em; }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td { text-align: right; }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th { text-align: right; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: rgb(1, 2, 3); }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: rgb(1, 2, 3); }
.jp-RenderedHTMLCommon tbody tr:hover { background: rgb(1, 2, 3); }
.jp-RenderedHTMLCommon :not(pre) > code { background: rgb(1, 2, 3); padding: 1px 5px; }
.jp-RenderedHTMLCommon dl dt { float: left; width: 20%; font-weight: bold; text-align: right; }
.jp-RenderedHTMLCommon dl dd { float: left; width: 80%; margin-left: 9em; }
"""
CARD = {"light": "rgb(255, 255, 255)", "dark": "rgb(26, 31, 37)"}
THEMES = [
    ('data-jp-theme-light="true"', "dark", "light"),
    ('data-jp-theme-light="false"', "light", "dark"),
    ('class="vscode-light"', "dark", "light"),
    ('class="vscode-dark"', "light", "dark"),
    ("", "light", "light"),
    ("", "dark", "dark"),
]


def notebook(attributes: str) -> str:
    policy = parse_policy(FIRST.encode())
    verification = Verification("log", (Step("tree", True, "held"), Step("clock", None, "-")))
    run = render_run_fragment(
        "nightly", [Judged("loans 1.0", "red", loan_verdicts())], light="red", under_way=False
    )
    audit = render_audit_fragment(loan_verdicts(), policy_name="loans", policy_version="1.0")
    drawn = (audit, policy._repr_html_(), run, verification._repr_html_())
    outputs = "".join(f'<div class="jp-RenderedHTMLCommon">{one}</div>' for one in drawn)
    return (
        f'<!doctype html><html lang="en"><head><title>n</title><style>{JUPYTERLAB}</style></head>'
        f'<body {attributes}><main><p id="own">A cell of the notebook.</p><table id="theirs">'
        f"<tbody><tr><td>1</td></tr></tbody></table>{outputs}</main></body></html>"
    )


LOOKS = """
selector => [...document.querySelectorAll(selector)].map(element => {
  const style = getComputedStyle(element);
  const {backgroundColor, fontFamily, textAlign, padding, color} = style;
  return [backgroundColor, fontFamily, textAlign, padding, color, style.float];
})
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_where_a_page_says_no_doctype(chromium: Any, scheme: str) -> None:
    """A table then takes no colour from what is around it."""
    page = chromium.new_page(color_scheme=scheme)
    try:
        page.set_content(notebook("").removeprefix("<!doctype html>").replace(JUPYTERLAB, ""))
        assert page.evaluate("document.compatMode") == "BackCompat"
        (card, *_) = page.evaluate(LOOKS, ".vl-inner")
        cells = page.evaluate(LOOKS, ".vl-fragment tbody td")
        assert {one[4] for one in cells} == {card[4]}
    finally:
        page.close()


@pytest.mark.parametrize(("attributes", "scheme", "expected"), THEMES)
def test_it_follows_the_theme_and_leaves_the_notebook_alone(
    chromium: Any, axe: Any, attributes: str, scheme: str, expected: str
) -> None:
    page = chromium.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 800})
    try:
        page.set_content(notebook(attributes))
        cards = page.evaluate(LOOKS, ".vl-inner")
        assert [card[0] for card in cards] == [CARD[expected]] * 4
        inner = page.evaluate(LOOKS, ".vl-fragment tbody tr, .vl-fragment code")
        assert {one[0] for one in inner} == {"rgba(0, 0, 0, 0)"}
        heads = page.evaluate(LOOKS, ".vl-fragment tbody th, .vl-fragment dt, .vl-fragment dd")
        assert {one[2] for one in heads} == {"start"}
        assert {one[5] for one in heads} == {"none"}
        with_us = [page.evaluate(LOOKS, one) for one in ("#own", "#theirs tr", "#theirs td")]
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        page.evaluate("document.querySelectorAll('.vl').forEach(one => one.remove())")
        without = [page.evaluate(LOOKS, one) for one in ("#own", "#theirs tr", "#theirs td")]
        assert with_us == without
    finally:
        page.close()
