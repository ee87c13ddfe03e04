"""What ties a statement to its place: `predicate.log`, written by the ledger when it appends.

    "log": {"origin":          which log, as in its checkpoints
            "index":           the entry's place, from 0
            "previous":        leaf hash of the entry before (null for the first)
            "appended_at":     RFC 3339 UTC
            "checkpoint_key":  id of the Ed25519 key that seals this entry}

It is signed with the rest. So a record cannot be moved, doubled or carried into another log, and a
checkpoint by a key that no record names is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785

from venturalitica.core.encoding import (
    MAX_ITEMS,
    MAX_LINE,
    canonical_json,
    check_depth,
    check_items,
    is_hash,
    sha256_hex,
)
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.merkle import leaf_hash

KEY = "log"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_FIELDS = {"origin", "index", "previous", "appended_at", "checkpoint_key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The place of one entry."""

    origin: str
    index: int
    previous: str | None
    appended_at: str
    checkpoint_key: str

    def to_json(self) -> dict[str, Any]:
        """The form that is signed."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> Link:
        """Read the link of a statement.

        Raises:
            EvidenceError: it has none, or a field of it is not what it should be.
        """
        predicate = statement.get("predicate")
        found = predicate.get(KEY) if isinstance(predicate, Mapping) else None
        if not isinstance(found, Mapping) or not found.keys() >= _FIELDS:
            raise EvidenceError("the statement does not say where in which log it belongs")
        link = cls(**{name: found[name] for name in _FIELDS})
        link._check()
        return link

    def _check(self) -> None:
        texts = isinstance(self.origin, str) and isinstance(self.appended_at, str)
        place = isinstance(self.index, int) and not isinstance(self.index, bool) and self.index >= 0
        hashes = is_hash(self.checkpoint_key) and (self.previous is None or is_hash(self.previous))
        if not (texts and place and hashes):
            raise EvidenceError("the statement's place in the log is malformed")


class Draft:
    """A statement that waits for its place.

    All of it is made canonical here, outside the lock; `payload` only sets the link in.
    """

    def __init__(self, statement: Mapping[str, Any]) -> None:
        _check_statement(statement)
        self._outer = _parts({k: v for k, v in statement.items() if k != "predicate"})
        self._inner = _parts(statement["predicate"])
        size = sum(map(len, self._outer.values())) + sum(map(len, self._inner.values()))
        if size * 4 // 3 > MAX_LINE - 64 * 1024:
            raise EvidenceError(
                f"the statement is {size} bytes long; a record holds at most {MAX_LINE * 3 // 4}"
            )
        if size > MAX_ITEMS:
            parts = b",".join((*self._outer.values(), *self._inner.values()))
            check_items(parts, what="the statement", spare=1000)

    def payload(self, link: Link) -> bytes:
        """The canonical JSON of the statement with its link."""
        predicate = _object(self._inner | {KEY: canonical_json(link.to_json())})
        return _object(self._outer | {"predicate": predicate})


def _check_statement(statement: Mapping[str, Any]) -> None:
    if not isinstance(statement, Mapping) or statement.get("_type") != STATEMENT_TYPE:
        raise EvidenceError(f"a statement's _type is {STATEMENT_TYPE!r}")
    predicate, subject = statement.get("predicate"), statement.get("subject")
    if not isinstance(statement.get("predicateType"), str) or not isinstance(predicate, Mapping):
        raise EvidenceError("a statement has a predicateType and a predicate object")
    if KEY in predicate:
        raise EvidenceError(f"predicate.{KEY} is written by the ledger; leave it out")
    if not isinstance(subject, list | tuple) or not subject:
        raise EvidenceError("a statement has at least one subject with a digest")
    if not all(isinstance(s, Mapping) and isinstance(s.get("digest"), Mapping) for s in subject):
        raise EvidenceError("each subject of a statement has a digest object")
    check_depth(statement, what="the statement")


def _parts(value: Mapping[str, Any]) -> dict[str, bytes]:
    if not all(isinstance(key, str) for key in value):
        raise EvidenceError("the statement cannot be written as JSON: a key is not text")
    try:
        return {key: canonical_json(item) for key, item in value.items()}
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise EvidenceError(f"the statement cannot be written as JSON: {error}") from error


def _object(parts: Mapping[str, bytes]) -> bytes:
    # RFC 8785 sorts keys by UTF-16 code units.
    ordered = sorted(parts.items(), key=lambda item: item[0].encode("utf-16-be"))
    return b"{%b}" % b",".join(canonical_json(key) + b":" + part for key, part in ordered)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log.

    `envelope` is the line without its newline; `evidence_sha256` is its SHA-256 and names the
    record everywhere outside; `leaf_sha256` is its RFC 6962 leaf hash. `checkpoint` is the signed
    note that covered it when it was read or appended. `new_key` is True for an entry just appended
    that is the first of its key, in a log of other keys none of which introduces it.
    """

    index: int
    leaf_sha256: str
    evidence_sha256: str
    envelope: bytes = field(repr=False)
    statement: dict[str, Any] = field(repr=False)
    checkpoint: str = field(repr=False)
    new_key: bool = False

    @property
    def signer(self) -> str:
        """Id of the key that it names first as its signer; empty where it names none."""
        try:
            return signers_of(self.envelope)[0]
        except EvidenceError:
            return ""


def entry_of(index: int, line: bytes, checkpoint: str) -> Entry:
    """The entry that a line of the log is, under a checkpoint that seals it."""
    return Entry(
        index, leaf_hash(line).hex(), sha256_hex(line), line, statement_of(line), checkpoint
    )
