"""Finds the command that was called, imports its module, runs it, and turns what goes wrong into
a message and an exit status.

Conventions for the module of a command are in `output`.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer

from venturalitica._version import __version__
from venturalitica.cli.commands import COMMANDS, find, help_text
from venturalitica.cli.output import INTERRUPTED, WRONG, close_broken_pipe, complain, new_app
from venturalitica.cli.parsing import Group, meant
from venturalitica.errors import PolicyError, VenturaliticaError


class LazyGroup(Group):
    """Knows every command by name, imports one when it is called, and catches our own errors."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [command.name for command in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = find(cmd_name)
        if known is None:
            return None
        module = importlib.import_module(f"venturalitica.cli.{known.module}")
        command = typer.main.get_command(module.app)
        command.name = known.name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if find(name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            hint = meant(name)
            ctx.fail(f"there is no command '{name}'{hint or '; --help lists all'}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(help_text(ctx.command_path, width=formatter.width))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what a user can do wrong becomes a message and a status."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except VenturaliticaError as error:
            if debugging():
                raise
            complain(*_lines(error))
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            if debugging():
                raise
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(close_broken_pipe()) from None
        except OSError as error:
            if debugging():
                raise
            complain(_os_words(error))
            raise typer.Exit(WRONG) from None
        return result


app = new_app(cls=LazyGroup, add_completion=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"venturalitica {__version__}")
        raise typer.Exit


@app.callback()
def venturalitica(
    version: bool = typer.Option(
        False, "--version", help="Print the version and leave.", is_eager=True, callback=_version
    ),
) -> None:
    """Certify an MLOps stack."""


def run(arguments: Sequence[str], *, program: str = "venturalitica") -> int:
    """Run the command line on `arguments`; the exit status."""
    listen()
    try:
        typer.main.get_command(app).main(args=list(arguments), prog_name=program)
    except SystemExit as leave:
        return _status(leave.code)
    except Exception:
        if debugging():
            raise
        last = traceback.format_exc().strip().splitlines()[-1]
        complain(
            f"this is a fault in venturalitica, not in what you did: {last}",
            "VENTURALITICA_DEBUG=1 shows where; please report it with that text",
        )
        return FAULT
    return 0


FAULT = 70
"""Exit status of an error that we did not foresee (EX_SOFTWARE of sysexits.h)."""


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    return os.environ.get("VENTURALITICA_DEBUG", "") not in ("", "0")


def _status(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _lines(error: VenturaliticaError) -> list[str]:
    """A line for each problem of a policy, one for any other error."""
    problems = error.problems if isinstance(error, PolicyError) else [error]
    return [str(problem) for problem in problems]


WHERE_TO = "change into a folder that exists"


def _os_words(error: OSError) -> str:
    if error.filename is None:
        gone = isinstance(error, FileNotFoundError)
        # All that `os.getcwd` says is "No such file or directory".
        return f"the working folder was deleted: {WHERE_TO}" if gone else str(error)
    return f"{error.filename}: {error.strerror or error}"


LOGGER = "venturalitica"
CONDUCTOR = "venturalitica.audit.audit"


class Complaints(logging.Handler):
    """Sends warnings to stderr; what a command prints anyway is left out.

    The conductor logs each verdict that did not pass and each fault that it puts in the `Audit`,
    for scripts that print nothing. `check` prints both itself.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == CONDUCTOR:
            return
        try:
            first, *rest = record.getMessage().splitlines() or [""]
            # Set in: what an exception says may hold a line that looks like one of ours.
            complain(first, *(f"  {line}" for line in rest))
        except (OSError, ValueError, TypeError):
            self.handleError(record)


def listen() -> None:
    """Send the package's warnings to stderr, once."""
    logger = logging.getLogger(LOGGER)
    if not any(isinstance(handler, Complaints) for handler in logger.handlers):
        logger.addHandler(Complaints(level=logging.WARNING))
