"""The steps of a verification: each with light, word and what it means."""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.records import Light, Step
from venturalitica.reports.markup import Markup, join
from venturalitica.reports.parts.facts import facts
from venturalitica.reports.parts.lights import light_icon

_WORDS = {True: "held", False: "FAILED", None: "not checked"}
_LIGHTS: dict[bool | None, Light] = {True: "green", False: "red", None: "grey"}


def step_list(steps: Sequence[Step]) -> Markup:
    """The steps in their order; one that could not be made is grey, never green."""
    return facts([(_name(step), _detail(step)) for step in steps], cls="vl-steps")


def step_counts(steps: Sequence[Step]) -> str:
    """`Steps: 7 held, 0 failed, 2 not checked`."""
    held = sum(step.ok is True for step in steps)
    failed = sum(step.ok is False for step in steps)
    return f"Steps: {held} held, {failed} failed, {len(steps) - held - failed} not checked"


def _name(step: Step) -> Markup:
    return join((light_icon(_LIGHTS[step.ok], size=15), f"{step.name}: {_WORDS[step.ok]}"))


def _detail(step: Step) -> str:
    return step.detail if step.ok is not None else step.detail.removeprefix("not checked: ")
