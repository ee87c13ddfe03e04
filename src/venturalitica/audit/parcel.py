"""One entry on its way to one run: the parcel, built from the ledger alone, and its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from venturalitica.core.causes import said
from venturalitica.trackers import tracker
from venturalitica.trackers.base import DataRef, Page, Parcel, Receipt, RunRef, ask

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger


def carry(ledger: Ledger, index: int, run: RunRef, page: Page | None = None) -> Receipt:
    """Deliver one entry to one run now, however long it takes, and record the outcome.

    Raises:
        TrackerError: the tracker refused, failed, or read back other bytes.
    """
    from venturalitica.ledger.outbox import Outbox

    try:
        receipt = tracker(run.tracker).deliver(run, parcel(ledger, index, page))
    except Exception as error:
        Outbox(ledger).failed(index, run.tracker, run.run_id, said(error))
        raise
    if receipt.kept:
        Outbox(ledger).keep(index, run.tracker, run.run_id, receipt.kept)
    else:
        Outbox(ledger).confirm(index, run.tracker, run.run_id, receipt.detail)
    return receipt


def carry_page(ledger: Ledger, index: int, run: RunRef, page: Page | None = None) -> None:
    """Leave the page of an entry beside what `carry` delivered; whatever fails is raised."""
    ask(tracker(run.tracker), "deliver_page", run, parcel(ledger, index, page))


def page_of(ledger: Ledger, index: int) -> Page:
    """The page of an entry, which is not read and drawn before somebody asks."""

    def draw() -> str:
        from venturalitica.reports.html.page import render_report

        entry = ledger.entry(index)
        return render_report(entry.statement, evidence_sha256=entry.evidence_sha256)

    return Page(draw)


def parcel(ledger: Ledger, index: int, page: Page | None = None) -> Parcel:
    """The parcel of an entry, built from the ledger alone; `page` where it may be drawn already."""
    from venturalitica.reports.markdown import render_markdown

    entry = ledger.entry(index)
    record = entry.record
    policy = record.policy
    return Parcel(
        evidence=ledger.bundle(index),
        evidence_sha256=entry.evidence_sha256,
        kind=record.kind,
        name=record.run.name,
        light=record.light,
        verdicts=record.verdicts,
        policy_name=policy.name if policy else "",
        policy_version=policy.version if policy else "",
        policy_sha256=policy.sha256 if policy else "",
        policy_filename=policy.filename if policy else "",
        policy_bytes=policy.data if policy else None,
        page=page or page_of(ledger, index),
        description=render_markdown(entry.statement),
        data=tuple(_data_ref(item) for item in record.data),
        checkpoint=entry.checkpoint,
    )


def _data_ref(item: Mapping[str, Any]) -> DataRef:
    return DataRef(
        name=item["name"],
        context=item["context"],
        sha256=item["sha256"] or "",
        rows=item["rows"] or 0,
        columns=tuple(column["name"] for column in item["columns"]),
    )


def run_ref(data: Mapping[str, Any]) -> RunRef:
    """A tracker link of a statement, as a `RunRef`."""
    known = {name: data[name] for name in RunRef.__dataclass_fields__ if name in data}
    return RunRef(**known)
