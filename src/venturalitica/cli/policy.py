"""`venturalitica policy`: lint, show, compare and commit to policies; their JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli import policy_commit, policy_diff
from venturalitica.cli.output import (
    FAILED,
    WRONG,
    JsonOption,
    emit_json,
    hint,
    leave,
    new_app,
    or_null,
    picked,
    say,
    table,
)

if TYPE_CHECKING:
    from venturalitica.core.policy import Control, Policy, Role
    from venturalitica.errors import Problem
    from venturalitica.policy import Lint

DEFAULT = "model_policy.yaml"

app = new_app(no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Lint, show, compare and commit to policies; print their JSON Schema.

    \b
    Examples:
      venturalitica policy lint model_policy.yaml
      venturalitica policy show model_policy.yaml
      venturalitica policy diff credit-scoring@1.2 model_policy.yaml
      venturalitica policy commit --data test.csv
      venturalitica policy history
      venturalitica policy schema > model_policy.schema.json
    """


@app.command()
def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help=f"Policy files; {DEFAULT} if left out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check policy files: every problem at once, each with its line.

    Exit status 0 where all files are policies, 2 where one has an error, 1 where one can be read
    but has a rule that cannot fail, or cannot pass. Hints go to stderr and change nothing.

    \b
    Examples:
      venturalitica policy lint
      venturalitica policy lint policies/*.yaml --json
    """
    from venturalitica.policy import lint as lint_file

    checked = [lint_file(file) for file in files or [Path(DEFAULT)]]
    if as_json:
        emit_json([_lint_facts(one) for one in checked])
    else:
        for one in checked:
            _print_lint(one)
    if not all(one.ok for one in checked):
        leave(WRONG)
    if any(one.faults for one in checked):
        leave(FAILED)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")] = Path(DEFAULT),
    as_json: JsonOption = False,
) -> None:
    """Show a policy's rules in words, its version and its SHA-256.

    \b
    Examples:
      venturalitica policy show
      venturalitica policy show policies/credit.yaml --json
    """
    from venturalitica.policy import read_policy

    read = read_policy(file)
    if as_json:
        emit_json(_policy_facts(read))
    else:
        _print_policy(read)


@app.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    It holds the names of all metrics. Editors complete from it where the policy's first line is
    `# yaml-language-server: $schema=model_policy.schema.json`.

    \b
    Example:
      venturalitica policy schema > model_policy.schema.json
    """
    from venturalitica.policy.schema import json_schema

    emit_json(json_schema())


app.command("commit")(policy_commit.commit)
app.command("diff")(policy_diff.diff)
app.command("history")(policy_diff.history)


def _print_lint(checked: Lint) -> None:
    for problem in (*checked.errors, *checked.faults):
        say(str(problem))
    for advice in checked.hints:
        place = f"{advice.file}:{advice.line}" if advice.line else advice.file
        hint(f"{place}: hint: {advice.message}")
    if checked.policy is not None and not checked.faults:
        n = len(checked.policy.controls)
        say(
            f"{checked.file}: ok ({checked.policy.name} {checked.policy.version}, "
            f"{n} control{'' if n == 1 else 's'})"
        )


def _print_policy(read: Policy) -> None:
    from venturalitica.policy.describe import describe_intervals, describe_role

    say(f"{read.name}, version {read.version}", style="bold")
    if read.title:
        say(read.title)
    say(f"{read.path or read.filename}  sha256 {read.sha256}")
    if read.retention:
        say(f"its records are kept: {read.retention}")
    if intervals := describe_intervals(read):
        say(f"its intervals: {intervals}")
    if read.tallies == "publish":
        say("its tallies are published beside the evidence, where no cell is below 'min_cell'")
    say()
    if read.roles:
        rows = [(role.name, describe_role(role)) for role in read.roles.values()]
        table(("role", "how it is read"), rows, whole=("role",))
        say()
    table(("control", "rule", "article", "if not"), [_row(one) for one in read.controls])


def _row(control: Control) -> tuple[str, str, str, str]:
    return control.id, _rule(control), control.article or "", control.on_fail


def _rule(control: Control) -> str:
    from venturalitica.policy.describe import measure

    return f"{measure(control)} must be {control.must}"


def _lint_facts(checked: Lint) -> dict[str, Any]:
    read = checked.policy
    return {
        "file": checked.file,
        "ok": checked.ok,
        "errors": [_problem_facts(problem) for problem in checked.errors],
        "faults": [_problem_facts(problem) for problem in checked.faults],
        "hints": [_problem_facts(problem) for problem in checked.hints],
        "policy": None
        if read is None
        else picked(read, "name version sha256") | {"controls": len(read.controls)},
    }


def _problem_facts(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line or None, "message": problem.message}


def _policy_facts(read: Policy) -> dict[str, Any]:
    return picked(read, "name version title") | {
        "retention": read.retention or None,
        "disclosure": picked(read, "min_cell tallies"),
        "intervals": picked(read, "level joint"),
        "file": read.path or read.filename,
        "sha256": read.sha256,
        "roles": [_role_facts(role) for role in read.roles.values()],
        "controls": [_control_facts(control) for control in read.controls],
    }


def _role_facts(role: Role) -> dict[str, Any]:
    # Pairs, not an object: the values of the data may be numbers, and 1 is not "1".
    pairs = [[value, group] for value, group in role.map.items()] if role.map else None
    found = picked(role, "name column favorable map bins labels line") | {"map": pairs}
    return or_null(found, "bins", "labels")


def _control_facts(control: Control) -> dict[str, Any]:
    small = control.small_groups
    return (
        picked(control, "id title")
        | {"rule": _rule(control)}
        | picked(control, "metric across compare groups of")
        | {"must": str(control.must), "operator": control.must.operator}
        | {"threshold": control.must.bound}
        | picked(control, "article on_fail min_support nulls")
        | {"small_groups": {small.how: small.below} if small else None}
        | picked(control, "phase remedy line")
    )
