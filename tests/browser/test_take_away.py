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
