"""`venturalitica gate`: may this version pass?"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import asdict

from venturalitica.cli.formats.destinations import FormatOption, OutputOption, destinations
from venturalitica.cli.output import (
    FAILED,
    NOT_EVALUATED,
    PASSED,
    JsonOption,
    complain,
    counter,
    delivery_facts,
    hint,
    leave,
    new_app,
    say,
    styled,
)
from venturalitica.cli.terminal import inert
from venturalitica.errors import SettingsError

if TYPE_CHECKING:
    from venturalitica.cli.gates.passage import Passage
    from venturalitica.core.policy import ApprovalRule, Policy
    from venturalitica.ledger import Ledger
    from venturalitica.reports.formats.findings import Findings
    from venturalitica.system.settings import Settings

app = new_app()

_AGE = re.compile(r"([1-9][0-9]{0,4})([hd])")


@app.command()
def gate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="models:/NAME/VERSION, models:/NAME@alias, runs:/ID, or a bundle (evidence.json).",
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The policy that must be met; the project's own if left out."
        ),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", metavar="AGE", help="Judged at most so long ago: 30d, 12h."),
    ] = None,
    signers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Public keys ('keys export') whose evidence counts; else your own keys, and "
            "VENTURALITICA_TRUSTED_KEYS.",
        ),
    ] = None,
    overrides: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Public keys whose 'override' lets it have the alias though refused; else none.",
        ),
    ] = None,
    require_approval: Annotated[
        list[str] | None,
        typer.Option(
            "--require-approval",
            metavar="ROLE[:N]",
            help="Signed off in this function by N persons, each with a key; repeatable.",
        ),
    ] = None,
    set_alias: Annotated[
        str | None,
        typer.Option("--set-alias", metavar="ALIAS", help="Set this alias where it may pass."),
    ] = None,
    amber: Annotated[
        bool, typer.Option("--amber", help="Let amber pass too: met, and not conclusively.")
    ] = False,
    formats: FormatOption = None,
    outputs: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a model's version may pass: judged by signed evidence of its own files.

    Fetches its files and the evidence at its run, verifies signatures and log proof, and checks
    that these very files were judged, under this policy (or judges their tally anew under it), by
    a key that counts, lately enough, all controls met, signed off by whom is asked. The decision
    is put on record and delivered to the run; only then the alias is set.

    Where it is refused and an override lies at its run by one of the keys in --overrides, the alias
    is set all the same, and everything says so in red until the override ends.

    Exit status 0 where it may pass, 1 where it is refused, 2 where the call or a file is wrong, 3
    where it could not be judged under the policy from here.

    \b
    Examples:
      venturalitica gate models:/credit/3 --policy model_policy.yaml
      venturalitica gate models:/credit/3 --signers ci-keys.pem --max-age 30d --set-alias champion
      venturalitica gate evidence.json --require-approval "Head of credit risk"
      venturalitica gate models:/credit@challenger --format junit=gate.xml
    """
    from venturalitica.audit.project import resolve_policy
    from venturalitica.cli.formats.audit import policy_place
    from venturalitica.cli.formats.write import Told, reporting, write
    from venturalitica.cli.gates.passage import pass_gate
    from venturalitica.core.gate import Requirement
    from venturalitica.ledger import read_keys
    from venturalitica.review.gate.serving import keys_of
    from venturalitica.system.settings import Settings, ask_trackers_briefly

    places = destinations(formats, outputs, as_json=as_json)
    ask_trackers_briefly()
    settings = Settings.current()
    with reporting(places, "gate", file=lambda: policy_place(policy)):
        rules = resolve_policy(policy)
        requirement = Requirement(
            policy=rules,
            max_age=_age(max_age),
            approvals=tuple(map(_approval, require_approval or ())),
            light="amber" if amber else "green",
        )
        with counter("bytes") as progress:
            done = pass_gate(
                target,
                requirement,
                keys=keys_of(settings, signers),
                alias=set_alias or "",
                overrides=() if overrides is None else read_keys(overrides),
                ledger=_own_ledger(settings),
                settings=settings,
                progress=progress,
            )
    told = Told(
        findings=findings(done, rules), facts=facts(done), table=partial(_show, done, target)
    )
    write(places, told)
    leave(_status(done))


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise SettingsError(f"--max-age {text!r}: expected days or hours, such as 30d or 12h")
    return timedelta(**{{"h": "hours", "d": "days"}[found[2]]: int(found[1])})


