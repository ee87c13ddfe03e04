"""`venturalitica note`: a person writes a signed note on a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from venturalitica.cli.output import RUN, JsonOption, emit_json, hint, leave, new_app, say
from venturalitica.cli.signing.approve import one_record, own_key

app = new_app()


@app.command()
def note(
    ref: Annotated[
        str,
        typer.Argument(metavar="RUN", help=f"{RUN} It must name one record."),
    ],
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What there is to say; can be erased later.")
    ],
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who says it; can be erased later.")
    ],
    control: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The control that it is about, if about one."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The person's own private key (PEM); it signs too."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a note on a record: dated, signed, in a record of its own. It decides nothing.

    No light changes by it, and it cannot be taken back, only followed by another. 'runs show', the
    dashboard and the report show it.

    \b
    Examples:
      venturalitica note last "The sample of May has no pensioners." --as "Ada Lovelace"
      venturalitica note 12 "Known, see ticket 7." --as "Ada Lovelace" --control gender-parity
    """
    from venturalitica.audit.sign_off import note as sign_note
    from venturalitica.ledger.records.notes.note import Note
    from venturalitica.ledger.records.vault import Vault
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    entry = one_record(ref)
    own = own_key(key, settings) if key is not None else None
    said = {"person": person.strip(), "text": text.replace("\r\n", "\n").strip()}
    made = sign_note(settings, entry, **said, control=control, own=own)
    told = Note.of(made.record.predicate, made.index).told(Vault(settings.home))
    target = {"index": entry.index, "evidence_sha256": entry.evidence_sha256}
    done = told | {"of": target, "own_key": own is not None}
    emit_json(done) if as_json else _show(done)
    leave(0)


def _show(done: dict[str, Any]) -> None:
    about = f", control {done['control']}" if done["control"] else ""
    say(f"note on entry {done['of']['index']}{about} by {done['person']}: {done['text']}")
    say(f"recorded as entry {done['entry']}, signed by key {done['keyid']}")
    if not done["own_key"]:
        hint("signed with this project's key, as all records here; '--key' signs with a person's")
