"""Heads: what stays in the log of entries whose retention has passed and that were pruned.

A head is one line of `log/entries.jsonl` in the place of the lines of consecutive entries:

    {"format":  "venturalitica/pruned/v1",
     "origin":  which log,
     "start":   index of the first entry it stands for, "count": how many,
     "record":  index of the signed prune record that says so,
     "leaves":  their leaf hashes, one after another, in base64}

All leaf hashes are kept, so the chain, the tree's root, every proof and every checkpoint that a
witness holds can be checked as before; only the contents are gone. A head is not signed: its leaves
are held against the signed checkpoint, its range and root against the prune record it names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from venturalitica.core.encoding import (
    canonical_json,
    decode_base64,
    encode_base64,
    is_place,
    parse_object,
)
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.merkle import RunningRoot

FORMAT = "venturalitica/pruned/v1"
HASH = 32
_FIELDS = {"format", "origin", "start", "count", "record", "leaves"}
_BEGINNING = b'{"count":'
"""A head's canonical spelling begins so, and an envelope's never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of the entries from `start` on, as many as there are `leaves`."""

    origin: str
    start: int
    record: int
    leaves: tuple[bytes, ...] = field(repr=False)

    @property
    def count(self) -> int:
        """How many entries it stands for."""
        return len(self.leaves)

    @property
    def end(self) -> int:
        """Index of the entry after it."""
        return self.start + self.count

    def root(self) -> bytes:
        """The root of the tree over its leaves alone, which the prune record names."""
        return root_of(self.leaves)

    def to_line(self) -> bytes:
        """The line, without its newline."""
        return canonical_json(
            {
                "format": FORMAT,
                "origin": self.origin,
                "start": self.start,
                "count": self.count,
                "record": self.record,
                "leaves": encode_base64(b"".join(self.leaves)),
            }
        )


def root_of(leaves: tuple[bytes, ...]) -> bytes:
    """The RFC 6962 root over leaf hashes."""
    tree = RunningRoot()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def head_at(line: bytes, index: int) -> Head | None:
    """The head that a line is in the place of entry `index`; None where it is an entry's line.

    A line that only looks like a head is read as an entry's, which no tree then contains.
    """
    head = _head(line)
    return head if head is not None and head.start == index else None


def head_over(line: bytes, index: int) -> Head | None:
    """The head that a line is, if entry `index` is one of those it stands for."""
    head = _head(line)
    return head if head is not None and head.start <= index < head.end else None


def _head(line: bytes) -> Head | None:
    try:
        return _parsed(line) if line.startswith(_BEGINNING) else None
    except EvidenceError:
        return None


def _parsed(line: bytes) -> Head:
    value = parse_object(line, what="the head")
    numbers = [value.get(name) for name in ("start", "count", "record")]
    if value.keys() != _FIELDS or value["format"] != FORMAT or not all(map(is_place, numbers)):
        raise EvidenceError("not a head")
    data = decode_base64(value["leaves"], what="the head's leaves")
    leaves = tuple(data[place : place + HASH] for place in range(0, len(data), HASH))
    head = Head(
        origin=str(value["origin"]), start=value["start"], record=value["record"], leaves=leaves
    )
    if not leaves or len(data) % HASH or head.count != value["count"] or head.to_line() != line:
        raise EvidenceError("not a head as we write them")
    return head
