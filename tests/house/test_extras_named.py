"""An extra that anybody is told to install exists, and holds the library that is missing.

And the line works where it is typed: `./venturalitica[all]` would ask the reader to stand beside
the checkout, where no text sends him.
"""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from venturalitica.cli.reading.cloud import _STORES
from venturalitica.core.origin import Origin
from venturalitica.demo.german_credit import ENGINES, chosen_engine
from venturalitica.errors import MissingExtra
from venturalitica.ui import LIBRARIES

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "venturalitica"
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMPUTED: dict[str, list[tuple[str, str]]] = {
    "ui/__init__.py": [(name, "ui") for name in LIBRARIES.values()],
    "cli/reading/cloud.py": [(name, "cloud") for name in _STORES.values()],
    "demo/german_credit.py": [],  # below, by what is raised
    "trackers/base.py": [("mlflow", "mlflow"), ("wandb", "wandb")],
}
"""What the calls ask for whose arguments are no texts: file -> library and extra."""


def packages(extra: str) -> set[str]:
    """The distributions that an extra installs, through other extras of ours too."""
    found: set[str] = set()
    for line in EXTRAS[extra]:
        name, within = re.findall(r"^([\w-]+)(?:\[([^\]]*)\])?", line)[0]
        if name == "venturalitica":
            found = found.union(*(packages(each.strip()) for each in within.split(",")))
        else:
            found |= {name.lower(), *(["aiohttp"] if within == "http" else [])}
    return found


def asked() -> list[tuple[str, str, str]]:
    """Every `MissingExtra(library, extra)` in the source: file, library, extra."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "MissingExtra":
                continue
            given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if len(given) == 2:
                found.append((file, str(given[0]), str(given[1])))
            else:
                assert file in COMPUTED, f"{file}:{node.lineno}: name what it asks for above"
    return found + [(file, *pair) for file, pairs in COMPUTED.items() for pair in pairs]


@pytest.mark.parametrize(("file", "library", "extra"), asked())
def test_the_extra_holds_the_library(file: str, library: str, extra: str) -> None:
    words = {word.strip(",()").lower() for word in library.split()}
    assert words & packages(extra), f"{file}: {library}: {extra}"


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_the_extra_of_an_engine_holds_it(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as missing:
        chosen_engine(engine)  # type: ignore[arg-type]
    assert engine in packages(missing.value.extra) or engine == "numpy"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_extras_that_exist_by_a_line_that_works_in_the_checkout(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for where, extras in re.findall(r"pip install \"?(\S*?)\[([\w,]+)\]", text):
        assert where == ".", f"{where}[{extras}]: write '.[{extras}]'"
        assert set(extras.split(",")) <= EXTRAS.keys(), extras


def test_a_message_names_the_whole_path_so_it_works_anywhere() -> None:
    assert Origin(path="/src/checkout").install_line("ui") == 'pip install "/src/checkout[ui]"'
