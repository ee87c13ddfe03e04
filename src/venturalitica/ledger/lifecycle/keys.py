"""Which keys the user has, and what they signed in a log: facts for people, no verification."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.core.record import KINDS, ROTATION
from venturalitica.errors import EvidenceError, RetiredKeyError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.public_key import RECORDS, PublicKey, carried_keys
from venturalitica.ledger.log.key_history import (
    active_in,
    appointed_by,
    first_signed_by,
    hand_over,
    last_signed_by,
    retirement,
    rotation_in,
)
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.ledger.verify.history import Rotations

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry


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
    return statement_of(line).link.index


def known_signers(ledger: Ledger, index: Index, own: Collection[str]) -> frozenset[str]:
    """Ids of the keys that the reader knows: his own, and those that took over from them.

    A key that lies in `keys/` is not known for that: whoever can write there lays his own beside
    it. Who has no key at all (`own` is empty) takes the one that began the log on its word.

    Raises:
        EvidenceError: the log was altered.
    """
    rotations = Rotations()
    # The index may hide a rotation, and then fewer keys are known; it cannot invent one.
    places = [row.index for row in index.runs(kind=KINDS[ROTATION], newest_first=False)]
    for _, line in ledger.chosen(places):
        if (found := rotation_in(line)) is not None:
            rotations.done.append(found)
    known = set(own) or _founders(ledger)
    return frozenset(known | rotations.heirs(known).keys())


def _founders(ledger: Ledger) -> set[str]:
    """Who signed the first record that is still there."""
    for _, line in ledger.lines():
        try:
            return set(signers_of(line))
        except EvidenceError:
            return set()
    return set()


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
        return hand_over(ledger.append, old, new, reason=reason)
    return None
