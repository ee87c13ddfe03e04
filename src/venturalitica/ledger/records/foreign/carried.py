"""The record of kind `carried`: that another key's log was taken in, up to a checkpoint of it.

{"format": 3, "kind": "carried", "package": version,
 "carried": {"origin", "key", "size", "root", "checkpoint", "signers", "latest"}: which log, the key
            of its first record, the checkpoint as that log's own key signed it, whose keys were
            admitted, the latest time at which one of its records says it was appended;
            "tallies": {"count", "sha256"}: how many came in all, and one digest of their digests
            (older records do not say),
 "taken":   how many entries were new,
 "erased":  [{"entry", "evidence_sha256", "digests"}]: what was deleted of its tallies here,
 "reason":  why, as a reference to the vault, or null,
 "at"}

The log itself lies beside the own one (`carrying/taken.py`): each of its lines is signed for its
own place, so it cannot become a line of another log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from venturalitica._version import __version__
from venturalitica.core.concise import Concise
from venturalitica.core.encoding import is_hash, is_place, sha256_hex
from venturalitica.core.json_values import mapping, text
from venturalitica.core.record import CARRIED, FORMAT, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import Checkpoint, parse_note
from venturalitica.ledger.records.kinds.erasure import Target, reason_of, targets_of

DIGITS = 16
"""Of each digest, so many in the name of the folder that keeps a log."""


class Tallies(Concise, frozen=True):
    """How many tallies came with a log, those erased here since among them, and the SHA-256 of
    their digests: sorted, in hexadecimal, each with a line feed."""

    count: int
    sha256: str

    @classmethod
    def of(cls, digests: Iterable[str]) -> Tallies:
        """Of the tallies with these digests."""
        named = sorted(digests)
        return cls(len(named), sha256_hex("".join(f"{one}\n" for one in named).encode("ascii")))

    @classmethod
    def read(cls, value: Any) -> Tallies | None:
        """As a record says it; None where it does not.

        Raises:
            EvidenceError: it is malformed.
        """
        if value is None:
            return None
        said = mapping(value)
        if not is_place(said.get("count")) or not is_hash(said.get("sha256")):
            raise EvidenceError("predicate.carried.tallies is malformed")
        return cls(said["count"], said["sha256"])

    def to_json(self) -> dict[str, Any]:
        """As it stands in a record."""
        return {"count": self.count, "sha256": self.sha256}


class Carried(Concise, frozen=True, kw_only=True):
    """A foreign log as it was taken in. `root` is in hexadecimal, `checkpoint` the signed note."""

    unsaid = frozenset({"checkpoint", "erased"})

    origin: str
    key: str
    size: int
    root: str
    checkpoint: str
    signers: tuple[str, ...]
    latest: str
    tallies: Tallies | None = None
    taken: int = 0
    erased: tuple[Target, ...] = ()
    at: str = ""

    @property
    def name(self) -> str:
        """What the log is called here: the beginning of its origin's digest, and of its key's id.

        One key signs the logs of many jobs; and an origin is what its writer says: two keys that
        say the same one stay apart.
        """
        return f"{sha256_hex(self.origin.encode())[:DIGITS]}-{self.key[:DIGITS]}"

    @property
    def digests(self) -> frozenset[str]:
        """The pairs that this record says were deleted."""
        return frozenset(digest for target in self.erased for digest in target.digests)

    def statement(self, now: datetime, reason: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The statement, ready to be appended."""
        predicate = {
            "format": FORMAT,
            "kind": "carried",
            "package": __version__,
            "carried": {
                "origin": self.origin,
                "key": self.key,
                "size": self.size,
                "root": self.root,
                "checkpoint": self.checkpoint,
                "signers": list(self.signers),
                "latest": self.latest,
            }
            | ({"tallies": self.tallies.to_json()} if self.tallies else {}),
            "taken": self.taken,
            "erased": [target.to_json() for target in self.erased],
            "reason": dict(reason) if reason else None,
            "at": timestamp(now),
        }
        subjects = [(f"log/{self.name}", self.root)]
        subjects += [(f"record/{one.entry}", one.evidence_sha256) for one in self.erased]
        return statement_json(CARRIED, subjects, predicate)

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Carried:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        said, erased = mapping(predicate.get("carried")), predicate.get("erased")
        for name in ("key", "root"):
            if not is_hash(said.get(name)):
                raise EvidenceError(f"predicate.carried.{name} is no SHA-256")
        signers = said.get("signers")
        if not isinstance(signers, list) or not signers or not all(map(is_hash, signers)):
            raise EvidenceError("predicate.carried.signers is missing or malformed")
        if not is_place(said.get("size")) or not is_place(predicate.get("taken")):
            raise EvidenceError("predicate.carried.size or predicate.taken is missing or malformed")
        if not isinstance(erased, list):
            raise EvidenceError("predicate.erased is missing or malformed")
        found = cls(
            origin=text(said.get("origin")),
            key=said["key"],
            size=said["size"],
            root=said["root"],
            checkpoint=text(said.get("checkpoint")),
            signers=tuple(signers),
            latest=text(said.get("latest")),
            tallies=Tallies.read(said.get("tallies")),
            taken=predicate["taken"],
            erased=targets_of({"targets": erased}) if erased else (),
            at=text(predicate.get("at")),
        )
        # Else the record would name one checkpoint and keep another.
        seen = Checkpoint.parse(parse_note(found.checkpoint.encode("utf-8", "replace")).text)
        if (seen.origin, seen.size, seen.root.hex()) != (found.origin, found.size, found.root):
            raise EvidenceError("predicate.carried.checkpoint is of another log, size or root")
        reason_of(predicate)
        return found
