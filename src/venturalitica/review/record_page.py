"""The page of a recorded audit or run, drawn from the ledger alone as things stand now.

It is the page that went to the tracker, and what has become known since: whether the record still
verifies, who signed it off, what was erased, how long it must be kept, what still waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.json_values import Json, text
from venturalitica.core.record import KINDS, Statement
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError
from venturalitica.reports.context import ReportContext, Standing, read_statement
from venturalitica.review.drift_charts import drift_charts

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ledger.lifecycle.ties import ReadOnce
    from venturalitica.ledger.outbox import Attempt
    from venturalitica.ledger.records.vault import Vault


def page_context(
    ledger: Ledger,
    entry: Entry,
    *,
    now: datetime | None = None,
    told: ReadOnce | None = None,
    attempts: Iterable[Attempt] | None = None,
    doubts: Known | None = None,
) -> ReportContext:
    """All that the page of `entry` shows; `reports.html.draw_page` draws it.

    Args:
        now: when it is drawn; the clock, if left out.
        told: what this log says of its records, as read before, for who draws many pages of it.
        attempts: what the outbox tells of this entry, likewise.
        doubts: what is known of this log's records; `known_here`, if left out.

    Raises:
        EvidenceError: `entry` is no audit and no run, or of a format newer than this version
            knows; or the log was altered, or the vault.
    """
    from venturalitica.ledger import Outbox
    from venturalitica.ledger.lifecycle.ties import attachments_of, runs_of

    refuse_other_kinds(entry)
    made = attachments_of(ledger, entry, told)
    trackers = runs_of(entry.record.trackers, [one for _, one in made])
    tried = Outbox(ledger).attempts() if attempts is None else attempts
    waiting = _waiting(tried, entry, trackers)
    standing = standing_of(ledger, entry, waiting=waiting, now=now, doubts=doubts)
    try:
        return read_statement(
            entry.statement,
            evidence_sha256=entry.evidence_sha256,
            delivered=not waiting if trackers else None,
            approvals=sign_offs(ledger, entry, told),
            notes=notes(ledger, entry, told),
            standing=standing,
            trackers=trackers,
            drift=drift_charts(ledger, entry.record),
        )
    except EvidenceError as error:
        raise EvidenceError(f"entry {entry.index}: {error}") from error


def standing_of(
    ledger: Ledger,
    entry: Entry,
    *,
    waiting: Mapping[str, bool] = MappingProxyType({}),
    now: datetime | None = None,
    doubts: Known | None = None,
) -> Standing:
    """What is known of a record, of whatever kind, besides what it says itself.

    Args:
        waiting: the tracker runs that have not confirmed it; whether it lies with an offline run.
        doubts: as in `page_context`.
    """
    from venturalitica.core.text import timestamp
    from venturalitica.ledger.carrying.taken import Kept
    from venturalitica.ledger.index.queries import stranger

    doubts = known_here(ledger) if doubts is None else doubts
    retention, until = _kept(entry.record, ledger)
    return Standing(
        entry=entry.index,
        size=ledger.size,
        verification=_with(doubts.refuted, verified(ledger, entry.index)),
        retention=retention,
        kept_until=until,
        waiting=tuple(waiting),
        kept=sum(waiting.values()),
        drawn_at=timestamp(now or datetime.now(UTC)),
        doubt="" if doubts.knows(entry.signer) else stranger(entry.signer),
        carried=isinstance(ledger, Kept),
    )


def _with(refuted: str, found: Verification) -> Verification:
    """A record's verification, and that the log as a whole does not verify."""
    if not refuted:
        return found
    return replace(found, steps=(Step("log", False, refuted), *found.steps))


class BundlePage(Struct, frozen=True):
    """What a bundle is about, whoever sent it.

    `signer` is the key that the record names first. `report` is None for a record of another kind
    than audit and run, which `kind` names.
    """

    kind: str
    entry: int
    signer: str
    report: ReportContext | None


