"""What the address of the list of runs asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from venturalitica.core.text import timestamp
from venturalitica.errors import did_you_mean
from venturalitica.ledger.index.queries import EVERY, KEYS, RANKS, SORTS, Filters
from venturalitica.ui.verification_steps import KINDS

MOST_PAGES = 1_000_000
MOST_CHOSEN = 20
"""Runs that can be compared at once."""
LONGEST = 4000
"""Characters of a name: the address of a page leads to whatever a run may be called."""
LONGEST_SEARCH = 200
ORDERS = ("desc", "asc")
_DATES = ("since", "until")


class RunQuery(Struct, frozen=True, kw_only=True):
    """What the address asks for, as text; empty is nothing. `run` are entries that are chosen to be
    compared, on whatever page of the list: they choose nothing in it. `log` is the log that was
    taken in whose records are shown below the list."""

    q: str = ""
    light: str = ""
    policy: str = ""
    version: str = ""
    sha256: str = ""
    name: str = ""
    experiment: str = ""
    kind: str = ""
    model: str = ""
    commit: str = ""
    without: str = ""
    before: str = ""
    failing: str = ""
    since: str = ""
    until: str = ""
    group: str = ""
    log: str = ""
    sort: str = "time"
    order: str = "desc"
    page: int = 1
    run: tuple[int, ...] = ()

    def params(self, **changes: object) -> dict[str, object]:
        """For `url`: what differs from the plain list. Another order begins at the first page."""
        changed = replace(self, **({"page": 1} | changes))
        found = asdict(changed)
        return {name: value for name, value in found.items() if value != _DEFAULTS[name]}

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out of the list."""
        return any(getattr(self, name) for name in FILTERS)

    @property
    def filters(self) -> Filters:
        """What the index is asked for."""
        wanted: dict[str, Any] = {name: getattr(self, name) or None for name in _SAME}
        return Filters(
            **wanted,
            before=int(self.before) if self.before else None,
            light=next((light for light in RANKS if light == self.light), None),
            since=_moment(self.since),
            until=_moment(self.until, end=True),
            search=self.q or None,
        )


_SAME = (
    "policy", "version", "sha256", "name", "experiment", "kind", "model", "commit", "without",
    "failing",
)  # fmt: skip
FILTERS = ("q", "light", *_SAME, "before", *_DATES)
_DEFAULTS = {item.name: item.default for item in fields(RunQuery)}


def parse(given: Sequence[tuple[str, str]]) -> tuple[RunQuery, tuple[str, ...]]:
    """The query of these pairs, and what is wrong with them."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in given:
        if name not in _DEFAULTS:
            wrong.append(f"There is no filter '{name[:40]}'{did_you_mean(name[:40], _DEFAULTS)}.")
        elif value.strip():
            problem = _problem(name, value.strip())
            if problem:
                wrong.append(f"{problem} It is left out.")
            elif name == "run":
                found[name] = tuple(sorted({*found.get(name, ()), int(value)}))[:MOST_CHOSEN]
            else:
                found[name] = _read(name, value.strip())
    return RunQuery(**found), tuple(wrong[:5])


def _read(name: str, value: str) -> str | int:
    return int(value) if name == "page" else value


def _problem(name: str, value: str) -> str:
    """What is wrong with one value; empty where nothing is."""
    most = LONGEST_SEARCH if name == "q" else LONGEST
    if len(value) > most:
        return f"'{name}' is {len(value)} characters long; at most {most} are looked for."
    check = _CHECKS.get(name)
    return check(value) if check else ""


def _one_of(name: str, known: Sequence[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value in known:
            return ""
        return f"'{name}' is {value!r}; expected one of {', '.join(known)}."

    return check


def _page_number(value: str) -> str:
    if value.isascii() and value.isdecimal() and 1 <= int(value) <= MOST_PAGES:
        return ""
    return f"'page' is {value!r}; expected a number from 1."


def _entry(name: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value.isascii() and value.isdecimal() and len(value) < 16:
            return ""
        return f"'{name}' is {value[:40]!r}; expected the number of an entry."

    return check


def _date(name: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if _parsed(value) is not None:
            return ""
        return f"'{name}' is {value!r}; expected a date such as 2026-11-23 or 2026-11-23T15:00."

    return check


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "light": _one_of("light", tuple(RANKS)),
    "kind": _one_of("kind", (EVERY, *KINDS)),
    "sort": _one_of("sort", SORTS),
    "order": _one_of("order", ORDERS),
    "page": _page_number,
    "before": _entry("before"),
    "run": _entry("run"),
    "without": _one_of("without", tuple(KEYS)),
    "group": _one_of("group", tuple(KEYS)),
} | {name: _date(name) for name in _DATES}


def _parsed(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return aware if aware.year < 9999 else None
    except (ValueError, OverflowError):
        return None


def _moment(text: str, *, end: bool = False) -> str | None:
    """As the log writes it. An end that is a date alone has all of that day in it."""
    found = _parsed(text) if text else None
    if found is None:
        return None
    if end and len(text) <= len("2026-11-23"):
        found += timedelta(days=1)
    return timestamp(found)
