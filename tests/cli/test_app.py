"""The door: help, names, errors, exit statuses. Real processes where only those can show it."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from venturalitica import __version__
from venturalitica.cli import main
from venturalitica.cli.app import FAULT, app, run
from venturalitica.cli.commands import COMMANDS, help_text
from venturalitica.core.verdict import Verdict
from venturalitica.errors import ControlBlocked, DataError


def script(*arguments, **settings):
    """The console script as a shell would call it."""
    code = "import sys; from venturalitica.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **settings,
    )


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command(capsys, arguments):
    assert main(arguments) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^  {command.name} +{re.escape(command.help)}$", text, re.MULTILINE)


def test_help_of_a_command_is_asked_for_in_two_ways(capsys):
    assert main(["help", "metrics"]) == 0
    first = capsys.readouterr().out
    assert main(["metrics", "--help"]) == 0
    assert capsys.readouterr().out == first
    assert "venturalitica metrics --family fairness" in first


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"venturalitica {__version__}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from venturalitica.cli import main; main(['--help']);"
        "heavy = {'typer', 'rich', 'numpy', 'pandas', 'pydantic', 'sqlalchemy', 'mlflow'};"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_command_imports_no_other_command():
    code = (
        "import sys; from venturalitica.cli import main; main(['metrics', 'accuracy']);"
        "heavy = {'numpy', 'pandas', 'polars', 'narwhals', 'sqlalchemy', 'mlflow', 'wandb'};"
        "ours = {'check', 'demo', 'runs', 'verify', 'doctor', 'policy', 'init'};"
        "loaded = {n.removeprefix('venturalitica.cli.') for n in sys.modules};"
        "sys.exit(','.join(sorted((heavy | ours) & loaded)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_help_fits_the_terminal(width):
    lines = [line for line in help_text(width=width).splitlines() if " check loans" not in line]
    assert [line for line in lines if len(line) > width] == []


def test_the_group_prints_the_same_help(call):
    assert call("--help").stdout == help_text("root")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself_with_an_example(call, command):
    module = importlib.import_module(f"venturalitica.cli.{command.module}")
    group = typer.main.get_command(module.app)
    names = list(getattr(group, "commands", {})) or [""]
    for name in names:
        result = call(*f"{command.name} {name}".split(), "--help")
        assert result.exit_code == 0
        assert re.search(rf"Examples?:\n +venturalitica {command.name}", result.stdout)


def test_a_misspelt_command_is_answered_with_the_nearest(call):
    result = call("verfy")
    assert result.exit_code == 2
    assert "there is no command 'verfy'; did you mean 'verify'?" in result.stderr
    assert result.stdout == ""


def test_a_wrong_option_is_a_usage_error(call):
    result = call("metrics", "--famly", "x")
    assert result.exit_code == 2
    assert "--famly" in result.stderr


def raising(monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("venturalitica.cli.metrics._family", fail)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (DataError("bad \x1b[31m rows"), 2, "bad \\x1b[31m rows"),
        (ControlBlocked([Verdict(control="c", status="failed", reason="r")], []), 1, "c: failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "/x"), 2, "/x: Permission denied"),
        (RuntimeError("boom"), FAULT, "fault in venturalitica"),
    ],
)
def test_errors_become_messages_and_statuses(monkeypatch, capsys, error, status, said):
    monkeypatch.delenv("VENTURALITICA_DEBUG", raising=False)
    raising(monkeypatch, error)
    assert run(["metrics"]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("VENTURALITICA_DEBUG", "1")
    raising(monkeypatch, DataError("bad rows"))
    with pytest.raises(DataError, match="bad rows"):
        run(["metrics"])


def test_a_closed_pipe_is_quiet():
    code = "import sys; from venturalitica.cli import main; sys.exit(main(['metrics', '--json']))"
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_terminal_without_unicode_is_served(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = script("metrics", "log_loss", env=environment, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_console_scripts_are_declared():
    import tomllib

    root = Path(__file__).parents[2]
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"venturalitica": "venturalitica.cli:main", "vl": "venturalitica.cli:main"}


def test_app_completes_for_shells():
    names = [option for p in typer.main.get_command(app).params for option in p.opts]
    assert "--install-completion" in names
    assert "--show-completion" in names
