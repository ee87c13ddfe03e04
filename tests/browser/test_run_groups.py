"""The list of runs by groups: chosen, gone into and compared, with and without scripts."""

from __future__ import annotations

import pytest

scripts = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


def group_by(page, javascript: bool, by: str) -> None:
    page.get_by_label("Group by").select_option(by)
    if not javascript:
        page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**group={by}**")


@scripts
def test_groups_are_chosen_gone_into_and_compared(look, ui, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    group_by(page, javascript, "model")
    rows = page.locator(".rn-groups tbody tr")
    counts = [int(text) for text in rows.locator("td b").all_inner_texts()]
    assert sum(counts) == 40
    assert "No model recorded" in rows.locator("th").all_inner_texts()
    assert page.get_by_label("Group by").input_value() == "model"
    row = rows.filter(has_text="LogisticRegression")
    count = int(row.locator("td b").inner_text())
    row.locator("th a").click()
    page.wait_for_url("**model=**")
    assert f"1 to {count} of {count} records" in page.locator("main").inner_text()
    page.go_back()
    row.get_by_role("link", name="LogisticRegression").last.click()
    page.wait_for_url("**/compare?**")
    assert page.url.count("run=") == min(count, 20)


@scripts
def test_by_commit_each_light_leads_to_its_runs(look, ui, javascript) -> None:
    page = look(f"{ui.url}/runs?light=red", javascript=javascript)
    group_by(page, javascript, "commit")
    assert "light=red" in page.url
    row = page.locator(".rn-groups tbody tr").first
    count = int(row.locator("td b").inner_text())
    row.locator(".rn-lights a").first.click()
    page.wait_for_url("**commit=**")
    assert f"of {count} record" in page.locator("main").inner_text()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("by", ["experiment", "model", "commit"])
def test_they_fit_and_can_be_used_by_everybody(
    look, axe, ui, width: int, scheme: str, by: str
) -> None:
    page = look(f"{ui.url}/runs?group={by}", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    # What is red, and which group it is, is on the screen without scrolling sideways.
    box = page.locator(".rn-groups tbody th").first.bounding_box()
    assert box is not None
    assert box["x"] + min(box["width"], 60) <= width
