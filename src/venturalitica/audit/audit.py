"""Conduct one audit: bind, tally, judge, record, deliver.

The order is what makes it safe: evidence is on disk before anything is delivered, and delivered
(or waiting in the outbox) before `ControlBlocked` is raised.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from venturalitica.audit.measure import (
    Measured,
    Rows,
    measure,
    reported_only,
    unmeasured,
    with_predictions,
)
from venturalitica.audit.recording import keep
from venturalitica.audit.result import Audit, tell_audit
from venturalitica.audit.run import current_run
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.audit.training_rows import TrainingRows, recall, remember
from venturalitica.core.circumstances import Share
from venturalitica.core.policy import Phase, Policy
from venturalitica.core.redact import redacted_traceback
from venturalitica.errors import (
    BindingError,
    VenturaliticaError,
)
from venturalitica.provenance.environment import Surroundings
from venturalitica.provenance.model import model_facts
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

log = logging.getLogger(__name__)


def _refuse_nothing(data: Any, model: Any, metrics: Any, bound: Sequence[Any]) -> None:
    """A call with nothing in it is a slip, not an audit of nothing."""
    if data is None and model is None and metrics is None and all(v is None for v in bound):
        raise BindingError(
            "vl.enforce was given nothing to judge: pass a table, vl.enforce(data, "
            "prediction=...) or vl.enforce(data, model=...), or arrays (target=, prediction=), or "
            "numbers that were measured elsewhere (metrics={...})"
        )


def conduct(
    policy: Policy,
    *,
    frame: Any,
    columns: Mapping[str, Any],
    bindings: Mapping[str, Any],
    model: Any,
    source: str,
    lenient: bool,
    phase: Phase | None = None,
    reported: Mapping[str, float] | None = None,
    missing: Mapping[str, str] | None = None,
    predict_with_model: bool = False,
    data_name: str = "audit",
    trackers: Sequence[RunRef] | None = None,
    training_share: Share | None = None,
    trained: TrainingRows | None = None,
) -> Audit:
    """Judge, record, deliver; then raise `ControlBlocked` if the policy says so.

    Args:
        frame: native table with the bound columns, or None.
        columns: label role -> array of shape (n,), where it does not come from the frame.
        bindings: role -> column name in the frame, or array of shape (n,).
        model: the plain fitted model, for the evidence.
        lenient: an unbound role makes its controls `not_evaluated` instead of raising, and rows
            that cannot be judged give verdicts of status `error`: after a fit nothing may be lost.
        missing: role -> why it could not be had (a model without probabilities, say).
        trackers: the tracker runs that were open before the training; asked for here if left out.
        training_share: how many of the judged rows were trained on; where None, it is looked up
            for a model that was trained in this process.
        trained: the rows that the model was just trained on, to be known again later.
    """
    settings = Settings.for_recording()
    before = open_runs() if trackers is None else trackers
    started = datetime.now(UTC)
    surroundings = Surroundings(settings)
    described = model_facts(model)
    known = _share_trained_on(described, frame, trained)
    rows = Rows(frame, columns, bindings, missing or {}, training_share or known)
    if predict_with_model:
        rows = with_predictions(policy, rows, model, phase)
    measured = _measured(policy, rows, phase, reported, settings, data_name, lenient=lenient)
    run = current_run()
    trackers = joined(before, open_runs())
    facts = Facts(
        kind="audit",
        run_id=run.id if run else uuid.uuid4().hex,
        name=run.name if run else _default_name(source),
        parent=run.parent.id if run and run.parent else None,
        sequence=run.next_sequence() if run else 0,
        source=source,
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
        retention=settings.retention,
    )
    statement = build_statement(facts)
    kept = keep(statement, trackers, settings)
    audit = Audit(
        measured.verdicts,
        policy,
        statement,
        kept.entry,
        kept.deliveries,
        kept.fault,
        kept.waiting,
    )
    if run is not None:
        run.add(audit)
    tell_audit(audit, settings.home, silent=measured.unbound if lenient else frozenset())
    audit.raise_if_blocked()
    return audit


def _share_trained_on(
    described: Mapping[str, Any] | None, frame: Any, trained: TrainingRows | None
) -> Share | None:
    """What is known of the rows from an earlier training of this very model; remembers this one."""
    digest = described.get("sha256") if described else None
    if digest is None:
        return None
    if trained is not None:
        remember(digest, trained)
        return None
    known = recall(digest)
    return known.share_of(frame) if known else None


def _measured(
    policy: Policy,
    rows: Rows,
    phase: Phase | None,
    reported: Mapping[str, float] | None,
    settings: Settings,
    data_name: str,
    *,
    lenient: bool,
) -> Measured:
    if rows.empty and reported is not None:
        return reported_only(policy, phase, reported)
    try:
        return measure(
            policy,
            rows,
            phase=phase,
            reported=reported,
            lenient=lenient,
            fingerprint=settings.fingerprint,
            name=data_name,
        )
    except VenturaliticaError as error:
        if not lenient:
            raise
        log.error("the audit could not be made: %s", error)
        return unmeasured(policy, phase, str(error))
    except Exception as error:
        if not lenient:
            raise
        log.error("the audit could not be made\n%s", redacted_traceback(error))
        return unmeasured(policy, phase, f"{type(error).__name__} while tallying; see the log")


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


def joined(before: Sequence[RunRef], after: Sequence[RunRef]) -> tuple[RunRef, ...]:
    """The runs of before; of a tracker that had none then, the one that is open after."""
    known = {run.tracker for run in before}
    return (*before, *(run for run in after if run.tracker not in known))


def _default_name(source: str) -> str:
    return {"fit": "training"}.get(source, source)
