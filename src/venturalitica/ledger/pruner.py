"""Pruning: take out of the log what a plan names, and say so in the log.

The signed prune record is appended first; then the log is written anew beside the old one, held
against the sealed root, and put in its place in one step, under the lock. A killed pruning leaves
the old log or the new one; the next one finishes it, if the time of what is left is up.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError
from venturalitica.ledger.lock import NoLocksError, locked
from venturalitica.ledger.log import Log
from venturalitica.ledger.planning import SEGMENT, Plan, plan, still_there
from venturalitica.ledger.pruning import Range, prune_statement
from venturalitica.ledger.rewriting import rewrite

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Entry, Ledger

__all__ = ["SEGMENT", "Plan", "plan", "prune"]


def prune(ledger: Ledger, agreed: Plan) -> Entry | None:
    """Carry out a plan; gives the prune record, None where there was nothing new to take out.

    Raises:
        EvidenceError: the log does not verify, or cannot be written; then it is as it was, or the
            prune record is appended and the next call finishes.
    """
    _refuse_lockless(ledger)
    _verify(ledger)
    _take_out(ledger, agreed.left)
    if not agreed.ranges or agreed.until is None:
        return None
    entry = ledger.append(
        prune_statement(
            agreed.ranges,
            segment=agreed.segment,
            classes=agreed.classes,
            until=agreed.until,
            placed=agreed.placed,
        )
    )
    _take_out(ledger, agreed.ranges)
    return entry


def _take_out(ledger: Ledger, ranges: Collection[Range]) -> None:
    """Put heads in the place of these ranges, which prune records name."""
    if not ranges:
        return
    left = {at: found for at, found in still_there(ledger).items() if found[0] in ranges}
    if not left:
        return
    try:
        rewrite(Log(ledger.home), ledger.head, left)
    except OSError as error:
        raise EvidenceError(
            f"{ledger.home}: the log could not be pruned: {error.strerror or error}. It is as it "
            "was; 'venturalitica prune' finishes what was begun"
        ) from error


def _refuse_lockless(ledger: Ledger) -> None:
    """Writers without locks write at places of the file that they have open: it must stay."""
    log = Log(ledger.home)
    try:
        with locked(log.entries, create=False):
            if log.inbox.exists():
                raise NoLocksError(f"{log.inbox.folder}: writers agree by the inbox, not by locks")
    except NoLocksError as error:
        raise EvidenceError(
            f"{error}; nothing can be pruned here. Copy the folder to a local disk while nobody "
            "writes, prune it there, and copy it back"
        ) from error


def _verify(ledger: Ledger) -> None:
    from venturalitica.ledger.verify import verify_ledger

    found = verify_ledger(ledger.home)
    if found.fault is not None:
        raise EvidenceError(
            f"{ledger.home}: nothing is pruned from a log that does not verify: "
            f"{found.fault.name}: {found.fault.detail}"
        )
