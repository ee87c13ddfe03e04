"""What persons signed about a record, as 'runs show' has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.ledger.records.kinds.approval import Approval
    from venturalitica.ledger.records.notes.note import Note


def sign_off_facts(ledger: Ledger, entry: Entry) -> list[dict[str, Any]]:
    """The sign-offs of one record as JSON, oldest first; an erased name or comment is null."""
    from venturalitica.ledger.lifecycle.approve import signed_off
    from venturalitica.ledger.records.vault import Vault

    vault = Vault(ledger.home)
    return [approval.told(vault) for approval in signed_off(ledger, entry)]


def note_facts(ledger: Ledger, entry: Entry) -> list[dict[str, Any]]:
    """The notes on one record as JSON, oldest first; an erased name or text is null."""
    from venturalitica.ledger.lifecycle.approve import noted
    from venturalitica.ledger.records.vault import Vault

    vault = Vault(ledger.home)
    return [note.told(vault) for note in noted(ledger, entry)]


def sign_off_lines(ledger: Ledger, entry: Entry) -> list[str]:
    """The sign-offs of one record as lines of text, oldest first."""
    from venturalitica.ledger.lifecycle.approve import signed_off

    return [_sign_off(ledger, approval) for approval in signed_off(ledger, entry)]


def note_lines(ledger: Ledger, entry: Entry) -> list[str]:
    """The notes on one record as lines of text, oldest first."""
    from venturalitica.ledger.lifecycle.approve import noted

    return [_note(ledger, note) for note in noted(ledger, entry)]


def _sign_off(ledger: Ledger, approval: Approval) -> str:
    from venturalitica.ledger.lifecycle.erase import shown

    who = f"{shown(ledger, approval.person)}, {approval.role}"
    when = approval.decided_at[:16].replace("T", " ")
    place = f"entry {approval.index}, key {approval.keyid[:16]}, it was {approval.light}"
    said = f": {shown(ledger, approval.comment)}" if approval.comment else ""
    return f"{approval.decision} by {who}, {when} UTC ({place}){said}"


def _note(ledger: Ledger, note: Note) -> str:
    from venturalitica.ledger.lifecycle.erase import shown

    when = note.noted_at[:16].replace("T", " ")
    about = f", control {note.control}" if note.control else ""
    place = f"entry {note.index}, key {note.keyid[:16]}{about}"
    return f"by {shown(ledger, note.person)}, {when} UTC ({place}): {shown(ledger, note.text)}"
