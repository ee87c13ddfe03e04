"""The policy form in a browser: as one types, without scripts, at every width."""

from __future__ import annotations

from pathlib import Path

import pytest

scripts = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


def test_what_is_loosened_and_what_is_wrong_are_said_as_one_types(look, ui) -> None:
    page = look(f"{ui.url}/policies")
    page.get_by_role("link", name="Write or edit a policy").click()
    text, found = page.locator("#pf-text"), page.locator("#pf-found")
    draft = text.input_value()
    assert "The same text" in found.inner_text()
    text.fill(draft.replace(">= 0.70", ">= 0.50"))
    found.get_by_text("loosened").first.wait_for()
    text.fill(draft.replace("metric: accuracy", "metric: acuracy"))
    found.get_by_text("did you mean").wait_for()
    assert text.input_value() != draft
    text.fill(draft)
    found.get_by_text("The same text").wait_for()


@scripts
def test_a_control_is_added_changed_and_taken_away(look, ui, tmp_path: Path, javascript) -> None:
    page = look(f"{ui.url}/policy-form", javascript=javascript)
    page.get_by_role("button", name="Add a control").click()
    page.locator("#pf-id").fill("nobody-missed")
    page.locator("#pf-metric").select_option("recall")
    page.locator("#pf-must").fill(">= 0.40")
    if javascript:
        page.locator("#pf-found").get_by_text("Recall").first.wait_for()
    page.get_by_role("button", name="Put it into the text").click()
    assert "nobody-missed" in page.locator("#pf-text").input_value()
    assert "1 control added" in page.locator("#pf-found").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download model_policy.yaml").click()
    download.value.save_as(tmp_path / "model_policy.yaml")
    assert "- id: nobody-missed" in (tmp_path / "model_policy.yaml").read_text()
    page.get_by_role("button", name="Take out nobody-missed").click()
    assert "nobody-missed" not in page.locator("#pf-text").input_value()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_used_by_everybody(look, axe, ui, width: int, scheme: str) -> None:
    page = look(f"{ui.url}/policy-form?control=0", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
