"""Values that the user measured elsewhere: judged, and never more than amber."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from venturalitica.errors import BindingError, did_you_mean, listed
from venturalitica.figures import format_number
from venturalitica.judge.conclude import verdict
from venturalitica.judge.question import Question
from venturalitica.judge.words import compared
from venturalitica.records import Verdict
from venturalitica.rules import TOLERANCE, Control

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
    question: Question, value: object, *, filename: str, besides: Sequence[str] = ()
) -> Verdict:
    """The verdict on a reported value; `besides` are further doubts."""
    control = question.control
    problem = _problem(question, value)
    if problem:
        return verdict(
            control,
            status="not_evaluated" if _is_number(value) else "error",
            reason=problem,
            filename=filename,
            compare=question.compare,
        )
    assert isinstance(value, int | float) or hasattr(value, "__float__")
    figure = float(value)
    said = compared(figure, control.must)
    return verdict(
        control,
        status="passed" if control.must.holds(figure) else "failed",
        reason="; ".join([said, "reported, not measured", *besides]),
        filename=filename,
        value=figure + 0.0,
        notes=(REPORTED, *(f"not conclusive: {doubt}" for doubt in besides)),
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
