"""Do several bundles tell of one and the same log?

Each bundle may verify alone, and yet two readers may have been shown two logs of one name (a split
view). What a bundle proves of its log is more than its own record: the hashes of its proof, and
what they give, are those of whole subtrees of the tree, which never change once their entries are
there; the record names the leaf before it. Where two bundles speak of the same subtree, or of the
same checkpoint's size, they must say the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from venturalitica.errors import EvidenceError
from venturalitica.ledger.bundle import Bundle
from venturalitica.ledger.dsse import Envelope
from venturalitica.ledger.encoding import MAX_LINE, parse_object
from venturalitica.ledger.link import Link
from venturalitica.ledger.merkle import leaf_hash, node_hash
from venturalitica.records import Step

NAME = "one log"
MEANING = "two logs were kept under one name (a split view), or one of the two was made afterwards"
Entries = tuple[int, int]


@dataclass
class Views:
    """Collects what bundles that verify prove of their logs; `step` tells in the end."""

    bundles: int = 0
    _known: dict[str, dict[Entries, tuple[bytes, str]]] = field(default_factory=dict)
    _places: set[tuple[str, int]] = field(default_factory=set)
    _fault: Step | None = None

    def read(self, data: bytes, name: str) -> None:
        """Take in a bundle that verifies; `name` is what it is called in messages."""
        try:
            bundle = Bundle.parse(data)
            payload = Envelope.parse(bundle.envelope).payload
            link = Link.of(parse_object(payload, what="the statement", limit=MAX_LINE))
        except EvidenceError:
            return  # it does not verify alone, and its own steps say why
        self.bundles += 1
        self._places.add((link.origin, bundle.index))
        known = self._known.setdefault(link.origin, {})
        for entries, digest in _proven(bundle, link):
            before, teller = known.setdefault(entries, (digest, name))
            if before != digest and self._fault is None:
                self._fault = _contradiction(entries, bundle.index, name, teller)

    def step(self) -> Step:
        """Whether the bundles contradict each other."""
        if self._fault is not None:
            return self._fault
        logs = len(self._known)
        if len(self._places) <= logs:
            return Step(NAME, None, "not checked: there are no two records of one log here")
        of = "one log" if logs == 1 else f"{logs} logs"
        return Step(
            NAME, True, f"{self.bundles} bundles of {of} say the same wherever their proofs meet"
        )


def _contradiction(entries: Entries, index: int, name: str, teller: str) -> Step:
    first, end = entries
    what = f"entry {first}" if end == first + 1 else f"entries {first} to {end - 1}"
    who = f"{name} and {teller} say" if name != teller else f"{name} itself says"
    detail = f"{who} different things of {what} of one log; {MEANING}"
    return Step(NAME, False, detail, first if end == first + 1 else index)


def _proven(bundle: Bundle, link: Link) -> Iterator[tuple[Entries, bytes]]:
    """(first entry, end) and hash: of subtrees that never change, and of the whole tree."""
    if link.previous is not None:
        yield (bundle.index - 1, bundle.index), bytes.fromhex(link.previous)
    low, high, digest = bundle.index, bundle.index + 1, leaf_hash(bundle.envelope)
    yield (low, high), digest
    siblings = _siblings(bundle.index, 0, bundle.size)
    for (first, end), sibling in zip(siblings, bundle.proof, strict=False):
        yield (first, end), sibling
        left = first < low
        digest = node_hash(sibling, digest) if left else node_hash(digest, sibling)
        low, high = min(low, first), max(high, end)
        yield (low, high), digest


def _siblings(index: int, low: int, high: int) -> list[Entries]:
    """Which entries each hash of an inclusion proof is over, the leaf's sibling first."""
    if high - low == 1:
        return []
    middle = low + (1 << ((high - low - 1).bit_length() - 1))
    if index < middle:
        return [*_siblings(index, low, middle), (middle, high)]
    return [*_siblings(index, middle, high), (low, middle)]
