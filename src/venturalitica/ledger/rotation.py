"""Rotation: a record in which a key hands over to the next, signed by both.

    {"format": 1, "kind": "key-rotation",
     "old": {"record": {"keyid", "pem"}, "checkpoint": {"keyid", "pem"}},
     "new": {"record": {"keyid", "pem"}, "checkpoint": {"keyid", "pem"}},
     "reason": text}

From the next entry on nothing may be signed or sealed by the old keys: who stole them cannot go on.
Who trusts the old key trusts the new one through this record, since the old key signed it; and
nobody can appoint a key that is not his, since the new key signed it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venturalitica._version import __version__
from venturalitica.errors import EvidenceError, RetiredKeyError
from venturalitica.ledger.dsse import Envelope, signers_of, statement_of, verify_signature
from venturalitica.ledger.keys import CHECKPOINTS, RECORDS, PublicKey, exact_key, short
from venturalitica.ledger.kinds import Kind, Record
from venturalitica.ledger.link import STATEMENT_TYPE, Link
from venturalitica.ledger.search import first_signed_by, last_signed_by
from venturalitica.records import Step

ROTATION = "urn:venturalitica:key-rotation:v1"
FORMAT = 1
MAX_REASON = 1000


@dataclass(frozen=True, slots=True)
class Pair:
    """The two public keys of one secret: `record` signs records, `checkpoint` seals the log."""

    record: PublicKey
    checkpoint: PublicKey

    def to_json(self) -> dict[str, Any]:
        """As it stands in a rotation record."""
        pairs = (("record", self.record), ("checkpoint", self.checkpoint))
        return {name: {"keyid": key.keyid, "pem": key.pem} for name, key in pairs}

    @property
    def keyids(self) -> tuple[str, str]:
        """Both ids."""
        return self.record.keyid, self.checkpoint.keyid


@dataclass(frozen=True, slots=True)
class Rotation:
    """Who handed over to whom, in which entry (-1 before it is appended)."""

    old: Pair
    new: Pair
    reason: str = ""
    index: int = -1

    def statement(self) -> dict[str, Any]:
        """The statement that both keys sign."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [
                {"name": f"key/{name}", "digest": {"sha256": pair.record.keyid}}
                for name, pair in (("old", self.old), ("new", self.new))
            ],
            "predicateType": ROTATION,
            "predicate": {
                "format": FORMAT,
                "kind": "key-rotation",
                "package": __version__,
                "old": self.old.to_json(),
                "new": self.new.to_json(),
                "reason": self.reason[:MAX_REASON],
            },
        }

    @classmethod
    def of(cls, predicate: Mapping[str, Any], index: int = -1) -> Rotation:
        """Read the predicate of a rotation record.

        Raises:
            EvidenceError: a key of it is missing, misnamed or of another kind.
        """
        reason = predicate.get("reason")
        if not isinstance(reason, str):
            raise EvidenceError("predicate.reason is missing or malformed")
        found = cls(_pair(predicate, "old"), _pair(predicate, "new"), reason, index)
        if set(found.old.keyids) & set(found.new.keyids):
            raise EvidenceError("the old and the new key are the same")
        return found

    def check_signed(self, signers: Iterable[str], link: Link) -> None:
        """Raise unless exactly both keys signed it, and the new one seals it."""
        if set(signers) != {self.old.record.keyid, self.new.record.keyid}:
            raise EvidenceError("it is not signed by both the old and the new key, and by no other")
        if link.checkpoint_key != self.new.checkpoint.keyid:
            raise EvidenceError("it is not sealed by the new key")


def check(predicate: Mapping[str, Any]) -> None:
    """The shape of a rotation's predicate; raises `EvidenceError`."""
    Rotation.of(predicate)


KIND = Kind(ROTATION, FORMAT, check)


class Rotations:
    """The rotations of a log, and that no retired key was used again."""

    name = "rotation"
    meaning = "a retired key was used again, or a key took over that its predecessor did not name"

    def __init__(self) -> None:
        self.done: list[Rotation] = []
        self._retired: dict[str, int] = {}

    def read(self, record: Record) -> None:
        """Take in a record, in any order."""
        if not self._retired and record.kind != ROTATION:
            return
        link = Link.of(record.statement)
        for keyid in (*record.signers, link.checkpoint_key):
            retired = self._retired.get(keyid, record.index)
            if retired < record.index:
                raise EvidenceError(f"key {short(keyid)} was retired in entry {retired}")
        if record.kind != ROTATION:
            return
        rotation = Rotation.of(record.predicate, record.index)
        rotation.check_signed(record.signers, link)
        self.done.append(rotation)
        for keyid in rotation.old.keyids:
            self._retired[keyid] = record.index

    def step(self) -> Step | None:
        """Which keys handed over; None where none did."""
        if not self.done:
            return None
        told = "; ".join(
            f"key {short(item.old.record.keyid)} handed over to {short(item.new.record.keyid)} in "
            f"entry {item.index}, signed by both"
            for item in self.done
        )
        return Step(self.name, True, f"{told}; none was used after it was retired")

    def heirs(self, trusted: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Keys that took over from those of `trusted`: id -> the entries through which.

        Only the record key signs a rotation, so only its word counts: anybody could write another's
        checkpoint key beside a key of his own, and appoint its successor.
        """
        known = set(trusted)
        found: dict[str, tuple[int, ...]] = {}
        for item in self.done:
            if item.old.record.keyid not in known | found.keys():
                continue
            for old, new in zip(item.old.keyids, item.new.keyids, strict=True):
                if old in known | found.keys() and new not in known | found.keys():
                    found[new] = (*found.get(old, ()), item.index)
        return found


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
        if statement.get("predicateType") != ROTATION:
            return None
        link = Link.of(statement)
        rotation = Rotation.of(statement["predicate"], link.index)
        rotation.check_signed(signers_of(line), link)
    except (EvidenceError, KeyError, TypeError, AttributeError):
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


def _pair(predicate: Mapping[str, Any], name: str) -> Pair:
    found = predicate.get(name)
    if not isinstance(found, Mapping) or found.keys() != {"record", "checkpoint"}:
        raise EvidenceError(f"predicate.{name} is missing or malformed")
    return Pair(
        _key(found["record"], RECORDS, f"{name}.record"),
        _key(found["checkpoint"], CHECKPOINTS, f"{name}.checkpoint"),
    )


def _key(found: Any, algorithm: str, what: str) -> PublicKey:
    texts = isinstance(found, Mapping) and [found.get("keyid"), found.get("pem")]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise EvidenceError(f"predicate.{what} is missing or malformed")
    keyid, pem = texts
    key = exact_key(str(pem).encode("utf-8", "replace"), keyid=str(keyid), what=f"predicate.{what}")
    if key.algorithm != algorithm:
        raise EvidenceError(f"predicate.{what} is {key.algorithm}; expected {algorithm}")
    return key


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
