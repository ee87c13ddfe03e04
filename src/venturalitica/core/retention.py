"""How long a record is kept: its term, from when that counts, and when it has passed.

| term | kept | source |
|---|---|---|
| `six-months` | six months, from the record | Regulation (EU) 2024/1689, Article 19(1): logs |
| `18m`, `5y` | months or years, from the record; six months at least | Articles 19(1), 26(6) |
| `ten-years` | ten years, from the placing on the market | Article 18(1): documentation |

A statement says `"retention": {"class": "18m", "until": "2028-05-26", "counts_from": "record"}`, or
`{"class": "ten-years", "until": null, "counts_from": "placed"}`: a record of kind `placement` says
when that was. One without `counts_from` is older: its `until` counts from the record,
with ten years too. Months and years end on the same date, or on the last day of a month that has no
such date (Regulation (EEC) 1182/71, Article 3(2)(c)).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from msgspec import Struct

from venturalitica.core.json_values import mapping
from venturalitica.errors import EvidenceError, did_you_mean

SIX_MONTHS = "six-months"
TEN_YEARS = "ten-years"
MONTHS: Mapping[str, int] = {SIX_MONTHS: 6, TEN_YEARS: 120}
DEFAULT = TEN_YEARS
TERM = "six-months|ten-years|[1-9][0-9]{0,3}[my]"
"""What a term looks like, as a pattern of JSON Schema."""
RECORD, PLACED = "record", "placed"
_SAID = re.compile(r"([1-9][0-9]{0,3})([my])")


def term(text: str) -> str:
    """The term in its one spelling: `6m` is `six-months`, `120m` and `10y` are `ten-years`.

    Raises:
        ValueError: it is none, or shorter than six months.
    """
    found = months(text)
    if found is None:
        raise ValueError(
            f"expected {SIX_MONTHS}, {TEN_YEARS}, or months or years such as 18m or 5y"
            f"{did_you_mean(text, MONTHS)}"
        )
    if found < MONTHS[SIX_MONTHS]:
        raise ValueError(
            "six months is a floor (Regulation (EU) 2024/1689, Articles 19(1) and 26(6)): "
            f"expected {SIX_MONTHS} or longer"
        )
    return next((name for name, known in MONTHS.items() if known == found), text)


def months(text: str) -> int | None:
    """How many months a term is; None where it is none."""
    found = _SAID.fullmatch(text)
    if found is None:
        return MONTHS.get(text)
    return int(found[1]) * (12 if found[2] == "y" else 1)


def retention(name: str, ended: datetime) -> dict[str, str | None]:
    """The `retention` of a statement whose run ended then."""
    if name == TEN_YEARS:
        return {"class": name, "until": None, "counts_from": PLACED}
    until = last_day(name, ended.astimezone(UTC).date())
    return {"class": name, "until": until.isoformat(), "counts_from": RECORD}


def last_day(name: str, start: date) -> date:
    """The last day on which what is kept for that term from that day must be kept."""
    month = start.month - 1 + (months(name) or MONTHS[DEFAULT])
    year, month = start.year + month // 12, month % 12 + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


class RetentionTerm(Struct, frozen=True):
    """What a record says of its retention: a term, a day, and whether it counts from placing."""

    name: str
    until: date | None
    from_placed: bool = False

    @classmethod
    def of(cls, said: object) -> RetentionTerm:
        """Read what its statement says; a record from before there were classes is kept ten years.

        Raises:
            EvidenceError: the term is none, or the day is none.
        """
        if said is None:
            return cls(DEFAULT, None)
        found = mapping(said)
        name, start = found.get("class"), found.get("counts_from", RECORD)
        try:
            known = term(name) if isinstance(name, str) else ""
        except ValueError:
            known = ""
        if not known:
            raise EvidenceError(
                f"its retention class is {str(name)[:80]!r}; known are {', '.join(MONTHS)}, and "
                "terms such as 18m or 5y from six months on"
            )
        if start == PLACED and known == TEN_YEARS and found.get("until") is None:
            return cls(known, None, from_placed=True)
        if start != RECORD:
            raise EvidenceError(
                f"its retention counts from {str(start)[:80]!r}: expected '{RECORD}', or "
                f"'{PLACED}' with class {TEN_YEARS} and no day"
            )
        return cls(known, parse_day(found.get("until")))

    def last_day(self, appended: date, placed: date | None = None) -> date | None:
        """The last day on which it must be kept; None where that is not known yet.

        The record's own day counts only where it is later: one written by a wrong clock, or by
        somebody in a hurry, does not shorten what its class promises. Nor is a record, made late in
        the life of a system, kept for less than six months.

        Args:
            appended: when it was appended.
            placed: when its model was placed on the market, where that counts and is recorded.
        """
        if not self.from_placed:
            return max(last_day(self.name, appended), self.until or date.min)
        if placed is None:
            return None
        return max(last_day(TEN_YEARS, placed), last_day(SIX_MONTHS, appended))


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
