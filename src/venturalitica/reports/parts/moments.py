"""Moments in UTC, as people read them and as machines do."""

from __future__ import annotations

from datetime import UTC, datetime

from venturalitica.reports.markup import Markup, tag


def moment(value: object) -> Markup | str:
    """`<time>` of an RFC 3339 moment; what cannot be read is shown as it is."""
    parsed = _parsed(value)
    if parsed is None:
        return "" if value is None else str(value)
    return tag("time", moment_words(value), datetime=parsed.isoformat())


def moment_words(value: object) -> str:
    """`2026-11-23 15:00:12 UTC`."""
    parsed = _parsed(value)
    if parsed is None:
        return "" if value is None else str(value)
    return parsed.strftime("%Y-%m-%d %H:%M:%S UTC")


def duration_words(start: object, end: object) -> str:
    """`1.4 s`, `12 min 5 s`, `3 h 2 min`; empty where either is unknown or they are reversed."""
    first, last = _parsed(start), _parsed(end)
    if first is None or last is None or last < first:
        return ""
    seconds = (last - first).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _parsed(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
