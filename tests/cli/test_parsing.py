"""Options given twice are refused by every command; help speaks of no Python type."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
import typer

from venturalitica.cli.app import app
from venturalitica.cli.commands import COMMANDS

POLICY = """policy: {name}
version: "1"
roles: {{target: {{column: y}}, prediction: {{column: p}}}}
controls:
  - {{id: acc, metric: accuracy, must: "{must}"}}
"""


def every_command() -> dict[str, Any]:
    found: dict[str, Any] = {"": typer.main.get_command(app)}
    for command in COMMANDS:
        top = typer.main.get_command(
            importlib.import_module(f"venturalitica.cli.{command.module}").app
        )
        found[command.name] = top
        for name, inner in getattr(top, "commands", {}).items():
            found[f"{command.name} {name}"] = inner
    return found


def options(*, flags: bool) -> list[tuple[str, str]]:
    """Command line and spelling of every option that takes one value, or of every flag."""
    return [
        (name, spelling)
        for name, command in every_command().items()
        for option in command.params
        if option.param_type_name == "option" and option.is_flag is flags and not option.multiple
        for spelling in option.opts
        if not option.is_eager
    ]


def test_of_two_policies_none_is_forgotten(call, project):
    for name, must in (("strict", "<= 0.2"), ("lax", ">= 0.1")):
        (project / f"{name}.yaml").write_text(POLICY.format(name=name, must=must))
    (project / "x.csv").write_text("y,p\n" + "1,1\n0,0\n" * 40)
    result = call("check", "x.csv", "--policy", "strict.yaml", "--policy", "lax.yaml")
    assert result.exit_code == 2
    assert "--policy is given twice: 'strict.yaml' and 'lax.yaml'" in result.stderr
    assert not (project / ".venturalitica").exists()


@pytest.mark.parametrize(("name", "option"), options(flags=False))
def test_every_option_with_one_value_is_taken_once(call, name, option):
    for values in (("one", "two"), ("one", "one")):
        result = call(*name.split(), option, values[0], f"{option}={values[1]}")
        assert result.exit_code == 2
        assert f"{option} is given twice" in result.stderr
        secret = option == "--token"
        assert all((repr(value) in result.stderr) is not secret for value in values)


def test_there_are_options_to_be_held():
    assert {("check", "--policy"), ("ui", "--port"), ("runs list", "--limit")} <= set(
        options(flags=False)
    )
    assert ("check", "--role") not in options(flags=False)


def test_short_and_long_form_are_one_option(capsys):
    from venturalitica.cli.output import new_app

    other = new_app()

    @other.command()
    def probe(policy: str = typer.Option("", "-p", "--policy")) -> None:
        """Probe."""

    with pytest.raises(SystemExit) as left:
        typer.main.get_command(other)(["-pstrict", "--policy", "lax"])
    assert left.value.code == 2
    assert "given twice: 'strict' and 'lax'" in capsys.readouterr().err


def test_a_flag_may_be_repeated_and_not_contradicted(call):
    assert call("metrics", "accuracy", "--json", "--json").exit_code == 0
    result = call("ui", "--open", "--no-open")
    assert result.exit_code == 2
    assert "--open/--no-open are both given" in result.stderr


@pytest.mark.parametrize("name", every_command())
def test_help_names_no_python_type_and_has_an_example(call, name):
    result = call(*name.split(), "--help")
    assert result.exit_code == 0
    assert not re.search(
        r"(?i)\b(list|tuple|dict|optional|union)\[|<(str|int|float|path|bool|class)\b|NoneType",
        result.stdout,
    )
    assert re.search(rf"Examples?:\n +(venturalitica|root) {name}", result.stdout)
