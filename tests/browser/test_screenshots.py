"""The pictures in the docs are those that `make screenshots` makes, and small."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_docs_show_what_is_made_and_nothing_lies_about() -> None:
    made = sys.modules["browser_screenshots"]
    shown = re.findall(r"images/ui/([\w-]+\.png)", (ROOT / "docs" / "ui.md").read_text())
    files = {file.name: file.stat().st_size for file in (ROOT / "docs/images/ui").iterdir()}
    assert set(shown) == made.SHOWN == files.keys()
    assert max(files.values()) < made.LARGEST


def test_the_gates_page_shows_the_refusal() -> None:
    made = sys.modules["browser_screenshots"]
    assert f"(images/{made.REFUSAL})" in (ROOT / "docs" / "gate-server.md").read_text()
    assert (ROOT / "docs" / "images" / made.REFUSAL).stat().st_size < made.LARGEST
