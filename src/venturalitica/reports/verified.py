"""What a verification came to, in two lights: what is recorded, and whether that is sound.

A red record that verifies is sound evidence of a failure; neither light stands for the other.
"""

from __future__ import annotations

from msgspec import Struct

from venturalitica.core.verdict import Light
from venturalitica.core.verification import Verification
from venturalitica.reports.context import ReportContext
from venturalitica.reports.sentences import LIGHT_WORDS
from venturalitica.reports.summary import controls_words

NOT_PROVEN = "Nothing in it is proven."


class Said(Struct, frozen=True):
    """A light, the words for it, and what is to be added."""

    light: Light
    words: str
    detail: str = ""


class Apart(Struct, frozen=True):
    """The record and its evidence. `record` is None where what was verified holds no light."""

    record: Said | None
    evidence: Said


def recorded(found: Verification, light: Light, words: str, *, doubt: str = "") -> Said:
    """What the evidence says, of which `words` tell: `3 of 6 controls failed`.

    Where it does not verify its light is told, and not shown; `doubt` says why it is shown amber
    at best though it verifies.
    """
    said = f"{LIGHT_WORDS[light]}: {words}"
    if not found.ok:
        return Said("grey", f"It says {said[0].lower()}{said[1:]}", NOT_PROVEN)
    if doubt and light == "green":
        return Said("amber", f"It says {said[0].lower()}{said[1:]}", "Amber at best: see beside.")
    return Said(light, said)


def soundness(found: Verification, *, doubt: str = "") -> Said:
    """Whether the evidence is as it was signed: green where a step was made and none failed."""
    if (fault := found.fault) is not None:
        place = f" (entry {fault.index})" if fault.index is not None else ""
        return Said("red", "Not verified", f"Failed: {fault.name}{place}: {fault.detail}")
    if not found.ok:
        return Said("grey", "Not verified", "No step could be made.")
    unchecked = sum(step.ok is None for step in found.steps)
    rest = f" {unchecked} could not be checked; each says why." if unchecked else ""
    held = f"Every step that could be made held.{rest}"
    return Said("amber" if doubt else "green", "Verified", f"{held} {doubt}".strip())


def of_report(found: Verification, report: ReportContext | None) -> Apart:
    """Both of one record; without a report it is one that holds no light."""
    if report is None:
        return Apart(None, soundness(found))
    doubt = report.standing.doubt if report.standing else ""
    record = recorded(found, _light(report), controls_words(report), doubt=doubt)
    return Apart(record, soundness(found, doubt=doubt))


def _light(report: ReportContext) -> Light:
    """What the record says; a light that its verdicts do not bear out is not repeated."""
    if report.doubtful:
        return report.light
    return next((light for light in LIGHT_WORDS if light == report.recorded_light), "grey")
