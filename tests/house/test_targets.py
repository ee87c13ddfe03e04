"""Every test belongs to exactly one target of the Makefile, and CI runs every such target."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREPARED = {
    "test-frameworks": ["$(FRAMEWORKS)/.frameworks"],
    "test-engines": ["$(ENGINES)/.engines", "$(ENGINES)/.system"],
}
IN_PARALLEL = ["-n", "$(WORKERS)", "--dist", "loadfile", "--no-loadscope-reorder"]


def _targets() -> dict[str, list[str]]:
    """Each target that runs pytest, and what it gives to it beside how to share the work."""
    targets: dict[str, list[str]] = {}
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    for name, recipe in re.findall(r"^([\w-]+):.*\n((?:\t.*\n)+)", makefile, re.M):
        for line in recipe.splitlines():
            words = shlex.split(line.lstrip("\t@-"))
            if words[0] == "$(PYTEST)":
                assert name not in targets, (
                    f"{name}: one call of pytest, so that none hides another"
                )
                targets[name] = words[1:]
            else:
                assert "-m pytest" not in line, f"{name}: {line!r}; expected $(PYTEST) FOLDERS"
    return targets


def _chosen(arguments: list[str]) -> set[Path]:
    """The files that pytest collects, given folders and `--ignore=` of some."""
    ignored = [ROOT / word.removeprefix("--ignore=") for word in arguments if word[0] == "-"]
    folders = [ROOT / word for word in arguments if word[0] != "-"] or [ROOT / "tests"]
    assert all(word.startswith("--ignore=") for word in arguments if word[0] == "-"), arguments
    assert all(path.is_dir() for path in ignored + folders), arguments
    return {
        file
        for folder in folders
        for file in folder.rglob("test_*.py")
        if not any(file.is_relative_to(path) for path in ignored)
    }


def test_every_test_belongs_to_one_target() -> None:
    targets = {name: _chosen(arguments) for name, arguments in _targets().items()}
    assert {
        "test",
        "test-pages",
        "test-browser",
        "test-torture",
        "test-peers",
        "test-gate",
        "test-frameworks",
        "test-engines",
    } <= targets.keys()
    for file in (ROOT / "tests").rglob("test_*.py"):
        of = [name for name, files in targets.items() if file in files]
        assert len(of) == 1, f"{file.relative_to(ROOT)} is run by {of}; expected one target"


def test_ci_runs_every_target_of_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    ran = re.findall(r"^make ([\w-]+)$", script, re.M)
    assert set(ran) == {"lint", *_targets()}
    assert len(ran) == len(set(ran)) == len(re.findall(r"\bmake\b", script))
    assert "set -euo pipefail" in script


def test_nothing_else_takes_tests_away() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (line,) = re.findall(r"^PYTEST = (.*)$", makefile, re.M)
    assert shlex.split(line) == ["$(BIN)/python", "-m", "pytest", *IN_PARALLEL]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["testpaths"] == ["tests"]
    assert settings["addopts"] == "-ra --strict-markers --strict-config --import-mode=importlib"
    assert not {"norecursedirs", "collect_imported_tests", "python_files"} & settings.keys()
    for file in (ROOT / "tests").rglob("conftest.py"):
        assert not re.search(r"collect_ignore|deselected", file.read_text()), file


def test_every_target_of_tests_sets_up_what_it_needs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in _targets():
        (needs,) = re.findall(rf"^{name}:(?! BIN :=)(.*)$", makefile, re.M)
        assert needs.split() == PREPARED.get(name, ["$(VENV)/.dev", "$(VENV)/.system"]), name
        assert re.search(rf"^\.PHONY:.* {name}( |$)", makefile, re.M), name
        assert f"make {name} " in makefile.partition("help:\n")[2], f"make help is silent on {name}"
