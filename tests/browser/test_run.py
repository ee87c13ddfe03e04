"""The page of a run: the answer, the controls, downloads, and that it tells times for people."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from venturalitica.ledger import Entry, Ledger


@pytest.fixture(scope="module")
def failed(demo_home: Path) -> Entry:
    """The last audit in which a control failed."""
    entries = list(Ledger.open(demo_home).entries())
    return next(
        entry
        for entry in reversed(entries)
        if any(v["status"] == "failed" for v in entry.statement["predicate"].get("verdicts", ()))
    )


def test_failures_come_first_and_say_why(look, ui, failed) -> None:
    verdicts = failed.statement["predicate"]["verdicts"]
    page = look(f"{ui.url}/runs/{failed.index}")
    text = page.locator("main").inner_text()
    titles = [(v["status"] != "failed", text.index(v["title"])) for v in verdicts]
    assert all(verdict["title"] in text for verdict in verdicts)
    assert min(place for passed, place in titles if not passed) == min(p for _, p in titles)
    assert page.locator("main svg").count() > len(verdicts)


def test_downloads_are_what_is_on_record(look, ui, demo_home: Path, failed) -> None:
    policy = failed.statement["predicate"]["policy"]
    page = look(f"{ui.url}/runs/{failed.index}")
    found = {}
    for link in page.locator("a[download][href*='/download/']").all():
        with page.expect_download() as told:
            link.click()
        found[link.get_attribute("href").rpartition("/")[2]] = told.value.path().read_bytes()
    assert found["bundle"] == Ledger.open(demo_home).bundle(failed.index)
    assert hashlib.sha256(found["policy"]).hexdigest() == policy["sha256"]
    assert found["report"].startswith(b"<!DOCTYPE html>")


def test_the_report_is_sound_by_itself(look, ui, axe, tmp_path, failed) -> None:
    page = look(f"{ui.url}/runs/{failed.index}")
    with page.expect_download() as told:
        page.locator("a[download][href$=report]").click()
    file = tmp_path / "report.html"
    told.value.save_as(file)
    assert axe(look(file.as_uri(), ours=ui.url)) == []


def test_times_are_the_viewers_with_utc_beside(look, ui, failed) -> None:
    page = look(f"{ui.url}/runs/{failed.index}", timezone_id="Asia/Tokyo")
    plain = look(f"{ui.url}/runs/{failed.index}", javascript=False)
    time = page.locator("main time").first
    said = plain.locator("main time").first.inner_text()
    assert said.endswith("UTC")
    assert time.inner_text() != said
    assert time.get_attribute("title").endswith("UTC")
    assert time.get_attribute("title")[:16] == said[:16]


def test_a_record_about_a_record(look, ui, axe, demo_home: Path) -> None:
    entries = list(Ledger.open(demo_home).entries())
    approval = next(e for e in entries if e.statement["predicate"]["kind"] == "approval")
    page = look(f"{ui.url}/runs/{approval.index}")
    about = approval.statement["predicate"]["of"]["entry"]
    page.get_by_role("link", name=f"Entry {about}", exact=True).first.click()
    page.wait_for_url(f"**/runs/{about}")
    assert axe(page) == []


def test_an_entry_that_is_not_there(look, ui) -> None:
    page = look(f"{ui.url}/runs/99999", expect=404)
    assert "99999" in page.locator("main").inner_text()
