"""`venturalitica gate-server`: the file by which MLflow's server guards, checked and described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import WRONG, JsonOption, emit_json, leave, new_app, say
from venturalitica.cli.terminal import inert

if TYPE_CHECKING:
    from venturalitica.errors import Problem
    from venturalitica.server.gate_file import GateFile

DEFAULT = "gate.yaml"

app = new_app(no_args_is_help=True)


@app.callback()
def gate_server() -> None:
    """Check the gate file of MLflow's server; print its JSON Schema.

    \b
    Examples:
      venturalitica gate-server lint gate.yaml
      venturalitica gate-server schema
    """


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The gate file.")] = Path(DEFAULT),
    as_json: JsonOption = False,
) -> None:
    """Check a gate file, and the policies and keys that it names: each fault with its line.

    Exit status 0 where the server can guard by it, 2 where it would refuse everything.

    \b
    Example:
      venturalitica gate-server lint gate.yaml
    """
    from venturalitica.server.gate_file import named_faults, read_gate

    gate = read_gate(file)
    problems = (*gate.problems, *named_faults(gate))
    if as_json:
        emit_json(_facts(gate, problems))
    else:
        for problem in problems:
            say(inert(str(problem)))
        if not problems:
            count = len(gate.protections)
            rules = f"{count} rule{'' if count == 1 else 's'}"
            say(inert(f"{file}: {rules}, mode {gate.mode}, sha256 {gate.sha256}"))
    if problems:
        leave(WRONG)


def _facts(gate: GateFile, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "file": gate.file,
        "sha256": gate.sha256 or None,
        "mode": gate.mode,
        "rules": len(gate.protections),
        "problems": [
            {"file": one.file, "line": one.line, "message": one.message} for one in problems
        ],
    }


@app.command()
def schema() -> None:
    """Print the JSON Schema of gate files, for editors.

    \b
    Example:
      venturalitica gate-server schema > gate.schema.json
    """
    from venturalitica.server.gate_file import schema as of_gate

    emit_json(of_gate())
