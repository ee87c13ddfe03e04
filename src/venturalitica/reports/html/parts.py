"""Lists of facts: a name and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from venturalitica.core.verdict import Light, Verdict
from venturalitica.core.verification import Step
from venturalitica.reports.html.markup import join, tag
from venturalitica.reports.sentences import LIGHT_WORDS, status_words

NOT_RECORDED = "not recorded"


def facts(pairs: Iterable[tuple[str, object]], *, cls: str = "") -> Markup:
    """A definition list; an empty value reads "not recorded", None leaves the fact out."""
    items = [
        tag("div", tag("dt", name), tag("dd", _shown(value)))
        for name, value in pairs
        if value is not None
    ]
    return tag("dl", *items, cls=f"vl-facts {cls}".strip())


def _shown(value: object) -> object:
    return tag("span", NOT_RECORDED, cls="vl-muted") if value == "" else value


def digest(value: object) -> Markup:
    """A SHA-256 in full, in letters that can be told apart; "not recorded" where there is none."""
    if not value:
        return tag("span", NOT_RECORDED, cls="vl-muted")
    long = " vl-long" if len(str(value)) > 40 else ""
    return tag("code", value, cls=f"vl-digest{long}")


def folded(summary: str, *content: object) -> Markup:
    """Something long, closed at first; open in print."""
    return tag("details", tag("summary", summary), *content)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A plain table that scrolls within itself where it is too wide."""
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    head = tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads)))
    plain = tag("table", head, tag("tbody", *body), cls="vl-plain")
    return tag("div", plain, cls="vl-scroll", tabindex="0", role="region", aria_label=heads[0])


def pairs(values: Mapping[str, object]) -> Markup:
    """A mapping as a list in columns, in order of its names."""
    items = [
        tag("li", tag("code", key), " ", tag("span", _scalar(values[key])))
        for key in sorted(values, key=str)
    ]
    return tag("ul", *items, cls="vl-pairs")


def _scalar(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def count(value: object) -> str:
    """A whole number with its thousands apart; anything else as text, None as nothing."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if plain else ("" if value is None else str(value))


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
