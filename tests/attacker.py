"""An attacker who reads what was published and solves for what was not.

Every count is an unknown whole number: rows by labels and groups. What was published, and what the
attacker is taken to know besides, are equations: all rows together by labels, and each group that
is shown, by labels (which is more than a record tells). Two integer programs then give the least
and the most that a size can be; where they are the same, it is given away.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy
from scipy.optimize import Bounds, LinearConstraint, milp

from venturalitica.core.levels import NULL
from venturalitica.core.tally import Tally
from venturalitica.judge.question import JOIN

LABELS = ("target", "prediction")

BEHIND = {
    "selection_rate": (),
    "base_rate": (),
    "accuracy": (),
    "group_representation": (),
    "row_count": (),
    "completeness": (),
    "recall": (("target", True),),
    "true_positive_rate": (("target", True),),
    "false_negative_rate": (("target", True),),
    "specificity": (("target", False),),
    "true_negative_rate": (("target", False),),
    "false_positive_rate": (("target", False),),
    "precision": (("target", True), ("target", False), ("prediction", True)),
    "f1": (("target", True), ("target", False), ("prediction", True)),
    "class_balance": (("target", None),),
    "recall_macro": (("target", None),),
    "recall_weighted": (("target", None),),
    "balanced_accuracy": (("target", None),),
}
"""By metric the classes that its value rests on: of a role the favorable label, the others, or each
of them. Those that are not named rest on each of target and of prediction."""
EACH = (("target", None), ("prediction", None))

Place = tuple[int, ...]


@dataclass(frozen=True)
class Secret:
    """A size that must not follow: of the rows of a group, or of those of one label in it."""

    across: tuple[str, ...]
    group: Place
    label: Place | None
    size: int


class Attacker:
    """Knows a tally's axes and totals, and what verdicts and axes of a record say.

    Args:
        tally: what nobody published; of it only what the attacker is taken to know is used.
        verdicts: the record's, as JSON.
        axes: what the record says of its axes.
        least: `min_cell`.
    """

    def __init__(
        self,
        tally: Tally,
        verdicts: Sequence[Mapping[str, Any]],
        axes: Sequence[Mapping[str, Any]],
        *,
        least: int,
    ) -> None:
        self.least = least
        names = [axis.role for axis in tally.axes]
        self.labels = [role for role in names if role in LABELS]
        self.roles = [role for role in names if role not in LABELS]
        self.levels = {axis.role: [str(level) for level in axis.levels] for axis in tally.axes}
        table = tally.table((*self.labels, *self.roles))
        width = len(self.labels)
        self.true: dict[tuple[Place, Place], int] = defaultdict(int)
        for *places, count in table.cells:
            self.true[tuple(places[:width]), tuple(places[width:])] += count
        self.of_labels = sorted({label for label, _ in self.true})
        spaces = [range(NULL, len(self.levels[role])) for role in self.roles]
        self.unknowns = [(label, place) for label in self.of_labels for place in product(*spaces)]
        self._rows: list[numpy.ndarray[Any, Any]] = []
        self._low: list[float] = []
        self._high: list[float] = []
        self._asked = {tuple(v["across"]) for v in verdicts if v["across"]}
        self._shown: dict[tuple[str, ...], set[Place]] = defaultdict(set)
        self._verdicts = verdicts
        self._learn(verdicts, axes)

    def _learn(
        self, verdicts: Sequence[Mapping[str, Any]], axes: Sequence[Mapping[str, Any]]
    ) -> None:
        for label in self.of_labels:
            self._equal({}, label)
        for verdict in verdicts:
            for group in verdict["groups"]:
                at = self.named(tuple(verdict["across"]), group["name"])
                self._shown[tuple(verdict["across"])].add(tuple(at.values()))
                for label in self.of_labels:
                    self._equal(at, label)
        for axis in axes:
            role = axis["role"]
            if role not in self.roles:
                continue
            for level in range(len(self.levels[role])):
                self._between({role: level}, 1, numpy.inf)  # it is listed: somebody has it
            counts = [axis["nulls"], *axis["unmapped"].values()]
            if None not in counts:
                self._between({role: NULL}, sum(counts), sum(counts))
            elif self.size({role: NULL}, None) < self.least:
                self._between({role: NULL}, 1, self.least - 1)
        for verdict in verdicts:
            if verdict["metric"] == "completeness" and verdict["value"] is not None:
                self._learn_missing(verdict["notes"])

    def _learn_missing(self, notes: Sequence[str]) -> None:
        """Of a bound that is higher than needed: that it is the very number."""
        for role, most in re.findall(r"(\w+): (?:at most )?([\d,]+) of", " ".join(notes)):
            rows = int(most.replace(",", ""))
            if role in self.roles and rows >= self.least:
                self._between({role: NULL}, rows, rows)

    def named(self, across: Sequence[str], name: str) -> dict[str, int]:
        """A group by its name."""
        parts = name.split(JOIN) if len(across) > 1 else [name]
        return {r: self.levels[r].index(part) for r, part in zip(across, parts, strict=True)}

    def size(self, at: Mapping[str, int], label: Place | None) -> int:
        """The true size."""
        return sum(self.true[cell] for cell in self._cells(at, label) if cell in self.true)

    def _cells(self, at: Mapping[str, int], label: Place | None) -> Iterator[tuple[Place, Place]]:
        for cell in self.unknowns:
            if (label is None or cell[0] == label) and all(
                cell[1][self.roles.index(role)] == level for role, level in at.items()
            ):
                yield cell

    def _sum(self, at: Mapping[str, int], label: Place | None) -> numpy.ndarray[Any, Any]:
        inside = set(self._cells(at, label))
        return numpy.array([float(cell in inside) for cell in self.unknowns])

    def _equal(self, at: Mapping[str, int], label: Place) -> None:
        size = self.size(at, label)
        self._rows.append(self._sum(at, label))
        self._low.append(size)
        self._high.append(size)

    def _between(self, at: Mapping[str, int], low: float, high: float) -> None:
        self._rows.append(self._sum(at, None))
        self._low.append(low)
        self._high.append(high)

    def solve(self, at: Mapping[str, int], label: Place | None) -> tuple[int, int]:
        """The least and the most that this size can be."""
        wanted = self._sum(at, label)
        found = []
        for sign in (1.0, -1.0):
            solved = milp(
                sign * wanted,
                constraints=LinearConstraint(numpy.array(self._rows), self._low, self._high),
                integrality=numpy.ones(len(self.unknowns)),
                bounds=Bounds(0, numpy.inf),
            )
            assert solved.success, solved.message
            found.append(round(sign * solved.fun))
        return found[0], found[1]

    def secrets(self) -> Iterator[Secret]:
        """Groups and rows without a group that are few, and those of one target in a group."""
        for across in sorted(self._asked):
            places = sorted(
                {tuple(cell[1][self.roles.index(r)] for r in across) for cell in self.true}
            )
            for place in places:
                if NULL in place and len(across) > 1:
                    continue
                at = dict(zip(across, place, strict=True))
                size = self.size(at, None)
                if 0 < size < self.least:
                    yield Secret(across, place, None, size)

    def given_away(self) -> list[tuple[Secret, int]]:
        """The secrets that follow from what is shown; of totals alone nothing more is asked."""
        found = []
        for secret in self.secrets():
            at = dict(zip(secret.across, secret.group, strict=True))
            low, high = self.solve(at, secret.label)
            assert low <= secret.size <= high, (secret, low, high)
            if low == high and any(self._shown.values()):
                found.append((secret, low))
        return found

    def few_behind(self, favorable: Any) -> list[tuple[str, str, str, int]]:
        """Values that are shown and rest on a class of few: metric, group, class, its rows."""
        found = []
        for verdict in self._verdicts:
            if verdict["value"] is None:
                continue
            across = tuple(verdict["across"])
            groups = [group["name"] for group in verdict["groups"]] if across else [""]
            for name in groups:
                at = self.named(across, name) if across else {}
                for role, which in BEHIND.get(verdict["metric"], EACH):
                    found += [
                        (verdict["metric"], name, f"{role} {label}", rows)
                        for label, rows in self._classes(at, role, which, str(favorable)).items()
                        if 0 < rows < self.least
                    ]
        return found

    def _classes(
        self, at: Mapping[str, int], role: str, which: bool | None, favorable: str
    ) -> dict[str, int]:
        rows: dict[str, int] = defaultdict(int)
        for cell in self._cells(at, None):
            label = dict(zip(self.labels, cell[0], strict=True))
            if cell not in self.true or NULL in label.values():
                continue
            name = self.levels[role][label[role]]
            if which is None or which == (name == favorable):
                rows[name if which in (None, True) else "others"] += self.true[cell]
        return rows

    def outcomes_given_away(self) -> list[tuple[Secret, Place, int]]:
        """Of a group of few: how many of them have a label, where others that are hidden have it.

        Where nobody who is hidden has a label, or all have the same, no table can hide it.
        """
        found = []
        for secret in self.secrets():
            at = dict(zip(secret.across, secret.group, strict=True))
            for label in self.of_labels:
                low, high = self.solve(at, label)
                if low == high and any(self._shown.values()) and self._may_hide(secret, label):
                    found.append((secret, label, low))
        return found

    def _may_hide(self, secret: Secret, label: Place) -> bool:
        """Whether others of that label are where it is not told what group of these roles has them.

        Those of a shown intersection of these roles with others are told, too. What is shown of a
        larger group is known of its parts: where nobody in it has the label, no part of it has.
        """
        finer = {across: at for across, at in self._shown.items() if {*secret.across} <= {*across}}
        own_of = dict(zip(secret.across, secret.group, strict=True))
        larger = [
            (across, tuple(own_of[role] for role in across), at)
            for across, at in self._shown.items()
            if {*across} < {*secret.across}
        ]
        of_label = everyone = 0
        for (own, place), rows in self.true.items():
            if any(
                (there := self._group(across, place)) != here and (here in at or there in at)
                for across, here, at in larger
            ):
                continue
            told = any(self._group(across, place) in at for across, at in finer.items())
            if not told and self._group(secret.across, place) != secret.group:
                of_label += rows if own == label else 0
                everyone += rows
        return 0 < of_label < everyone

    def _group(self, across: Sequence[str], place: Place) -> Place:
        return tuple(place[self.roles.index(role)] for role in across)
