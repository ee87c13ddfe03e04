"""Policies: the versions in time, each text, and what changed between any two."""

from __future__ import annotations

from pathlib import Path

import pytest

from venturalitica.ledger import Ledger

pytestmark = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


@pytest.fixture(scope="module")
def digests(demo_home: Path) -> dict[str, str]:
    """Version -> digest of the policies on record."""
    policies = [
        entry.statement["predicate"].get("policy") or {}
        for entry in Ledger.open(demo_home).entries()
    ]
    return {policy["version"]: policy["sha256"] for policy in policies if policy}


def test_versions_and_the_runs_under_each(look, ui, digests, javascript) -> None:
    page = look(f"{ui.url}/policies", javascript=javascript)
    headings = page.locator(".policy-versions h3").all_inner_texts()
    assert headings == sorted(digests, reverse=True)
    page.get_by_role("link", name="All runs under it").last.click()
    page.wait_for_url("**version=1.0**")
    assert page.locator("tbody tr").count() > 5


def test_what_changed_is_reached_and_chosen(look, ui, digests, javascript) -> None:
    page = look(f"{ui.url}/policies", javascript=javascript)
    page.get_by_role("link", name="What changed").first.click()
    page.wait_for_url("**/diff?**")
    assert "1.1" in page.locator("h1").inner_text()
    assert page.get_by_role("heading", name="By rule").is_visible()
    assert page.get_by_role("heading", name="By line").is_visible()
    page.get_by_label("Before").select_option(digests["1.0"])
    page.get_by_role("button", name="Show what differs").click()
    page.wait_for_url(f"**a={digests['1.0']}**")
    assert "1.0" in page.locator("h1").inner_text()
    before = page.locator("main").inner_text()
    page.get_by_role("link", name="Swap").click()
    page.wait_for_url(f"**b={digests['1.0']}**")
    after = page.locator("main").inner_text()
    assert ("tightened" in before) == ("loosened" in after)
    assert before != after


def test_the_text_is_the_bytes_on_record(look, ui, demo_home, digests, javascript) -> None:
    page = look(f"{ui.url}/policies", javascript=javascript)
    page.locator(".policy-versions h3 a").first.click()
    page.wait_for_url(f"**/{digests['1.2']}")
    policy = (demo_home.parent / "model_policy.yaml").read_text()
    text = page.locator("main").inner_text()
    for line in policy.splitlines():
        assert " ".join(line.split()) in " ".join(text.split())


def test_what_is_not_there_is_told(look, ui, javascript) -> None:
    page = look(f"{ui.url}/policies/no-such-policy", javascript=javascript, expect=404)
    assert "no-such-policy" in page.locator("main").inner_text()
