"""Which keys signed the log, and how a user's new key comes into one that the old one signed.

An envelope of ours names its keys in plain text at its end (`"keyid":"<id>"`), and its payload is
base64, in which no quotation mark can stand. So a search for those bytes finds exactly the lines
that say to be signed by a key. Whether they are is for the caller to check.

One user's key serves many ledgers. When it was rotated, each of them learns of it by a rotation
record before the first record that the new key signs there; the retired private key is kept for
nothing else. So training goes on unbroken, and every log says itself who followed whom.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from venturalitica.core.encoding import MAX_LINE
from venturalitica.core.record import ROTATION, Statement
from venturalitica.errors import EvidenceError, RetiredKeyError
from venturalitica.ledger.formats.dsse import Envelope, signers_of, statement_of, verify_signature
from venturalitica.ledger.formats.public_key import short
from venturalitica.ledger.records.kinds.rotation import Pair, Rotation
from venturalitica.ledger.records.placement import Entry
from venturalitica.ledger.signing.signer import FileSigner, Signer
from venturalitica.system.files import open_plain

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes read at a time from the end: nearly always the last line, which is what is looked for."""

FORWARD = 4 * 1024 * 1024


def last_signed_by(entries: Path, keyid: str, end: int) -> bytes | None:
    """The last line, of those in the first `end` bytes, that names the key as a signer."""
    return _searched(entries, keyid, end, last=True)


def first_signed_by(entries: Path, keyid: str, end: int) -> bytes | None:
    """The first line, of those in the first `end` bytes, that names the key as a signer."""
    return _searched(entries, keyid, end, last=False)


def _searched(entries: Path, keyid: str, end: int, *, last: bool) -> bytes | None:
    try:
        descriptor = open_plain(entries, os.O_RDONLY)
    except FileNotFoundError:
        return None
    wanted = b'"keyid":"%b"' % keyid.encode("ascii")
    try:
        find = _find_last if last else _find_first
        place = find(descriptor, wanted, end)
        return None if place is None else _line_around(descriptor, place, end)
    finally:
        os.close(descriptor)


def _find_last(descriptor: int, wanted: bytes, end: int) -> int | None:
    after = b""
    while end > 0:
        start = max(0, end - CHUNK)
        # What the chunk before began with: the words may stand across two chunks.
        chunk = os.pread(descriptor, end - start, start) + after
        found = chunk.rfind(wanted)
        if found >= 0:
            return start + found
        after, end = chunk[: len(wanted) - 1], start
    return None


def _find_first(descriptor: int, wanted: bytes, end: int) -> int | None:
    start, before = 0, b""
    while start < end:
        data = os.pread(descriptor, min(FORWARD, end - start), start)
        if not data:
            return None
        chunk = before + data
        found = chunk.find(wanted)
        if found >= 0:
            return start - len(before) + found
        before, start = chunk[1 - len(wanted) :], start + len(data)
    return None


def _line_around(descriptor: int, place: int, end: int) -> bytes | None:
    """The line that holds the byte at `place`, without its newline."""
    start = _find_last(descriptor, b"\n", place)
    start = 0 if start is None else start + 1
    data = bytearray()
    while start + len(data) < end and len(data) <= MAX_LINE:
        chunk = os.pread(descriptor, min(CHUNK, end - start - len(data)), start + len(data))
        stop = chunk.find(b"\n")
        if stop >= 0:
            return bytes(data + chunk[:stop])
        if not chunk:
            break
        data += chunk
    return None


def refuse_retired(entries: Path, keyids: Iterable[str], end: int) -> None:
    """Raise `RetiredKeyError` if the log, in its first `end` bytes, retires one of these keys.

    The rotation is the last record that a retired key signed, so only that one is looked at.
    """
    for keyid in keyids:
        rotation = retirement(entries, keyid, end)
        if rotation is not None:
            raise RetiredKeyError(
                f"key {short(keyid)} was retired in entry {rotation.index} of {entries} and signs "
                f"nothing more; its successor is {rotation.new.record.keyid}. Sign with that one: "
                "put it in the place of VENTURALITICA_SIGNING_KEY, or see 'venturalitica keys "
                "show'. If nobody of yours rotated it, somebody else has the key"
            )


def active_in(entries: Path, keyid: str, end: int) -> bool:
    """Whether the key signed something in the log and was not retired since."""
    line = last_signed_by(entries, keyid, end)
    return line is not None and _retirement_in(line, keyid) is None


def appointed_by(entries: Path, keyid: str, end: int) -> Rotation | None:
    """The rotation through which a key came into the log; None where it came without one."""
    line = first_signed_by(entries, keyid, end)
    rotation = None if line is None else rotation_in(line)
    return rotation if rotation and rotation.new.record.keyid == keyid else None


