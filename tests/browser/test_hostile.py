"""A log that attacks whoever looks at it: hostile text in every field, inert on every page.

That nothing ran, asked elsewhere or became an element is what `look` watches, on each page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

NAUGHTY: tuple[str, ...] = sys.modules["ui_naughty"].NAUGHTY
DECEPTIVE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
AT_A_TIME = 12
FILES = {"static", "download", "runs_file", "chart", "trends_chart"}
"""Addresses of no pages."""


def plain(text: str) -> str:
    """Text as a page shows it: deceptive characters spelled out, blanks run together."""
    from venturalitica.core.text import visible

    return " ".join(visible(text).split())


def words(page) -> str:
    """All text of a page, what is folded away too, blanks run together."""
    return " ".join(page.locator("body").text_content().split())


@pytest.fixture(scope="module")
def addresses(hostile_ui) -> dict[str, list[str]]:
    """The pages by name; each name once more, with each of its links followed."""
    found: dict[str, list[str]] = sys.modules["browser_crawling"].found_pages(hostile_ui.url)
    return found


@pytest.mark.parametrize("first", range(0, len(NAUGHTY), AT_A_TIME))
def test_a_record_of_it_is_read_not_run(look, watch, hostile_ui, first) -> None:
    page = look(f"{hostile_ui.url}/runs/{first}")
    for entry in range(first, min(first + AT_A_TIME, len(NAUGHTY))):
        watch.go(page, f"{hostile_ui.url}/runs/{entry}")
        text = words(page)
        assert plain(NAUGHTY[entry]) in text, (entry, NAUGHTY[entry])
        assert not DECEPTIVE.search(text), entry
        hidden = [number for number in range(30) if f"[{number}]" not in text]
        assert len(hidden) < 20, "most fields are shown"


def test_what_a_run_judged_and_what_came_before_is_read_not_run(look, watch, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/runs?kind=run", width=360)
    runs = page.locator("main tbody th a[href^='/runs/']").evaluate_all(
        "links => links.map(link => link.pathname)"
    )
    assert len(runs) >= len(NAUGHTY) // 5
    for path in runs:
        watch.go(page, f"{hostile_ui.url}{path}")
        assert page.locator(".run-set").count() >= 1, path
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert sys.modules["browser_looking"].too_wide(page) == [], path
        assert not DECEPTIVE.search(words(page)), path


def test_lists_are_inert(look, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/runs?kind=all")
    seen = words(page)
    while page.get_by_role("link", name="Next", exact=True).count():
        page.get_by_role("link", name="Next", exact=True).first.click()
        page.wait_for_load_state()
        seen += words(page)
    assert not DECEPTIVE.search(seen)
    for text in NAUGHTY:
        assert plain(text) in seen, text


def test_groups_and_notes_are_inert(look, watch, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/runs")
    for by in ("experiment", "model", "commit"):
        watch.go(page, f"{hostile_ui.url}/runs?group={by}")
        assert page.locator(".rn-groups tbody tr").count() >= 1
        assert not DECEPTIVE.search(words(page))
    for number, text in enumerate(NAUGHTY[1::3][:AT_A_TIME]):
        watch.go(page, f"{hostile_ui.url}/runs/{number}")
        said = " ".join(page.locator("#notes").text_content().split())
        assert plain(f"{text} (note)") in said, text
        assert plain(f"{text} (control)") in said, text


def test_every_page_is_inert(look, watch, hostile_ui, addresses) -> None:
    page = look(f"{hostile_ui.url}/")
    visited = [
        address for name, found in addresses.items() if name not in FILES for address in found
    ]
    assert len(visited) > 20
    for address in visited:
        answer = watch.go(page, address)
        assert answer.status == 200, address
        assert page.locator("h1").count() == 1, address
        assert not DECEPTIVE.search(words(page)), address


@pytest.mark.parametrize("name", ["overview", "runs", "run", "policies", "policy_diff", "evidence"])
def test_it_breaks_no_layout(look, axe, hostile_ui, addresses, name) -> None:
    page = look(addresses[name][-1], width=360, height=740)
    assert sys.modules["browser_looking"].too_wide(page) == []
    assert axe(page) == []


def test_links_of_records_hold_no_secret(look, watch, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/runs")
    for entry in range(len(NAUGHTY), len(NAUGHTY) + 98, 5):
        watch.go(page, f"{hostile_ui.url}/runs/{entry}")
        assert "hunter2" not in page.evaluate(
            "[...document.querySelectorAll('a[href]')].map(a => a.href).join(' ')"
        )


def test_what_is_typed_is_shown_as_typed(look, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/runs")
    for text in NAUGHTY[::6]:
        page.get_by_label("Search").fill(text[:200])
        page.get_by_role("button", name="Show").click()
        page.wait_for_load_state()
        assert page.locator("h1").inner_text() == "Runs"


def test_an_address_made_of_it_is_answered(look, watch, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/")
    for text in NAUGHTY[::6]:
        for path in ("/policies/", "/policies/x/", "/runs/"):
            address = hostile_ui.url + path + quote(text, safe="")
            assert watch.go(page, address).status < 500, address
            assert page.locator("h1").count() == 1, address


def test_a_download_is_named_safely(look, watch, hostile_ui, tmp_path: Path) -> None:
    page = look(f"{hostile_ui.url}/runs/0")
    for entry in range(0, len(NAUGHTY), 12):
        watch.go(page, f"{hostile_ui.url}/runs/{entry}")
        for link in page.locator("a[download][href*='/download/']").all():
            with page.expect_download() as told:
                link.click()
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", told.value.suggested_filename)


def test_the_chart_of_each_name_is_taken_away_under_a_safe_one(
    look, serve, demo_home, tmp_path: Path
) -> None:
    logs = sys.modules["browser_logs"]
    home = tmp_path / ".venturalitica"
    logs.write_hostile_controls(home, logs.an_audit(demo_home))
    page = look(f"{serve(home).url}/runs/0")
    page.get_by_text("Charts as files, and this page on paper").click()  # nobody clicks before
    links = page.locator("a[download][href*='/charts/']")
    buttons = page.locator("button[data-png]")
    assert links.count() == buttons.count() == len(NAUGHTY)
    for number, text in enumerate(NAUGHTY):
        names = []
        for one in (links.nth(number), buttons.nth(number)):
            # On a busy machine one click in some hundreds begins nothing, whatever the name is.
            found = _downloaded(page, one) or _downloaded(page, one)
            assert found is not None, text
            assert found.failure() is None, text
            names.append(found.suggested_filename)
        assert re.fullmatch(r"chart-0(-[A-Za-z0-9][A-Za-z0-9._-]*)?\.svg", names[0]), text
        assert names[1] == names[0].removesuffix("svg") + "png"


def _downloaded(page, one):
    """What a click downloads; None where nothing begins."""
    from playwright.sync_api import TimeoutError as NothingBegins

    try:
        with page.expect_download() as told:
            one.click()
    except NothingBegins:
        return None
    return told.value


def test_verifying_it_is_inert(look, hostile_ui) -> None:
    page = look(f"{hostile_ui.url}/evidence")
    page.get_by_role("button", name="Verify now").click()
    page.locator(".ev-steps").wait_for()
    assert "<script>" in words(page)
