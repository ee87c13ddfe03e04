"""What is in the working folder is what is committed: no pattern hides a source file."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = ("__pycache__", ".egg-info", "/.hypothesis/", "/.mypy_cache/", "/.ruff_cache/")


def test_no_source_file_is_ignored():
    """`wandb/` in .gitignore once hid a whole room of this package."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--others", "--ignored", "--exclude-standard"]
    folders = ["src", "tests", "docs", "benchmarks"]
    found = subprocess.run(
        [*command, *folders], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [path for path in found if not any(part in f"/{path}" for part in MADE)] == []


def test_no_environment_is_committed():
    """`git add -A` once took a whole environment along, before its folder was ignored."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert [path for path in found if path.startswith(".venv") or "/site-packages/" in path] == []
    makefile = (ROOT / "Makefile").read_text()
    made = re.findall(r"^\w+ := (\.venv[\w-]*)$", makefile, re.M)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert made
    assert set(ignored) >= {f"{folder}/" for folder in made}
