"""`.pre-commit-hooks.yaml`: the hook is the command, for the files that hold policies."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.test_check import write

FILE = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
(HOOK,) = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))


def test_pre_commit_installs_it_from_this_repository() -> None:
    assert HOOK["language"] == "python"
    assert "additional_dependencies" not in HOOK


@pytest.mark.parametrize("sound", [True, False])
def test_the_entry_refuses_a_policy_that_is_none(call: Any, project: Any, sound: bool) -> None:
    write(project, female=60, male=90, on_fail="block")
    policy = project / "model_policy.yaml"
    if not sound:
        text = policy.read_text(encoding="utf-8")
        policy.write_text(text + "\nno_such_key: 1\n", encoding="utf-8")
    program, *words = shlex.split(HOOK["entry"])
    assert program == "venturalitica"
    result = call(*words, "model_policy.yaml")
    assert (result.exit_code == 0) is sound, result.stdout + result.stderr
    assert ("no_such_key" in result.stdout + result.stderr) is not sound


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("model_policy.yaml", True),
        ("policies/credit-policy.yml", True),
        ("data/policy.yaml", True),
        ("policy.yaml", True),
        ("policy.yaml.bak", False),
        ("docs/policy.md", False),
        ("config.yaml", False),
    ],
)
def test_it_is_handed_the_policies(path: str, taken: bool) -> None:
    assert bool(re.search(HOOK["files"], path)) is taken
