"""What stands in many places of a page: lights, moments, digests, and recorded values in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from venturalitica.core.json_values import Json, integer, mapping, text, texts
from venturalitica.core.text import visible
from venturalitica.core.verdict import Light, Verdict
from venturalitica.core.verification import Step
from venturalitica.reports.context import ReportContext, Standing
from venturalitica.reports.html.markup import tag
from venturalitica.reports.sentences import LIGHT_WORDS, status_words


def digest(value: object) -> Markup | str:
    """A SHA-256 in full, in letters that can be told apart; empty where there is none."""
    long = " vl-long" if len(str(value)) > 40 else ""
    return tag("code", value, cls=f"vl-digest{long}") if value else ""


LONG = 20
"""A word longer than this is too wide for a column beside a drawing."""
ENDLESS = 50
"""A word longer than this is too wide for any column: it may break anywhere."""

_SEAMS = re.compile(r"(?<=[_/|-])(?=\w)")


def pieces(name: str) -> list[str]:
    """The parts of a name that stay whole: it breaks at spaces, and after `_`, `/`, `|` or `-`."""
    return [piece for word in visible(name).split() for piece in _SEAMS.split(word)]


def name(value: object) -> Markup:
    """A recorded name, isolated, that breaks only where its parts meet."""
    words = visible(str(value))
    endless = any(len(piece) > ENDLESS for piece in pieces(words))
    cls = "vl-word vl-endless" if endless else "vl-word"
    return tag("bdi", Markup("<wbr/>").join(_SEAMS.split(words)), cls=cls)


def scalar(value: object) -> str:
    """A JSON value as JSON writes it, text without its quotes."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def thousands(value: object) -> str:
    """A whole number with its thousands apart; anything else as text, None as nothing."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if plain else text(value)


_SHAPES: dict[Light, str] = {
    "green": "M12 1.5a10.5 10.5 0 1 0 0 21a10.5 10.5 0 1 0 0-21z",
    "amber": "M12 1.8 23 21.5a.7.7 0 0 1-.6 1H1.6a.7.7 0 0 1-.6-1z",
    "red": "M7.7 1.5h8.6l6.2 6.2v8.6l-6.2 6.2H7.7l-6.2-6.2V7.7z",
    "grey": "M12 1.2 22.8 12 12 22.8 1.2 12z",
}
_SIGNS: dict[Light, str] = {
    "green": "M7 12.4l3.4 3.4L17 8.9",
    "amber": "M12 9v6M12 18.2v.9",
    "red": "M8.4 8.4l7.2 7.2M15.6 8.4l-7.2 7.2",
    "grey": "M12 7.6v5.6M12 16.2v.6",
}


def light_icon(light: Light, *, size: int = 18, label: str = "") -> Markup:
    """Circle with a tick, triangle, octagon with a cross, or diamond.

    Without a `label` it is decoration beside a word and hidden from screen readers.
    """
    return tag(
        "svg",
        tag("path", d=_SHAPES[light], cls="vl-shape"),
        tag("path", d=_SIGNS[light], cls="vl-sign"),
        viewBox="0 0 24 24",
        width=size,
        height=size,
        cls=f"vl-icon vl-is-{light}",
        role="img" if label else None,
        aria_label=label or None,
        aria_hidden=None if label else "true",
    )


def light_shape(light: Light, *, x: float, y: float, size: float) -> Markup:
    """The light's shape and sign as a mark in another drawing, its middle at (x, y)."""
    return tag(
        "g",
        tag("path", d=_SHAPES[light], cls="vl-shape"),
        tag("path", d=_SIGNS[light], cls="vl-sign"),
        transform=f"translate({x - size / 2:g} {y - size / 2:g}) scale({size / 24:g})",
    )


def light_word(light: Light) -> Markup:
    """`● Green`: icon and word together."""
    return tag("span", light_icon(light), tag("span", LIGHT_WORDS[light]), cls=_pill(light))


def status_pill(verdict: Verdict) -> Markup:
    """The status in words with the icon of its light."""
    light = verdict.light
    return tag(
        "span", light_icon(light, size=16), tag("span", status_words(verdict)), cls=_pill(light)
    )


def _pill(light: Light) -> str:
    return f"vl-pill vl-is-{light}"


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


