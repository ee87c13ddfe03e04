"""`venturalitica approve`: a person signs a record off."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    RUN,
    WRONG,
    JsonOption,
    YesOption,
    agree,
    emit_json,
    hint,
    leave,
    new_app,
    say,
)
from venturalitica.cli.terminal import inert
from venturalitica.errors import SettingsError, SigningKeyError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ledger.signing.signer import FileSigner
    from venturalitica.system.settings import Settings

app = new_app()


@app.command()
def approve(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help=f"{RUN} It must name one record.",
        ),
    ],
    person: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who signs off; can be erased later.")
    ],
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="In which function; stays readable for ever.")
    ],
    comment: Annotated[
        str, typer.Option(metavar="TEXT", help="What the person says; can be erased later.")
    ] = "",
    reject: Annotated[
        bool, typer.Option("--reject", help="Record that the person rejected it.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The person's own private key (PEM); it signs too."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a record off: dated, signed, in a record of its own (Annex IV 2(g)).

    The record itself is never touched. Approving one whose light is not green asks first.

    \b
    Examples:
      venturalitica approve last --as "Ada Lovelace" --role "Head of credit risk"
      venturalitica approve 3f2a91c0 --as "Ada Lovelace" --role Auditor --reject --comment "..."
    """
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    entry = one_record(ref)
    if not person.strip() or not role.strip():
        raise SettingsError("--as or --role is empty: a sign-off names a person and a role")
    said = {"person": person.strip(), "role": role.strip(), "comment": comment.strip()}
    said["decision"] = "rejected" if reject else "approved"
    done = _signed_off(settings, entry, said, key, yes=yes)
    emit_json(done) if as_json else _show(done)
    leave(0)


def one_record(ref: str) -> Entry:
    """The one record that is meant."""
    from venturalitica.cli.runs import found, own_ledger

    ledger = own_ledger()
    rows = found(ledger, ref)
    if len(rows) > 1:
        entries = ", ".join(f"{row.index} ({row.kind}, {row.light})" for row in rows[:10])
        raise SettingsError(
            f"'{ref}' is a run of {len(rows)} records: {entries}; give the number of one"
        )
    return ledger.entry(rows[0].index)


def _signed_off(
    settings: Settings, entry: Entry, said: Mapping[str, str], key: Path | None, *, yes: bool
) -> dict[str, Any]:
    """`said` are person, role, comment and decision."""
    from venturalitica.audit.project import open_ledger
    from venturalitica.audit.sign_off import check_signable, concern, sign_off
    from venturalitica.cli.record_view import light_of
    from venturalitica.ledger.records.kinds.approval import Approval
    from venturalitica.ledger.records.vault import Vault

    check_signable(entry)
    ledger = open_ledger(settings, create=False)
    light = light_of(ledger, entry)
    doubt = concern(entry, light) if said["decision"] == "approved" else ""
    if doubt and not agree(inert(f"{doubt}. Approve it as {said['person']}?"), yes=yes):
        leave(WRONG)
    own = own_key(key, settings) if key is not None else None
    made = sign_off(settings, entry, said, light=light, own=own)
    approval = Approval.of(made.record.predicate, made.index)
    target = {"index": entry.index, "evidence_sha256": entry.evidence_sha256}
    return approval.told(Vault(ledger.home)) | {"of": target, "own_key": own is not None}


def own_key(path: Path, settings: Settings) -> FileSigner:
    """A person's key; its passphrase is asked for on a terminal."""
    from venturalitica.ledger.signing.signer import read_private

    try:
        return read_private(path, settings.signing_key_passphrase)
    except SigningKeyError as error:
        if "passphrase" not in str(error) or not sys.stdin.isatty():
            raise
    return read_private(path, typer.prompt(f"Passphrase of {path}", hide_input=True, err=True))


def _show(done: dict[str, Any]) -> None:
    say(f"entry {done['of']['index']} {done['decision']} by {done['person']}, {done['role']}")
    say(f"recorded as entry {done['entry']}, signed by key {done['keyid']}")
    if not done["own_key"]:
        hint("signed with this project's key, as all records here; '--key' signs with a person's")
