"""Conduct one audit: bind, tally, judge, record, deliver.

The order is what makes it safe: evidence is on disk before anything is delivered, and delivered
(or waiting in the outbox) before `ControlBlocked` is raised.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from venturalitica.audit.measure import (
    Measured,
    Request,
    measure,
    unmeasured,
    with_predictions,
)
from venturalitica.audit.naming import audit_name
from venturalitica.audit.recording import keep, log_key
from venturalitica.audit.remembered import remember_policies
from venturalitica.audit.result import Audit, tell_audit
from venturalitica.audit.run import current_run
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.audit.training_rows import recall, remember
from venturalitica.audit.waiting import joined, wait
from venturalitica.core.circumstances import Share
from venturalitica.core.policy import Phase, Policy
from venturalitica.core.redact import redacted_traceback
from venturalitica.core.text import timestamp
from venturalitica.errors import EngineError, VenturaliticaError
from venturalitica.frameworks import weights_of
from venturalitica.provenance.environment import Surroundings
from venturalitica.provenance.model import model_facts
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

log = logging.getLogger(__name__)


def conduct(request: Request) -> Audit:
    """Judge, record, deliver; then raise `ControlBlocked` if the policy says so."""
    policy = request.policy
    if request.phase is not None:
        _refuse_empty(policy, request.phase)
    settings = Settings.for_recording()
    before = open_runs() if request.trackers is None else request.trackers
    started = datetime.now(UTC)
    surroundings = Surroundings(settings)
    described = request.described or model_facts(request.model, weights_of)
    if described and request.began is not None:
        described = {**described, "fit_began_at": timestamp(request.began)}
    known = _share_trained_on(described, request)
    share = request.training_share or known
    share = share and share.told(policy.min_cell)
    request = replace(request, training_share=share, trackers=before)
    if request.ask_model:
        request = with_predictions(request)
    measured = _measured(request, settings)
    run = current_run()
    trackers = joined(before, open_runs())
    facts = Facts(
        kind="audit",
        run_id=run.id if run else uuid.uuid4().hex,
        name=run.name if run else request.title or audit_name(request.source, trackers),
        parent=run.parent.id if run and run.parent else None,
        sequence=run.next_sequence() if run else 0,
        source=request.source,
        started=started,
        ended=datetime.now(UTC),
        policy=policy,
        verdicts=measured.verdicts,
        circumstances=measured.circumstances,
        tally=measured.tally,
        bindings=measured.bindings,
        model=described,
        data=measured.data,
        environment=surroundings.facts(),
        trackers=trackers,
        retention=policy.retention or settings.retention,
    )
    unsigned = build_statement(facts, key=log_key(settings.home))
    if unsigned.refused:
        log.warning("the tally is kept in the vault, not published: %s", unsigned.refused)
    kept = keep(unsigned, trackers, settings)
    remember_policies(settings.home)
    awaits = False
    if kept.entry is not None and not trackers:
        holder = request.model if request.holder is None else request.holder
        awaits = wait(kept.entry, settings.home, holder)
    audit = Audit(
        measured.verdicts,
        policy,
        unsigned.statement,
        run.told_of_key(kept.entry) if run else kept.entry,
        kept.deliveries,
        kept.fault,
        kept.waiting,
        awaits,
        measured.tally,
    )
    if run is not None:
        run.add(audit)
    tell_audit(audit, settings.home, silent=measured.unbound if request.lenient else frozenset())
    audit.raise_if_blocked()
    return audit


def _refuse_empty(policy: Policy, phase: Phase) -> None:
    from venturalitica.judge import refuse_empty_phase

    refuse_empty_phase(policy, phase)


def _share_trained_on(described: Mapping[str, Any] | None, request: Request) -> Share | None:
    """What is known of the rows from an earlier training of this very model; remembers this one."""
    digest = described.get("sha256") if described else None
    if digest is None:
        return None
    if request.trained is not None:
        remember(digest, request.trained)
        return None
    known = recall(digest)
    rows = request.features if request.frame is None else request.frame
    return known.share_of(rows) if known else None


def _measured(request: Request, settings: Settings) -> Measured:
    if request.empty and (request.reported is not None or request.missing):
        return unmeasured(request)
    try:
        return measure(
            request, fingerprint=settings.fingerprint, other_columns=settings.other_columns
        )
    except VenturaliticaError as error:
        # Whoever called made no mistake where an engine failed: the evidence is to say so.
        if not request.lenient and not isinstance(error, EngineError):
            raise
        log.error("the audit could not be made: %s", error)
        return unmeasured(request, str(error))
    except Exception as error:
        if not request.lenient:
            raise
        log.error("the audit could not be made\n%s", redacted_traceback(error))
        return unmeasured(request, f"{type(error).__name__} while tallying; see the log")


def open_runs() -> tuple[RunRef, ...]:
    """The tracker runs that are open in this thread; the monitor around it takes note of them.

    Asked before a training or a prediction too: a callback in it may end the run or replace it.
    """
    from venturalitica.trackers import active_runs

    found = tuple(active_runs())
    run = current_run()
    if run is not None:
        run.saw_trackers(found)
    return found
