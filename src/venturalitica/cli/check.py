"""`venturalitica check`: judge data files by the policy, record the evidence, show the verdicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.cli.formats.destinations import FormatOption, OutputOption, destinations
from venturalitica.cli.output import (
    NOT_EVALUATED,
    WRONG,
    JsonOption,
    SeparatorOption,
    complain,
    counter,
    delivery_facts,
    exit_status,
    hint,
    in_options,
    leave,
    new_app,
    picked,
    print_lines,
    progress,
    say,
)
from venturalitica.core.record import Statement
from venturalitica.errors import BindingError, ControlBlocked

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.audit.measure import Request
    from venturalitica.audit.result import Audit

app = new_app()


class _Model(Struct, frozen=True):
    """The model to ask, by name."""

    name: str
    may_load: bool


class PhaseName(StrEnum):
    """Which controls are judged."""

    data = "data"
    model = "model"


@app.command()
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Data files, folders, globs, addresses, tables: CSV, JSON lines, Parquet, Arrow.",
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The policy; by default the project's own."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of what really happened.")
    ] = None,
    prediction: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of what the model predicted.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the favorable label's probability."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Ask this model: models:/NAME/VERSION, runs:/ID/PATH or a folder. Beside "
            "--prediction: the name of a model that is no files.",
        ),
    ] = None,
    no_load: Annotated[
        bool, typer.Option("--no-load", help="Refuse to load the model, which runs its files.")
    ] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=COLUMN", help="Column of a grouping role, or of weight; repeatable."
        ),
    ] = None,
    phase: Annotated[
        PhaseName | None,
        typer.Option(
            help="Judge only controls of this phase, before or after training; amber at best."
        ),
    ] = None,
    separator: SeparatorOption = None,
    details: Annotated[
        bool, typer.Option("--details", help="Show titles, reasons and groups of every control.")
    ] = False,
    formats: FormatOption = None,
    outputs: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge data files by the policy; keep the evidence.

    Rows of all files are judged together. Exit status 0 if every control passed, 1 if one failed,
    3 if none failed and one was not evaluated, 2 if the call, the data or the policy is wrong. With
    --phase this is said of the controls of that phase alone, and the light is amber at best.

    \b
    Examples:
      venturalitica check loans.csv --target class --prediction approved --role gender=sex
      venturalitica check 'data/2026-*.parquet' --target class --phase data --json
      venturalitica check s3://bucket/loans/ --target class --phase data
      venturalitica check loans.csv --model models:/credit/3 --target class --role gender=sex
      venturalitica check loans.csv --target class --format junit=junit.xml --format sarif=x.sarif
    """
    from venturalitica.cli.formats.audit import policy_place, told
    from venturalitica.cli.formats.write import reporting, write

    places = destinations(formats, outputs, as_json=as_json)
    with reporting(places, "check", file=lambda: policy_place(policy)), in_options():
        bindings = _bindings(
            {"target": target, "prediction": prediction, "score": score}, role or []
        )
        if no_load and not model:
            raise BindingError("--no-load is about --model MODEL, which was not given")
        asked_model = _Model(model, may_load=not no_load) if model else None
        audit = _judge(
            files, policy, bindings, phase.value if phase else None, separator, asked_model
        )
    asked = phase is not None
    write(
        places,
        told(
            audit,
            facts=facts(audit, phase_asked=asked),
            table=lambda: show(audit, details=details),
        ),
    )
    leave(final_status(audit, phase_asked=asked))


def facts(audit: Audit, *, phase_asked: bool = False) -> dict[str, Any]:
    """An audit as JSON."""
    return {
        "light": audit.light,
        "passed": audit.passed,
        "exit_status": final_status(audit, phase_asked=phase_asked),
        "phase": audit.circumstances.phase,
        "left_out": list(audit.circumstances.left_out),
        "policy": picked(audit.policy, "name version filename sha256"),
        "verdicts": [dict(verdict) for verdict in Statement.of(audit.statement).verdict_items],
        "evidence": {
            "run_id": audit.run_id,
            "index": audit.entry.index if audit.entry else None,
            "sha256": audit.evidence_sha256,
            "fault": audit.fault or None,
            "waiting": audit.waiting or None,
        },
        "deliveries": [delivery_facts(delivery) for delivery in audit.deliveries],
    }


