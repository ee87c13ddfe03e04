"""`venturalitica policy`: lint, show, compare and commit to policies; their JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    WRONG,
    JsonOption,
    complain,
    emit_json,
    hint,
    leave,
    new_app,
    or_null,
    picked,
    progress,
    say,
    table,
)
from venturalitica.cli.policies import commit, diff
from venturalitica.core.text import format_number, percent
from venturalitica.errors import EvidenceError, SettingsError

if TYPE_CHECKING:
    from venturalitica.core.policy import ApprovalRule, Control, Policy, Role
    from venturalitica.errors import Problem
    from venturalitica.judge.plan import Planned
    from venturalitica.policy import Lint

DEFAULT = "model_policy.yaml"

app = new_app(no_args_is_help=True)


@app.callback()
def policy() -> None:
    """Lint, show, compare, plan and commit to policies; print their JSON Schema.

    \b
    Examples:
      venturalitica policy lint model_policy.yaml
      venturalitica policy show model_policy.yaml
      venturalitica policy diff credit-scoring@1.2 model_policy.yaml
      venturalitica policy commit --data test.csv
      venturalitica policy plan --from last
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
    but has a rule that cannot fail, or cannot pass. Hints go to stderr and change nothing, nor does
    the warning that this version has judged with another text in the project's log.

    \b
    Examples:
      venturalitica policy lint
      venturalitica policy lint policies/*.yaml --json
    """
    from venturalitica.policy import lint as lint_file
    from venturalitica.review.policy_use import same_version
    from venturalitica.system.settings import Settings

    checked = [lint_file(file) for file in files or [Path(DEFAULT)]]
    home = Settings.current().home
    used = [same_version(home, one.policy) if one.policy else "" for one in checked]
    if as_json:
        emit_json([_lint_facts(*one) for one in zip(checked, used, strict=True)])
    else:
        for one, two in zip(checked, used, strict=True):
            _print_lint(one)
            if two:
                complain(f"{one.file}: warning: {two}")
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


@app.command()
def plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy file.")] = Path(DEFAULT),
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="Plan at the rates of this run on record."),
    ] = None,
    rates: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plan at the rates in this file.")
    ] = None,
    power: Annotated[
        float, typer.Option(metavar="SHARE", help="How often it shall be conclusive.")
    ] = 0.8,
    as_json: JsonOption = False,
) -> None:
    """Plan how many rows each control needs to be conclusive.

    At the rates and the mix of groups of a run on record, or of a file: tables of a size are drawn
    and judged as the product judges, until enough of them are conclusive on the side of the rates.

    \b
    Examples:
      venturalitica policy plan --from last
      venturalitica policy plan model_policy.yaml --rates rates.yaml --json
    """
    from venturalitica.policy import read_policy

    if (from_ is None) == (rates is None):
        raise SettingsError("give either --from RUN or --rates FILE")
    if not 0.5 <= power <= 0.99:
        raise SettingsError(f"--power is {power:g}; expected a share from 0.5 to 0.99")
    planned = _plan(read_policy(file), from_, rates, power)
    if as_json:
        emit_json([_planned_facts(one) for one in planned])
    else:
        _print_plan(planned, power)


def _plan(read: Policy, run: str | None, rates: Path | None, power: float) -> tuple[Planned, ...]:
    from venturalitica.cli.runs import found, own_ledger
    from venturalitica.judge.plan import plan, plan_rates
    from venturalitica.review.planning import read_rates, tally_of

    if rates is not None:
        return plan_rates(read, read_rates(rates, read), power=power)
    assert run is not None
    ledger = own_ledger()
    counted = [row for row in found(ledger, run) if row.kind == "audit"]
    if not counted:
        raise EvidenceError(f"'{run}' holds no audit, whose counts a plan rests on")
    tally = tally_of(ledger, ledger.entry(counted[-1].index))
    with progress("planning"):
        return plan(read, tally, power=power)


app.command("commit")(commit.commit)
app.command("diff")(diff.diff)
app.command("history")(diff.history)


def _print_plan(planned: tuple[Planned, ...], power: float) -> None:
    rows = [_planned_row(one) for one in planned]
    table(("control", "at", "must be", "rows now", "rows needed", "by group"), rows)
    say()
    say(
        f"so many rows are conclusive {percent(power)} of the time, if rates and mix of groups stay"
    )


def _planned_row(one: Planned) -> tuple[str, ...]:
    must, now = one.control.must, "" if one.now is None else f"{one.now:,}"
    value = "" if one.value is None else format_number(one.value, beside=must.bound)
    needed = one.why if one.rows is None else f"{one.rows:,}"
    groups = ", ".join(f"{name} {rows:,}" for name, rows in one.groups)
    return one.control.id, value, str(must), now, needed, groups


def _planned_facts(one: Planned) -> dict[str, Any]:
    found = {"control": one.control.id, "must": str(one.control.must)}
    facts = picked(one, "value met now rows power why") | {"groups": dict(one.groups)}
    return found | or_null(facts, "why")


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
    from venturalitica.policy.describe import describe_approvals, describe_intervals, describe_role

    say(f"{read.name}, version {read.version}", style="bold")
    if read.title:
        say(read.title)
    say(f"{read.path or read.filename}  sha256 {read.sha256}")
    if read.retention:
        say(f"its records are kept: {read.retention}")
    if intervals := describe_intervals(read):
        say(f"its intervals: {intervals}")
    if approvals := describe_approvals(read):
        say(f"the gate asks for sign-offs: {approvals}")
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


def _lint_facts(checked: Lint, warning: str) -> dict[str, Any]:
    read = checked.policy
    return {
        "file": checked.file,
        "ok": checked.ok,
        "errors": [_problem_facts(problem) for problem in checked.errors],
        "faults": [_problem_facts(problem) for problem in checked.faults],
        "hints": [_problem_facts(problem) for problem in checked.hints],
        "warning": warning or None,
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
        "approvals": [_approval_facts(rule) for rule in read.approvals],
        "file": read.path or read.filename,
        "sha256": read.sha256,
        "roles": [_role_facts(role) for role in read.roles.values()],
        "controls": [_control_facts(control) for control in read.controls],
    }


def _approval_facts(rule: ApprovalRule) -> dict[str, Any]:
    return picked(rule, "role count") | {"keys": sorted(rule.keys) or None}


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
