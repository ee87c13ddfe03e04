"""Signing off in a browser: twice asked, with and without scripts, at every width."""

from __future__ import annotations

import shutil
import sys

import pytest

serving = sys.modules["browser_serving"]
scripts = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


@pytest.fixture(scope="module")
def writing(demo_home, tmp_path_factory):
    """`venturalitica ui --write` over a copy of the demo's history, with its key."""
    folder = tmp_path_factory.mktemp("writing")
    shutil.copytree(demo_home, folder / "evidence")
    places = {
        "VENTURALITICA_HOME": str(folder / "evidence"),
        "VENTURALITICA_CONFIG": str(demo_home.parent / "keys"),
    }
    with serving.Ui(None, folder, "--write", **places) as served:
        yield served


@scripts
def test_a_record_is_approved_and_the_page_says_so(look, writing, javascript) -> None:
    entry = 3 if javascript else 4
    page = look(f"{writing.url}/runs/{entry}", javascript=javascript)
    assert "ui --write" in page.locator(".ui-head").inner_text()
    page.get_by_role("link", name="Approve or reject this record").click()
    page.get_by_label("Approve").check()
    page.get_by_label("Your name").fill("Grace <b>Hopper</b>")
    page.get_by_label("Your role").fill("Reviewer")
    page.get_by_label("Why").fill("Read\nit twice.")
    page.get_by_role("button", name="See what will be signed").click()
    said = page.locator("main").inner_text()
    assert "Sign this?" in said
    assert "Grace <b>Hopper</b>" in said
    page.get_by_role("button", name="Sign: approved").click()
    assert page.url.endswith(f"/runs/{entry}#sign-off")
    assert "Grace <b>Hopper</b>" in page.locator("#sign-off").inner_text()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_pages_fit_and_can_be_used_by_everybody(
    look, axe, writing, width: int, scheme: str
) -> None:
    page = look(f"{writing.url}/runs/5/sign-off", width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    page.get_by_label("Reject").check()
    page.get_by_label("Your name").fill("W" * 150)
    page.get_by_label("Your role").fill("Reviewer")
    page.get_by_label("Why").fill("a-long-reason-without-any-place-to-break/" * 12)
    page.get_by_role("button", name="See what will be signed").click()
    assert page.get_by_role("button", name="Sign: rejected").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []


@scripts
def test_a_note_is_written_and_stands_under_the_answer(look, writing, javascript) -> None:
    entry = 6 if javascript else 7
    page = look(f"{writing.url}/runs/{entry}/sign-off", javascript=javascript)
    page.get_by_label("Write a note").check()
    assert not page.get_by_label("Your role").is_visible()
    page.get_by_label("Your name").fill("Grace <b>Hopper</b>")
    page.get_by_label("On which control").select_option(index=1)
    page.get_by_label("Why, or the note").fill("The sample of May\nhas no pensioners.")
    page.get_by_role("button", name="See what will be signed").click()
    assert "none: it is a note" in page.locator("main").inner_text()
    page.get_by_role("button", name="Sign: note").click()
    assert page.url.endswith(f"/runs/{entry}#notes")
    said = page.locator("#notes").inner_text()
    assert "Grace <b>Hopper</b>" in said
    assert "The sample of May\nhas no pensioners." in said
    assert "1 note" in look(f"{writing.url}/runs").locator("main").inner_text()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_notes_fit_and_can_be_read_by_everybody(
    look, axe, writing, width: int, scheme: str
) -> None:
    page = look(f"{writing.url}/runs/8/sign-off", width=width, scheme=scheme)
    page.get_by_label("Write a note").check()
    page.get_by_label("Your name").fill("W" * 150)
    page.get_by_label("Why, or the note").fill("a-long-note-without-any-place-to-break/" * 12)
    assert axe(page) == []
    page.get_by_role("button", name="See what will be signed").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
    page.get_by_role("button", name="Sign: note").click()
    assert page.locator("#notes blockquote").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []
