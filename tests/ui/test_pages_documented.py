"""`docs/ui.md` and the pages say the same."""

from __future__ import annotations

import re
from pathlib import Path

from venturalitica.ui.pages import PAGES

DOC = (Path(__file__).parents[2] / "docs" / "ui.md").read_text("utf-8")


def _plain(path: str) -> str:
    return re.sub(r":\w+\}", "}", path)


def test_every_page_is_documented_and_no_other() -> None:
    told = set(re.findall(r"^\| `(/[^`]*)` \|", DOC, re.MULTILINE))
    assert told == {_plain(page.path) for page in PAGES if not page.name.startswith("live_")}


def test_every_word_of_the_navigation_has_a_section() -> None:
    for page in PAGES:
        if page.nav:
            assert f"\n### {page.nav}\n" in DOC, page.nav


def test_names_and_addresses_are_unique_and_fragments_are_under_live() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
    assert len({(page.path, page.methods) for page in PAGES}) == len(PAGES)
    for page in PAGES:
        assert page.path.startswith("/live/") == page.name.startswith("live_"), page.name
        if page.methods != ("GET",) or page.name.startswith("live_"):
            assert not page.static, page.name
