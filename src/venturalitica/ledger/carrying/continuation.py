"""How a parcel continues what was taken of the same log before: no gap, no fork, no edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.parcel import Received
from venturalitica.ledger.carrying.taken import Taken
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.dsse import signers_of
from venturalitica.ledger.formats.merkle import RunningRoot
from venturalitica.ledger.log.tail import Part, read_parts


class Fit(Struct, frozen=True):
    """How a parcel continues what was taken before; `restores` where that is gone or altered."""

    received: Received
    before: Taken | None
    restores: bool = False

    @property
    def size(self) -> int:
        """How many entries the log has then."""
        return self.received.head.size

    @property
    def old(self) -> int:
        """How many entries are copied of what was taken before."""
        return 0 if self.before is None or self.restores else self.before.last.size


def fit_of(received: Received, logs: Mapping[str, Taken]) -> Fit:
    """Hold a parcel against what was taken of the same log.

    Raises:
        EvidenceError: it does not continue it, or its lines are not those that it seals.
    """
    base, leaves = received.start, list[bytes]()
    for part in received.parts():
        base = min(base, part.index)
        leaves += part.leaves()
    same = [one for one in logs.values() if one.last.origin == received.head.origin]
    if not same:
        _refuse_gap(base, 0)
        _check_root(leaves, received.head)
        return Fit(received, None)
    if base == 0:
        _check_root(leaves, received.head)
        key = _first_key(received.parts())
        mine = next((one for one in same if one.last.key == key), None)
        return Fit(received, None) if mine is None else _grown(received, mine, base, leaves)
    error: EvidenceError | None = None
    for one in same:
        try:
            return _grown(received, one, base, leaves)
        except EvidenceError as found:
            error = error or found
    raise error or EvidenceError("nothing was taken")


def _grown(received: Received, before: Taken, base: int, new: Sequence[bytes]) -> Fit:
    head, known = received.head, before.last.size
    try:
        before.ledger()
        old = _leaves(before)
    except EvidenceError as error:
        if base or head.size < known:
            raise EvidenceError(
                f"{error}. This one has entries {base} to {head.size - 1} alone: carry it without "
                "--since"
            ) from error
        old = []
    _refuse_gap(base, len(old))
    whole = [*old[:base], *new]
    _check_root(whole, head, base)
    differs = next((i for i, (a, b) in enumerate(zip(old, whole, strict=False)) if a != b), None)
    grew = all(
        _root(whole[: one.size]).hex() == one.root
        for _, one in before.records
        if one.size <= head.size
    )
    if differs is not None or not grew:
        place = f"entry {differs}" if differs is not None else f"one of the first {known} entries"
        raise EvidenceError(
            f"a fork: {place} is another than the one that was taken before (entry {before.entry} "
            f"of this ledger, {known} entries). Two copies of one log were written on, or it was "
            "written anew; nothing is taken: find out which is genuine, and begin a new log for "
            "the other"
        )
    return Fit(received, before, restores=not old)


def _refuse_gap(base: int, known: int) -> None:
    if base > known:
        raise EvidenceError(
            f"a gap: it begins at entry {base}, and {known} were taken of this log before. Take "
            f"what is between first, or carry it with '--since {known}'"
        )


def _check_root(leaves: Sequence[bytes], head: Checkpoint, base: int = 0) -> None:
    if len(leaves) != head.size or _root(leaves) != head.root:
        after = f" after the {base} that were taken before" if base else ""
        raise EvidenceError(
            f"its entries{after} do not give the root that its checkpoint seals: it was edited"
            + (", or is of a fork of the log" if base else "")
            + "; carry it again"
        )


def _root(leaves: Sequence[bytes]) -> bytes:
    tree = RunningRoot()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _leaves(taken: Taken) -> list[bytes]:
    parts = read_parts(taken.home / "log" / "entries.jsonl", 0, taken.last.size)
    return [leaf for part in parts for leaf in part.leaves()]


def _first_key(parts: Iterator[Part]) -> str:
    """The key of the first record that is there: whose log it is."""
    for part in parts:
        if part.head is None:
            return signers_of(part.line)[0]
    raise EvidenceError("it holds no record, so nobody signed it")
