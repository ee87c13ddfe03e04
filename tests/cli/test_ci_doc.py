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
STATUSES = {"check": 1, "verify": 0, "policy": 0, "carry": 0, "take": 0}
CARRIED = "evidence-of-this-job"


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
    if command.startswith(("verify", "carry")):
        call("check", "loans.csv", *CALL)
    if command.startswith("take"):
        _carried_by_a_job(call, project, monkeypatch)
    words = shlex.split(command)
    result = call(*words)
    assert result.exit_code == STATUSES[words[0]], result.stderr
    files = re.findall(r"(?:--format \w+=|--output )(\S+)", command)
    for file in files:
        assert (project / file).stat().st_size


def _carried_by_a_job(call: Any, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job with a key of its own carried, and that key."""
    with monkeypatch.context() as job:
        job.setenv("VENTURALITICA_HOME", str(project / "job"))
        job.setenv("VENTURALITICA_CONFIG", str(project / "job-config"))
        call("check", "loans.csv", *CALL)
        assert call("carry", CARRIED).exit_code == 0
        (project / "ci-keys.pem").write_text(call("keys", "export").stdout)
