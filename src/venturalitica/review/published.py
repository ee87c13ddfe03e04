"""Where the tally of a record was left by its policy's wish: no erasure reaches that copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from venturalitica.ledger.records.publication import is_published
from venturalitica.trackers.base import ROOT, TALLY

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger

_PLACE = re.compile(rf"\b({ROOT}(?:/audits/[0-9a-f]{{12}})?)/evidence\.json")


def copies(ledger: Ledger, entry: Entry) -> Iterator[dict[str, str]]:
    """By tracker's run of the record: where a copy of its tally lies, or may.

    Gives `tracker`, `run_id`, `uri` and `path`. A run that confirmed nothing is named too: a
    delivery may have ended between the files and its receipt.
    """
    from venturalitica.ledger.lifecycle.ties import attachments_of, runs_of
    from venturalitica.ledger.outbox import Outbox

    if not is_published(entry.record):
        return
    told = {
        (one.tracker, one.run_id): one.detail
        for one in Outbox(ledger).attempts()
        if one.evidence_sha256 == entry.evidence_sha256 and one.confirmed
    }
    made = [attachment for _, attachment in attachments_of(ledger, entry)]
    for run in runs_of(entry.record.trackers, made):
        name, run_id, uri = (str(run.get(key, "")) for key in ("tracker", "run_id", "uri"))
        found = _PLACE.search(told.get((name, run_id), ""))
        own = f"{ROOT}/audits/{entry.evidence_sha256[:12]}/{TALLY}"
        path = f"{found[1]}/{TALLY}" if found else f"{own}, or {ROOT}/{TALLY}"
        yield {"tracker": name, "run_id": run_id, "uri": uri, "path": path}
