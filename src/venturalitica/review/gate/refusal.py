"""The first answer that is no, and what its sentences are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from venturalitica.core.gate import Rule
from venturalitica.core.text import visible

LONGEST = 600
"""Characters of a sentence: a record says what its writer liked, as long as they liked."""


class Refusal(Exception):
    """Why something may not pass: the rule, a sentence for people, and fields of the decision."""

    def __init__(self, rule: Rule, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.rule, self.sentence, self.facts = rule, sentence, facts


def line(text: str) -> str:
    """One line that a terminal, a log or a page may show."""
    shown = " ".join(visible(text).split())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def moment(text: str) -> datetime | None:
    """The time that a record says; None where it is none, or of whatever zone its reader is in."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
