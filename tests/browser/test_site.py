"""`venturalitica report site`: every page from disk, without a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest


@pytest.fixture(scope="module")
def site(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("site") / "out"
    environment = sys.modules["browser_serving"].plain_environment()
    subprocess.run(
        [sys.executable, "-m", "venturalitica", "report", "site", str(out)],
        check=True,
        capture_output=True,
        env=environment | {"VENTURALITICA_HOME": str(demo_home)},
    )
    return out


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_it_is_walked_through_from_disk(look, watch, site, javascript) -> None:
    page = look((site / "index.html").as_uri(), javascript=javascript)
    for name in ("Runs", "Policies", "Evidence", "Integrations", "Overview"):
        watch.check(page)
        page.locator("header nav").get_by_role("link", name=name).click()
        page.wait_for_load_state()
        assert page.locator("h1").inner_text() == name
        assert page.locator("form, button[type=submit]").count() == 0
    page.locator("article.ov-card h2 a").first.click()
    page.wait_for_url("**/runs/*.html")
    assert "ship" in page.locator("main").inner_text()
    bundle = Path(unquote(urlsplit(page.locator("a[download]").first.evaluate("a => a.href")).path))
    assert b"venturalitica/bundle" in bundle.read_bytes()


@pytest.mark.parametrize("name", ["index.html", "runs.html", "policies.html", "evidence.html"])
def test_it_is_as_accessible_as_the_server(look, axe, site, name) -> None:
    page = look((site / name).as_uri(), width=360)
    assert sys.modules["browser_looking"].too_wide(page) == []
    assert axe(page) == []
