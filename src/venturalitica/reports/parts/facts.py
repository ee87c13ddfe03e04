"""Lists of facts: a name and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from venturalitica.reports.markup import Markup, tag

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
