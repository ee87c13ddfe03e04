"""`docs/cli.md` and the commands say the same."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import typer

from venturalitica.cli.app import app
from venturalitica.cli.commands import COMMANDS, STATUSES

DOC = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def sections():
    """Command line -> its section of the documentation."""
    parts = re.split(r"^#{2,3} `venturalitica ?([^`]*)`\n", DOC, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands():
    """Every command line there is -> its click command."""
    found = {"": typer.main.get_command(app)}
    for command in COMMANDS:
        module = importlib.import_module(f"venturalitica.cli.{command.module}")
        top = typer.main.get_command(module.app)
        inner = getattr(top, "commands", None)
        if inner:
            found |= {f"{command.name} {name}": sub for name, sub in inner.items()}
        else:
            found[command.name] = top
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_is_documented(name):
    assert name in sections(), f"docs/cli.md has no section for 'venturalitica {name}'"
    section = sections()[name]
    for parameter in commands()[name].params:
        for option in parameter.opts:
            if option.startswith("-"):
                assert re.search(rf"`(-\w, )?{option}[ `]", section), (name, option)


def test_the_documentation_names_no_command_or_option_that_is_not_there():
    known = commands()
    assert set(sections()) == set(known)
    for name, section in sections().items():
        options = {option for parameter in known[name].params for option in parameter.opts}
        documented = re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", section, flags=re.MULTILINE)
        assert set(documented) <= options | {"--help"}, name


def test_every_exit_status_is_documented():
    for status, meaning in STATUSES:
        assert re.search(rf"^\| {status} \| {re.escape(meaning)}", DOC, flags=re.MULTILINE)
