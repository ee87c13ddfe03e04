"""Each command of `docs/ci.md` is run, in a project with a blocking control that fails."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_check import CALL, write

DOC = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ *(?:\$|-|- run:) venturalitica (.+)$", DOC, re.MULTILINE)
STATUSES = {"check": 1, "verify": 0, "policy": 0}


def test_the_page_has_commands_and_none_is_missed() -> None:
    blocks = re.findall(r"^```(?:console|yaml)\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
    named = sum(block.count(" venturalitica ") for block in blocks)
    assert len(COMMANDS) == named > 8


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_command_works_and_writes_what_it_names(
    call: Any, project: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    write(project, female=60, male=90, on_fail="block")
    if command.startswith("verify"):
        call("check", "loans.csv", *CALL)
    words = shlex.split(command)
    result = call(*words)
    assert result.exit_code == STATUSES[words[0]], result.stderr
    files = re.findall(r"(?:--format \w+=|--output )(\S+)", command)
    for file in files:
        assert (project / file).stat().st_size
