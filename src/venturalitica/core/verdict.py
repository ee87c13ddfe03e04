"""The values that every room speaks: verdicts, their lights, what a light means.

All are frozen; to change one is to make a new one. `Verdict.to_json` is the form kept in evidence
and `Verdict.from_json` reads it back: the pair is a round trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, NoReturn, SupportsIndex, overload

from msgspec import Struct
from msgspec.structs import force_setattr

from venturalitica.core.json_values import Json, integer, mapping, mappings, number, text, texts

Status = Literal["passed", "failed", "not_evaluated", "error"]
Light = Literal["green", "amber", "red", "grey"]
LIGHTS: tuple[Light, ...] = ("red", "amber", "grey", "green")
"""Worst first, as far as claiming too much goes: grey claims less than green."""
OnFail = Literal["record", "warn", "block"]
Label = str | int | float | bool

SURELY = "surely"
"""The word after a threshold that asks for the whole interval."""

STATUSES: tuple[Status, ...] = ("passed", "failed", "not_evaluated", "error")
ON_FAIL: tuple[OnFail, ...] = ("record", "warn", "block")


class Interval(NamedTuple):
    """A confidence interval, `low <= high`, in the unit of the value it belongs to."""

    low: float
    high: float


class Chance(NamedTuple):
    """What groups that are exactly equal, of the same sizes, would show by chance.

    `typical` half of the time at most; `low` and `high` one time in twenty beyond each.
    """

    typical: float
    low: float
    high: float


class GroupValue(Struct, frozen=True):
    """What one group contributes: its name, its row count and its own value.

    `value` is None where the statistic is undefined for the group; `supported` is False where the
    group has fewer rows than the control's `min_support`.
    """

    name: str
    n: int
    value: float | None
    supported: bool = True
    interval: Interval | None = None


class Groups(tuple[GroupValue, ...]):
    """The groups of a verdict, in the tally's order; also by name: `groups["female"].n`."""

    __slots__ = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The groups' names, in order."""
        return tuple(group.name for group in self)

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> GroupValue: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[GroupValue, ...]: ...
    def __getitem__(self, key: SupportsIndex | str | slice) -> GroupValue | tuple[GroupValue, ...]:
        if not isinstance(key, str):
            return super().__getitem__(key)
        for group in self:
            if group.name == key:
                return group
        raise KeyError(f"no group {key!r}; there are {list(self.names)}")


