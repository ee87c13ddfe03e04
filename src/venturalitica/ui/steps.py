"""The steps of a verification as a page shows them: light, word, what it shows, how to make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from venturalitica.records import Light, Step, Verification
from venturalitica.ui.offline import MEANINGS

LIGHTS: dict[bool | None, Light] = {True: "green", False: "red", None: "grey"}
WORDS = {True: "Held", False: "Failed", None: "Not checked"}


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step."""

    name: str
    light: Light
    word: str
    detail: str
    meaning: str
    command: str
    entry: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole verification: what it came to, in a sentence, and its steps, failed ones first."""

    light: Light
    word: str
    sentence: str
    steps: tuple[StepShown, ...]
    unchecked: int


def outcome(found: Verification, command: Callable[[Step], str]) -> Outcome:
    """What a verification came to; it is green only where a step was made and none failed."""
    steps = sorted(found.steps, key=lambda step: step.ok is not False)
    shown = tuple(
        StepShown(
            step.name,
            LIGHTS[step.ok],
            WORDS[step.ok],
            step.detail,
            MEANINGS.get(step.name, ""),
            command(step),
            step.index,
        )
        for step in steps
    )
    unchecked = sum(step.ok is None for step in found.steps)
    if found.ok:
        rest = f" {unchecked} could not be checked; each says why." if unchecked else ""
        return Outcome(
            "green", "Verified", f"Every step that could be made held.{rest}", shown, unchecked
        )
    fault = found.fault
    if fault is None:
        return Outcome("grey", "Not verified", "No step could be made.", shown, unchecked)
    place = f" (entry {fault.index})" if fault.index is not None else ""
    return Outcome(
        "red", "Not verified", f"Failed: {fault.name}{place}: {fault.detail}", shown, unchecked
    )
