"""Which keys the user has, and what they signed in a log: facts for people, no verification."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError, RetiredKeyError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.public_key import RECORDS, PublicKey, carried_keys
from venturalitica.ledger.log.key_history import (
    active_in,
    appointed_by,
    first_signed_by,
    last_signed_by,
    retirement,
)
from venturalitica.ledger.log.succession import hand_over
from venturalitica.ledger.records.placement import Link
from venturalitica.ledger.signing.signer import FileSigner

if TYPE_CHECKING:
    from venturalitica.ledger.entry import Entry
    from venturalitica.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Use:
    """What a key signed in a log: its first and last entry; `retired_in` where it handed over.

    `new` where other keys had signed the log before, and no rotation introduces this one.
    """

    key: PublicKey
    first: int
    last: int
    retired_in: int | None = None
    new: bool = False


def used_in(home: Path) -> tuple[Use, ...]:
    """The keys that signed records in the log of `home`, by their first entry.

    Raises:
        EvidenceError: keys or log cannot be read.
    """
    entries = home / "log" / "entries.jsonl"
    if not entries.exists():
        return ()
    try:
        found = list(_uses(home, entries, entries.stat().st_size))
    except OSError as error:
        raise EvidenceError(f"{entries}: cannot be read: {error.strerror}") from error
    return tuple(sorted(found, key=lambda use: use.first))


def _uses(home: Path, entries: Path, end: int) -> Iterator[Use]:
    for key in carried_keys(home / "keys").values():
        first = first_signed_by(entries, key.keyid, end) if key.algorithm == RECORDS else None
        last = last_signed_by(entries, key.keyid, end) if first else None
        if first and last:
            rotation = retirement(entries, key.keyid, end)
            new = _place(first) > 0 and appointed_by(entries, key.keyid, end) is None
            retired_in = rotation.index if rotation else None
            yield Use(key, _place(first), _place(last), retired_in, new)


def _place(line: bytes) -> int:
    return Link.of(statement_of(line)).index


def mode_of(path: Path) -> str:
    """The file's mode as `chmod` takes it, such as 0600; empty where it cannot be read."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except OSError:
        return ""


def introduced(ledger: Ledger, old: FileSigner, new: FileSigner, *, reason: str) -> Entry | None:
    """Hand over if the log was signed by `old` and not told yet; None where nothing is to do."""
    entries = ledger.home / "log" / "entries.jsonl"
    try:
        end = entries.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceError(f"{entries}: cannot be read: {error.strerror}") from error
    if not active_in(entries, old.keyid, end):
        return None
    with contextlib.suppress(RetiredKeyError):
        return hand_over(ledger, old, new, reason=reason)
    return None
