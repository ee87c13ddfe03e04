"""A person's sign-off or note on a record, as the command line and the dashboard sign it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from venturalitica.audit.project import open_ledger
from venturalitica.errors import SettingsError, did_you_mean, listed

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ledger.signing.signer import Signer
    from venturalitica.system.settings import Settings


def check_signable(entry: Entry) -> None:
    """Raise `SettingsError` where a record is none to sign off."""
    if not entry.record.judged:
        raise SettingsError(f"entry {entry.index} is no audit and no run: nothing to sign off")


def check_notable(entry: Entry, *, person: str, text: str, control: str | None) -> None:
    """Raise `SettingsError` where a record has no notes, or this is none that it may have."""
    from venturalitica.ledger.records.notes.note import problems_of

    if not entry.record.judged:
        raise SettingsError(f"entry {entry.index} is no audit and no run: only those have notes")
    if problems := problems_of(person, text):
        raise SettingsError(" ".join(problems))
    known = [verdict.control for verdict in entry.record.verdicts]
    if control is not None and control not in known:
        there = f"there are {listed(known)}" if known else "it judged none"
        raise SettingsError(
            f"entry {entry.index} has no control {control[:80]!r}{did_you_mean(control, known)}; "
            f"{there}"
        )


def concern(entry: Entry, light: str) -> str:
    """What there is to know before approving a record; empty where its light is green."""
    if light == "green":
        return ""
    verdicts = entry.record.verdicts
    failed = [one.control for one in verdicts if one.status != "passed"]
    unsure = [one.control for one in verdicts if one.light == "amber" and one.status == "passed"]
    said = f"Entry {entry.index} is {light}"
    said += f"; not passed: {', '.join(failed)}" if failed else ""
    return said + (f"; passed without being conclusive: {', '.join(unsure)}" if unsure else "")


def sign_off(
    settings: Settings, entry: Entry, said: Mapping[str, str], *, light: str, own: Signer | None
) -> Entry:
    """Append a sign-off on `entry`, signed by the project's key and by the person's `own`.

    Args:
        said: person, role, comment, decision.
        light: the record's, as the person saw it.

    Raises:
        SettingsError: it is no record to sign off.
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    from venturalitica.ledger.lifecycle.approve import approve

    check_signable(entry)
    ledger = open_ledger(settings, create=False)
    ledger_key = ledger.signer_id
    return approve(
        ledger,
        entry,
        **said,
        light=light,
        keyid=own.keyid if own is not None else ledger_key,
        at=datetime.now(UTC),
        cosigners=(own,) if own is not None and own.keyid != ledger_key else (),
    )


def note(
    settings: Settings,
    entry: Entry,
    *,
    person: str,
    text: str,
    control: str | None = None,
    own: Signer | None,
) -> Entry:
    """Append a note on `entry`, signed as a sign-off is.

    Raises:
        SettingsError: the record has no notes, or this is none that it may have.
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    from venturalitica.ledger.lifecycle.approve import note as append_note

    check_notable(entry, person=person, text=text, control=control)
    ledger = open_ledger(settings, create=False)
    ledger_key = ledger.signer_id
    return append_note(
        ledger,
        entry,
        person=person,
        text=text,
        control=control,
        keyid=own.keyid if own is not None else ledger_key,
        at=datetime.now(UTC),
        cosigners=(own,) if own is not None and own.keyid != ledger_key else (),
    )
