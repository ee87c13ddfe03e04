"""What differs between two policies, as values: a change, its aspects, and which way each points.

loosened    the new rule lets more through     tightened   it lets less through
changed     neither: it asks something else, or several aspects point both ways
renamed     the same rule under another id     reworded    the rule is the same, its words differ
added       a rule more: the policy is tighter removed     a rule less: it is looser
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from venturalitica.core.policy import TOLERANCE, Control, Policy, Role, SmallGroups, Threshold
from venturalitica.core.retention import months
from venturalitica.core.text import level_words
from venturalitica.core.verdict import Label, OnFail
from venturalitica.policy.describe import describe_role

Direction = Literal["loosened", "tightened", "changed", "renamed", "reworded"]
Kind = Literal["removed", "loosened", "changed", "tightened", "added", "renamed", "reworded"]
Place = Literal["policy", "role", "control"]

KINDS: tuple[Kind, ...] = (
    "removed", "loosened", "changed", "tightened", "added", "renamed", "reworded",
)  # fmt: skip
"""In the order in which they are told: what weakens a policy first."""
MARKS: Mapping[Kind, str] = {
    "removed": "−",
    "loosened": "▼",
    "changed": "≠",
    "tightened": "▲",
    "added": "+",
    "renamed": "→",
    "reworded": "≈",
}
"""The sign of each kind: its shape tells it, and the word stands beside it."""
PLACES: tuple[Place, ...] = ("control", "role", "policy")


class Aspect(Struct, frozen=True):
    """One key of a rule that differs. `old` and `new` are as people read them, "" where absent."""

    key: str
    old: str
    new: str
    direction: Direction
    note: str = ""


class Change(Struct, frozen=True):
    """One control, role, or the policy's own head, and how it differs.

    `name` is the control's id (the old one where it was removed), the role, or the policy;
    `old_name` differs from it where it was renamed. `affects` are the controls that a role's
    change reaches. A control that is added or removed has no aspects: `rule` says it in words.
    """

    place: Place
    name: str
    old_name: str
    kind: Kind
    aspects: tuple[Aspect, ...] = ()
    rule: str = ""
    affects: tuple[str, ...] = ()

    @property
    def direction(self) -> Direction:
        """Which way the change moves the policy: a rule more tightens it, a rule less loosens."""
        if self.kind == "added":
            return "tightened"
        return "loosened" if self.kind == "removed" else self.kind


class Edition(Struct, frozen=True):
    """Which policy text: its name, its version, the SHA-256 of its bytes."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class PolicyDiff(Struct, frozen=True, kw_only=True):
    """How two policies differ by rule.

    `same_text`: the bytes are the same. Where they are not and `changes` is empty, only comments,
    layout or the order of the rules differ. `faults` are contradictions between the two: one
    version number over two texts, one text under two names.
    """

    old: Edition
    new: Edition
    changes: tuple[Change, ...]
    same_text: bool
    faults: tuple[str, ...] = ()

    @property
    def direction(self) -> Direction | Literal["same"]:
        """Which way the policy as a whole moved; `changed` where rules point both ways."""
        return overall(change.direction for change in self.changes) or "same"

    def of_kind(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind == kind)

    @property
    def summary(self) -> str:
        """`2 controls removed, 1 control tightened, 1 role changed`, or that no rule differs."""
        said = [
            f"{count} {place}{'' if count == 1 else 's'} {kind}"
            for place in PLACES[:2]
            for kind in KINDS
            if (count := sum(c.place == place for c in self.of_kind(kind)))
        ]
        for change in self.changes:
            if change.place == "policy" and change.kind in ("loosened", "tightened", "changed"):
                said.append(f"the whole {change.kind}")
        if said:
            return ", ".join(said)
        return "the same text" if self.same_text else "the same rules, in another text"


def overall(directions: Iterable[Direction]) -> Direction | None:
    """The one direction of all that weigh, None where none does; `changed` where they disagree."""
    weighed = set(directions) - {"renamed", "reworded"}
    if not weighed:
        return None
    return weighed.pop() if len(weighed) == 1 else "changed"


def kind_of(aspects: Iterable[Aspect]) -> Direction:
    """What several aspects of one thing come to."""
    directions = [aspect.direction for aspect in aspects]
    return overall(directions) or ("renamed" if "renamed" in directions else "reworded")


_MOVED_SHOWN = 5
"""Values of a role's map that are told one by one."""


def role_aspects(old: Role, new: Role) -> Iterator[Aspect]:
    """Which keys of the role differ; none where it is read the same, in whatever order."""
    if _typed(old.favorable) != _typed(new.favorable):
        yield Aspect("favorable", _label(old.favorable), _label(new.favorable), "changed")
    before, after = _map_of(old), _map_of(new)
    if before != after:
        yield Aspect(
            "map", _described(old, "map"), _described(new, "map"), "changed", _moved(old, new)
        )
    if old.bins != new.bins:
        yield Aspect("bins", _described(old, "bins"), _described(new, "bins"), "changed")
    if _listed(old) != _listed(new):
        yield _labels_aspect(old, new)
    if old.as_text != new.as_text:
        before_as, after_as = ("text" if role.as_text else "" for role in (old, new))
        yield Aspect("as", before_as, after_as, "changed", "numbers are codes, or amounts")
    if old.column != new.column:
        note = "read from another column unless the call names one"
        yield Aspect("column", old.column or "", new.column or "", "changed", note)


