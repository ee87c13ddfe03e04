"""What differs between two policies, as values: a change, its aspects, and which way each points.

loosened    the new rule lets more through     tightened   it lets less through
changed     neither: it asks something else, or several aspects point both ways
renamed     the same rule under another id     reworded    the rule is the same, its words differ
added       a rule more: the policy is tighter removed     a rule less: it is looser
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Aspect:
    """One key of a rule that differs. `old` and `new` are as people read them, "" where absent."""

    key: str
    old: str
    new: str
    direction: Direction
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
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


@dataclass(frozen=True, slots=True)
class Edition:
    """Which policy text: its name, its version, the SHA-256 of its bytes."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDiff:
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