def _approval(text: str) -> ApprovalRule:
    from venturalitica.core.policy import ApprovalRule

    role, colon, count = text.rpartition(":")
    if not colon:
        role, count = text, "1"
    if not role.strip() or not count.isdecimal() or not 1 <= int(count) <= 20:
        raise SettingsError(
            f"--require-approval {text!r}: expected a function, or a function and how many persons "
            "(1 to 20), such as 'Auditor' or 'Auditor:2'"
        )
    return ApprovalRule(role.strip(), int(count))


def _own_ledger(settings: Settings) -> Ledger | None:
    from venturalitica.ledger.ledger import Ledger

    if not (settings.home / "log").is_dir():
        return None
    return Ledger.open(settings.home, create=False, settle=False)


def _status(done: Passage) -> int:
    if done.passed:
        return PASSED if done.entry is not None else FAILED
    return NOT_EVALUATED if done.decision.rule == "no-tally" else FAILED


def facts(done: Passage) -> dict[str, Any]:
    """What was decided, as JSON."""
    return {
        **done.decision.to_json(),
        "override": None if done.override is None else asdict(done.override),
        "alias_set": done.alias or None,
        "entry": done.entry.index if done.entry else None,
        "fault": done.fault or None,
        "deliveries": [delivery_facts(one) for one in done.deliveries],
    }


def findings(done: Passage, policy: Policy) -> Findings:
    """One: the decision, at the control's line in the policy where it hangs on one."""
    from venturalitica.cli.formats.repository import in_repository
    from venturalitica.reports.formats.findings import Finding, Findings, made, plain

    decision = done.decision
    line = next((one.line for one in policy.controls if one.id == decision.control), 0)
    named = " ".join(filter(None, (decision.name, decision.version)))
    file = in_repository(policy.path) if policy.path else policy.filename
    undone = decision.rule == "no-tally"
    one = Finding(
        name=plain(decision.control or decision.rule),
        outcome="passed" if decision.allowed else "not_evaluated" if undone else "failed",
        light="green" if decision.allowed else "red",
        message=plain(done.sentence),
        rule=decision.rule,
        file=plain(file),
        line=line,
        blocks=not done.passed,
        identity=f"gate {named} {decision.rule} {decision.control}",
    )
    word = "may pass" if decision.allowed else "is refused"
    if done.override is not None:
        word = "is let through by override"
    return Findings(
        command="gate",
        subject=plain(named),
        light=one.light,
        sentence=plain(f"{named} {word}: {done.sentence}"),
        items=(made(one),),
        group=plain(f"gate {decision.name}"),
    )


def _show(done: Passage, target: str) -> None:
    decision = done.decision
    named = inert(" ".join(filter(None, (decision.name, decision.version))) or target)
    word, style = ("ALLOWED", "bold green") if decision.allowed else ("REFUSED", "bold red")
    if done.override is not None:
        styled(("OVERRIDE  ", style), (f"{named}: {done.sentence} ({decision.rule})", "red"))
    else:
        styled((f"{word}  ", style), (f"{named}: {decision.sentence} ({decision.rule})", ""))
    if done.entry is not None:
        say(f"the decision is entry {done.entry.index} of the evidence log")
    elif done.fault:
        complain(f"the decision is not on record: {done.fault}")
    if done.alias:
        say(f"'{inert(done.alias)}' of {named} is set")
    waiting = [one for one in done.deliveries if one.state == "waits"]
    if waiting:
        hint("the record of it still waits for its run: 'venturalitica sync'")
