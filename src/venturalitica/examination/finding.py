"""One thing that `doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `note` is no fault: something absent that nobody asked for yet."""

    area: str
    subject: str
    state: State
    text: str
    fix: str = ""
