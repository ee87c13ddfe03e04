"""Every kind of record besides audits and runs, entered once."""

from __future__ import annotations

from functools import cache

from venturalitica.ledger.records.kind import Kind


@cache
def kinds() -> dict[str, Kind]:
    """The kinds that this version knows, by predicateType."""
    from venturalitica.ledger.records import approval, erasure, pruning, rotation

    known: tuple[Kind, ...] = (rotation.KIND, approval.KIND, erasure.KIND, pruning.KIND)
    return {kind.predicate_type: kind for kind in known}
