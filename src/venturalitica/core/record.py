"""The kinds of signed statement that hold verdicts, by their predicateType."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def judged(statement: Mapping[str, Any]) -> bool:
    """Whether it is the record of an audit or a run: the ones that hold verdicts."""
    return str(statement.get("predicateType")) in JUDGED


AUDIT = "urn:venturalitica:audit:v1"
RUN = "urn:venturalitica:run:v1"
JUDGED = {AUDIT: "audit", RUN: "run"}
"""The kinds of record that hold verdicts, by their predicateType."""