def step_counts(steps: Sequence[Step]) -> str:
    """`Steps: 7 held, 0 failed, 2 not checked`."""
    held = sum(step.ok is True for step in steps)
    failed = sum(step.ok is False for step in steps)
    return f"Steps: {held} held, {failed} failed, {len(steps) - held - failed} not checked"


def hardware(found: Json) -> list[tuple[str, str | None]]:
    """`memory_bytes` reads `Memory`, in GiB; what was not found out is None."""
    return [_hardware(text(name), value) for name, value in found.items()]


def _hardware(name: str, value: object) -> tuple[str, str | None]:
    label = name.removesuffix("_bytes").replace("_", " ")
    label = (label[:1].upper() + label[1:]).replace("Cpu", "CPU").replace("Gpu", "GPU")
    if isinstance(value, list | tuple):
        return label, ", ".join(_flat(item) for item in value) or "none"
    if name.endswith("_bytes") and isinstance(value, int):
        return label, f"{value / 2**30:,.1f} GiB"
    return label, None if value is None else _flat(value)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(thousands(part) for part in value.values() if part is not None)
    return thousands(value)


def signed_by(context: ReportContext) -> list[tuple[str, Markup | str]]:
    """Each key that a record says it is signed or sealed by, with its role."""
    return [(f"Key of {role}", digest(key)) for role, key in context.keys]


def place(standing: Standing | None) -> list[tuple[str, str | None]]:
    """Place, retention and delivery of a record; nothing where only its statement is known."""
    if standing is None:
        return []
    until = f"{standing.kept_until} ({standing.retention})" if standing.kept_until else ""
    return [
        ("Place", f"entry {standing.entry} of a log with {standing.size:,}"),
        ("To be kept until", until or "not readable"),
        ("Waits for", ", ".join(standing.waiting) or None),
    ]


def other_columns(item: Json) -> tuple[tuple[str, ...], int]:
    """The columns of the data that no rule looks at, and how many more there are."""
    return texts(item.get("other_columns")), integer(item.get("other_columns_besides")) or 0


def roles(context: ReportContext) -> list[tuple[str, ...]]:
    """For each role its column, the values seen in it, how many were missing, and a note."""
    axes = {text(axis.get("role")): axis for axis in context.axes}
    names = dict.fromkeys([*axes, *map(text, context.bindings)])
    return [_role(name, mapping(axes.get(name)), context.bindings) for name in names]


def _role(name: str, axis: Json, bindings: Json) -> tuple[str, ...]:
    levels = axis.get("levels")
    known = [text(level) for level in levels] if isinstance(levels, list | tuple) else []
    shown = ", ".join(known[:8]) + (f" and {len(known) - 8:,} more" if len(known) > 8 else "")
    column = text(axis.get("column")) or text(bindings.get(name))
    return name, column, shown or "–", nulls_of(axis) or "–", text(axis.get("note"))


FEW = "some"
"""What a record leaves out (null): a count that may be of one person, or give one away."""


def nulls_of(said: Json) -> str:
    """How many values of an axis or a column are missing; empty where nothing is said of it."""
    return FEW if "nulls" in said and said["nulls"] is None else thousands(said.get("nulls"))


MOST_LINES = 5_000
"""More lines than these are not drawn; the page says so, and the file has them."""
MOST_CHARACTERS = 400_000


def drawn(lines: Sequence[str]) -> tuple[list[str], int]:
    """The lines that are drawn, and how many are not."""
    room, shown = MOST_CHARACTERS, list[str]()
    for line in lines[:MOST_LINES]:
        room -= len(line)
        if room < 0:
            break
        shown.append(line)
    return shown, len(lines) - len(shown)


def drawn_lines(text: str) -> tuple[list[str], int]:
    """The same of a text; a carriage return that ends no line would look like one that does."""
    shown, left_out = drawn(text.removesuffix("\n").split("\n"))
    return [line.removesuffix("\r").replace("\r", "[U+000D]") or " " for line in shown], left_out


def diff_class(line: str) -> str | None:
    """The class of a line of a unified diff, by its sign."""
    if line.startswith(("--- ", "+++ ")):
        return "vl-diff-name"
    return {"+": "vl-diff-new", "-": "vl-diff-old", "@": "vl-diff-place"}.get(line[:1])