def _typed(label: Label | None) -> tuple[bool, Label | None]:
    """Labels keep their type: Python holds 1 and True for equal, a policy does not."""
    return isinstance(label, bool), label


def _listed(role: Role) -> set[tuple[bool, Label | None]] | None:
    return None if role.labels is None else {*map(_typed, role.labels)}


def _labels_aspect(old: Role, new: Role) -> Aspect:
    """Fewer values allowed are tighter: what is not listed is refused, and passes nothing."""
    before, after = _listed(old), _listed(new)
    direction: Direction = "changed"
    if before is None or (after is not None and after < before):
        direction, note = "tightened", "other values are refused now"
    elif after is None or after > before:
        direction, note = "loosened", "values that were refused are taken now"
    else:
        note = "other values are allowed"
    return Aspect("labels", _described(old, "labels"), _described(new, "labels"), direction, note)


def _map_of(role: Role) -> dict[object, str]:
    return {_typed(label): group for label, group in (role.map or {}).items()}


def _label(label: Label | None) -> str:
    return "" if label is None else repr(label)


def _described(role: Role, key: str) -> str:
    value = getattr(role, key)
    return "" if value is None else describe_role(Role(role.name, **{key: value}))


def _moved(old: Role, new: Role) -> str:
    """`A95: female, was male; and 3 more`."""
    before, after = _map_of(old), _map_of(new)
    labels = {_typed(label): label for label in (*(old.map or {}), *(new.map or {}))}
    moved = [
        f"{labels[key]!r}: {after.get(key, 'no group')}, was {before.get(key, 'no group')}"
        for key in labels
        if before.get(key) != after.get(key)
    ]
    shown = sorted(moved)[:_MOVED_SHOWN]
    more = len(moved) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


_ON_FAIL: tuple[OnFail, ...] = ("record", "warn", "block")
"""From the mildest to the strictest."""

_Cut = tuple[float, int]
"""A place between numbers: just before `x` is `(x, 0)`, just after it `(x, 1)`."""
_Span = tuple[_Cut, _Cut]

_START: _Cut = (-math.inf, 0)
_END: _Cut = (math.inf, 1)


def must_aspect(old: Threshold, new: Threshold, *, comparable: bool = True) -> Aspect | None:
    """How the values that pass differ; `comparable` is False where something else is measured."""
    if old == new:
        return None
    direction = compare_thresholds(old, new) if comparable else "changed"
    note = {"tightened": "fewer values pass", "loosened": "more values pass"}.get(
        direction, "other values pass" if comparable else "of another measure"
    )
    if comparable and old.surely != new.surely:
        one, other = ("whole interval", "value alone")[:: 1 if new.surely else -1]
        note += f"; the {one} must meet it, before the {other}"
    return Aspect("must", str(old), str(new), direction, note)


def compare_thresholds(old: Threshold, new: Threshold) -> Direction:
    """Tightened where the passing values are a part of those before, loosened the other way.

    Decided on the whole number line, not on a metric's range: `>= 0` and `>= -1` differ, though
    no share can tell them apart. `surely` tightens: a value that meets the bound may fail.
    """
    ways = [_values_compared(old, new)]
    if old.surely != new.surely:
        ways.append("tightened" if new.surely else "loosened")
    return overall(ways) or "reworded"


def _values_compared(old: Threshold, new: Threshold) -> Direction:
    before, after = _passing(old), _passing(new)
    shrank, grew = _within(after, before), _within(before, after)
    if shrank and grew:
        return "reworded"
    if shrank:
        return "tightened"
    return "loosened" if grew else "changed"


def on_fail_aspect(old: OnFail, new: OnFail) -> Aspect | None:
    """`block` is stricter than `warn`, `warn` than `record`."""
    notes = "not meeting it is now told", "not meeting it is now only recorded"
    if "block" in (old, new):
        notes = "a run that does not meet it is now stopped", "it stops no run now"
    tighter = _ON_FAIL.index(new) > _ON_FAIL.index(old)
    return _ordered("on_fail", old, new, *notes, tighter=tighter)


def min_support_aspect(old: int, new: int) -> Aspect | None:
    """A larger `min_support` is tighter: no verdict becomes greener by it, some become amber.

    It decides only whether a verdict is conclusive. Whether one passes or fails stays the same.
    """
    note = "a conclusive verdict asks for {} rows; pass or fail stays the same"
    notes = note.format("more"), note.format("fewer")
    return _ordered("min_support", str(old), str(new), *notes, tighter=new > old)


