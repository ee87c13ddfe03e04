"""Conduct one audit: bind, tally, judge, record, deliver.

The order is what makes it safe: evidence is on disk before anything is delivered, and delivered
(or waiting in the outbox) before `ControlBlocked` is raised.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from venturalitica.audit import Audit
from venturalitica.circumstances import Share
from venturalitica.errors import (
    BindingError,
    PolicyError,
    Problem,
    VenturaliticaError,
    did_you_mean,
)
from venturalitica.measure import (
    Measured,
    Rows,
    known_roles,
    measure,
    reported_only,
    unmeasured,
)
from venturalitica.recording import foretell, keep
from venturalitica.redact import redacted_traceback
from venturalitica.rules import Phase, Policy
from venturalitica.runs import current_run
from venturalitica.settings import POLICY_FILENAME, Settings, find_policy, working_folder
from venturalitica.statement import Facts, build_statement
from venturalitica.surroundings import Surroundings, model_facts
from venturalitica.telling import tell_audit
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.wrapping.overlap import TrainingRows

log = logging.getLogger(__name__)


def resolve_policy(policy: str | Path | Policy | None = None) -> Policy:
    """A policy from a path, an already read one, or the one that the project has.

    Raises:
        PolicyError: there is none, or it is wrong; all problems at once.
        TypeError: it is neither a path nor a policy.
    """
    if isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str | os.PathLike | None):
        raise TypeError(
            f"policy= is a {type(policy).__name__}: expected the path of a policy file, "
            "or a policy that vl.read_policy gave"
        )
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy import read_policy

    if policy is None or (str(policy) == POLICY_FILENAME and not Path(policy).exists()):
        found = find_policy()
        if found is None:
            raise PolicyError([Problem(POLICY_FILENAME, 0, _no_policy())])
        policy = found
    return read_policy(policy, vocabulary=CATALOG)


def _no_policy() -> str:
    return (
        f"no policy found in {working_folder()} nor in the project root; "
        "'venturalitica init' writes one to start from, or pass policy=\"path/to/policy.yaml\""
    )


def check(policy: Policy, *, columns: Sequence[str] | None, bindings: Mapping[str, object]) -> None:
    """Before training: settings readable, every bound role known, every bound column there.

    Raises:
        BindingError: a misspelt role or a missing column, with the nearest name.
        SettingsError: an environment variable has a value that cannot be used.
    """
    from venturalitica.binding import bind

    foretell(Settings.for_recording())
    bind(known_roles(policy), bindings, columns, wanted=())


def enforce(
    data: Any = None,
    *,
    policy: str | Path | Policy = POLICY_FILENAME,
    model: Any = None,
    metrics: Mapping[str, float] | None = None,
    target: Any = None,
    prediction: Any = None,
    score: Any = None,
    phase: Phase | None = None,
    **roles: Any,
) -> Audit:
    """Judge data, a model, or reported numbers against a policy, and record the evidence.

    Args:
        data: a table (pandas, Polars eager or lazy, Arrow; n rows), or None where arrays are given.
        policy: path of the policy, or one that `read_policy` gave.
        model: a fitted model that predicts `data`'s own feature columns; instead of `prediction`.
        metrics: values measured elsewhere, by metric name or control id; judged without an
            interval and therefore never conclusive.
        target, prediction, score: column name, or array of shape (n,). `score` is the probability
            of the favorable label, in [0, 1].
        phase: `"data"` or `"model"` judges only the controls of that phase.
        roles: grouping role = column name or array of shape (n,), e.g. `gender="Attribute9"`.

    Returns:
        An `Audit`: one `Verdict` per selected control, in policy order.

    Raises:
        PolicyError: the policy is missing or wrong.
        BindingError: a role is misspelt or unbound, or its column does not exist.
        DataError: the rows cannot be judged (other lengths, not a table, no rows to predict).
        ControlBlocked: a control with `on_fail: block` did not pass; the evidence is safe.
    """
    rules = resolve_policy(policy)
    _refuse_unknown_phase(phase)
    _refuse_nothing(data, model, metrics, (target, prediction, score, *roles.values()))
    labels = {"target": target, "prediction": prediction, "score": score}
    given = {name: value for name, value in (labels | roles).items() if value is not None}
    _refuse_reordered(data, given)
    _refuse_target_twice(rules, data, given)
    return conduct(
        rules,
        frame=data,
        columns={},
        bindings=given,
        model=_plain_model(model),
        predict_with_model=model is not None,
        source="enforce",
        lenient=False,
        phase=phase,
        reported=metrics,
    )


def _refuse_nothing(data: Any, model: Any, metrics: Any, bound: Sequence[Any]) -> None:
    """A call with nothing in it is a slip, not an audit of nothing."""
    if data is None and model is None and metrics is None and all(v is None for v in bound):
        raise BindingError(
            "vl.enforce was given nothing to judge: pass a table, vl.enforce(data, "
            "prediction=...) or vl.enforce(data, model=...), or arrays (target=, prediction=), or "
            "numbers that were measured elsewhere (metrics={...})"
        )


def _refuse_unknown_phase(phase: object) -> None:
    phases = get_args(Phase)
    if phase is not None and phase not in phases:
        raise BindingError(
            f"phase={phase!r}: expected 'data' (before training) or 'model', or leave it out to "
            f"judge every control{did_you_mean(str(phase), phases)}"
        )


def _refuse_reordered(data: Any, given: Mapping[str, Any]) -> None:
    """Series are read row by row: one with the rows in another order would pair strangers."""
    from venturalitica.wrapping.order import check_role_order, index_of

    tables = (value for value in (data, *given.values()) if index_of(value) is not None)
    check_role_order(given, next(tables, None))


def _refuse_target_twice(policy: Policy, data: Any, given: Mapping[str, Any]) -> None:
    """A model measured against itself is always right: `prediction=table["label"]` is a slip."""
    from venturalitica.frameworks.labels import same_column

    target = _column(data, given.get("target", policy.role("target").column))
    for role in ("prediction", "score"):
        values = _column(data, given.get(role))
        if target is not None and values is not None and same_column(target, values):
            raise BindingError(
                f"target= and {role}= are the same column: the labels would be compared with "
                f"themselves; bind {role} to what the model gave, under a name of its own"
            )


def _column(data: Any, given: Any) -> Any:
    """What was given as values, or the column of an eager table that it names; else None."""
    if not isinstance(given, str):
        return given
    if isinstance(data, Mapping):
        return data.get(given)
    import narwhals as nw

    from venturalitica.tally.frames import open_frame

    table = open_frame(data)
    if not isinstance(table, nw.DataFrame) or given not in table.columns:
        return None
    return table.get_column(given).to_native()


def _plain_model(model: Any) -> Any:
    from venturalitica.wrapping import unwrap

    return None if model is None else unwrap(model)


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
        from venturalitica.predicting import with_predictions

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
    from venturalitica.wrapping.overlap import recall, remember

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
