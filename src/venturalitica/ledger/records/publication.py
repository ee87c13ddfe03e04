"""Whether the tally of a record is left beside it at the trackers, as its policy may ask."""

from __future__ import annotations

from typing import Any

from venturalitica.core.json_values import Json, as_object
from venturalitica.core.policy import Policy
from venturalitica.core.record import Statement
from venturalitica.core.scores import CLIPPED
from venturalitica.core.tally import Tally, may_be_told


def publication_of(policy: Policy, tally: Tally) -> dict[str, Any] | None:
    """What a record says of that; None where its policy keeps tallies in the vault.

    Args:
        policy: that of the record.
        tally: the counts as they are stored (`Tally.for_evidence`).
    """
    if policy.tallies == "keep":
        return None
    least = policy.min_cell
    if least and tally.amounts:
        return {"published": False, "why": "it holds exact sums of amounts, which tell of rows"}
    if may_be_published(tally, least):
        return {"published": True, "why": ""}
    return {"published": False, "why": f"a count in it is of fewer than {least} rows (min_cell)"}


def may_be_published(tally: Tally, least: int) -> bool:
    """Whether no cell of it, and nothing that it counts beside its tables, is of a few rows."""
    every = (*(table.cells for table in tally.tables), *(table.cells for table in tally.scores))
    return (
        all(may_be_told((cell[-1] for cell in cells), tally.rows, least) for cells in every)
        and all(tally.tells(axis, least) for axis in tally.axes)
        and all(
            may_be_told((*table.counts, table.missing), tally.rows, least) for table in tally.drift
        )
        and all(_clipped(table.note) not in range(1, least) for table in tally.scores)
        and None not in tally.nulls_told(least).values()
    )


def _clipped(note: str) -> int:
    """How many scores were put back into [0, 1], as a table notes."""
    found = CLIPPED.search(note)
    return int(found[1].replace(",", "")) if found else 0


def said_of(record: Statement) -> Json | None:
    """What a record says of it."""
    return as_object(record.predicate.get("publication"))


def is_published(record: Statement) -> bool:
    """Whether a record says that its tally was to be left at the trackers."""
    return (said_of(record) or {}).get("published") is True
