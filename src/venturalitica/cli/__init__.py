"""The command line: `venturalitica`, short form `vl`.

A file per command; `commands` names them, `app` finds and runs them, `output` says how they print.
This file is the door: it answers `--help` and `--version` at once and imports the rest on demand.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import PurePath

from venturalitica.cli.commands import help_text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    `argv` are the arguments after the program's name (default: those of this process). Never
    raises for what a user can do wrong: the message goes to stderr, the status says which kind.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments in (["--help"], ["-h"], ["help"]):
        width = min(100, shutil.get_terminal_size().columns)
        return _print(help_text(_program(), width=width))
    if arguments == ["--version"]:
        from venturalitica._version import __version__

        return _print(f"venturalitica {__version__}\n")

    if arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    from venturalitica.cli.app import run

    return run(arguments, program=_program())


def _program() -> str:
    """The name that the user typed, where it is one of ours."""
    name = PurePath(sys.argv[0]).stem if sys.argv else ""
    return name if name in ("venturalitica", "vl") else "venturalitica"


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        from venturalitica.cli.output import close_broken_pipe

        return close_broken_pipe()
    return 0