def show(audit: Audit, *, details: bool = False) -> None:
    """Print the verdicts and where the evidence lies."""
    from venturalitica.cli.verdict_table import verdict_lines
    from venturalitica.core.verdict import left_out_sentence

    policy = audit.policy
    title = f": {policy.title}" if policy.title else ""
    heading = f"{policy.name} {policy.version}{title}"
    asked = audit.circumstances
    first = left_out_sentence(asked.phase, len(asked.left_out))
    first = f"{asked.phase.capitalize()} controls only. {first}" if first and asked.phase else first
    print_lines(
        verdict_lines(
            audit.verdicts, light=audit.light, heading=heading, groups=details, first=first
        )
    )
    say()
    if audit.fault:
        complain(audit.fault)
    if audit.waiting:
        complain(audit.waiting)
    if audit.entry is not None:
        from venturalitica.review.policy_use import same_version
        from venturalitica.system.settings import Settings

        home = Settings.current().home
        if two := same_version(home, policy, before=audit.entry.index):
            complain(f"warning: {two}")
        say(f"evidence: entry {audit.entry.index} in {home}")
        say(f"          sha256 {audit.entry.evidence_sha256}")
    for delivery in audit.deliveries:
        say(f"{delivery.run.tracker}: {_standing(delivery)}")
    if audit.entry is not None:
        run = audit.run_id[:12]
        hint(f"next: 'venturalitica runs show {run}' for all of it, 'venturalitica verify'")


def _standing(delivery: Delivery) -> str:
    run = delivery.run
    if delivery.kept:
        return f"run {run.run_id}: {delivery.detail}"
    state = "delivered" if delivery.delivered else f"waits ({delivery.detail})"
    return f"{state}: {run.url or f'{run.uri} run {run.run_id}'}"


def final_status(audit: Audit, *, phase_asked: bool = False) -> int:
    """The verdicts' status; `WRONG` where all passed but the evidence could not be written.

    Controls that were left out were not evaluated, unless the call itself asked for a phase.
    """
    status = exit_status(audit.verdicts)
    if status == 0 and audit.circumstances.left_out and not phase_asked:
        status = NOT_EVALUATED
    return WRONG if audit.fault and status == 0 else status


def _judge(
    files: Sequence[str],
    policy: Path | None,
    bindings: Mapping[str, str],
    phase: Any,
    separator: str | None,
    model: _Model | None,
) -> Audit:
    from venturalitica.audit.audit import conduct
    from venturalitica.audit.drift import baseline_columns
    from venturalitica.audit.measure import Request
    from venturalitica.audit.project import resolve_policy
    from venturalitica.cli.reading.csv_types import compared
    from venturalitica.cli.reading.data_files import find_files, judged_table, read_table
    from venturalitica.cli.reading.engine import errors_as_ours
    from venturalitica.cli.reading.places import data_name
    from venturalitica.judge import refuse_empty_phase

    rules = resolve_policy(policy)
    refuse_empty_phase(rules, phase)
    found = find_files(files)
    together = compared(rules, bindings)
    with progress("reading and judging"):
        columns = read_table(found, separator=separator, together=together)
        request = Request(
            policy=rules,
            source="check",
            frame=columns,
            bindings=bindings,
            phase=phase,
            name=data_name(found),
        )
        if model is None:
            besides = baseline_columns(rules)
            request = replace(request, frame=judged_table(columns, found, together, besides))
            with errors_as_ours():
                return _conducted(lambda: conduct(request))
    return _asked(request, model)


def _conducted(judge: Callable[[], Audit]) -> Audit:
    try:
        return judge()
    except ControlBlocked as blocked:
        return cast("Audit", blocked.audit)


def _asked(request: Request, model: _Model) -> Audit:
    from venturalitica.audit.named_model import conduct_named

    # Where MLflow's client alone would ask a dying server again for minutes, somebody waits.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with counter("reading the model, bytes") as count:
        return _conducted(
            lambda: conduct_named(request, model.name, may_load=model.may_load, progress=count)
        )


def _bindings(labels: Mapping[str, str | None], roles: Sequence[str]) -> dict[str, str]:
    """Role -> column; `--role` is for grouping roles, the labels have options of their own."""
    bound = {name: column for name, column in labels.items() if column is not None}
    for text in roles:
        name, equals, column = text.partition("=")
        name, column = name.strip(), column.strip()
        if not equals or not name or not column:
            raise BindingError(f"--role {text!r}: expected ROLE=COLUMN, as in --role gender=sex")
        if name in labels:
            raise BindingError(f"--role {text!r}: use --{name} {column}")
        if name in bound:
            raise BindingError(f"--role {name} is given twice: {bound[name]!r} and {column!r}")
        bound[name] = column
    return bound