class Verdict(Struct, frozen=True, kw_only=True):
    """What was found for one control.

    `value` and `interval` are in the metric's own unit and None unless measured. `conclusive` is
    True only where a value was measured with enough support and its interval lies wholly on one
    side of the threshold. A value that meets a rule which asks to be met `surely` is shown although
    it is `failed` (its interval does not meet it as a whole), or `not_evaluated` (there is none).
    `reason` is a sentence for people, never empty. `notes` are facts that
    the reader must know besides (rows dropped, quartile cuts, vanished groups, exactness bounds).
    `remedy` is the policy's own advice on what to do, word for word. `by_chance`, of a comparison
    that fails or is not conclusive, is what exactly equal groups would show. A `step` above 0 is
    what a record's values are multiples of, which does not tell how few rows were left out.
    """

    control: str
    title: str = ""
    article: str | None = None
    metric: str = ""
    across: tuple[str, ...] = ()
    compare: str | None = None
    must: str = ""
    operator: str = ""
    threshold: float | None = None
    on_fail: OnFail = "warn"
    status: Status
    value: float | None = None
    interval: Interval | None = None
    level: float = 0.95
    conclusive: bool = False
    n: int = 0
    groups: tuple[GroupValue, ...] | Groups = ()
    reason: str
    notes: tuple[str, ...] = ()
    remedy: str = ""
    file: str = ""
    line: int = 0
    by_chance: Chance | None = None
    step: float = 0.0

    def __post_init__(self) -> None:
        force_setattr(self, "groups", Groups(self.groups))

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a Verdict is neither true nor false: it may be 'not_evaluated'. "
            "Compare `verdict.status`, or ask `audit.passed`."
        )

    @property
    def light(self) -> Light:
        """The traffic light of this control alone; never green for want of data."""
        if self.status == "passed":
            return "green" if self.conclusive else "amber"
        if self.status == "not_evaluated" and self.on_fail != "block":
            return "amber"
        return "red"

    @property
    def surely(self) -> bool:
        """Whether its rule asks for the whole interval, not the value alone."""
        return self.must.endswith(f" {SURELY}")

    @property
    def blocks(self) -> bool:
        """True where the policy says that this outcome must stop the run."""
        return self.on_fail == "block" and self.status != "passed"

    def to_json(self) -> dict[str, Any]:
        """The form kept in evidence: JSON types only, no NaN, keys always present but for what few
        verdicts have."""
        found = {name: _json(getattr(self, name)) for name in _KEYS}
        return found if self.by_chance is None else found | {"by_chance": self.by_chance._asdict()}

    @classmethod
    def from_json(cls, data: Json) -> Verdict:
        """Read back what `to_json` wrote, or somebody else: each field has its right type.

        `light` is derived again, never believed; the unreadable is an error, never a pass.
        """
        status, on_fail = data.get("status"), data.get("on_fail")
        found: dict[str, Any] = {
            **{name: text(data.get(name)) for name in _TEXTS},
            "status": status if status in STATUSES else "error",
            "on_fail": on_fail if on_fail in ON_FAIL else "warn",
            "across": texts(data.get("across")),
            "compare": text(data.get("compare")) or None,
            "article": text(data.get("article")) or None,
            "threshold": number(data.get("threshold")),
            "value": number(data.get("value")),
            "interval": _interval_in(data),
            "level": number(data.get("level")) or 0.95,
            "conclusive": data.get("conclusive") is True,
            "n": integer(data.get("n")) or 0,
            "groups": tuple(map(_group_in, mappings(data.get("groups")))),
            "notes": texts(data.get("notes")),
            "line": integer(data.get("line")) or 0,
            "by_chance": _chance_in(data),
        }
        if found["status"] == "passed" and found["value"] is None:
            found |= {"status": "error", "reason": "recorded as passed, but without a value"}
        return cls(**found)


_KEYS = [name for name in Verdict.__struct_fields__ if name not in ("by_chance", "step")]
_KEYS.insert(_KEYS.index("value"), "light")
"""Of the form kept in evidence: the fields, and the light after the status that gives it."""

_TEXTS = ("control", "reason", "title", "metric", "must", "operator", "remedy", "file")


def _group_in(data: Json) -> GroupValue:
    return GroupValue(
        text(data.get("name")),
        integer(data.get("n")) or 0,
        number(data.get("value")),
        data.get("supported") is not False,
        _interval_in(data),
    )


def _interval_in(data: Json) -> Interval | None:
    said = mapping(data.get("interval"))
    low, high = number(said.get("low")), number(said.get("high"))
    return None if low is None or high is None else Interval(low, high)


def _chance_in(data: Json) -> Chance | None:
    said = mapping(data.get("by_chance"))
    found = [number(said.get(name)) for name in Chance._fields]
    return None if None in found else Chance(*(one for one in found if one is not None))


def _json(value: object) -> object:
    """A field of a verdict, or of one of its groups, as JSON."""
    if isinstance(value, Interval):
        return value._asdict()
    if isinstance(value, GroupValue):
        return {name: _json(getattr(value, name)) for name in value.__struct_fields__}
    return list(map(_json, value)) if isinstance(value, tuple) else value


