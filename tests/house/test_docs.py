"""README and documentation: links lead somewhere, code compiles, nothing public is left out.

Commands and options are held against `docs/cli.md` by `tests/cli/test_docs.py`, policy keys against
`docs/policy.md` by `tests/policy/test_schema.py`.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

import venturalitica as vl
from venturalitica.cli.commands import find
from venturalitica.policy import parse_policy, read_policy

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The page without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", read(page)))


def anchors(page: Path) -> set[str]:
    """What `#...` can name: each heading, as MkDocs and GitHub write it."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings]
    return {re.sub(r"[-\s]+", "-", word) for word in words}


def blocks(*languages: str) -> list[Any]:
    """The fenced blocks of these languages, each with the place it stands at."""
    return [
        pytest.param(match[2], id=f"{page.name}:{read(page)[: match.start()].count(chr(10)) + 1}")
        for page in PAGES
        for match in FENCE.finditer(read(page))
        if match[1] in languages
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        assert ROOT in there.parents, link
        if anchor:
            assert anchor in anchors(there), link


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_pages_of_the_site_link_only_within_it(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        assert not link.startswith("../"), f"{link} is not on the site"


def test_the_site_names_every_page_and_loads_nothing_from_elsewhere() -> None:
    settings = YAML(typ="safe", pure=True).load(read(ROOT / "mkdocs.yml"))
    groups = [pages for entry in settings["nav"] for pages in entry.values()]
    entries = [page for pages in groups for page in pages]
    named = [next(iter(page.values())) if isinstance(page, dict) else page for page in entries]
    assert sorted(named) == sorted(path.name for path in DOCS.glob("*.md"))
    assert named[0] == "index.md", "a site begins at index.html"
    assert settings["theme"]["highlightjs"] is False, "highlight.js comes from a CDN"
    assert settings["strict"] is True
    assert all((DOCS / path).is_file() for path in settings["extra_css"])
    assert "extra_javascript" not in settings


def test_the_reference_names_what_the_package_gives_and_nothing_else() -> None:
    named = re.findall(r"^::: venturalitica\.(\S+)$", read(DOCS / "api.md"), re.M)
    given = [name.rpartition(".")[2] for name in named]
    assert sorted(given) == sorted(set(vl.__all__) - {"__version__"})


def test_a_strict_build_counts_its_warnings() -> None:
    build = re.search(r"mkdocs build.*", read(ROOT / "Makefile"))
    assert build is not None
    assert "--strict" in build[0]
    assert "--quiet" not in build[0], "MkDocs counts no warning that it does not show"


@pytest.mark.parametrize("code", blocks("python"))
def test_python_compiles(code: str) -> None:
    compile(textwrap.dedent(code), "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_policies_are_policies(text: str) -> None:
    if "controls:" not in text and not text.lstrip().startswith("- id:"):
        pytest.skip("a part without a control")
    if not text.startswith("policy:"):
        roles = "roles:\n  target: {favorable: 1}\n  gender: {}\n  age: {}\n"
        head = "" if text.startswith("controls:") else "controls:\n"
        text = f'policy: p\nversion: "1"\n{roles}{head}{text}'
    policy = parse_policy(text.encode(), filename="page.yaml")
    assert policy.controls


def command_lines() -> list[Any]:
    """Every `venturalitica ...` that a page tells to type."""
    found = []
    for block in blocks("console", "bash", "sh"):
        for line in block.values[0].splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] in (["venturalitica"], ["vl"]):
                found.append(pytest.param(words[1:], id=f"{block.id} {' '.join(words)}"))
    return found


@pytest.mark.parametrize("words", command_lines())
def test_commands_can_be_typed_as_printed(words: list[str]) -> None:
    if ">" in words:
        words = words[: words.index(">")]
    command = find(words[0])
    if words[0] in ("COMMAND", "help", "--help"):
        return
    assert command is not None, words
    module = importlib.import_module(f"venturalitica.cli.{command.module}")
    click: Any = typer.main.get_command(module.app)
    rest = words[1:]
    if getattr(click, "commands", None):
        click, rest = click.commands[rest[0]], rest[1:]
    click.make_context(command.name, rest, resilient_parsing=False)


def variables(text: str) -> set[str]:
    return set(re.findall(r"\bVENTURALITICA_[A-Z_]*[A-Z]\b", text))


def test_every_environment_variable_is_documented_and_no_other() -> None:
    source = "\n".join(read(path) for path in sorted((ROOT / "src").rglob("*.py")))
    documented = set(re.findall(r"^\| `(VENTURALITICA_\w+)` \|", read(DOCS / "python.md"), re.M))
    assert documented == variables(source)
    for page in PAGES:
        assert variables(read(page)) <= documented, page.name


@pytest.mark.parametrize("name", sorted(vl.__all__))
def test_every_public_name_is_documented(name: str) -> None:
    text = "\n".join(read(page) for page in sorted(DOCS.glob("*.md")))
    spoken = f"vl.{name}" if name[0].islower() or name[0] == "_" else name
    assert re.search(rf"`(vl\.)?{re.escape(spoken)}\b|\b{re.escape(spoken)}\(", text), name


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "cli.md"], ids=lambda page: page.name)
def test_a_page_shows_what_the_scenario_finds(page: Path) -> None:
    rows = re.findall(r"^\S \S+ +([a-z-]+) +(\d\.\d+)  (\d\.\d+ – \d\.\d+)", read(page), re.M)
    assert rows
    found = read(DOCS / "loan-scenario.md")
    for control, value, interval in rows:
        line = rf"^\| `{control}` \|.*\| {value} \| {interval} \|"
        assert re.search(line, found, re.M), control


def test_the_readme_s_policy_is_the_one_that_its_output_names() -> None:
    """Its two controls are those of the scenario's file, but for titles and for what blocks."""
    (shown,) = [text for name, text in FENCE.findall(read(ROOT / "README.md")) if name == "yaml"]
    mine = parse_policy(shown.encode(), filename="README.md")
    shipped = read_policy(ROOT / "src/venturalitica/data/german_credit/model_policy.yaml")
    assert f"\n{mine.name} {mine.version}: {shipped.title}\n" in read(ROOT / "README.md")
    assert (mine.name, mine.version) == (shipped.name, shipped.version)
    for control in mine.controls:
        (own,) = [one for one in shipped.controls if one.id == control.id]
        assert (control.metric, control.must) == (own.metric, own.must)
        assert control.across == own.across


def test_the_readme_installs_and_begins_before_it_uses_what_that_gives() -> None:
    text = read(ROOT / "README.md")
    places = [
        text.index(word) for word in ("activate", "pip install", " init ", "X_train, y_train,")
    ]
    assert places == sorted(places)
    assert "--prediction predicted" not in text, "no step writes such a column"


def test_contributing_names_each_target_of_tests_once() -> None:
    named = re.findall(r"^make (test[\w-]*)", read(ROOT / "CONTRIBUTING.md"), re.M)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", read(ROOT / "Makefile"), re.M)
    assert sorted(named) == sorted(name for name in phony.split() if name.startswith("test"))