def bundle_page(
    data: bytes, found: Verification, *, own: bool, now: datetime | None = None
) -> BundlePage | None:
    """What the bundle in `data` is about; None where that cannot be read.

    Args:
        found: what `verify_bundle` made of it; a record that does not verify is red.
        own: whether it is held against the reader's keys: then a record that they do not vouch for
            is amber at best, also where there are none.
        now: when it is drawn; the clock, if left out.
    """
    from venturalitica.core.text import timestamp
    from venturalitica.ledger.formats.bundle import Bundle
    from venturalitica.ledger.index.queries import stranger
    from venturalitica.ledger.index.rows import Outline

    try:
        bundle = Bundle.parse(data)
    except EvidenceError:
        return None
    outline = Outline.of(bundle.index, bundle.envelope)
    vouched = any(step.name == "trust" and step.ok for step in found.steps)
    retention, until = _kept(outline.record)
    standing = Standing(
        entry=bundle.index,
        size=bundle.size,
        verification=found,
        retention=retention,
        kept_until=until,
        waiting=(),
        drawn_at=timestamp(now or datetime.now(UTC)),
        doubt=stranger(outline.signer) if own and not vouched else "",
    )
    digest = outline.evidence_sha256
    try:
        report = read_statement(outline.record.json, evidence_sha256=digest, standing=standing)
    except EvidenceError:
        report = None  # a record of another kind, or of a newer format
    return BundlePage(outline.record.kind, bundle.index, outline.signer, report)


def known_here(ledger: Ledger) -> Known:
    """What is known of the records of a log here: whose keys signed, and which runs did not end.

    Raises:
        EvidenceError: the log was altered, or the reader's keys cannot be read.
    """
    from venturalitica.ledger import Index
    from venturalitica.ledger.index.begun import unended
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ledger.lifecycle.keys import known_signers
    from venturalitica.review.verification import reader_keys
    from venturalitica.system.settings import Settings

    keys = {**reader_keys(Settings.current()), **_admitted(ledger)}
    with Index.open(ledger) as index:
        return Known(
            signers=known_signers(ledger, index, keys),
            begun=begun_here(ledger, unended(index)),
        )


def _admitted(ledger: Ledger) -> Mapping[str, bytes]:
    """The keys that were admitted for a log that was taken in, by a key that the reader knows."""
    from venturalitica.ledger.carrying.taken import Kept

    if not isinstance(ledger, Kept):
        return {}
    # Whoever can write to the folder can write a whole log of his own that admits any key.
    known = known_here(ledger.own).signers or ()
    return ledger.admitted() if ledger.taken.recorded_by in known else {}


def begun_here(ledger: Ledger, unended: Mapping[int, str]) -> dict[int, str]:
    """What is known here of runs without an end, whose ids are given by entry."""
    from venturalitica.ledger.lifecycle.begun import state_of

    return {entry: state_of(ledger.home, run_id) for entry, run_id in unended.items()}


def unended_run(ledger: Ledger, run_id: str) -> tuple[int | None, str]:
    """The entry with which a run began that has no end on record, and what is known of it."""
    from venturalitica.ledger import Index
    from venturalitica.ledger.index.begun import unended

    with Index.open(ledger) as index:
        found = {entry: one for entry, one in unended(index).items() if one == run_id}
    return next(iter(begun_here(ledger, found).items()), (None, ""))


def verified(ledger: Ledger, index: int) -> Verification:
    """What the record's own bundle proves. Reading a record proves its place, not its signature.

    No key counts as known: the page is for readers to whom the drawer's keys are those of a
    stranger. A bundle that cannot be made (a key is missing, say) is a fault, not an error: the
    page says so.
    """
    from venturalitica.ledger.verify.verify import verify_bundle

    try:
        return verify_bundle(ledger.bundle(index))
    except EvidenceError as error:
        return Verification(f"entry {index}", (Step("bundle", False, str(error)),))


def sign_offs(ledger: Ledger, entry: Entry, told: ReadOnce | None = None) -> list[dict[str, Any]]:
    """The sign-offs of a record as facts, each with whether it verifies and when it was erased."""
    from venturalitica.ledger.lifecycle.approve import signed_off
    from venturalitica.ledger.records.vault import Vault

    vault = Vault(ledger.home)
    return [
        approval.told(vault)
        | {
            "verified": verified(ledger, approval.index).ok,
            "erased_on": _erased_on(
                ledger, vault, list(filter(None, (approval.person, approval.comment)))
            ),
        }
        for approval in signed_off(ledger, entry, told)
    ]


