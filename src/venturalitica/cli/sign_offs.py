"""Sign-offs of records, as facts and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.ledger.approval import Approval


def facts(ledger: Ledger, entry: Entry) -> list[dict[str, Any]]:
    """The sign-offs of one record as JSON, oldest first; an erased name or comment is null."""
    from venturalitica.ledger.signed_off import signed_off
    from venturalitica.ledger.vault import Vault

    vault = Vault(ledger.home)
    return [approval.told(vault) for approval in signed_off(ledger, entry)]


def lines(ledger: Ledger, entry: Entry) -> list[str]:
    """The sign-offs of one record as lines of text, oldest first."""
    from venturalitica.ledger.signed_off import signed_off

    return [_line(ledger, approval) for approval in signed_off(ledger, entry)]


def decisions(ledger: Ledger) -> dict[int, Approval]:
    """The last sign-off of each record that has one."""
    from venturalitica.ledger.approval import approvals

    return {entry: found[-1] for entry, found in approvals(ledger).items()}


def short_facts(approval: Approval | None) -> dict[str, Any] | None:
    """A sign-off in a list: no personal data."""
    if approval is None:
        return None
    return {
        "entry": approval.index,
        "decision": approval.decision,
        "role": approval.role,
        "decided_at": approval.decided_at,
    }


def _line(ledger: Ledger, approval: Approval) -> str:
    from venturalitica.ledger.eraser import shown

    who = f"{shown(ledger, approval.person)}, {approval.role}"
    when = approval.decided_at[:16].replace("T", " ")
    place = f"entry {approval.index}, key {approval.keyid[:16]}, it was {approval.light}"
    said = f": {shown(ledger, approval.comment)}" if approval.comment else ""
    return f"{approval.decision} by {who}, {when} UTC ({place}){said}"
