"""Two policies side by side, and each policy on record beside the one before it.

What `policy diff`, `policy history` and the pages about policies tell, as values: by rule where
both texts can be read, by text in any case. Nothing is judged and nothing is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.editions import Recorded
    from venturalitica.policy.changes import Edition, PolicyDiff
    from venturalitica.rules import Policy


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two policies: which text it is, where it comes from, what it says."""

    edition: Edition
    data: bytes
    source: str
    policy: Policy | None
    problem: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides and what was found; `rules` is None where one cannot be read as a policy."""

    old: Side
    new: Side
    rules: PolicyDiff | None
    text: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Nothing differs and nothing contradicts."""
        return self.old.data == self.new.data and not self.faults


@dataclass(frozen=True, slots=True)
class Line:
    """One text on record, and how it differs from the one of that policy before it."""

    recorded: Recorded
    before: Recorded | None
    difference: PolicyDiff | None

    @property
    def words(self) -> str:
        """The difference in words; why there is none to tell, where there is none."""
        if self.recorded.problem:
            return f"not compared: {self.recorded.problem}"
        if self.before is None:
            return "the first on record"
        if self.difference is None:
            return "not compared: the one before cannot be read"
        return self.difference.summary


def label_of(side: Side) -> str:
    """`credit-scoring 1.2 (file old.yaml)`"""
    return f"{side.edition} ({side.source})"


def side_of(recorded: Recorded, data: bytes, *, faults: tuple[str, ...] = ()) -> Side:
    """A policy on record, whose bytes could be read, as one side."""
    source = f"on record, {recorded.place}"
    return Side(recorded.edition, data, source, recorded.policy, recorded.problem, faults)


def compare(old: Side, new: Side) -> Compared:
    """The two by rule, where both can be read, and by text in any case."""
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy.diff import diff, text_faults
    from venturalitica.policy.textdiff import unified

    rules = None
    if old.policy is not None and new.policy is not None:
        rules = diff(old.policy, new.policy, vocabulary=CATALOG)
    same_text = old.data == new.data
    between = rules.faults if rules else text_faults(old.edition, new.edition, same_text=same_text)
    text = unified(old.data, new.data, old_name=label_of(old), new_name=label_of(new))
    return Compared(
        old, new, rules, text, tuple(dict.fromkeys((*between, *old.faults, *new.faults)))
    )


def outcome(rules: PolicyDiff) -> str:
    """`2 controls loosened, 1 added: the policy is looser.`"""
    ends = {
        "loosened": ": the policy is looser.",
        "tightened": ": the policy is tighter.",
        "changed": ": the policy is neither looser nor tighter as a whole.",
    }
    return rules.summary[:1].upper() + rules.summary[1:] + ends.get(rules.direction, ".")


def follow(found: Iterable[Recorded]) -> tuple[Line, ...]:
    """Each text beside the one of the same policy before it, policy by policy."""
    by_name: dict[str, list[Recorded]] = {}
    for one in found:
        by_name.setdefault(one.edition.name, []).append(one)
    return tuple(
        Line(one, before, _difference(before, one))
        for editions in by_name.values()
        for before, one in zip([None, *editions], editions, strict=False)
    )


def _difference(before: Recorded | None, one: Recorded) -> PolicyDiff | None:
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy.diff import diff

    if before is None or before.policy is None or one.policy is None:
        return None
    return diff(before.policy, one.policy, vocabulary=CATALOG)
