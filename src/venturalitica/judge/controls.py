"""The judgement: policy and tally in, one verdict per control out. Pure; nothing is skipped."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import TOLERANCE, WEIGHT, Control, Phase, Policy
from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.core.sample import DOUBT
from venturalitica.core.tally import Tally
from venturalitica.core.text import compared, format_number
from venturalitica.core.verdict import Verdict
from venturalitica.errors import BindingError, DataError, did_you_mean, listed
from venturalitica.judge.compare_groups import Found
from venturalitica.judge.conclude import (
    conclude,
    doubts_of,
    dropped,
    status_of,
    unsure,
    verdict,
)
from venturalitica.judge.count import unbound_reason
from venturalitica.judge.measure import Bench, measure
from venturalitica.judge.measure_numbers import measure_number
from venturalitica.judge.question import Question, Refusal, error_of, question_of
from venturalitica.judge.small_groups import groups_kept_back
from venturalitica.judge.told import Told
from venturalitica.judge.weights import can_weigh, unweighable, weighs
from venturalitica.metrics.catalog import CATALOG, misuse_of, needs, phase_of

log = logging.getLogger(__name__)

NOTHING = Tally(rows=0, axes=())
NO_DATA = "no data was given, and no value was reported for this control"
PLAIN = Circumstances()
"""Every control, all roles bound, nothing reported."""


def select(policy: Policy, phase: Phase | None = None) -> tuple[Control, ...]:
    """The controls of a phase (`data`: before training; `model`), all where None, in file order."""
    return tuple(
        control for control in policy.controls if phase is None or phase_of(control) == phase
    )


def refuse_empty_phase(policy: Policy, phase: Phase | None) -> None:
    """Raise BindingError where the policy has no control of the phase: nothing would be judged."""
    if select(policy, phase):
        return
    found = dict.fromkeys(phase_of(control) for control in policy.controls)
    has = listed(f"'{one}'" for one in found)
    raise BindingError(
        f"the policy {policy.name} has no control of the phase '{phase}', only of {has}: there is "
        "nothing to judge; leave the phase out, or give the policy such a control"
    )


def unreported(
    policy: Policy, controls: Sequence[Control], reported: Mapping[str, float] | None
) -> tuple[Control, ...]:
    """Those of `controls` that must be measured: no value in `reported` is theirs."""
    told = reported or {}
    return tuple(c for c in controls if reported_value(c, policy.controls, told) is None)


def judge(
    policy: Policy,
    tally: Tally | None,
    *,
    circumstances: Circumstances = PLAIN,
    controls: Sequence[Control] | None = None,
    told: Told | None = None,
) -> tuple[Verdict, ...]:
    """One verdict per control, in policy order.

    Args:
        tally: the counts; None where there is no data (reported values alone).
        circumstances: the phase asked for, roles that could not be had, values measured elsewhere
            (judged as they are, even where the tally could tell, and never conclusive).
        controls: the selected ones; those of the phase of `circumstances` where None.
        told: values that a record holds, where the tally is the coarser one kept in evidence.

    Returns:
        Verdicts; a fault in one control is that control's `error` and costs no other.

    Raises:
        BindingError: a key of `reported` is neither a control id nor a metric of the policy.
    """
    selected = select(policy, circumstances.phase) if controls is None else controls
    if circumstances.failure:
        return tuple(_failed(policy, control, circumstances.failure) for control in selected)
    check_reported(policy.controls, circumstances.reported)
    bench = Bench(
        policy, tally or NOTHING, circumstances.rules, told, intervals=circumstances.intervals
    )
    # Of all controls: a phase alone must not show what the other phase of the same run keeps back.
    bench.back = groups_kept_back(bench, policy.controls)
    without_data = ""
    if tally is None or tally == NOTHING:
        why = circumstances.unbound.values() if tally is None else ()
        without_data = next(
            iter(why), "no data was given, and no value was reported for this control"
        )
    return tuple(
        _guarded(bench, control, circumstances, without_data=without_data) for control in selected
    )


def _failed(policy: Policy, control: Control, reason: str) -> Verdict:
    return verdict(policy, control, status="error", reason=reason)


def _guarded(
    bench: Bench, control: Control, circumstances: Circumstances, *, without_data: str
) -> Verdict:
    policy = bench.policy
    try:
        return _judged(bench, control, circumstances, without_data=without_data)
    except (Refusal, DataError) as fault:
        refusal = fault if isinstance(fault, Refusal) else Refusal(str(fault))
        return verdict(
            policy,
            control,
            status="error" if _at_fault(control, circumstances) else "not_evaluated",
            reason=refusal.reason,
            n=refusal.n,
            groups=refusal.groups,
            notes=refusal.notes,
        )
    except Exception as error:  # noqa: BLE001 - see below
        # A boundary: one control's fault must not cost the others, and its verdict is red.
        log.error("control '%s' could not be computed\n%s", control.id, redacted_traceback(error))
        said = redact_text(str(error))
        reason = f"{type(error).__name__} while computing {control.metric}: {said}"
        return verdict(policy, control, status="error", reason=reason)


def _at_fault(control: Control, circumstances: Circumstances) -> bool:
    """Whether a fault in the rows kept it from being evaluated: that is an error, not amber."""
    faults = circumstances.faults
    return bool(faults) and not set(faults).isdisjoint(_roles(control, weighing=WEIGHT in faults))


def _roles(control: Control, *, weighing: bool) -> tuple[str, ...]:
    """What the control is computed from, its weights among it."""
    weight = weighing and control.metric in CATALOG and can_weigh(CATALOG[control.metric])
    return tuple(dict.fromkeys((*needs([control])[0].roles, *([WEIGHT] if weight else []))))


def _judged(
    bench: Bench, control: Control, circumstances: Circumstances, *, without_data: str
) -> Verdict:
    policy = bench.policy
    wrong = misuse_of(control)
    if wrong:
        return verdict(policy, control, status="error", reason=wrong)
    question = question_of(control, error_of(policy))
    besides = doubts_of(policy, question, circumstances)
    claimed = reported_value(control, policy.controls, circumstances.reported)
    if claimed is not None:
        return judge_reported(policy, question, claimed, besides=besides)
    if circumstances.unlabelled and question.spec.compares_labels:
        raise Refusal(circumstances.unlabelled, n=bench.tally.rows)
    unbound = {**circumstances.unbound, **circumstances.faults}
    weighing = weighs(bench.policy, bench.tally, circumstances)
    if weighing and (why := unweighable(question.spec)):
        raise Refusal(why, n=bench.tally.rows)
    lacking = _lacking(bench, question, unbound, without_data=without_data, weighing=weighing)
    if lacking:
        raise Refusal(lacking, n=bench.tally.rows)
    found = _measured(bench, question, circumstances)
    besides += dropped(question, found.missed, bench.tally.rows, circumstances.rules)
    # How many rows more would settle a distance hangs on the reference's, too: none is named.
    explains = bench.exact and not question.spec.drift
    return conclude(policy, question, found, besides=besides, explains=explains)


def _measured(bench: Bench, question: Question, circumstances: Circumstances) -> Found:
    if question.spec.drift:
        from venturalitica.judge.measure_drift import measure_drift

        return measure_drift(question, bench.tally, circumstances.references, least=bench.least)
    if question.spec.is_amount:
        from venturalitica.judge.measure_amounts import measure_amount

        return measure_amount(bench, question)
    return (measure_number if question.spec.number else measure)(bench, question)


def _lacking(
    bench: Bench,
    question: Question,
    unbound: Mapping[str, str],
    *,
    without_data: str,
    weighing: bool,
) -> str:
    spec, tally = question.spec, bench.tally
    roles = _roles(question.control, weighing=weighing)
    if without_data:
        return next((unbound[role] for role in roles if role in unbound), without_data)
    bound = dict.fromkeys([*(axis.role for axis in tally.axes), *tally.nulls])
    counted = {table.number for table in tally.scores} | {table.number for table in tally.amounts}
    if spec.number and spec.number.name in counted:
        bound |= dict.fromkeys(spec.number.of)
    bound |= dict.fromkeys({WEIGHT} & counted)
    reason = unbound_reason(roles, tally, unbound, list(bound))
    if not reason and spec.of_nulls and not tally.nulls:
        return "no role is bound to a column: there is nothing to count"
    return reason


REPORTED = "reported, not measured: no data stands behind this value"


def check_reported(controls: Sequence[Control], reported: Mapping[str, object]) -> None:
    """Raise BindingError where a key is neither a control id nor a metric of the policy.

    A metric that is put across groups by the control itself is a different number for each
    control: it must be given by control id.
    """
    ids = [control.id for control in controls]
    plain = [control.metric for control in controls if not _needs_id(control)]
    known = list(dict.fromkeys([*ids, *plain]))
    for key in reported:
        if key not in known:
            raise BindingError(
                f"reported value '{key}' is no control id and no metric of the policy"
                f"{did_you_mean(key, known)}; known: {listed(known)}"
            )


def reported_value(
    control: Control, controls: Sequence[Control], reported: Mapping[str, object]
) -> object | None:
    """The value given for a control, by its id or else by its metric; None where there is none."""
    if control.id in reported:
        return reported[control.id]
    taken = any(other.id == control.metric for other in controls)
    return None if taken or _needs_id(control) else reported.get(control.metric)


def judge_reported(
    policy: Policy, question: Question, value: object, *, besides: Sequence[str] = ()
) -> Verdict:
    """The verdict on a reported value; `besides` are further doubts."""
    control = question.control
    problem = _problem(question, value)
    if problem:
        return verdict(
            policy,
            control,
            status="not_evaluated" if _is_number(value) else "error",
            reason=problem,
            compare=question.compare,
        )
    assert isinstance(value, int | float) or hasattr(value, "__float__")
    figure = float(value)
    said = compared(figure, control.must)
    met = control.must.met_by(figure, None)
    return verdict(
        policy,
        control,
        status=status_of(met),
        reason="; ".join(
            [said, "reported, not measured", *unsure(control.must, figure, met), *besides]
        ),
        value=figure + 0.0,
        notes=(REPORTED, *(f"{DOUBT}{doubt}" for doubt in besides)),
        compare=question.compare,
    )


def _needs_id(control: Control) -> bool:
    return control.compare is not None


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool | str)


def _problem(question: Question, value: object) -> str:
    if not _is_number(value):
        return f"the reported value is {value!r}: expected a number"
    figure = float(value)  # type: ignore[arg-type]
    if not math.isfinite(figure):
        return f"the reported value is {figure}, which is no measurement: expected a finite number"
    low, high = question.low_high()
    if low - TOLERANCE <= figure <= high + TOLERANCE:
        return ""
    hint = (
        f" (as a share, {figure:g} % is {figure / 100:g})"
        if 1 < figure <= 100 == 100 * high
        else ""
    )
    return (
        f"the reported value {format_number(figure)} is not possible: {question.spec.name} "
        f"lies between {low:g} and {high:g}{hint}"
    )


METHODS: Mapping[str, Callable[..., tuple[Verdict, ...]]] = {
    "replicates-1": judge,
    "exact-1": judge,
}
"""What judges under each method that a record names, with the arguments and answer of `judge`.

A record that names none was judged by `circumstances.UNNAMED`, "replicates-1": percentile intervals
of 2,000 multinomial replicates that PCG64 draws, seeded from a table's name and counts. A method
that evidence was ever judged by stays as it is, whatever takes its place: what it gives is held by
a golden file (`tests/data/intervals`). A new one gets a new name.
"""

KNOWN_RULES = (1, 2, 3)
"""The rules of judgement that `judge` still follows where the circumstances name them."""


def unknown_method(circumstances: Circumstances) -> str:
    """Why this version cannot judge as these circumstances say; "" where it can."""
    if circumstances.rules not in KNOWN_RULES:
        return f"judged by rules {circumstances.rules!r}, which this version does not know"
    if circumstances.intervals not in METHODS:
        return f"its intervals were made by {circumstances.intervals!r}, which is not known here"
    return ""
