"""How long a record is kept: its class, the day until which, and when that day has passed.

| class | kept | source |
|---|---|---|
| `six-months` | six months | EU AI Act, Article 19(1): automatically generated logs |
| `ten-years` | ten years | EU AI Act, Article 18(1): technical documentation |

A statement says `"retention": {"class": ..., "until": "2036-11-26"}`. Months and years end on the
same date, or on the last day of a month that has no such date (Regulation (EEC) 1182/71, Article
3(2)(c)).
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from venturalitica.core.json_values import mapping
from venturalitica.errors import EvidenceError

SIX_MONTHS = "six-months"
TEN_YEARS = "ten-years"
MONTHS: Mapping[str, int] = {SIX_MONTHS: 6, TEN_YEARS: 120}
DEFAULT = TEN_YEARS


def retention(name: str, ended: datetime) -> dict[str, str]:
    """The `retention` of a statement whose run ended then."""
    return {"class": name, "until": last_day(name, ended.astimezone(UTC).date()).isoformat()}


def last_day(name: str, start: date) -> date:
    """The last day on which a record of that class and day must be kept."""
    month = start.month - 1 + MONTHS[name]
    year, month = start.year + month // 12, month % 12 + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class RetentionTerm:
    """What a record says of its retention: a class that is known, and a day."""

    name: str
    until: date | None

    @classmethod
    def of(cls, said: object) -> RetentionTerm:
        """Read what its statement says; a record from before there were classes is kept ten years.

        Raises:
            EvidenceError: the class is not known, or the day is none.
        """
        if said is None:
            return cls(DEFAULT, None)
        found = mapping(said)
        name = found.get("class")
        if not isinstance(name, str) or name not in MONTHS:
            raise EvidenceError(
                f"its retention class is {str(name)[:80]!r}; known are {', '.join(MONTHS)}"
            )
        return cls(name, parse_day(found.get("until")))

    def last_day(self, appended: date) -> date:
        """The last day on which it must be kept, if it was appended on that day.

        The record's own day counts only where it is later: one written by a wrong clock, or by
        somebody in a hurry, does not shorten what its class promises.
        """
        return max(last_day(self.name, appended), self.until or date.min)


def parse_day(text: object) -> date:
    """A date in its one spelling, `2036-11-26`.

    Raises:
        EvidenceError: it is none.
    """
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise EvidenceError(f"{str(text)[:80]!r} is not a date such as 2036-11-26")
    return day


def day_of(appended_at: str) -> date:
    """The day of a time as the log writes it.

    Raises:
        EvidenceError: it is not a time.
    """
    return parse_day(appended_at[:10])
