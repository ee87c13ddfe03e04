"""`venturalitica carry`: this log's new records, in a folder for another machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import JsonOption, counter, emit_json, hint, new_app, say
from venturalitica.cli.terminal import inert

if TYPE_CHECKING:
    from venturalitica.ledger.carrying.carry import Parcel

app = new_app()


@app.command()
def carry(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A new or empty folder, to keep as an artifact.")
    ],
    since: Annotated[
        str,
        typer.Option(
            metavar="CHECKPOINT",
            help="Only what came after it: a checkpoint of this log, a folder carried before, or "
            "how many entries were carried.",
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Write what this log has into a folder that another machine takes in.

    A machine of a CI vanishes, and its log with it. The folder holds the records, the checkpoint
    that seals them, the public keys, and the tallies of audits, apart from the records so that
    each can be erased. Names, comments and the log's own secret stay behind. Nothing is uploaded:
    keep the folder as an artifact of the job, and bring it in with 'venturalitica take'.

    \b
    Examples:
      venturalitica carry evidence-of-this-job
      venturalitica carry new --since carried-before/log/checkpoint
    """
    from venturalitica.ledger.carrying.carry import carry as write
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.system.settings import Settings

    home = Settings.current().home
    with counter("carrying") as progress:
        done = write(home, out, since=since, progress=progress)
    waiting = Ledger.open(home).waiting
    if as_json:
        emit_json(facts(done) | {"waiting": waiting})
    else:
        _show(done)
    if waiting:
        hint(
            f"{waiting} statement(s) wait in the inbox and are not in the log yet: "
            "'venturalitica sync', then carry again"
        )


def facts(done: Parcel) -> dict[str, Any]:
    """What was written, as JSON."""
    return {
        "folder": str(done.folder),
        "origin": done.origin,
        "start": done.start,
        "size": done.size,
        "entries": done.size - done.start,
        "root": done.root,
        "tallies": done.tallies,
        "tallies_missing": done.left,
    }


def _show(done: Parcel) -> None:
    from venturalitica.ledger.verify.check_records import many

    count = done.size - done.start
    what = f"entries {done.start} to {done.size - 1}" if count else "nothing new"
    what = f"entry {done.start}" if count == 1 else what
    missing = f", {done.left} not in the vault any more" if done.left else ""
    say(
        inert(
            f"Carried {what} of {done.origin}: {many(done.tallies, 'tally', 'tallies')}{missing}."
        )
    )
    say(inert(f"Keep {done.folder} as it is, and take it in with 'venturalitica take'."))
