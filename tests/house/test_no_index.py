"""Nothing tells a user to install `venturalitica` from the index, where it is another project's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from venturalitica.cli.init import ENV_TEXT, workflow_text
from venturalitica.core.origin import Origin
from venturalitica.demo.german_credit import SCRIPT

ROOT = Path(__file__).parents[2]
PLACES = (
    *("src", "docs", "benchmarks", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"),
    *(".pre-commit-hooks.yaml", "action.yml", "templates", "examples"),
)
TEXTS = {".py", ".md", ".html", ".js", ".css", ".txt", ".yaml", ".yml", ".toml", ".svg", ""}

FORBIDDEN = re.compile(
    r"(?:pip3?|pipx|uv|poetry|uvx)(?: pip)? (?:install|add|run)"
    r"[^\n]*?[ \t\"'`]venturalitica\b(?!\.)"
    r"(?!\[[^\]\n]*\] @ )"
    r"|^\s*venturalitica(?:\[\w+\])?\s*(?:[<>=~]=|$)",
    re.MULTILINE,
)


def files() -> list[Path]:
    found: list[Path] = []
    for place in PLACES:
        path = ROOT / place
        found += [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return [p for p in found if p.suffix in TEXTS and "__pycache__" not in p.parts]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_leads_to_the_index(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "origin",
    [
        Origin(),
        Origin(path="/home/me/checkout"),
        Origin(address="git+https://host.example/repo@abc123"),
        Origin(address="git+file:///home/me/repo@abc123"),
    ],
)
def test_no_generated_file_leads_to_the_index(origin: Origin) -> None:
    for text in (workflow_text(origin), ENV_TEXT, SCRIPT, origin.install_line("all")):
        assert FORBIDDEN.findall(text) == []
        assert "/home/me" not in text or text == origin.install_line("all")


@pytest.mark.parametrize(
    "line",
    [
        'pip install "venturalitica[all]"',
        "pip install venturalitica",
        "pip install --upgrade venturalitica",
        "uv pip install 'venturalitica[ui]' pandas",
        "pip install pandas venturalitica",
        "venturalitica[all]>=0.1",
    ],
)
def test_the_pattern_finds(line: str) -> None:
    assert FORBIDDEN.search(line)


@pytest.mark.parametrize(
    "line",
    [
        'pip install "./venturalitica[all]"',
        'pip install "/src/venturalitica[all]"',
        'pip install "venturalitica[all] @ git+https://host.example/repo@abc"',
    ],
)
def test_the_pattern_leaves(line: str) -> None:
    assert not FORBIDDEN.search(line)
