"""Attach an audit on record to a run of a tracker that was not open when it was made.

A record of its own says so, and goes to that run with the audit's evidence, policy and page: by it
`verify --run` knows that the audit belongs there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.audit.delivery import Delivery, deliver
from venturalitica.audit.project import open_ledger
from venturalitica.audit.recording import Outcome, keep
from venturalitica.audit.statement import Unsigned, run_json
from venturalitica.ledger.records.kinds.attachment import Attachment, How
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Entry

log = logging.getLogger(__name__)


class Attached(Struct, frozen=True):
    """What became of it: the record that says so, and the delivery of the audit itself."""

    record: Outcome
    deliveries: tuple[Delivery, ...] = ()

    @property
    def delivered(self) -> bool:
        """Whether the run holds both."""
        all_of = (*self.record.deliveries, *self.deliveries)
        return bool(self.deliveries) and all(one.delivered for one in all_of)


def attach(
    entry: Entry,
    run: RunRef,
    how: How,
    *,
    settings: Settings,
    superseded: Sequence[RunRef] = (),
) -> Attached:
    """Put on record that an audit belongs to a run, and deliver both; our own faults are returned.

    The runs that are `superseded` are told by `sync`: they have ended.
    """
    made = Attachment(
        entry=entry.index,
        evidence_sha256=entry.evidence_sha256,
        run_id=entry.record.run.id,
        run=run_json(run),
        how=how,
        superseded=tuple(map(run_json, superseded)),
    )
    record = keep(Unsigned(made.statement(datetime.now(UTC))), (run,), settings)
    if record.entry is None:
        return Attached(record)
    ledger = open_ledger(settings, create=False)
    return Attached(record, deliver(ledger, entry, (run,), wait=settings.tracker_wait))