def notes(ledger: Ledger, entry: Entry, told: ReadOnce | None = None) -> list[dict[str, Any]]:
    """The notes on a record as facts, each with whether it verifies and when it was erased."""
    from venturalitica.ledger.lifecycle.approve import noted
    from venturalitica.ledger.records.vault import Vault

    vault = Vault(ledger.home)
    return [
        note.told(vault)
        | {
            "verified": verified(ledger, note.index).ok,
            "erased_on": _erased_on(ledger, vault, [note.person, note.text]),
        }
        for note in noted(ledger, entry, told)
    ]


def _erased_on(ledger: Ledger, vault: Vault, references: Sequence[Json]) -> str | None:
    """The day on which one of these values was erased, where the log tells of it."""
    from venturalitica.ledger.lifecycle.erase import erasures

    gone = [one["vault"] for one in references if vault.open(one) is None]
    told = erasures(ledger) if gone else {}
    return next((told[digest] for digest in gone if digest in told), None)


def _waiting(attempts: Iterable[Attempt], entry: Entry, runs: Sequence[Json]) -> dict[str, bool]:
    """The tracker runs named in the record of which no receipt is here; the index is not asked.

    Each with whether it is an offline run that has the record on this machine.
    """
    last: dict[tuple[str, str], Attempt] = {}
    for attempt in attempts:
        place = (attempt.tracker, attempt.run_id)
        ours = (attempt.index, attempt.evidence_sha256) == (entry.index, entry.evidence_sha256)
        if ours and not (place in last and last[place].confirmed):
            last[place] = attempt
    named = [(text(run.get("tracker")), text(run.get("run_id"))) for run in runs]
    waiting: dict[str, bool] = {}
    for tracker, run in named:
        found = last.get((tracker, run))
        kept = found is not None and found.kept
        if found is None or not found.confirmed:
            where = f" ({found.detail})" if found and kept else ""
            waiting[f"{tracker} run {run}{where}"] = kept
    return waiting


UNPLACED = "ten years after the placing on the market, a day that is not recorded"


def _kept(record: Statement, ledger: Ledger | None = None) -> tuple[str, str]:
    """The retention class and the last day; two empty texts where the record tells neither.

    Without its log it is not known when its model was placed on the market.
    """
    from venturalitica.core.retention import RetentionTerm, day_of
    from venturalitica.ledger.lifecycle.place import kept_until

    try:
        kept = RetentionTerm.of(record.retention)
        if ledger is not None:
            until = kept_until(ledger, record, kept)
        else:
            until = kept.last_day(day_of(record.link.appended_at))
    except EvidenceError:
        return "", ""
    return kept.name, UNPLACED if until is None else until.isoformat()


def refuse_other_kinds(entry: Entry) -> None:
    """Raise unless the record is an audit or a run: others are about records, not about models."""
    record = entry.record
    if record.judged:
        return
    if record.predicate_type not in KINDS:
        raise EvidenceError(
            f"entry {entry.index} is a record of a kind that this version does not know, "
            f"{record.kind[:80]!r}: a page is drawn of an audit or a run. A newer version of "
            "this package may know it: update it from where it came from"
        )
    target = record.about_entry
    where = f", and is shown in that of entry {target}" if target is not None else ""
    raise EvidenceError(
        f"entry {entry.index} is a record of kind {record.kind!r}: it has no "
        f"page of its own{where}. 'venturalitica runs show {entry.index}' shows it"
    )


@contextmanager
def readable(entry: Entry) -> Iterator[None]:
    """Whoever holds a key may sign anything: what cannot be shown is said, and no fault of ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EvidenceError(
            f"entry {entry.index} is signed, but is no record as this package writes one "
            f"({type(error).__name__}); 'venturalitica verify' says what is wrong with it"
        ) from error
