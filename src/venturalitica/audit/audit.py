"""Conduct one audit: bind, tally, judge, record, deliver.

The order is what makes it safe: evidence is on disk before anything is delivered, and delivered
(or waiting in the outbox) before `ControlBlocked` is raised.

`TrainingRows` knows the rows of a training again when they are judged later: by keys, no values.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from venturalitica.audit.measure import (
    Measured,
    Request,
    measure,
    unmeasured,
    with_predictions,
)
from venturalitica.audit.recording import keep
from venturalitica.audit.result import Audit, tell_audit
from venturalitica.audit.run import current_run
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.circumstances import Share
from venturalitica.core.redact import redacted_traceback
from venturalitica.errors import VenturaliticaError
from venturalitica.provenance.environment import Surroundings
from venturalitica.provenance.model import model_facts
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.tally.copies import Trained, Views
    from venturalitica.tally.row_keys import RowKeys


log = logging.getLogger(__name__)

CELLS = 40_000_000
"""Of very large tables the first features are compared, so many values in all."""
_FEATURES = 16
REMEMBERED = 16
"""Trainings of this process whose rows are known again when their model is judged later."""


class TrainingRows:
    """The rows of one training as keys, computed on a thread beside the training."""

    def __init__(self, X: Any, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._found: tuple[Trained, Views] | None = None
        held = _held(X)
        # A daemon: a process that ends need not wait for what nobody will ask any more.
        self._thread = threading.Thread(
            target=self._compute, args=(held,), name="venturalitica-rows", daemon=True
        )
        self._thread.start()

    def _compute(self, X: Any) -> None:
        from venturalitica.tally.copies import trained_rows, views_of

        names = self._names[: _width(X)]
        rows = _keys_or_none(X, names)
        if rows is not None:
            whole = trained_rows(rows, names)
            self._found = whole, views_of(rows, whole, partial(_keys_or_none, X))

    def share_of(self, data: Any) -> Share | None:
        """How many rows of `data` were trained on; None where that cannot be told."""
        from venturalitica.tally.copies import share_seen

        self._thread.join()
        if self._found is None:
            return None
        whole, views = self._found
        judged = _keys_or_none(data, whole.names)
        if judged is None:
            return None
        return share_seen(judged, whole, views, partial(_keys_or_none, data))


def _keys_or_none(data: Any, names: Sequence[str], digits: int | None = None) -> RowKeys | None:
    """A boundary: any library may fail here, and then nobody can say whose rows they are."""
    try:
        return keys_of(data, names, digits)
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.info("rows could not be compared with those of a training")
        log.debug("why rows could not be compared\n%s", redacted_traceback(error))
        return None


def keys_of(data: Any, names: Sequence[str], digits: int | None = None) -> RowKeys | None:
    """Keys of the rows by those columns; None where one is missing or cannot be read."""
    import narwhals as nw

    from venturalitica.tally.row_keys import DIGITS, row_keys

    table = nw.from_native(data, pass_through=True)
    if not isinstance(table, nw.DataFrame | nw.LazyFrame):
        return None
    if not set(names) <= set(table.collect_schema().names()):
        return None
    picked = table.select(names)  # a lazy table's features were asked for by the model, too
    picked = picked.collect() if isinstance(picked, nw.LazyFrame) else picked
    columns = (picked.get_column(name) for name in names)
    return row_keys(columns, near=True, digits=digits or DIGITS)


_recalled: dict[str, TrainingRows] = {}


def remember(model_sha256: str, rows: TrainingRows) -> None:
    """Know the rows again when a model of that digest is judged; of the last few trainings.

    Without a lock, which a child could find closed that was forked in this moment.
    """
    _recalled.pop(model_sha256, None)
    _recalled[model_sha256] = rows
    for oldest in list(_recalled)[:-REMEMBERED]:
        _recalled.pop(oldest, None)


def recall(model_sha256: str | None) -> TrainingRows | None:
    """The rows that the model of this digest was trained on, if it was trained here."""
    return _recalled.get(model_sha256) if model_sha256 else None


def _width(X: Any) -> int:
    return max(_FEATURES, CELLS // max(len(X), 1))


def _held(X: Any) -> Any:
    """The table as it is now: the training may write into a pandas frame, into no other."""
    return X.copy(deep=False) if hasattr(X, "iloc") else X


def conduct(request: Request) -> Audit:
    """Judge, record, deliver; then raise `ControlBlocked` if the policy says so."""
    policy = request.policy
    settings = Settings.for_recording()
    before = open_runs() if request.trackers is None else request.trackers
    started = datetime.now(UTC)
    surroundings = Surroundings(settings)
    described = model_facts(request.model)
    known = _share_trained_on(described, request)
    request = replace(request, training_share=request.training_share or known)
    if request.ask_model:
        request = with_predictions(request)
    measured = _measured(request, settings)
    run = current_run()
    trackers = joined(before, open_runs())
    facts = Facts(
        kind="audit",
        run_id=run.id if run else uuid.uuid4().hex,
        name=run.name if run else {"fit": "training"}.get(request.source, request.source),
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
    tell_audit(audit, settings.home, silent=measured.unbound if request.lenient else frozenset())
    audit.raise_if_blocked()
    return audit


def _share_trained_on(described: Mapping[str, Any] | None, request: Request) -> Share | None:
    """What is known of the rows from an earlier training of this very model; remembers this one."""
    digest = described.get("sha256") if described else None
    if digest is None:
        return None
    if request.trained is not None:
        remember(digest, request.trained)
        return None
    known = recall(digest)
    return known.share_of(request.frame) if known else None


def _measured(request: Request, settings: Settings) -> Measured:
    if request.empty and request.reported is not None:
        return unmeasured(request)
    try:
        return measure(request, fingerprint=settings.fingerprint)
    except VenturaliticaError as error:
        if not request.lenient:
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


def joined(before: Sequence[RunRef], after: Sequence[RunRef]) -> tuple[RunRef, ...]:
    """The runs of before; of a tracker that had none then, the one that is open after."""
    known = {run.tracker for run in before}
    return (*before, *(run for run in after if run.tracker not in known))
