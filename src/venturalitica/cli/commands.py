"""The commands by name: one line of help each, and the module that holds each.

Nothing is imported here, so that `venturalitica --help` costs little more than starting Python. A
command's module is imported when the command is called and not before.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from msgspec import Struct


class CommandLine(Struct, frozen=True):
    """A command: its name, its one line of help, the module whose `app` it is."""

    name: str
    help: str
    module: str
    group: str


START = "Start"
JUDGE = "Judge and prove"
LOOK = "Look"
CARE = "Care"

COMMANDS: tuple[CommandLine, ...] = (
    CommandLine("demo", "Audit a loan model on real data, here, in a minute.", "demo", START),
    CommandLine("init", "Write a model_policy.yaml fitted to your data.", "init", START),
    CommandLine("check", "Judge data files by the policy; keep the evidence.", "check", JUDGE),
    CommandLine("baseline", "Write the distributions of a training set.", "baseline", JUDGE),
    CommandLine("verify", "Check that nobody changed the evidence.", "verify", JUDGE),
    CommandLine("gate", "Say whether a model's version may pass.", "gates.gate", JUDGE),
    CommandLine(
        "override", "Let a version have an alias that the gate refuses.", "gates.override", JUDGE
    ),
    CommandLine("gate-server", "Check the gate file of MLflow's server.", "gates.server", CARE),
    CommandLine(
        "approve", "Sign a record off: dated, signed, by a person.", "signing.approve", JUDGE
    ),
    CommandLine(
        "note", "Write a signed note on a record; it decides nothing.", "signing.note", JUDGE
    ),
    CommandLine("policy", "Lint, show, compare and commit to policies.", "policies.policy", JUDGE),
    CommandLine("ui", "Look at runs, policies and evidence in a browser.", "ui", LOOK),
    CommandLine("watch", "Tell when the light of a pipeline changes.", "watching.watch", LOOK),
    CommandLine("runs", "List the runs on record, or show one in full.", "runs", LOOK),
    CommandLine("report", "Draw the report of a record, to hand to somebody.", "report", LOOK),
    CommandLine("metrics", "List every metric, or explain one.", "metrics", LOOK),
    CommandLine("keys", "Show, rotate or export the keys that sign.", "keys", CARE),
    CommandLine("attach", "Bring an audit to the run that it belongs to.", "attach", CARE),
    CommandLine("bind", "Put on record which model files a run holds.", "bind", CARE),
    CommandLine("sync", "Deliver evidence that still waits for its tracker.", "sync", CARE),
    CommandLine(
        "carry", "Write this log's new records for another machine.", "carrying.carry", CARE
    ),
    CommandLine("take", "Take in what another machine carried.", "carrying.take", CARE),
    CommandLine("reindex", "Rebuild the index from the evidence log.", "reindex", CARE),
    CommandLine("erase", "Delete personal values that records keep in the vault.", "erase", CARE),
    CommandLine("place", "Record when a model was placed on the market.", "place", CARE),
    CommandLine("prune", "Take out records whose retention has passed.", "prune", CARE),
    CommandLine("doctor", "Find out what is missing or broken, and the fix.", "doctor", CARE),
)

SUMMARY = (
    "Certify an MLOps stack: policies, verdicts with intervals, evidence that can be verified."
)
EXAMPLE = "check loans.csv --target class --prediction approved"
STATUSES: tuple[tuple[int, str], ...] = (
    (0, "all passed"),
    (1, "a control failed, or a check of evidence failed"),
    (2, "the call or a file is wrong"),
    (3, "something was not evaluated"),
)


def find(name: str) -> CommandLine | None:
    """The command of that name, or None."""
    return next((command for command in COMMANDS if command.name == name), None)


def help_text(program: str = "venturalitica", *, width: int = 80) -> str:
    """What `--help` prints: all commands, an example, the exit statuses; ends with a newline."""
    lines = [f"Usage: {program} COMMAND [OPTIONS] [ARGUMENTS]", "", *_wrapped(SUMMARY, width)]
    for group in dict.fromkeys(command.group for command in COMMANDS):
        rows = [(command.name, command.help) for command in COMMANDS if command.group == group]
        lines += ["", f"{group}:", *_rows(rows, width, column=_NAMES)]
    lines += ["", "Options:", *_rows(OPTIONS, width)]
    lines += ["", "Example:", f"  {program} demo", f"  {program} {EXAMPLE}"]
    lines += ["", "Exit status:", *_rows([(str(n), text) for n, text in STATUSES], width)]
    lines += [
        "",
        *_wrapped(f"'{program} COMMAND --help' explains a command, with an example.", width),
    ]
    return "\n".join(lines) + "\n"


OPTIONS: tuple[tuple[str, str], ...] = (
    ("--version", "Print the version and leave."),
    ("--install-completion", "Install completion for this shell."),
    ("--show-completion", "Print the completion for this shell."),
    ("-h, --help", "Print this help and leave."),
)


_NAMES = max(len(command.name) for command in COMMANDS)


def _rows(rows: Sequence[tuple[str, str]], width: int, *, column: int = 0) -> list[str]:
    column = column or max(len(name) for name, _ in rows)
    lines: list[str] = []
    for name, text in rows:
        parts = _wrapped(text, max(20, width - column - 4))
        lines.append(f"  {name:<{column}}  {parts[0]}")
        lines += [" " * (column + 4) + part for part in parts[1:]]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width)) or [""]
