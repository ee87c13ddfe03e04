"""`venturalitica override`: break the glass for one version, one alias, a few hours."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    WRONG,
    JsonOption,
    YesOption,
    agree,
    counter,
    delivery_facts,
    emit_json,
    hint,
    leave,
    new_app,
    say,
    styled,
)
from venturalitica.cli.terminal import inert
from venturalitica.errors import EvidenceError, SettingsError

if TYPE_CHECKING:
    from venturalitica.audit.recording import Outcome
    from venturalitica.core.gate import Candidate
    from venturalitica.ledger.records.gate.override import Override
    from venturalitica.ledger.signing.signer import Signer
    from venturalitica.system.settings import Settings
    from venturalitica.trackers.mlflow.models import Named

app = new_app()

_ALIAS = re.compile(r"[\w-]{1,255}")
_RESERVED = re.compile(r"v\d+|latest", re.IGNORECASE)
_TERM = re.compile(r"([1-9][0-9]{0,2})h")


@app.command()
def override(
    target: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="models:/NAME/VERSION, or models:/NAME@alias."),
    ],
    alias: Annotated[str, typer.Option(metavar="ALIAS", help="The alias that it may have.")],
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; everybody who sees the alias reads it.")
    ],
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who decides; can be erased later.")
    ],
    term: Annotated[
        str, typer.Option("--for", metavar="HOURS", help="How long: 1h to 72h from now.")
    ],
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The person's own private key (PEM); it signs too."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a version have an alias that the gate refuses: signed, dated, for 72 hours at most.

    For these very files under this alias, by whom and why. It changes nothing by itself: the gate
    lets the alias be set while it lasts, where the key is one that it names for that ('overrides:'
    in gate.yaml, --overrides of 'gate'). Wherever the alias is shown, this is shown in red.

    \b
    Example:
      venturalitica override models:/credit/3 --alias champion --for 24h \\
        --because "3 stops a fraud that 2 lets through" --as "Ada Lovelace" --key ada.pem
    """
    from venturalitica.review.gate.candidates import candidate_of
    from venturalitica.system.settings import Settings, ask_trackers_briefly

    span = _term(term)
    for option, text in (("--alias", alias), ("--because", because), ("--as", person)):
        if not text.strip():
            raise SettingsError(
                f"{option} is empty: an override names an alias, a reason, a person"
            )
    _check_alias(alias)
    ask_trackers_briefly()
    settings = Settings.current()
    with counter("bytes") as progress:
        candidate, named = candidate_of(target, progress=progress)
    if named is None or candidate.files is None or not candidate.version:
        raise SettingsError(f"{target} is no version of a registered model; give models:/NAME/N")
    what = (
        f"{candidate.name} {candidate.version} may be '{alias}' for {term}, whatever the gate says"
    )
    if not agree(f"{what}. Sign that as {person}?", yes=yes):
        leave(WRONG)
    made, kept = _signed(
        candidate,
        named,
        said={"alias": alias, "because": because.strip(), "person": person.strip()},
        span=span,
        key=key,
        settings=settings,
    )
    emit_json(_facts(made, kept)) if as_json else _show(made, kept)
    leave(0)


def _check_alias(alias: str) -> None:
    """Raise for an alias that MLflow never sets: signed, it would stand on record and help nobody.

    The rule is that of `mlflow.utils.validation`, MLflow 3.17.
    """
    if not _ALIAS.fullmatch(alias):
        raise SettingsError(
            f"--alias {alias[:80]!r}: expected letters, digits, '_' and '-', at most 255: MLflow "
            "sets no other"
        )
    if _RESERVED.fullmatch(alias):
        raise SettingsError(
            f"--alias {alias!r}: MLflow reserves 'latest' and v<number>, and sets no such alias; "
            "give the name that the version is to have, such as champion"
        )


def _term(text: str) -> timedelta:
    found = _TERM.fullmatch(text.strip())
    if found is None or int(found[1]) > 72:
        raise SettingsError(f"--for {text!r}: expected hours from 1h to 72h")
    return timedelta(hours=int(found[1]))


def _signed(
    candidate: Candidate,
    named: Named,
    *,
    said: dict[str, str],
    span: timedelta,
    key: Path | None,
    settings: Settings,
) -> tuple[Override, Outcome]:
    """`said` are alias, because and person."""
    from datetime import UTC, datetime

    from venturalitica.audit.project import open_ledger
    from venturalitica.audit.recording import keep
    from venturalitica.audit.statement import Unsigned, run_json
    from venturalitica.cli.gates.passage import run_of
    from venturalitica.cli.signing.approve import own_key
    from venturalitica.core.redact import redact_text
    from venturalitica.ledger.records.gate.override import Override, files_sha256
    from venturalitica.ledger.records.vault import MAX_TEXT, Pair

    own: Signer | None = own_key(key, settings) if key is not None else None
    ledger_key = open_ledger(settings).signer_id
    pair, now = Pair.of(said["person"], limit=MAX_TEXT), datetime.now(UTC)
    if candidate.files is None:
        raise EvidenceError("there are no files that it could be for")
    made = Override(
        name=candidate.name,
        version=candidate.version,
        alias=said["alias"],
        files_root=candidate.files.root,
        files_sha256=files_sha256(candidate.files),
        because=redact_text(said["because"]),
        person=pair.reference,
        keyid=own.keyid if own is not None else ledger_key,
        at=now,
        until=now + span,
    )
    run = run_of(named)
    runs = () if run is None else (run,)
    unsigned = Unsigned(
        made.statement([run_json(one) for one in runs]),
        pairs=(pair,),
        cosigners=(own,) if own is not None and own.keyid != ledger_key else (),
    )
    kept = keep(unsigned, runs, settings)
    if kept.entry is None:
        raise EvidenceError(f"the override is not on record ({kept.fault or kept.waiting})")
    return made, kept


def _facts(made: Override, kept: Outcome) -> dict[str, Any]:
    from venturalitica.core.text import timestamp

    return {
        "entry": kept.entry.index if kept.entry else None,
        "evidence_sha256": kept.entry.evidence_sha256 if kept.entry else None,
        "name": made.name,
        "version": made.version,
        "alias": made.alias,
        "files_root": made.files_root,
        "because": made.because,
        "keyid": made.keyid,
        "until": timestamp(made.until),
        "deliveries": [delivery_facts(one) for one in kept.deliveries],
    }


def _show(made: Override, kept: Outcome) -> None:
    from venturalitica.core.text import timestamp

    until = timestamp(made.until)[:16]
    said = f"{made.name} {made.version} may be '{made.alias}' until {until} UTC: {made.because}"
    styled(("OVERRIDE  ", "bold red"), (said, "red"))
    if kept.entry is not None:
        say(f"recorded as entry {kept.entry.index}, signed by key {made.keyid}")
    if not kept.deliveries:
        hint("the version names no run, where a server's gate would look for it")
    elif any(not one.delivered for one in kept.deliveries):
        hint(
            "it still waits for the version's run, where a gate looks for it: 'venturalitica sync'"
        )
    say(inert(f"set the alias while it lasts; it ends by itself, and '{made.alias}' does not"))
