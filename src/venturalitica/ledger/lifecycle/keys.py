"""Which keys the user has, and what they signed in a log: facts for people, no verification."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.core.link import Link
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
from venturalitica.ledger.records.kinds.rotation import Rotation
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.ledger.verify.history import Rotations

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry


class Use(Struct, frozen=True):
    """What a key signed in a log: its first and last entry, and when those were appended.

    `came` is the rotation that introduced it, `left` the one by which it handed over.
    """

    key: PublicKey
    first: int
    last: int
    since: str = ""
    until: str = ""
    came: Rotation | None = None
    left: Rotation | None = None

    @property
    def retired_in(self) -> int | None:
        """The entry by which it handed over."""
        return None if self.left is None else self.left.index

    @property
    def new(self) -> bool:
        """Whether it came into a log of other keys without a word of theirs."""
        return self.first > 0 and self.came is None


class Exported(Struct, frozen=True):
    """A public key for an auditor: its role (`records`, `checkpoints`), its use in a log if any."""

    role: str
    key: PublicKey
    use: Use | None

    def to_json(self) -> dict[str, Any]:
        """As facts; `until` is null while it is in use, `since` where it signed nothing."""
        use, half = self.use, int(self.role != "records")
        came, left = (use.came, use.left) if use else (None, None)
        return {
            "keyid": self.key.keyid,
            "algorithm": self.key.algorithm,
            "role": self.role,
            "first": use.first if use else None,
            "since": use.since if use else None,
            "last": use.last if use else None,
            "until": use.until if use and left else None,
            "follows": came.old.keyids[half] if came else None,
            "followed_by": left.new.keyids[half] if left else None,
            "pem": self.key.pem,
        }

    @property
    def told(self) -> str:
        """The key in PEM under the lines that tell of it: RFC 7468 allows text before the key."""
        said, use = self.to_json(), self.use
        if use is None:
            used = "signed nothing in the log of this project"
        elif use.left is None:
            used = f"since entry {use.first}, {use.since}; in use"
        else:
            used = f"from entry {use.first}, {use.since}, until {use.last}, {use.until}"
        lines = (
            ("key", self.key.keyid),
            ("role", f"{self.role} ({self.key.algorithm})"),
            ("used", used),
            ("follows", said["follows"] or "no other key"),
            ("followed by", said["followed_by"] or "no other key"),
        )
        return "".join(f"# {name:<12} {text}\n" for name, text in lines) + self.key.pem


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
            begin, finish = statement_of(first).link, statement_of(last).link
            yield Use(
                key,
                begin.index,
                finish.index,
                _when(begin),
                _when(finish),
                appointed_by(entries, key.keyid, end),
                retirement(entries, key.keyid, end),
            )


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")


def _when(link: Link) -> str:
    # No signature was checked: a "time" with a key in it would be taken for one in a file of keys.
    return link.appended_at if _TIME.fullmatch(link.appended_at) else "at no time that can be read"


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
