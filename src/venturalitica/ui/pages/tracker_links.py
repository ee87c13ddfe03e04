"""A tracker's run as lists show it: the link that a record names, and what is
known of the delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.core.text import is_web_address

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ui.reader import Reading


class TrackerLink(Struct, frozen=True):
    """One tracker's run: its name, a page for people or empty, what is known of the delivery."""

    tracker: str
    run_id: str
    url: str
    state: str

    @property
    def waits(self) -> bool:
        """Whether it is still to be delivered."""
        return self.state in ("waits", "kept here, not uploaded")


def tracker_link(reading: Reading, rows: Sequence[RunRow], run: Mapping[str, Any]) -> TrackerLink:
    """The link that a record names; what is no web address is told as text.

    Only a receipt for the very record says that it was delivered; `rows` are all that the link is
    shown for.
    """
    tracker, run_id, url = (str(run.get(name) or "") for name in ("tracker", "run_id", "url"))
    due = [row for row in rows if (tracker, run_id) in reading.places(row)]
    receipts = {(row.index, tracker, run_id, row.evidence_sha256) for row in due}
    state = "waits" if receipts else "not delivered"
    if reading.early:
        state = "being checked"
    elif receipts and reading.are_confirmed(receipts):
        state = "delivered"
    elif any(_is_kept(reading, row, (tracker, run_id)) for row in due):
        state = "kept here, not uploaded"
    return TrackerLink(tracker, run_id, url if is_web_address(url) else "", state)


def _is_kept(reading: Reading, row: RunRow, run: tuple[str, str]) -> bool:
    """Whether it lies with an offline run on this machine, and no server has it."""
    waiting = reading.waiting().get(row.index, ())
    return any(item.kept and (item.tracker, item.run_id) == run for item in waiting)
