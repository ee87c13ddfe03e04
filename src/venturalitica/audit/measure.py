"""From rows to verdicts: bind, count once, judge, fingerprint what was judged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from venturalitica.core.circumstances import Circumstances, Share
from venturalitica.core.policy import LABEL_ROLES, Control, Phase, Policy, Role
from venturalitica.core.redact import redacted_traceback
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import Verdict
from venturalitica.errors import BindingError, DataError, did_you_mean
from venturalitica.frameworks import Unanswered, favorable_scores, feature_names, predictions
from venturalitica.provenance.inputs import data_item, frame_item
from venturalitica.tally.binding import Binding, bind, together

if TYPE_CHECKING:
    from venturalitica.metrics.catalog.spec import Needs


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows to judge, as the caller gave them.

    `columns` maps a label role to an array of shape (n,) that does not come from the frame;
    `bindings` any role to a column name or an array; `missing` a role that could not be had at
    all to the reason. `training_share` is how many of them the model was trained on, where that is
    known.
    """

    frame: Any
    columns: Mapping[str, Any] = field(default_factory=dict)
    bindings: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    training_share: Share | None = None

    @property
    def training_rows(self) -> bool | None:
        """Whether the model was trained on them; None where nobody can say."""
        return None if self.training_share is None else self.training_share.clear

    @property
    def empty(self) -> bool:
        """True where nothing at all was given."""
        return self.frame is None and not self.columns and not self.bindings


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pass over the rows gave."""

    verdicts: tuple[Verdict, ...]
    circumstances: Circumstances
    tally: Tally | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    data: tuple[Mapping[str, Any], ...] = ()
    unbound: frozenset[str] = frozenset()
    """Controls that were not evaluated only because nobody bound their groups."""


def known_roles(policy: Policy) -> dict[str, Role]:
    """Every role that may be bound under this policy."""
    return {name: policy.role(name) for name in (*LABEL_ROLES, *policy.grouping_roles)}


def measure(
    policy: Policy,
    rows: Rows,
    *,
    phase: Phase | None,
    reported: Mapping[str, float] | None,
    lenient: bool,
    fingerprint: bool,
    name: str,
) -> Measured:
    """Judge the rows against the policy.

    Raises:
        BindingError: a role is misspelt, missing its column, or (unless `lenient`) unbound.
        DataError: the rows cannot be tallied.
    """
    from venturalitica.judge import judge, select, unreported
    from venturalitica.metrics.catalog import needs
    from venturalitica.tally import column_names, materialise

    controls = select(policy, phase)
    asked = needs(unreported(policy, controls, reported))
    wanted = dict.fromkeys(role for need in asked for role in need.roles)
    given = {**rows.columns, **rows.bindings}
    binding = bind(known_roles(policy), given, column_names(rows.frame), wanted=wanted)
    unbound = {**binding.unbound, **_only(rows.missing, wanted)}
    if not lenient:
        _require(unbound, phase)
    frame = materialise(rows.frame, binding.columns.values())
    copies = _Copies(policy, rows.frame, frame, binding)
    data = _FingerprintThread(frame, binding, name, rows.training_rows) if fingerprint else None
    tally, faults = _counted(policy, frame, binding, asked, lenient=lenient)
    circumstances = replace(
        _asked(policy, phase, reported),
        unbound=unbound,
        faults=faults,
        training_share=rows.training_share,
        **copies.found(),
    )
    verdicts = judge(policy, tally, circumstances=circumstances)
    item = data.item() if data else _unread(binding, name, tally.rows, rows.training_rows)
    silent = _without(unbound, {*LABEL_ROLES, *rows.missing}, controls)
    return Measured(verdicts, circumstances, tally, binding.names, (item,), silent)


def _asked(
    policy: Policy, phase: Phase | None, reported: Mapping[str, float] | None
) -> Circumstances:
    """What the caller asked for: the phase, whose other controls are left out, and what is told."""
    from venturalitica.judge import select

    chosen = {control.id for control in select(policy, phase)}
    left_out = tuple(control.id for control in policy.controls if control.id not in chosen)
    return Circumstances(phase=phase, left_out=left_out, reported=reported or {})


def _counted(
    policy: Policy, frame: Any, binding: Binding, asked: Sequence[Needs], *, lenient: bool
) -> tuple[Tally, dict[str, str]]:
    """The tally, and each role that could not be counted with the reason.

    After a training (`lenient`) one role's fault costs the controls that need it, and no others;
    values that mislead (`RefusedValues`) do so always.
    """
    from venturalitica.tally import Need, RefusedValues, RoleError, build_tally

    faults: dict[str, str] = {}
    while True:
        needs = [
            Need(need.labels, need.groups, need.score)
            for need in asked
            if not set(need.roles) & set(faults)
        ]
        try:
            tally = build_tally(frame, needs=needs, binding=binding, roles=known_roles(policy))
        except RoleError as error:
            costs_controls_only = lenient or isinstance(error, RefusedValues)
            if not costs_controls_only or error.role in faults:
                raise DataError(str(error)) from None
            log.error("the audit could not count a role: %s", error)
            faults[error.role] = str(error)
        else:
            return tally, faults


def reported_only(policy: Policy, phase: Phase | None, reported: Mapping[str, float]) -> Measured:
    """Judge numbers that somebody measured elsewhere: no rows, no interval, never conclusive."""
    return _without_rows(policy, _asked(policy, phase, reported))


def unmeasured(policy: Policy, phase: Phase | None, reason: str) -> Measured:
    """Every selected control as an error: what is told when the rows could not be tallied."""
    return _without_rows(policy, replace(_asked(policy, phase, None), failure=reason))


def _without_rows(policy: Policy, circumstances: Circumstances) -> Measured:
    from venturalitica.judge import judge

    return Measured(judge(policy, None, circumstances=circumstances), circumstances)


def _without(
    unbound: Mapping[str, str], untold: AbstractSet[str], controls: tuple[Control, ...]
) -> frozenset[str]:
    """Controls that lack a role, and none of those that nobody was told of beforehand."""
    from venturalitica.metrics.catalog import needs

    asked = zip(controls, needs(controls), strict=True)
    lacking = ((control.id, set(need.roles) & set(unbound)) for control, need in asked)
    return frozenset(name for name, roles in lacking if roles and not roles & untold)


def _only(reasons: Mapping[str, str], wanted: Mapping[str, None]) -> dict[str, str]:
    return {role: reason for role, reason in reasons.items() if role in wanted}


def _require(unbound: Mapping[str, str], phase: Phase | None) -> None:
    if not unbound:
        return
    text = together(unbound.values())
    if phase is None and set(unbound) & {"prediction", "score"}:
        text += ". To judge only the controls that need no model: phase='data'"
    raise BindingError(text)


class _Copies:
    """What rows are copies of, looked for beside the count.

    A boundary: what cannot be compared is not known to be a copy, and costs no verdict.
    """

    def __init__(self, policy: Policy, given: Any, frame: Any, binding: Binding) -> None:
        self._found: dict[str, Any] = {}
        self._arguments = (policy, given, frame, binding)
        self._thread = threading.Thread(target=self._look, name="venturalitica-copies")
        self._thread.start()

    def _look(self) -> None:
        from venturalitica.tally.copies import copies_of_target, doubled_share

        policy, given, frame, binding = self._arguments
        try:
            self._found["copies_of_target"] = copies_of_target(
                frame, binding.columns, binding.arrays
            )
            if policy.duplicates != "expected":
                self._found["doubled_share"] = doubled_share(given, binding.arrays)
        except Exception as error:  # noqa: BLE001 - see the docstring
            log.info("rows could not be compared with each other")
            log.debug("why rows could not be compared\n%s", redacted_traceback(error))

    def found(self) -> dict[str, Any]:
        self._thread.join()
        return self._found


class _FingerprintThread:
    """The digest of the judged columns, made beside the count."""

    def __init__(self, frame: Any, binding: Binding, name: str, training_rows: bool | None) -> None:
        self._arguments = (frame, binding, name, training_rows)
        self._item: dict[str, Any] | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._go, name="venturalitica-fingerprint")
        self._thread.start()

    def _go(self) -> None:
        frame, binding, name, training_rows = self._arguments
        try:
            found = frame_item(
                frame,
                context="audit",
                name=name,
                columns=tuple(dict.fromkeys(binding.columns.values())),
                arrays=binding.arrays,
            )
            self._item = found | {"training_rows": training_rows}
        except Exception as error:  # noqa: BLE001 - raised again where the digest is asked for
            self._error = error

    def item(self) -> dict[str, Any]:
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._item is not None
        return self._item


def _unread(binding: Binding, name: str, rows: int, training_rows: bool | None) -> dict[str, Any]:
    """The data item where the fingerprint is switched off: it says so."""
    return data_item(
        name,
        "audit",
        rows=rows,
        columns=[
            {"name": column, "type": None, "nulls": None, "sha256": None}
            for column in sorted(set(binding.names.values()))
        ],
        method="off (VENTURALITICA_FINGERPRINT=0)",
        training_rows=training_rows,
    )


def with_predictions(policy: Policy, rows: Rows, model: Any, phase: Phase | None) -> Rows:
    """The rows with the model's predictions, and scores where a selected control needs them.

    What the caller bound already (`prediction=`, `score=`) is left as it is.

    Raises:
        DataError: the model does not say what its features are, or there is no table.
        BindingError: the table lacks some of them.
    """
    needed = _roles_needed(policy, phase) - set(rows.bindings)
    if not needed:
        return rows
    features = _features(model, rows.frame)
    columns, missing = dict(rows.columns), dict(rows.missing)
    favorable = policy.role("target").favorable_values
    for role in sorted(needed):
        try:
            if role == "prediction":
                columns[role] = predictions(model, features)
            else:
                columns[role] = favorable_scores(model, features, favorable)
        except Unanswered as reason:
            missing[role] = str(reason)
    return replace(rows, columns=columns, missing=missing)


def _roles_needed(policy: Policy, phase: Phase | None) -> set[str]:
    from venturalitica.judge import select
    from venturalitica.metrics.catalog import needs

    roles = {role for need in needs(select(policy, phase)) for role in need.roles}
    return roles & {"prediction", "score"}


def _features(model: Any, frame: Any) -> Any:
    """The model's feature columns of the frame, in the model's own order."""
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import picked

    names = feature_names(model)
    if frame is None or names is None:
        nameless = (
            "it has no feature_names_in_ (not fitted yet, or not on a table with named columns)"
        )
        raise DataError(
            f"{type(model).__name__} cannot be asked about this data: "
            + ("no table was given" if frame is None else nameless)
            + "; give its answers instead: prediction=model.predict(X)"
        )
    table = nw.from_native(frame)
    columns = table.collect_schema().names()
    absent = [name for name in names if name not in columns]
    if absent:
        raise BindingError(
            f"the data lacks the model's feature column '{absent[0]}'"
            f"{did_you_mean(absent[0], columns)} ({len(absent)} of {len(names)} are missing)"
        )
    found = picked(table, names)
    return (found.collect() if isinstance(found, nw.LazyFrame) else found).to_native()