def nulls_aspect(old: Control, new: Control) -> Aspect | None:
    """`drop` is looser: what `refuse` would not judge at all may pass."""
    strict = "missing values make it not evaluated; before, such rows were left out"
    loose = "rows with missing values are left out; before, they made it not evaluated"
    return _ordered("nulls", old.nulls, new.nulls, strict, loose, tighter=new.nulls != "drop")


def small_groups_aspect(old: Control, new: Control) -> Aspect | None:
    """Looser the more is pooled or left out: what a small group showed alone counts no more."""
    before, after = old.small_groups, new.small_groups
    if before == after:
        return None
    was, now = (str(one) if one else "each judged alone" for one in (before, after))
    if _spares(after, before):
        return Aspect("small_groups", was, now, "loosened", "small groups count for less")
    if _spares(before, after):
        return Aspect("small_groups", was, now, "tightened", "small groups count for more")
    return Aspect("small_groups", was, now, "changed", "other groups are small, treated otherwise")


def _spares(one: SmallGroups | None, other: SmallGroups | None) -> bool:
    """Whether `one` takes at least as many groups out as `other`, and as far."""
    if one is None or other is None:
        return other is None
    return one.below >= other.below and (one.how == "exclude" or other.how == "pool")


def duplicates_aspect(old: Policy, new: Policy) -> Aspect | None:
    """`expected` is looser: copies are looked for no more, and narrow every interval."""
    was, now = old.duplicates, new.duplicates
    notes = "copied rows make amber", "copied rows are taken as they are"
    return _ordered("duplicates", was, now, *notes, tighter=now != "expected")


def min_cell_aspect(old: Policy, new: Policy) -> Aspect | None:
    """A larger `min_cell` is tighter: more groups are kept back, and make a verdict amber."""
    notes = "more small groups are kept back", "smaller groups are judged and shown"
    was, now = str(old.min_cell), str(new.min_cell)
    return _ordered("disclosure.min_cell", was, now, *notes, tighter=new.min_cell > old.min_cell)


def tallies_aspect(old: Policy, new: Policy) -> Aspect | None:
    """`publish` is looser: more is told, and copies of it are out of reach of an erasure."""
    notes = "counts stay in the vault", "counts are left at the tracker too, where no cell is small"
    was, now = old.tallies, new.tallies
    return _ordered("disclosure.tallies", was, now, *notes, tighter=now == "keep")


def level_aspect(old: Policy, new: Policy) -> Aspect | None:
    """A higher level is tighter: intervals are wider, and fewer verdicts conclusive."""
    notes = (f"its intervals are {way}: {_CONCLUDES.format(many)}" for way, many in _WIDER)
    was, now = level_words(old.level), level_words(new.level)
    return _ordered("intervals.level", was, now, *notes, tighter=new.level > old.level)


def joint_aspect(old: Policy, new: Policy) -> Aspect | None:
    """A level for all together is tighter: each interval is wider."""
    notes = (f"the error is {way}: {_CONCLUDES.format(many)}" for way, many in _SHARED)
    was, now = ("true" if one.joint else "false" for one in (old, new))
    return _ordered("intervals.joint", was, now, *notes, tighter=new.joint)


_CONCLUDES = "{0} verdicts are conclusive, and {0} pass `surely`; else pass or fail stays the same"
_WIDER = ("wider", "fewer"), ("narrower", "more")
_SHARED = ("divided among its controls", "fewer"), ("each control's own", "more")


def retention_aspect(old: Policy, new: Policy) -> Aspect | None:
    """Longer is tighter; one that leaves it to the setting has no order."""
    was, now = old.retention, new.retention
    before, after = months(was), months(now)
    if before and after:
        notes = "its records are kept longer", "its records are kept shorter"
        return _ordered("retention", was, now, *notes, tighter=after > before)
    if was == now:
        return None
    setting = "as VENTURALITICA_RETENTION says"
    return Aspect("retention", was or setting, now or setting, "changed")


def _ordered(
    key: str, old: str, new: str, strict: str, loose: str, *, tighter: bool
) -> Aspect | None:
    """How a key differs whose values have an order; with what is to say of each way."""
    if old == new:
        return None
    return Aspect(key, old, new, *(("tightened", strict) if tighter else ("loosened", loose)))


def _passing(must: Threshold) -> tuple[_Span, ...]:
    """The values that pass, as spans that do not touch; the tolerance is that of `holds`."""
    slack = TOLERANCE * max(1.0, abs(must.bound))
    before, after = (must.bound - slack, 0), (must.bound + slack, 1)
    return {
        ">=": ((before, _END),),
        ">": ((after, _END),),
        "<=": ((_START, after),),
        "<": ((_START, before),),
        "==": ((before, after),),
        "!=": ((_START, before), (after, _END)),
    }[must.operator]


def _within(inner: tuple[_Span, ...], outer: tuple[_Span, ...]) -> bool:
    return all(any(low <= start and end <= high for low, high in outer) for start, end in inner)
