"""Which keys the user has, and what they signed in a log: facts for people, no verification."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from venturalitica.errors import EvidenceError
from venturalitica.ledger.dsse import statement_of
from venturalitica.ledger.keys import RECORDS, PublicKey, carried_keys
from venturalitica.ledger.link import Link
from venturalitica.ledger.rotation import appointed_by, retirement
from venturalitica.ledger.search import first_signed_by, last_signed_by


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


def size_of(entries: Path) -> int:
    """Bytes of the log; 0 where there is none."""
    return entries.stat().st_size if entries.exists() else 0


def mode_of(path: Path) -> str:
    """The file's mode as `chmod` takes it, such as 0600; empty where it cannot be read."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except OSError:
        return ""
