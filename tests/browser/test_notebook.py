"""What a notebook shows, in a browser: light and dark, and nothing around it touched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.shelf import FIRST, loan_verdicts
from venturalitica.core.verification import Step, Verification
from venturalitica.policy import parse_policy
from venturalitica.reports.html.notebook import Judged, render_audit_fragment, render_run_fragment

# As JupyterLab has them: rules of its own that would show through.
JUPYTERLAB = """
body { background: BACK; color: FORE; font-family: serif; }
.jp-RenderedHTMLCommon { color: FORE; font-size: 14px; }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { text-align: right; padding: .5em; }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: rgb(1, 2, 3); }
.jp-RenderedHTMLCommon tbody tr:nth-child(even) { background: rgb(1, 2, 3); }
.jp-RenderedHTMLCommon tbody tr:hover { background: rgb(1, 2, 3); }
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
    style = JUPYTERLAB.replace("BACK", "#fff").replace("FORE", "#111")
    return (
        f'<!doctype html><html lang="en"><head><title>n</title><style>{style}</style></head>'
        f'<body {attributes}><main><p id="own">A cell of the notebook.</p><table id="theirs">'
        f"<tbody><tr><td>1</td></tr></tbody></table>{outputs}</main></body></html>"
    )


LOOKS = """
selector => [...document.querySelectorAll(selector)].map(element => {
  const style = getComputedStyle(element);
  return [style.backgroundColor, style.fontFamily, style.textAlign, style.padding, style.color];
})
"""


@pytest.mark.parametrize(("attributes", "scheme", "expected"), THEMES)
def test_it_follows_the_theme_and_leaves_the_notebook_alone(
    chromium: Any, axe: Any, attributes: str, scheme: str, expected: str
) -> None:
    page = chromium.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 800})
    try:
        page.set_content(notebook(attributes))
        cards = page.evaluate(LOOKS, ".vl-inner")
        assert [card[0] for card in cards] == [CARD[expected]] * 4
        rows = page.evaluate(LOOKS, ".vl-fragment tbody tr")
        assert {row[0] for row in rows} == {"rgba(0, 0, 0, 0)"}
        with_us = [page.evaluate(LOOKS, one) for one in ("#own", "#theirs tr", "#theirs td")]
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        page.evaluate("document.querySelectorAll('.vl').forEach(one => one.remove())")
        without = [page.evaluate(LOOKS, one) for one in ("#own", "#theirs tr", "#theirs td")]
        assert with_us == without
    finally:
        page.close()
