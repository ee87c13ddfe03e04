"""One recorded verdict held against itself, against its control, and against the one judged anew.

Each function gives the first fault as half a sentence, "" where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.ledger.contents import LIGHTS, light_of
from venturalitica.metrics.catalog import CATALOG
from venturalitica.records import Interval, Light, worst_light
from venturalitica.rules import OPERATORS, Control, Threshold

SAME = 1e-9
"""Logarithms and sums differ by less between processors, and no verdict's meaning by so little."""

_EXACT = ("control", "status", "on_fail", "operator", "metric", "title", "article", "remedy")


def self_fault(verdict: Mapping[str, Any]) -> str:
    """Does it bear its own status out: by its value, its threshold and its interval?"""
    status, value = verdict["status"], verdict.get("value")
    if not (value is None or _is_number(value)):
        return "its value is no finite number"
    interval = _interval(verdict.get("interval"))
    if isinstance(interval, str):
        return interval
    if verdict.get("light") not in (None, verdict_light(verdict)):
        return f"its light is {str(verdict.get('light'))[:20]!r}, which is not that of its status"
    if status not in ("passed", "failed"):
        return "it is conclusive, and was not evaluated" if verdict["conclusive"] else ""
    must = _must(verdict)
    if must is None:
        return "it has no threshold that could be met"
    if value is None:
        return f"it {status} without a value"
    if must.holds(value) != (status == "passed"):
        return f"it says {status}, and {_number(value)} {_meets(must, value)} {must}"
    if verdict["conclusive"] and (interval is None or not must.settled_by(interval)):
        return f"it says conclusive, and its interval does not settle {must}"
    return ""


def words_fault(verdict: Mapping[str, Any], control: Control) -> str:
    """Does it say of its control what the policy's bytes say?"""
    spec = CATALOG.get(control.metric)
    said = {
        "metric": control.metric,
        "title": control.title,
        "article": control.article,
        "on_fail": control.on_fail,
        "operator": control.must.operator,
        "remedy": control.remedy,
    }
    for name, right in said.items():
        if verdict.get(name) != right:
            return _other(name, verdict.get(name), right)
    if verdict.get("threshold") != control.must.bound or not _same_must(verdict, control.must):
        return _other("threshold", verdict.get("must"), str(control.must))
    if list(verdict.get("across") or ()) != list(control.across):
        return _other("groups", verdict.get("across"), list(control.across))
    compares = {control.compare, spec.compare if spec and control.across else None}
    if verdict.get("compare") not in compares:
        return _other("comparison", verdict.get("compare"), control.compare)
    return ""


def differences(
    verdict: Mapping[str, Any], judged: Mapping[str, Any], *, weaker: bool = False
) -> str:
    """Where it differs from the verdict judged anew; `weaker`: it may be less sure than that."""
    for name in _EXACT:
        if verdict.get(name) != judged[name]:
            return _other(name, verdict.get(name), judged[name])
    must = Threshold(judged["operator"], judged["threshold"])
    if verdict.get("threshold") != must.bound or not _same_must(verdict, must):
        return _other("threshold", verdict.get("must"), judged["must"])
    if not _close(verdict.get("value"), judged["value"]):
        return _other("value", verdict.get("value"), judged["value"])
    if not _close_intervals(verdict.get("interval"), judged["interval"]):
        return _other("interval", verdict.get("interval"), judged["interval"])
    for name in ("across", "compare", "n", "level"):
        if verdict.get(name) != judged[name]:
            return _other(name, verdict.get(name), judged[name])
    if verdict["conclusive"] != judged["conclusive"] and not (weaker and judged["conclusive"]):
        return _other("conclusive", verdict["conclusive"], judged["conclusive"])
    return _groups_fault(verdict.get("groups"), judged["groups"])


def light_fault(predicate: Mapping[str, Any], judged: Sequence[Mapping[str, Any]]) -> str:
    """Is its light no greener than the verdicts judged anew?"""
    found = worst_light(verdict["light"] for verdict in judged)
    said = predicate["light"]
    if LIGHTS.index(said) > LIGHTS.index(found):
        return f"its light is {said}; judged again it is {found}"
    return ""


def verdict_light(verdict: Mapping[str, Any]) -> Light:
    """The light that its status, conclusiveness and `on_fail` give."""
    return light_of(verdict["status"], verdict["on_fail"], verdict["conclusive"])


def _groups_fault(recorded: Any, judged: Sequence[Mapping[str, Any]]) -> str:
    recorded = recorded or []
    if [group["name"] for group in recorded] != [group["name"] for group in judged]:
        return "its groups are not those of its counts"
    for said, found in zip(recorded, judged, strict=True):
        if (said["n"], said.get("supported", True)) != (found["n"], found["supported"]):
            return _other(f"group {said['name'][:80]!r} n", said["n"], found["n"])
        if not _close(said["value"], found["value"]):
            return _other(f"group {said['name'][:80]!r}", said["value"], found["value"])
        if "interval" in said and not _close_intervals(said["interval"], found["interval"]):
            return _other(f"interval of {said['name'][:80]!r}", said["interval"], found["interval"])
    return ""


def _must(verdict: Mapping[str, Any]) -> Threshold | None:
    operator, bound = verdict.get("operator"), verdict.get("threshold")
    if operator not in OPERATORS or bound is None or not _is_number(bound):
        return None
    return Threshold(operator, float(bound))


def _same_must(verdict: Mapping[str, Any], must: Threshold) -> bool:
    """Whether its threshold in words, which people read, is the one in numbers."""
    operator, _, bound = str(verdict.get("must")).partition(" ")
    try:
        return operator == must.operator and float(bound) == must.bound
    except ValueError:
        return False


def _interval(value: Any) -> Interval | str | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(
        _is_number(value.get(end)) for end in ("low", "high")
    ):
        return "its interval is not two finite numbers"
    return Interval(value["low"], value["high"])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _close(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return _is_number(one) and abs(one - other) <= SAME * max(1.0, abs(other))


def _close_intervals(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return all(_close(one[end], other[end]) for end in ("low", "high"))


def _number(value: float) -> str:
    return f"{value:.6g}"


def _meets(must: Threshold, value: float) -> str:
    return "meets" if must.holds(value) else "does not meet"


def _other(name: str, said: Any, right: Any) -> str:
    what = name.replace("_", " ")
    return f"its {what} is {_shown(said)}; its policy and counts give {_shown(right)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and {"low", "high"} <= value.keys():
        return f"[{_shown(value['low'])}, {_shown(value['high'])}]"
    if isinstance(value, float):
        return f"{value:.10g}"
    return ascii(value)[:80] if not isinstance(value, str) else repr(value[:80])