def light_in(verdict: Json) -> Light:
    """The light of a verdict as it is recorded, without reading all of it.

    The one written is not believed, nor that anything passed which was not measured.
    """
    status, on_fail = verdict.get("status"), verdict.get("on_fail")
    unmeasured = status == "passed" and number(verdict.get("value")) is None
    return light_of(
        status if status in STATUSES and not unmeasured else "error",
        on_fail if on_fail in ON_FAIL else "warn",
        verdict.get("conclusive") is True,
    )


@lru_cache(maxsize=64)
def light_of(status: Status, on_fail: OnFail, conclusive: bool) -> Light:
    """The light that status, conclusiveness and `on_fail` give."""
    return Verdict(
        control="-", status=status, reason="-", on_fail=on_fail, conclusive=conclusive
    ).light


def known_light(value: object) -> Light:
    """`value` if it is a light, else grey."""
    return next((light for light in LIGHTS if light == value), "grey")


def worst_light(lights: Iterable[Light]) -> Light:
    """The light of a whole: red before amber before grey before green; grey for nothing."""
    seen = set(lights)
    return next((light for light in LIGHTS if light in seen), "grey")


def left_out_sentence(phase: str | None, count: int) -> str:
    """`Only data controls were judged; 3 model controls were not.`; empty where all were."""
    if not count:
        return ""
    other = {"data": "model ", "model": "data "}.get(phase or "", "")
    controls, were = ("control", "was") if count == 1 else ("controls", "were")
    only = f"{phase} controls" if other else "some controls"
    return f"Only {only} were judged; {count:,} {other}{controls} {were} not."


def light_of_part(lights: Iterable[Light], left_out: Iterable[str]) -> Light:
    """The light of verdicts where controls of the policy were left out: amber at best."""
    found: list[Light] = list(lights)
    if found and any(True for _ in left_out):
        found.append("amber")
    return worst_light(found)


def run_lights(audits: Iterable[Mapping[str, Any]]) -> list[Any]:
    """One light for each audit of a run, as the run's record sums them up.

    Controls that an audit left out count against it only if no other audit of the run judged them
    under the same policy: data before the training and the model after it are the whole together.
    """
    found = list(audits)
    judged = {pair for one in found for pair in _controls(one, "judged")}
    return [_run_light(one, judged) for one in found]


def _run_light(audit: Mapping[str, Any], judged: set[tuple[str, str]]) -> Any:
    left_out = _controls(audit, "left_out")
    # Red stays red, whatever such a summary says of what was judged.
    mended = audit.get("light") == "amber" and left_out and left_out <= judged
    return audit.get("light_of_judged") if mended else audit.get("light")


def _controls(audit: Mapping[str, Any], key: str) -> set[tuple[str, str]]:
    return {(str(audit.get("policy")), name) for name in texts(audit.get(key))}


class Told(Struct, frozen=True, kw_only=True):
    """What one record says of itself: its claims, which are genuine where its verification is ok.

    `at` is when it ended; `unevaluated` counts controls that were not evaluated or erred; `signers`
    are key ids; `runs` names the tracker's runs that were open.
    """

    index: int
    kind: str
    name: str
    run_id: str
    at: str
    policy: str
    version: str
    light: Light
    controls: int
    failed: int
    unevaluated: int
    signers: tuple[str, ...]
    runs: tuple[str, ...]


class About(Struct, frozen=True):
    """What all verified records say: how many, from when until when, by whom, with which lights.

    `lights` counts audits and runs; `each` tells of the records of bundles one by one; `taken` is
    the same of the logs that were taken in and verify. `logs` is of how many logs, or bundles.
    """

    records: int
    lights: Mapping[str, int]
    first: str
    last: str
    signers: tuple[str, ...]
    each: tuple[Told, ...] = ()
    taken: About | None = None
    logs: int = 1

    @property
    def worst(self) -> str:
        """The worst light that is recorded, in logs that were taken in too; empty if none is."""
        recorded = {*self.lights, *(self.taken.lights if self.taken else ())}
        return next((light for light in LIGHTS if light in recorded), "")
