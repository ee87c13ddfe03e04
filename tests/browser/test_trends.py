"""Charts over time: from the overview to a control, its groups, and the run behind a mark."""

from __future__ import annotations

import re
import struct

import pytest


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_the_overview_to_the_run_behind_a_mark(look, ui, axe, scheme, width, tmp_path) -> None:
    page = look(f"{ui.url}/", scheme=scheme, width=width)
    card = page.locator("article.ov-card", has_text="nightly-training").first
    card.get_by_role("link", name="Charts over time").click()
    assert page.locator("figure").count() > 3
    assert axe(page) == []
    page.get_by_role("link", name="No age group is approved").click()
    assert page.locator(".tr-panels figure").count() == 3
    assert page.locator("main table tbody tr").count() > 3
    assert axe(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide
    page.screenshot(path=tmp_path / "trends.png", full_page=True, caret="initial")
    mark = page.locator("figure a").first
    entry = mark.get_attribute("aria-label").split(",")[0]
    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    assert entry.lower() in page.title().lower()


def test_it_reads_without_scripts(look, ui) -> None:
    page = look(f"{ui.url}/trends", javascript=False)
    page.locator(".tr-list a").first.click()
    assert page.locator("figure svg").count() > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_over_time_is_kept_as_svg_and_as_png(look, ui, axe, scheme, tmp_path) -> None:
    page = look(f"{ui.url}/trends", width=360, scheme=scheme)
    page.locator(".tr-list a").first.click()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for kind, role in (("svg", "link"), ("png", "button")):
        with page.expect_download() as told:
            page.get_by_role(role, name=f"{kind.upper()} of ").first.click()
        assert re.fullmatch(rf"chart-over-time-[\w.-]+\.{kind}", told.value.suggested_filename)
        told.value.save_as(tmp_path / f"chart.{kind}")
    data = (tmp_path / "chart.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20]) == (1440,)
    assert len(data) > 5000  # words and marks are on it
