"""The room's own page, its docstring, leads a newcomer to every file and folder."""

from __future__ import annotations

import re
from pathlib import Path

from venturalitica import ledger


def test_every_file_of_the_room_is_named_and_no_other() -> None:
    named = set(re.findall(r"(?m)^    (\w+)", ledger.__doc__ or ""))
    folder = Path(str(ledger.__file__)).parent
    there = {path.stem for path in folder.glob("[a-z]*") if path.name[0] != "_"}
    assert there == named
