"""Verify the log, and bundles: honest ones hold, tampered ones fail, and each step is told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from venturalitica.ledger import Ledger

looking = sys.modules["browser_looking"]
RECORDED = "section[aria-label='What is recorded']"
SOUND = "section[aria-label='Whether the evidence is sound']"


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def javascript(request) -> bool:
    return bool(request.param)


@pytest.fixture
def red_bundle(demo_home: Path) -> bytes:
    return Ledger.open(demo_home).bundle(2)


def test_verify_now(look, ui, demo_home, javascript) -> None:
    page = look(f"{ui.url}/evidence", javascript=javascript)
    page.get_by_role("button", name="Verify now").click()
    page.get_by_role("heading", name="It holds").or_(
        page.get_by_role("heading", name="Verified")
    ).first.wait_for()
    assert f"{Ledger.open(demo_home).size} records" in page.locator("main").inner_text()
    assert page.locator(".ev-steps li").count() > 5
    page.goto(f"{ui.url}/evidence")
    page.locator("summary").first.click()
    assert page.locator(".ev-steps li").first.is_visible()


def test_each_step_has_a_line_to_make_it_oneself(look, ui, red_bundle) -> None:
    page = _uploaded(look(f"{ui.url}/evidence"), "evidence.json", red_bundle)
    steps = page.locator(".ev-steps li")
    for step in steps.all():
        step.locator("summary").click()
        assert step.locator("code").inner_text().strip()


def test_a_line_is_copied(look, ui) -> None:
    page = look(f"{ui.url}/evidence", permissions=["clipboard-read", "clipboard-write"])
    line = page.locator(".ui-line:visible").first
    line.get_by_role("button", name="Copy").click()
    line.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == line.locator("code").inner_text()


def test_an_honest_bundle(look, ui, red_bundle, javascript, axe) -> None:
    page = look(f"{ui.url}/evidence", javascript=javascript)
    _uploaded(page, "evidence.json", red_bundle)
    assert "failed" not in page.locator("h1").inner_text().lower()
    assert page.locator(".ev-steps .vl-is-red").count() == 0
    assert page.locator(".ev-steps .vl-is-green").count() > 3
    assert page.locator(f"{RECORDED}.vl-is-red").count() == 1
    assert page.locator(f"{SOUND}:is(.vl-is-green, .vl-is-amber)").count() == 1
    assert not javascript or axe(page) == []


def test_a_tampered_bundle(look, ui, red_bundle, javascript, axe) -> None:
    page = look(f"{ui.url}/evidence", javascript=javascript)
    _uploaded(page, "evidence.json", sys.modules["browser_logs"].tampered(red_bundle))
    assert page.locator(".ev-steps .vl-is-red").count() > 0
    told = page.locator("main").inner_text()
    assert "signature" in told
    assert page.locator(f"{SOUND}.vl-is-red").count() == 1
    assert not javascript or axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_record_and_evidence_are_two_things(look, ui, red_bundle, axe, width, scheme) -> None:
    page = look(f"{ui.url}/evidence", width=width, scheme=scheme)
    _uploaded(page, "evidence.json", red_bundle)
    assert looking.too_wide(page) == []
    assert axe(page) == []
    facts = page.locator("section[aria-label='What was verified']")
    for fact in ("Record", "Date", "Policy", "Light", "Controls", "Signed by key", "Run"):
        assert facts.locator("dt", has_text=re.compile(f"^{fact}$")).count() == 1
    page.get_by_role("link", name="Open as a report").click()
    assert page.locator("header.vl-answer.vl-is-red").count() == 1
    assert looking.too_wide(page) == []
    assert axe(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_of_a_verification_is_sound(look, red_bundle, axe, tmp_path, width) -> None:
    """What `verify --format html` writes opens from disk, as wide as the window."""
    (tmp_path / "evidence.json").write_bytes(red_bundle)
    call = [sys.executable, "-m", "venturalitica", "verify", str(tmp_path / "evidence.json")]
    subprocess.run([*call, "--format", f"html={tmp_path / 'v.html'}"], check=True, timeout=120)
    page = look((tmp_path / "v.html").as_uri(), ours="http://127.0.0.1:9", width=width)
    assert page.locator(f"{RECORDED}.vl-is-red").count() == 1
    assert page.locator(f"{SOUND}.vl-is-green").count() == 1
    assert page.locator(".vl-card").count() > 3
    assert looking.too_wide(page) == []
    assert axe(page) == []


@pytest.mark.parametrize("data", [b"", b"{}", b"\x80\x04\x95pickle", b"[" * 100_000, b"null"])
def test_what_is_no_bundle_fails_and_says_so(look, ui, data) -> None:
    page = _uploaded(look(f"{ui.url}/evidence"), "<img src=x onerror=pwned=1>.json", data)
    assert page.locator(".ev-steps .vl-is-green").count() == 0
    assert page.locator(f"{SOUND}.vl-is-red").count() == 1
    assert "<img src=x" in page.locator("h1").inner_text()


def test_a_bundle_can_be_dropped(look, ui, red_bundle) -> None:
    page = look(f"{ui.url}/evidence")
    dropped = page.evaluate_handle(
        """text => {
          const found = new DataTransfer();
          found.items.add(new File([text], 'dropped.json', {type: 'application/json'}));
          return found;
        }""",
        red_bundle.decode(),
    )
    with page.expect_navigation():
        page.locator("form[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    assert "dropped.json" in page.locator("h1").inner_text()


def test_no_file_chosen_is_told(look, ui) -> None:
    page = look(f"{ui.url}/evidence", javascript=False)
    page.locator("input[type=file]").evaluate("input => input.required = false")
    page.get_by_role("button", name="Verify this bundle").click()
    assert "No file was chosen" in page.locator("main").inner_text()


def test_a_tampered_log_is_found(look, serve, demo_home, tmp_path) -> None:
    home = tmp_path / ".venturalitica"
    shutil.copytree(demo_home, home)
    served = serve(home)
    entries = home / "log" / "entries.jsonl"
    page = look(f"{served.url}/evidence")
    page.get_by_role("button", name="Verify now").click()
    page.locator(".ev-steps").wait_for()
    assert page.locator(".ev-steps .vl-is-red").count() == 0
    data = bytearray(entries.read_bytes())
    place = data.index(b'"payload":"') + 5_000
    data[place] ^= 1
    entries.write_bytes(data)
    page.goto(f"{served.url}/evidence")
    assert page.locator("#verify ~ p .vl-is-green").count() == 0
    page.get_by_role("button", name="Verify now").click()
    page.locator(".ev-steps .vl-is-red").first.wait_for()


def _uploaded(page, name: str, data: bytes):
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": data}
    )
    with page.expect_navigation():
        page.get_by_role("button", name="Verify this bundle").click()
    return page
