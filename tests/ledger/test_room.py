"""The room's own page, its docstring, leads a newcomer to every file."""

from __future__ import annotations

import re
from pathlib import Path

from venturalitica import ledger


def test_every_file_of_the_room_is_named_and_no_other() -> None:
    text = ledger.__doc__ or ""
    named = set(re.findall(r"(?m)^    (\w+)", text)) | set(re.findall(r"`([a-z_]+)`", text))
    folder = Path(str(ledger.__file__)).parent
    there = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert there - named == set(), "say what these are, in the docstring of ledger/__init__.py"
    assert named - there == {"verify_ledger", "verify_bundle"}
