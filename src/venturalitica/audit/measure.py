"""From rows to verdicts: bind, count once, judge, fingerprint what was judged."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.audit.aside import After, Aside
from venturalitica.audit.asking import asking, features_of, predicted, values_of
from venturalitica.audit.drift import compared_with
from venturalitica.audit.other_columns import other_columns as others
from venturalitica.core.circumstances import BY_TALLY, Circumstances, Share
from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Control, Phase, Policy, Role
from venturalitica.core.prior import identity_digest, identity_roles
from venturalitica.core.redact import redacted_traceback
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import Verdict
from venturalitica.errors import BindingError, DataError, EngineError
from venturalitica.frameworks import favorable_scores, kind_of, labels_of
from venturalitica.frameworks.asking import asked
from venturalitica.frameworks.beside import Beside, Unanswered
from venturalitica.frameworks.sklearn import NoLabels, no_labels, unsupervised
from venturalitica.metrics.catalog import compares_labels, counts_all_roles, needs
from venturalitica.metrics.catalog.weights import weight_needs
from venturalitica.provenance.fingerprint import frame_item, unread_item
from venturalitica.tally.binding import Binding, bind, declared, together
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.audit.training_rows import TrainingRows
    from venturalitica.metrics.catalog.spec import Need


log = logging.getLogger(__name__)
_OFF = "off (VENTURALITICA_FINGERPRINT=0)"


class Request(Struct, frozen=True, kw_only=True):
    """What one audit judges: a policy, the rows as the caller gave them, what is known of them.

    `frame` is a native table, `columns` maps a label role to an array of shape (n,) that does not
    come from it, `bindings` any role to a column name or an array, `missing` a role that could not
    be had at all to the reason. `name` is what the data is called, `title` what the caller calls
    the audit. `model` is the plain fitted model, for the evidence; with `ask_model` it answers for
    the roles that nobody bound, of the `features`: names of columns in its order, or rows in its
    own form (an array, a tensor, a `DMatrix`); by default the columns that it names itself. What
    its `predict` takes besides is `predict_params`: a text that names a column stands for it.
    `holder` is the object that the caller has, where it is another than `model`.
    `reported` are values measured elsewhere. `lenient`: an unbound role makes its controls
    `not_evaluated` instead of raising, and rows that cannot be judged give verdicts of status
    `error`: after a fit nothing may be lost. `trackers` are the tracker runs that were open before
    the training, None where nobody asked. `training_share` is how many rows the model was trained
    on, where that is known; `trained` are the rows it was just trained on, to be known again later.
    `unlabelled` says why target and prediction are amounts, which no control compares as labels.
    `lake` is the Delta or Iceberg table that `frame` reads, for its version.
    `described` is what the record says of the model, where that is not the object in memory;
    `began` is when its training did.
    """

    policy: Policy
    source: str
    frame: Any = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    bindings: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    name: str = "audit"
    title: str = ""
    phase: Phase | None = None
    reported: Mapping[str, float] | None = None
    model: Any = None
    ask_model: bool = False
    features: Any = None
    predict_params: Mapping[str, Any] = field(default_factory=dict)
    lenient: bool = False
    trackers: tuple[RunRef, ...] | None = None
    training_share: Share | None = None
    trained: TrainingRows | None = None
    unlabelled: str = ""
    holder: Any = None
    lake: Any = None
    described: Mapping[str, Any] | None = None
    began: datetime | None = None

    @property
    def training_rows(self) -> bool | None:
        """Whether the model was trained on them; None where nobody can say."""
        return None if self.training_share is None else self.training_share.clear

    @property
    def empty(self) -> bool:
        """True where no rows at all were given."""
        return self.frame is None and not self.columns and not self.bindings


class Measured(Struct, frozen=True):
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


def measure(request: Request, *, fingerprint: bool, other_columns: bool = False) -> Measured:
    """Judge the rows against the policy.

    Args:
        request: what is judged, and how.
        fingerprint: whether the digests of the judged columns are taken.
        other_columns: whether the columns that no rule looks at are named.

    Raises:
        BindingError: a role is misspelt, missing its column, or (unless `lenient`) unbound.
        DataError: the rows cannot be tallied.
    """
    from venturalitica.judge import judge, select, unreported
    from venturalitica.tally.engines.narwhals import column_names, open_frame, stays_away

    table = open_frame(request.frame)
    request = request if table is None else replace(request, frame=table)  # opened once for all
    policy, given = request.policy, {**request.columns, **request.bindings}
    controls = select(policy, request.phase)
    asked = needs(_countable(request, unreported(policy, controls, request.reported)))
    if WEIGHT in policy.roles or given.get(WEIGHT) is not None:
        asked = (*asked, *weight_needs(asked))
    wanted = dict.fromkeys(role for need in asked for role in need.roles)
    names = column_names(request.frame)
    whole = any(map(counts_all_roles, controls))
    had, lacking = declared(known_roles(policy), names) if whole else ([], {})
    binding = bind(known_roles(policy), given, names, wanted=[*wanted, *had])
    missing = {role: why for role, why in request.missing.items() if role in wanted}
    unbound = {**binding.unbound, **missing}
    if not request.lenient:
        _require(unbound, request.phase)
    compared = compared_with(request, controls, binding)
    # A column that the data lack is a fault of its control, said there.
    looked = [*binding.columns.values(), *(one for one in compared.columns if one in (names or ()))]
    frame = request.frame
    # A connection answers one question at a time: an engine is asked for them one by one.
    beside = After if stays_away(frame) else Aside
    copies = beside("copies", _copies, request, frame, binding)
    data = None
    if fingerprint:
        data = beside("fingerprint", _fingerprint, request, frame, binding, looked)
    tally, faults = _counted(policy, frame, binding, asked, lenient=request.lenient)
    tally = compared.counted(request, binding, tally)
    circumstances = replace(
        _asked(request),
        references=compared.said,
        unbound=unbound,
        faults=faults,
        training_share=request.training_share,
        unlabelled=request.unlabelled if any(map(compares_labels, controls)) else "",
        absent={role: name for role, name in lacking.items() if role not in binding.names},
        **copies.found(),
    )
    verdicts = judge(policy, tally, circumstances=circumstances)
    item = data.found() if data else _unread([*binding.names.values(), *looked], request)
    if item["method"] == BY_TALLY:
        item |= {"sha256": tally.sha256, "rows": tally.rows}
    elif not data or not item["columns"]:
        item["rows"] = tally.rows
    elif binding.columns and item["rows"] != tally.rows:
        raise EngineError(_changed(tally.rows, item["rows"]))
    if other_columns and names is not None:
        item |= others(names, looked)
    silent = _without(unbound, {*LABEL_ROLES, *request.missing}, controls)
    return Measured(verdicts, circumstances, tally, binding.names, (item,), silent)


def _countable(request: Request, controls: Sequence[Control]) -> tuple[Control, ...]:
    """Those that can have a value: of amounts none that compares labels."""
    return tuple(c for c in controls if not (request.unlabelled and compares_labels(c)))


def _asked(request: Request) -> Circumstances:
    """What the caller asked for: the phase, whose other controls are left out, and what is told."""
    from venturalitica.judge import select

    controls = request.policy.controls
    chosen = {control.id for control in select(request.policy, request.phase)}
    left_out = tuple(control.id for control in controls if control.id not in chosen)
    return Circumstances(phase=request.phase, left_out=left_out, reported=request.reported or {})


def _counted(
    policy: Policy, frame: Any, binding: Binding, asked: Sequence[Need], *, lenient: bool
) -> tuple[Tally, dict[str, str]]:
    """The tally, and each role that could not be counted with the reason.

    After a training (`lenient`) one role's fault costs the controls that need it, and no others;
    values that mislead (`RefusedValues`) do so always.
    """
    from venturalitica.tally.build import build_tally
    from venturalitica.tally.values import RefusedValues, RoleError

    faults: dict[str, str] = {}
    while True:
        needs = [need for need in asked if not set(need.roles) & set(faults)]
        try:
            tally = build_tally(
                frame,
                needs=needs,
                binding=binding,
                roles=known_roles(policy),
                least=policy.min_cell,
            )
        except RoleError as error:
            costs_controls_only = lenient or isinstance(error, RefusedValues)
            if not costs_controls_only or error.role in faults:
                raise DataError(str(error)) from None
            log.error("the audit could not count a role: %s", error)
            faults[error.role] = str(error)
        else:
            return tally, faults


def unmeasured(request: Request, reason: str = "") -> Measured:
    """Verdicts without rows: on numbers that somebody measured elsewhere, with no interval and
    never conclusive; none evaluated where roles are `missing`; or, with a `reason` why the rows
    could not be tallied, an error each."""
    from venturalitica.judge import judge

    circumstances = replace(_asked(request), unbound=request.missing)
    if reason:
        circumstances = replace(circumstances, reported={}, failure=reason)
    verdicts = judge(request.policy, None, circumstances=circumstances)
    return Measured(verdicts, circumstances)


def _without(
    unbound: Mapping[str, str], untold: AbstractSet[str], controls: tuple[Control, ...]
) -> frozenset[str]:
    """Controls that lack a role, and none of those that nobody was told of beforehand."""

    asked = zip(controls, needs(controls), strict=True)
    lacking = ((control.id, set(need.roles) & set(unbound)) for control, need in asked)
    return frozenset(name for name, roles in lacking if roles and not roles & untold)


def _require(unbound: Mapping[str, str], phase: Phase | None) -> None:
    if not unbound:
        return
    text = together(unbound.values())
    if phase is None and set(unbound) & {"prediction", "score"}:
        text += ". To judge only the controls that need no model: phase='data'"
    raise BindingError(text)


def _changed(counted: int, read: int) -> str:
    return (
        f"the table had {counted:,} rows when they were counted and {read:,} when their digest was "
        "taken: expected the same rows each time they are asked for. Nothing was judged: give a "
        "table that nobody writes to, or a snapshot of it"
    )


def _copies(request: Request, frame: Any, binding: Binding) -> dict[str, Any]:
    """What rows are copies of.

    A boundary: what cannot be compared is not known to be a copy, and costs no verdict.
    """
    from venturalitica.tally.copies import copies_of_target, doubled_share

    found: dict[str, Any] = {}
    try:
        found["copies_of_target"] = copies_of_target(frame, binding.columns, binding.arrays)
        if request.policy.duplicates != "expected":
            doubled = doubled_share(request.frame, binding.arrays)
            found["doubled_share"] = doubled and doubled.told(request.policy.min_cell)
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.info("rows could not be compared with each other")
        log.debug("why rows could not be compared\n%s", redacted_traceback(error))
    return found


def _fingerprint(
    request: Request, frame: Any, binding: Binding, looked: Sequence[str]
) -> dict[str, Any]:
    """The data item with the digests of the judged columns."""
    found = frame_item(
        frame,
        context="audit",
        name=request.name,
        columns=tuple(dict.fromkeys(looked)),
        arrays=binding.arrays,
        lake=request.lake,
    )
    return found | {
        "training_rows": request.training_rows,
        "identity": None if found["method"] == BY_TALLY else identity(binding, found),
    }


def identity(binding: Binding, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the rows are known again by, as `core.prior` says; None where nothing stands for them.

    Args:
        found: the item with the digests of all bound columns of these rows.
    """
    roles = identity_roles(binding.names)
    named = {column["name"]: column["sha256"] for column in found["columns"]}
    digests = []
    for role in roles:
        name = binding.columns.get(role, role)
        # So an array is called that has the name of a column.
        beside = f"{name} (array)"
        digests.append(named[beside if role in binding.arrays and beside in named else name])
    if not digests:
        return None
    return {"of": roles, "sha256": identity_digest(found["rows"], digests)}