def rotation_in(line: bytes) -> Rotation | None:
    """The rotation that a line holds, signed by both; None where it is no such.

    It is asked whether our own key may still sign: a line that anybody could have written, without
    that key, must not be able to retire it.
    """
    if line.count(b'{"keyid":"') < 2:
        return None
    try:
        statement = statement_of(line)
        if statement.predicate_type != ROTATION:
            return None
        rotation = Rotation.of(statement.predicate, statement.link.index)
        rotation.check_signed(signers_of(line), statement.link)
    except EvidenceError:
        return None
    return rotation if _verifies(rotation, Envelope.parse(line)) else None


def _verifies(rotation: Rotation, envelope: Envelope) -> bool:
    keys = {pair.record.keyid: pair.record.ecdsa() for pair in (rotation.old, rotation.new)}
    data = envelope.signed_bytes()
    return all(verify_signature(keys[one.keyid], one.sig, data) for one in envelope.signatures)


def retirement(entries: Path, keyid: str, end: int) -> Rotation | None:
    """The rotation by which a key handed over; None where it did not."""
    line = last_signed_by(entries, keyid, end)
    return None if line is None else _retirement_in(line, keyid)


def _retirement_in(line: bytes, keyid: str) -> Rotation | None:
    rotation = rotation_in(line)
    return rotation if rotation and rotation.old.record.keyid == keyid else None


def lineage_of(entries: Path, keyids: Sequence[str], end: int) -> tuple[Rotation, ...]:
    """The rotations through which these keys came into the log, and those before, by entry."""
    found: dict[int, Rotation] = {}
    waiting, seen = list(keyids), set(keyids)
    while waiting:
        rotation = appointed_by(entries, waiting.pop(), end)
        if rotation is None:
            continue
        found[rotation.index] = rotation
        if rotation.old.record.keyid not in seen:
            seen.add(rotation.old.record.keyid)
            waiting.append(rotation.old.record.keyid)
    return tuple(found[index] for index in sorted(found))


class Append(Protocol):
    """`Ledger.append`, which itself asks here whether the log must be told first."""

    def __call__(self, statement: Mapping[str, Any], *, cosigners: Sequence[Signer]) -> Entry:
        """Sign a statement, with the cosigners, and append it."""


AUTOMATIC = "this user's key was rotated; this log is told before the new key's first record"


def announce(append: Append, entries: Path, signer: Signer) -> bool:
    """Tell a log, by its `append`, that `signer` follows keys of the same user, if it knows not.

    Returns:
        Whether the key is new: others signed this log until now, and none of them introduces it.
        The private key may be lost, or somebody else writes here; either way it is said.

    Raises:
        EvidenceError: the log cannot be written.
    """
    end = size_of(entries)
    if not end or last_signed_by(entries, signer.keyid, end) is not None:
        return False
    if isinstance(signer, FileSigner) and _introduce(append, entries, signer, end):
        return False
    _say_new(entries.parents[1], signer)
    return True


def _introduce(append: Append, entries: Path, signer: FileSigner, end: int) -> bool:
    followed = [old for old in signer.predecessors() if active_in(entries, old.keyid, end)]
    for old in followed:
        # Another process may have told the log in the meantime, which is as good.
        with contextlib.suppress(RetiredKeyError):
            hand_over(append, old, signer, reason=AUTOMATIC)
    return bool(followed)


def _say_new(home: Path, signer: Signer) -> None:
    source = getattr(signer, "source", "")
    log.warning(
        "new key %s%s: other keys signed the log in %s until now, and none of them introduces it. "
        "Is the private key lost, or VENTURALITICA_CONFIG another? Put the old key back to go on "
        "under it; else keep this one, and give its id ('venturalitica keys show') to those who "
        "verify",
        short(signer.keyid),
        f" ({source})" if source else "",
        home,
    )


def hand_over(append: Append, old: FileSigner, new: FileSigner, *, reason: str) -> Entry:
    """Append the rotation record of `old` and `new` to a ledger that is open with `new`.

    Raises:
        RetiredKeyError: the log has retired one of them already.
        EvidenceError: it cannot be written; the log is as it was.
    """
    statement = Rotation(pair_of(old), pair_of(new), reason).statement()
    # A malformed one would be a fault of the log for ever.
    Rotation.of(Statement.of(statement).predicate)
    entry = append(statement, cosigners=(old,))
    log.info(
        "key %s handed over to %s in entry %d", short(old.keyid), short(new.keyid), entry.index
    )
    return entry


def pair_of(signer: FileSigner) -> Pair:
    """Both public keys of a signer."""
    return Pair(signer.public, signer.checkpoint_signer().public)


def check_unsealed(line: bytes, entries: Path, end: int) -> None:
    """Raise `EvidenceError` for a line, found unsealed at byte `end`, by a key that is retired.

    A thief with a retired key could put a line behind the checkpoint for the next writer to seal.
    """
    signers = signers_of(line)
    refuse_retired(entries, signers, end)
    statement = statement_of(line)
    if statement.predicate_type == ROTATION:
        Rotation.of(statement.predicate).check_signed(signers, statement.link)


def size_of(entries: Path) -> int:
    """Bytes of the log; 0 where there is none."""
    return entries.stat().st_size if entries.exists() else 0
