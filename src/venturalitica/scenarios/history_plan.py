"""What happened when, in the history of the loan model: 40 runs over twelve weeks.

Three pipelines: a model trained every few nights, release candidates judged on every row by
cross-validation, and checks of the data that comes in. Fixed for ever; only the last day moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

RUNS = 40
DAYS = 83
NIGHTLY, CANDIDATE, INTAKE = "nightly-training", "release-candidate", "data-intake"
_HOURS = {NIGHTLY: (2, 10), CANDIDATE: (14, 30), INTAKE: (9, 5)}


@dataclass(frozen=True, slots=True)
class Approval:
    """A sign-off that follows a run."""

    decision: str
    person: str
    role: str
    comment: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One run. `twist` is what is unusual about it, if anything is."""

    number: int
    name: str
    version: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    twist: str = ""
    approval: Approval | None = None

    def begins(self, until: datetime) -> datetime:
        """When it began, where the last began on the day of `until`, and before it."""
        hour, minute = _HOURS[self.name]
        day = until - timedelta(days=1 + DAYS - self.number * DAYS // (RUNS - 1))
        return day.replace(hour=hour, minute=minute, second=7 * self.number % 60, microsecond=0)


NO_SCORES = "no scores"
BAD_AGES = "bad ages"
TRAINING_ROWS = "training rows"
EXCEPTION = "exception"

_TWISTS = {9: NO_SCORES, 17: TRAINING_ROWS, 22: BAD_AGES, 26: EXCEPTION}
_APPROVALS = {
    13: Approval(
        "rejected", "Ines Okafor", "Head of credit risk", "Too few bad credits are found."
    ),
    31: Approval("approved", "Ines Okafor", "Head of credit risk", "For the pilot branch only."),
    37: Approval("rejected", "Jonas Veld", "Fairness reviewer", "Parity is not certain yet."),
}


def happenings() -> tuple[Happening, ...]:
    """All of them, oldest first."""
    return tuple(_happening(number) for number in range(RUNS))


def _happening(number: int) -> Happening:
    name = _name(number)
    version = "1.0" if number < 14 else "1.1" if number < 28 else "1.2"
    model, parameters = _model(number, name)
    return Happening(
        number, name, version, model, parameters, _TWISTS.get(number, ""), _APPROVALS.get(number)
    )


def _name(number: int) -> str:
    if number % 8 == 3:
        return INTAKE
    return CANDIDATE if number % 8 in (5, 7) else NIGHTLY


def _model(number: int, name: str) -> tuple[str, dict[str, Any]]:
    if name == INTAKE:
        return "", {}
    if name == CANDIDATE:
        plain = {"solver": "liblinear", "C": 0.05 * (1 + number % 4)}
        if number < 14:
            return "logistic", plain
        return "logistic", {**plain, "class_weight": {1: 1.0, 2: _WEIGHTS[number % 3]}}
    if number == 20:
        return "constant", {"strategy": "prior"}
    if number < 14:
        return "forest", {"n_estimators": 30, "random_state": number}
    weight = {1: 1.0, 2: 1.4 + 0.05 * (number % 5) + (0.9 if number > 37 else 0)}
    return "forest", {
        "n_estimators": 40, "max_depth": 7, "random_state": number, "class_weight": weight,
    }  # fmt: skip


_WEIGHTS = (1.35, 1.45, 1.4)
