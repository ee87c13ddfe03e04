"""`venturalitica place`: record when a model was placed on the market."""

from __future__ import annotations

from typing import Annotated

import typer

from venturalitica.cli.output import (
    PASSED,
    JsonOption,
    YesOption,
    agree,
    emit_json,
    leave,
    new_app,
    say,
)
from venturalitica.cli.terminal import inert
from venturalitica.errors import EvidenceError, SettingsError

app = new_app()


@app.command()
def place(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="Beginning of its SHA-256 or of a run id, number of an entry, or a name.",
        ),
    ],
    on: Annotated[
        str,
        typer.Option("--on", metavar="DATE", help="The day, such as 2026-11-26; today at most."),
    ],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Record the day on which a model was placed on the market or put into service.

    The ten years of Article 18 count from it: until it is recorded, 'prune' takes no ten-year
    record of the model out. It is signed and stays; of several days for one model the latest
    counts.

    \b
    Example:
      venturalitica place 3f2a91c0 --on 2026-11-26
    """
    from datetime import UTC, datetime

    from venturalitica.audit.project import open_ledger
    from venturalitica.core.retention import TEN_YEARS, last_day, parse_day
    from venturalitica.ledger.lifecycle.place import model_meant
    from venturalitica.ledger.lifecycle.place import place as append_placement

    try:
        day = parse_day(on)
    except EvidenceError as error:
        raise SettingsError(f"--on: {error}") from None
    today = datetime.now(UTC).date()
    if day > today:
        raise SettingsError(f"--on {day}: today is {today}; what is only planned is not recorded")
    ledger = open_ledger(create=False)
    name, digest = model_meant(ledger, model)
    until = last_day(TEN_YEARS, day)
    question = f"Record that {name} (sha256 {digest[:12]}) was placed on the market on {day}?"
    if not agree(inert(question), yes=yes):
        leave(PASSED)
    entry = append_placement(ledger, name, digest, day)
    if as_json:
        emit_json(
            {
                "model": name,
                "model_sha256": digest,
                "placed_on": day.isoformat(),
                "ten_years_end": until.isoformat(),
                "record": entry.index,
                "evidence_sha256": entry.evidence_sha256,
            }
        )
        return
    say(inert(f"{name} (sha256 {digest[:12]}) was placed on the market on {day}."))
    say(f"Entry {entry.index} says so; its ten-year records are kept until {until}.")
