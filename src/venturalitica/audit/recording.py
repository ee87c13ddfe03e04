"""Put a statement on record: commit it to the ledger, then hand it to the trackers."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.audit.delivery import Delivery, deliver
from venturalitica.audit.project import open_ledger, signer_of
from venturalitica.audit.result import tell_missing_runs
from venturalitica.audit.run import Run
from venturalitica.audit.statement import (
    Facts,
    Unsigned,
    audit_summaries,
    build_statement,
    run_json,
)
from venturalitica.core.record import Statement
from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.core.verdict import Light, Verdict, run_lights, worst_light
from venturalitica.errors import EvidenceError, EvidenceWaiting, RetiredKeyError, SigningKeyError
from venturalitica.ledger.records.vault import Vault
from venturalitica.provenance.environment import Surroundings
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger


log = logging.getLogger(__name__)


class Outcome(Struct, frozen=True):
    """What became of a statement: its entry and deliveries, or why it waits, or what failed."""

    entry: Entry | None = None
    deliveries: tuple[Delivery, ...] = ()
    fault: str = ""
    waiting: str = ""


def log_key(home: Path) -> bytes:
    """The log's own secret; one of this call alone where there can be no log either."""
    try:
        return Vault(home).key()
    except EvidenceError as error:
        log.debug("the key of the log: %s", error)
        return os.urandom(32)


def keep(unsigned: Unsigned, trackers: Sequence[RunRef], settings: Settings) -> Outcome:
    """Commit, then deliver. A fault of ours is said and returned, never raised into a training."""
    try:
        ledger, entry = _append(unsigned, settings)
    except EvidenceWaiting as error:
        log.warning("%s", redact_text(str(error)))
        return Outcome(waiting=redact_text(str(error)))
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.error("the evidence could not be written\n%s", redacted_traceback(error))
        return Outcome(fault=f"the evidence could not be written: {redact_text(str(error))}")
    source = Statement.of(unsigned.statement).run.source
    tell_missing_runs(trackers, settings.home, source)
    if not trackers:
        return Outcome(entry)
    try:
        return Outcome(entry, deliver(ledger, entry, trackers, wait=settings.tracker_wait))
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.error(
            "the evidence is safe in the ledger but could not be handed to a tracker\n%s",
            redacted_traceback(error),
        )
        detail = redact_text(str(error))
        waiting = tuple(Delivery(run, entry.index, False, detail) for run in trackers)
        return Outcome(entry, waiting)


def _append(unsigned: Unsigned, settings: Settings) -> tuple[Ledger, Entry]:
    try:
        ledger = open_ledger(settings, settle=False)
        return ledger, unsigned.append_to(ledger)
    except RetiredKeyError:
        # The key may have been rotated since it was read, a moment ago: its successor is there now.
        ledger = open_ledger(settings)
        return ledger, unsigned.append_to(ledger)


def foretell(settings: Settings) -> None:
    """Before a training: say what would keep its evidence from being written, or from its tracker.

    Nothing is made, and a signer from outside is not asked: that could take long.
    """
    from venturalitica.trackers import doubts

    for question in doubts():
        if question not in _foretold:
            _foretold.add(question)
            log.warning("the tracker may not be where you think: %s", question)
    for obstacle in (
        _folder_obstacle("VENTURALITICA_HOME", settings.home),
        _key_obstacle(settings),
    ):
        if obstacle and obstacle not in _foretold:
            _foretold.add(obstacle)
            log.error("no evidence of what follows can be written: %s", obstacle)


_foretold: set[str] = set()


def _key_obstacle(settings: Settings) -> str:
    from venturalitica.ledger.signing.signer import has_own_key

    if settings.signer:
        return ""
    try:
        if settings.signing_key or settings.config is None or has_own_key(settings.config):
            signer_of(settings)
            return ""
    except SigningKeyError as error:
        return str(error)
    return _folder_obstacle("VENTURALITICA_CONFIG", settings.config)


def _folder_obstacle(variable: str, folder: Path) -> str:
    """Why nothing can be written to a folder, which may have to be made; empty if it can be."""
    try:
        there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return ""
        what = "cannot be written" if there.is_dir() else "is no folder"
    except OSError as error:
        there, what = folder, f"cannot be looked into: {error.strerror or error}"
    place = f"{folder}: {there} {what}" if there != folder else f"{folder} {what}"
    return f"{place}. Set {variable} to a folder that can be written"


def record_begin(run: Run) -> None:
    """Sign that a monitor was entered, and have it on disk before anything runs inside.

    A fault of ours is said and never raised: the run's own record says it again, if that fails too.
    """
    from venturalitica.core.record import Run as RunSaid
    from venturalitica.core.retention import retention
    from venturalitica.core.text import timestamp
    from venturalitica.ledger.lifecycle.begun import sign_of_life
    from venturalitica.ledger.records.kinds.beginning import Beginning
    from venturalitica.system.alive import Sign
    from venturalitica.system.files import NoLocksError

    settings = Settings.current()
    term = (run.policy and run.policy.retention) or settings.retention
    beginning = Beginning(
        run=RunSaid(
            id=run.id,
            name=run.name,
            parent=run.parent.id if run.parent else None,
            started_at=timestamp(run.started),
            source="monitor",
        ),
        # One that was only found gives way to those that audits inside name.
        policy=run.policy if run.named else None,
        open=[run_json(ref) for ref in run.trackers],
        retention=retention(term, run.started),
    )
    try:
        _, run.begun = _append(Unsigned(beginning.statement()), settings)
    except EvidenceWaiting as error:
        log.debug("that run %s began waits: %s", run.id, error)
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.warning(
            "that run %r began could not be recorded: %s", run.name, redact_text(str(error))
        )
        return
    try:
        run.sign_of_life = Sign(sign_of_life(settings.home, run.id))
    except (NoLocksError, OSError) as error:
        log.debug("no sign of life of run %s: %s", run.id, error)


def record_run(
    run: Run, *, exception: Mapping[str, Any] | None, unjudged: tuple[Verdict, ...]
) -> None:
    """Sign and deliver the record of a closed monitor."""
    settings = Settings.current()
    surroundings = Surroundings(settings)
    audits = audit_summaries(run.audits)
    lights: list[Light] = [*(verdict.light for verdict in unjudged), *run_lights(audits)]
    light: Light = "red" if exception else worst_light(lights)
    facts = Facts(
        kind="run",
        run_id=run.id,
        name=run.name,
        parent=run.parent.id if run.parent else None,
        sequence=run.next_sequence(),
        source="monitor",
        started=run.started,
        ended=datetime.now(UTC),
        policy=run.policy,
        verdicts=unjudged,
        data=run.data_items(),
        environment=surroundings.facts(),
        trackers=run.trackers,
        exception=exception,
        audits=audits,
        light=light,
        retention=(run.policy and run.policy.retention) or settings.retention,
    )
    run.recorded_as(light)
    kept = keep(build_statement(facts, key=log_key(settings.home)), run.trackers, settings)
    run.entry, run.deliveries = kept.entry, kept.deliveries
    run.fault, run.waiting = kept.fault, kept.waiting
