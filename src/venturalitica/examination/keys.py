"""Whose keys signed a log: yours, retired by a rotation, or first seen here; and who sealed it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError
from venturalitica.examination.finding import Finding

if TYPE_CHECKING:
    from venturalitica.ledger import Signer as Signing
    from venturalitica.ledger.custody import Use


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signed something here. `last` and `first` are entries; None for a seal's key."""

    keyid: str
    algorithm: str
    signs: str
    whose: str
    first: int | None = None
    last: int | None = None


OWN = "your own"
STRANGER = "first seen here: compare its id with one you got another way"


def signers(home: Path, own: Collection[str] | None) -> tuple[Signer, ...]:
    """The keys that signed records, by their first entry, then the one that sealed the log.

    Args:
        own: ids of the reader's own keys (`verification.own_keys`); None while they are asked for.

    Raises:
        EvidenceError: keys or log cannot be read.
    """
    from venturalitica.ledger.custody import used_in

    found = [
        Signer(use.key.keyid, use.key.algorithm, "records", _whose(use, own), use.first, use.last)
        for use in used_in(home)
    ]
    return (*found, *_sealers(home, own))


def whose(keyid: str, own: Collection[str] | None) -> str:
    """Whether a key is the reader's own; nobody knows while `own` is None."""
    if own is None:
        return "not known yet: your signer is being asked"
    return OWN if keyid in own else STRANGER


def new_key(home: Path, signer: Signing | None) -> Iterator[Finding]:
    """A finding where others signed the log, and the user's key (None: none is there) never did.

    Raises:
        EvidenceError: keys or log cannot be read.
    """
    from venturalitica.ledger.custody import used_in

    used = {use.key.keyid for use in used_in(home)}
    own = (signer, *_predecessors(signer)) if signer is not None else ()
    if not used or any(key.keyid in used for key in own):
        return
    text = (
        f"new key: the log in {home} was signed by {_listed(sorted(used))}, never by yours; the "
        "next audit says so and is amber"
    )
    fix = "put the old key back if it was yours; 'venturalitica keys show' lists who signed"
    yield Finding("Signing key", "new key", "note", text, fix)


def _predecessors(signer: Signing) -> tuple[Signing, ...]:
    from venturalitica.ledger.signing import FileSigner

    return signer.predecessors() if isinstance(signer, FileSigner) else ()


def _listed(keyids: list[str]) -> str:
    from venturalitica.ledger.keys import short

    more = f" and {len(keyids) - 3} more" if len(keyids) > 3 else ""
    return ", ".join(map(short, keyids[:3])) + more


def _whose(use: Use, own: Collection[str] | None) -> str:
    who = whose(use.key.keyid, own)
    if use.new:
        who = f"new key in entry {use.first}, which no earlier key introduces; {who}"
    if use.retired_in is None:
        return who
    return f"retired in entry {use.retired_in}; {who}"


def _sealers(home: Path, own: Collection[str] | None) -> tuple[Signer, ...]:
    from venturalitica.ledger.files import reading
    from venturalitica.ledger.keys import CHECKPOINTS, carried_keys
    from venturalitica.ledger.note import MAX_NOTE, open_checkpoint

    publics = {
        key.raw_ed25519(): key
        for key in carried_keys(home / "keys").values()
        if key.algorithm == CHECKPOINTS
    }
    path = home / "log" / "checkpoint"
    try:
        with reading(path) as stream:
            note = stream.read(MAX_NOTE + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror or error}") from error
    _, public = open_checkpoint(note, publics)
    key = publics[public]
    return (Signer(key.keyid, key.algorithm, "the checkpoint", whose(key.keyid, own)),)
