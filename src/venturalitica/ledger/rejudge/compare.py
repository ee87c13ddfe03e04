"""One recorded verdict held against itself, against its control, and against the one judged anew.

Each function gives the first fault as half a sentence, "" where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.core.policy import OPERATORS, Control, Policy, Threshold
from venturalitica.core.record import Statement
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import LIGHTS, SURELY, Interval, light_of, worst_light
from venturalitica.metrics.catalog import CATALOG

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
    if verdict.get("light") not in (
        None,
        light_of(status, verdict["on_fail"], verdict["conclusive"]),
    ):
        return f"its light is {str(verdict.get('light'))[:20]!r}, which is not that of its status"
    if status not in ("passed", "failed"):
        return "it is conclusive, and was not evaluated" if verdict["conclusive"] else ""
    must = _must(verdict)
    if must is None:
        return "it has no threshold that could be met"
    if value is None:
        return f"it {status} without a value"
    # Asked to be met surely, a value that meets the bound may fail: how exactly it is known the
    # counts say.
    if must.holds(value) != (status == "passed") and not (must.surely and status == "failed"):
        return f"it says {status}, and {_number(value)} {_meets(must, value)} {must}"
    if status == "passed" and must.met_by(value, interval) is not True:
        return f"it says passed, and its interval does not meet {must}"
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
    # The comparison of a metric that this version does not have may be part of that.
    if (spec or control.compare) and verdict.get("compare") not in compares:
        return _other("comparison", verdict.get("compare"), control.compare)
    return ""


def differences(
    verdict: Mapping[str, Any], judged: Mapping[str, Any], *, weaker: bool = False
) -> str:
    """Where it differs from the verdict judged anew; `weaker`: it may be less sure than that."""
    for name in _EXACT:
        if verdict.get(name) != judged[name]:
            return _other(name, verdict.get(name), judged[name])
    must = _must(judged)
    assert must is not None
    if verdict.get("threshold") != must.bound or not _same_must(verdict, must):
        return _other("threshold", verdict.get("must"), judged["must"])
    if not _close(verdict.get("value"), judged["value"]):
        return _other("value", verdict.get("value"), judged["value"])
    if not _close_intervals(verdict.get("interval"), judged["interval"]):
        return _other("interval", verdict.get("interval"), judged["interval"])
    for name in ("across", "compare", "n", "level"):
        if verdict.get(name) != judged[name]:
            return _other(name, verdict.get(name), judged[name])
    chance = verdict.get("by_chance")
    if chance is not None and not _close_numbers(chance, judged.get("by_chance")):
        return _other("by chance", chance, judged.get("by_chance"))
    if verdict["conclusive"] != judged["conclusive"] and not (weaker and judged["conclusive"]):
        return _other("conclusive", verdict["conclusive"], judged["conclusive"])
    return _groups_fault(verdict.get("groups"), judged["groups"])


def wording_fault(verdict: Mapping[str, Any], judged: Mapping[str, Any]) -> str:
    """Where it says in words something else than the verdict judged anew."""
    for name in ("reason", "notes", "file", "line"):
        if verdict.get(name) != judged[name]:
            return _other(name, verdict.get(name), judged[name])
    return ""


def light_fault(record: Statement, judged: Sequence[Mapping[str, Any]]) -> str:
    """Is its light no greener than the verdicts judged anew?"""
    found = worst_light(verdict["light"] for verdict in judged)
    if LIGHTS.index(record.light) > LIGHTS.index(found):
        return f"its light is {record.light}; judged again it is {found}"
    return ""


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
    surely = str(verdict.get("must")).endswith(f" {SURELY}")
    return Threshold(operator, float(bound), surely=surely)


def _same_must(verdict: Mapping[str, Any], must: Threshold) -> bool:
    """Whether its threshold in words, which people read, is the one in numbers."""
    operator, _, bound = str(verdict.get("must")).removesuffix(must.word).partition(" ")
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
    return _close_numbers(one, other, "low", "high")


def _close_numbers(one: Any, other: Any, *names: str) -> bool:
    """Whether two mappings have the same numbers under these names, or under all."""
    alike = (
        isinstance(one, dict) and isinstance(other, dict) and (names or one.keys() == other.keys())
    )
    return bool(alike) and all(_close(one.get(name), other.get(name)) for name in names or one)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _meets(must: Threshold, value: float) -> str:
    return "meets" if must.holds(value) else "does not meet"


def _other(name: str, said: Any, right: Any) -> str:
    what = name.replace("_", " ")
    return f"its {what} is {_shown(said)}; its policy and counts give {_shown(right)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and {"low", "high"} <= value.keys():
        ends = f"[{_shown(value['low'])}, {_shown(value['high'])}]"
        return f"{_shown(value['typical'])} in {ends}" if "typical" in value else ends
    if isinstance(value, float):
        return f"{value:.10g}"
    return ascii(value)[:80] if not isinstance(value, str) else repr(value[:80])


_BLOCKS = 128
_SHARED = 2_000
"""As `judge.measure_numbers.BLOCKS` and the tables whose replicates `metrics.intervals` keeps."""


def work_of(tally: Tally, policy: Policy) -> int:
    """How many cells must be resampled to judge the tally, as far as can be told beforehand."""
    scored = _BLOCKS * 2
    work: dict[object, int] = {}
    for control in policy.controls:
        groups = _groups(tally, control.across)
        spec = CATALOG.get(control.metric)
        if spec is not None and spec.drift:
            work["drift", control.id] = sum(t.against == control.against for t in tally.drift) * 10
        elif spec is not None and spec.number is not None:
            work["score", control.across, control.nulls] = scored * groups
        else:
            holding = [t for t in tally.tables if set(control.across) <= set(t.roles)]
            cells = max((len(table.cells) for table in holding), default=0)
            # Small tables are drawn once for all controls, large ones for each.
            once = cells <= _SHARED
            work[("few", control.across) if once else control.id] = cells * (3 if once else 1)
    return sum(work.values())


def _groups(tally: Tally, across: Sequence[str]) -> int:
    axes = [axis for axis in tally.axes if axis.role in across]
    every = [(table.roles, len(table.cells)) for table in tally.tables]
    every += [(table.roles, len(table.cells)) for table in tally.scores]
    most = max((cells for roles, cells in every if set(across) <= set(roles)), default=0)
    return min(math.prod(len(axis.levels) for axis in axes), most)


def is_reported(verdict: Mapping[str, Any]) -> bool:
    """Before circumstances were kept, a value without interval was one that somebody reported."""
    return verdict.get("interval") is None and not verdict["conclusive"]


def is_rough(tally: Mapping[str, Any] | None) -> bool:
    """Whether its scores are on levels that may be coarser than those that were judged."""
    return any(not table["exact"] for table in (tally or {}).get("scores") or ())


def is_scored(verdict: Mapping[str, Any]) -> bool:
    spec = CATALOG.get(str(verdict.get("metric")))
    return spec is not None and spec.has_levels


def told_in(
    record: Statement, counts: Mapping[str, Any] | None
) -> dict[str, tuple[float | None, ...]]:
    """What verdicts tell of scores that the counts keep more coarsely: of each group, if any."""
    if not is_rough(counts):
        return {}
    told = {}
    for verdict in filter(is_scored, record.verdict_items):
        groups = verdict.get("groups") or [verdict]
        told[verdict["control"]] = tuple(group.get("value") for group in groups)
    return told
