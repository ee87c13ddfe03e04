"""One entry on its way to one run: the parcel, built from the ledger alone, and its page."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from venturalitica.core.causes import said
from venturalitica.core.circumstances import WRITTEN, data_digest
from venturalitica.core.json_values import text
from venturalitica.core.record import ATTACHMENT, Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.trackers import tracker
from venturalitica.trackers.base import DataRef, Page, Parcel, Receipt, RunRef, ask

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger


log = logging.getLogger(__name__)

Pack = Callable[[], Parcel]
"""Gives the parcel of an entry: built when first asked for, and once for all its runs."""


def pack_of(ledger: Ledger, index: int, entry: Entry | None = None) -> Pack:
    """How the parcel of an entry is had; whoever asks while it is being built waits for it.

    Args:
        entry: the entry, for who has just appended it; else it is read from the log.
    """
    # Imported here and not by the threads that use it: MLflow looks for modules under a lock of its
    # own, and imports under it too. A thread that imports meanwhile stops, and the script with it.
    importlib.import_module("venturalitica.reports.html.page")
    importlib.import_module("venturalitica.reports.markdown")
    lock, built = Lock(), list[Parcel]()

    def pack() -> Parcel:
        with lock:
            if not built:
                built.append(parcel(ledger, index, entry))
            return built[0]

    return pack


def carry(ledger: Ledger, index: int, run: RunRef, pack: Pack) -> Receipt:
    """Deliver one entry to one run now, however long it takes, and record the outcome.

    The page is still to come: the receipt says so until `carry_page` has left it.

    Raises:
        TrackerError: the tracker refused, failed, or read back other bytes.
    """
    from venturalitica.ledger.outbox import Outbox

    try:
        receipt = tracker(run.tracker).deliver(run, pack())
        digest = pack().evidence_sha256
    except Exception as error:
        Outbox(ledger).failed(index, run.tracker, run.run_id, said(error))
        raise
    if receipt.kept:
        Outbox(ledger).keep(index, run.tracker, run.run_id, receipt.kept, digest=digest)
    else:
        place = (index, run.tracker, run.run_id)
        Outbox(ledger).confirm(*place, receipt.detail, page=False, digest=digest)
    return receipt


def carry_page(ledger: Ledger, index: int, run: RunRef, pack: Pack, receipt: Receipt) -> None:
    """Leave the page beside what `carry` has the `receipt` of; whatever fails is raised.

    Killed before that is recorded, it is left once more: where it is there, nothing is done.
    """
    from venturalitica.ledger.outbox import Outbox

    ask(tracker(run.tracker), "deliver_page", run, pack())
    if not receipt.kept:  # no server has it: its next delivery brings the page too
        place, digest = (index, run.tracker, run.run_id), pack().evidence_sha256
        Outbox(ledger).confirm(*place, receipt.detail, digest=digest)


def _page(entry: Entry) -> Page:
    """The page of an entry, which is not drawn before somebody asks."""

    def draw() -> str:
        from venturalitica.reports.html.page import render_report

        return render_report(entry.statement, evidence_sha256=entry.evidence_sha256)

    return Page(draw)


def parcel(ledger: Ledger, index: int, entry: Entry | None = None) -> Parcel:
    """The parcel of an entry, built from the ledger alone; `entry` where it was just appended."""
    from venturalitica.reports.markdown import render_markdown

    entry = entry or ledger.entry(index)
    record = entry.record
    policy = record.policy
    return Parcel(
        evidence=ledger.bundle(index),
        evidence_sha256=entry.evidence_sha256,
        kind=record.kind,
        name=record.run.name or text(record.model.get("name")),
        light=record.light,
        verdicts=record.verdicts,
        policy_name=policy.name if policy else "",
        policy_version=policy.version if policy else "",
        policy_sha256=policy.sha256 if policy else "",
        policy_filename=policy.filename if policy else "",
        policy_bytes=policy.data if policy else None,
        tally=_tally(ledger, entry),
        page=_page(entry) if record.judged else None,
        description=render_markdown(entry.statement) if record.judged else "",
        data=tuple(_data_ref(item) for item in record.data if item["context"] != WRITTEN),
        checkpoint=entry.checkpoint,
        superseded=_superseded(record),
    )


def _superseded(record: Statement) -> dict[tuple[str, str], str]:
    """Of a record of kind `attachment`: the runs that hold an audit which belongs to another."""
    if record.predicate_type != ATTACHMENT:
        return {}
    made = Attachment.of(record.predicate)
    other = f"{made.evidence_sha256[:12]} belongs to {made.run['tracker']} run {made.run['run_id']}"
    return {(str(run["tracker"]), str(run["run_id"])): other for run in made.superseded}


def _tally(ledger: Ledger, entry: Entry) -> bytes | None:
    """The tally's own file in the vault, where the record says that it is published.

    One that was erased, or is spoilt, is left out: the evidence is delivered without it.
    """
    from venturalitica.ledger.records.publication import is_published
    from venturalitica.ledger.records.vault import Vault

    if not is_published(entry.record):
        return None
    try:
        return Vault(ledger.home).pair(entry.record.tally_kept)
    except EvidenceError as error:
        log.warning("the tally of entry %d is not published: %s", entry.index, error)
        return None


def _data_ref(item: Mapping[str, Any]) -> DataRef:
    return DataRef(
        name=item["name"],
        context=item["context"],
        digest=data_digest(item),
        rows=item["rows"] or 0,
        columns=tuple(column["name"] for column in item["columns"]),
    )


def run_ref(data: Mapping[str, Any]) -> RunRef:
    """A tracker link of a statement, as a `RunRef`."""
    known = {name: data[name] for name in RunRef.__struct_fields__ if name in data}
    return RunRef(**known)