def _unread(columns: Sequence[str], request: Request) -> dict[str, Any]:
    """The data item where the fingerprint is switched off: it says so."""
    from venturalitica.provenance.snapshot import snapshot_of
    from venturalitica.tally.engines.narwhals import open_frame

    snapshot = snapshot_of(open_frame(request.frame), lake=request.lake, ordered=False)
    found = unread_item(request.name, "audit", columns, _OFF, snapshot)
    return found | {"training_rows": request.training_rows}


def with_predictions(request: Request) -> Request:
    """The request with the model's predictions, and scores where a selected control needs them.

    What the caller bound already (`prediction=`, `score=`) is left as it is.

    Raises:
        DataError: nobody says what its features are, there is no table, a network or booster
            failed on them, or what it predicts is compared with no target (clusters, outliers).
        BindingError: the table lacks some of them.
    """
    from venturalitica.judge import select

    model = request.model
    if "prediction" not in request.bindings:
        kind = kind_of(model)
        if why := unsupervised(model, kind):
            raise DataError(why)
        request = replace(request, unlabelled=no_labels(model, kind))
    needed = _roles_needed(request) - set(request.bindings)
    if not needed:
        return request
    features = features_of(model, request.frame, request.features)
    columns, missing = dict(request.columns), dict(request.missing)
    target = request.bindings.get("target", request.policy.role("target").column)
    if target is None:
        target = labels_of(model, features, None)
        columns |= {} if target is None else {"target": target}
    beside = Beside(
        {name: values_of(value, request.frame) for name, value in request.predict_params.items()},
        values_of(target, request.frame),
    )
    favorable = request.policy.role("target").favorable_values
    controls = select(request.policy, request.phase)
    with asked(model) as twin, asking(model, features):
        for role in sorted(needed):
            try:
                if role == "prediction":
                    columns[role], unlabelled = predicted(twin, features, controls, beside)
                    request = replace(request, unlabelled=unlabelled)
                else:
                    columns[role] = favorable_scores(twin, features, favorable, beside)
            except Unanswered as reason:
                missing[role] = str(reason)
                if isinstance(reason, NoLabels) and role == "prediction":
                    request = replace(request, unlabelled=str(reason))
    return replace(request, columns=columns, missing=missing)


def _roles_needed(request: Request) -> set[str]:
    from venturalitica.judge import select

    asked = needs(_countable(request, select(request.policy, request.phase)))
    roles = {role for need in asked for role in need.roles}
    return roles & {"prediction", "score"}
