"""What is taken away in a browser: lists, charts, links, the page on paper."""

from __future__ import annotations

import struct

import pytest


def test_a_list_is_taken_away_and_a_link_copied(look, axe, ui, tmp_path) -> None:
    page = look(f"{ui.url}/runs?light=red", width=360)
    assert axe(page) == []
    for name, begins in (("CSV", b'"index"'), ("JSON", b"["), ("Parquet", b"PAR1")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
    page.get_by_role("link", name="/runs?light=red", exact=True).click()
    assert page.url == f"{ui.url}/runs?light=red"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_kept_as_svg_and_as_png(look, axe, ui, tmp_path, scheme: str) -> None:
    page = look(f"{ui.url}/runs/4", width=360, scheme=scheme)
    page.get_by_text("Charts as files, and this page on paper").click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for kind, role in (("SVG", "link"), ("PNG", "button")):
        with page.expect_download() as download:
            page.get_by_role(role, name=f"{kind} of accuracy").click()
        assert download.value.suggested_filename.endswith(f".{kind.lower()}")
        download.value.save_as(tmp_path / kind)
    assert b"<svg" in (tmp_path / "SVG").read_bytes()[:5]
    data = (tmp_path / "PNG").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20]) == (1440,)
    assert len(data) > 5000  # words and marks are on it


def test_the_page_is_printed_by_a_button(look, ui) -> None:
    page = look(f"{ui.url}/runs/4")
    page.evaluate("window.print = () => { document.title = 'printed'; }")
    page.get_by_text("Charts as files, and this page on paper").click()
    page.get_by_role("button", name="Print, or keep as PDF").click()
    assert page.title() == "printed"


def test_without_scripts_no_button_is_shown_that_does_nothing(look, ui) -> None:
    page = look(f"{ui.url}/runs/4", javascript=False)
    page.get_by_text("Charts as files, and this page on paper").click()
    assert page.get_by_role("link", name="SVG of accuracy").is_visible()
    assert page.get_by_role("button", name="PNG of accuracy").count() == 0
    assert page.get_by_role("button", name="Print").count() == 0


ON_PAPER = """() => {
  const seen = element => element.checkVisibility() && element.getClientRects().length > 0;
  const lines = cell => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return new Set([...range.getClientRects()].map(one => Math.round(one.top))).size;
  };
  return {
    rows: [...document.querySelectorAll('tbody tr')].filter(seen).length,
    cards: [...document.querySelectorAll('.ov-card')].filter(seen).length,
    useless: [...document.querySelectorAll('main button, main input, main select')]
      .filter(seen).map(one => one.outerHTML),
    broken: [...document.querySelectorAll('td.ui-num')].filter(one => seen(one) && lines(one) > 1)
      .map(one => one.textContent),
    drafts: [...document.querySelectorAll('#pf-text')].filter(seen).length,
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  };
}"""


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/?view=table",
        "/runs",
        "/runs?light=red",
        "/compare?a=3&b=4",
        "/compare?run=1&run=2&run=3",
        "/trends?policy=credit-scoring&name=nightly-training&control=age-parity",
        "/evidence",
        "/policy-form",
    ],
)
def test_every_page_has_on_paper_what_it_has_on_the_screen(look, ui, address: str) -> None:
    page = look(f"{ui.url}{address}")
    screen = page.evaluate(ON_PAPER)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 900})  # A4 within its margins
    paper = page.evaluate(ON_PAPER)
    assert paper["rows"] >= screen["rows"]  # what is folded is open on paper
    assert paper["cards"] == screen["cards"]
    assert paper["rows"] + paper["cards"] + paper["drafts"] > 0
    assert paper["useless"] == []
    assert paper["broken"] == []
    assert not paper["wide"]
