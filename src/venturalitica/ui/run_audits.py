"""The audits inside a monitored run, as its page shows them: each data set apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venturalitica.core.json_values import Json, integer
from venturalitica.errors import EvidenceError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ui.reader import Reading

MOST = 6
"""Audits that are shown beside each other; each has a page."""


def inside_of(reading: Reading, entry: Entry) -> tuple[Entry, ...]:
    """The first audits of a run, each the very record that the run names by its digest."""
    return tuple(one for said in entry.record.audits[:MOST] if (one := _named(reading, said)))


def _named(reading: Reading, said: Json) -> Entry | None:
    place = integer(said.get("index"))
    if place is None or not 0 <= place < reading.ledger.size:
        return None
    try:
        found = reading.ledger.entry(place)
    except EvidenceError:
        return None  # pruned or altered: the table of audits leads to where that is said
    return found if found.evidence_sha256 == said.get("evidence_sha256") else None
