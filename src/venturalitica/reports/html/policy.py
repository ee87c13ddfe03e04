"""How two policies differ by rule: each change with its sign and its word, what weakens first."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from venturalitica.policy.changes import MARKS, Aspect, Change, Kind
from venturalitica.reports.html.markup import join, tag

_PLACES = {"control": "Control", "role": "Role", "policy": "Policy"}


def change_list(changes: Sequence[Change]) -> Markup:
    """One article for each change, in the order given."""
    return tag("div", *map(_change, changes), cls="vl-changes")


def kind_word(kind: Kind) -> Markup:
    """`▼ loosened`: sign and word together; the colour only helps."""
    return tag("span", tag("b", MARKS[kind], aria_hidden="true"), " ", kind, cls=_cls(kind))


def _cls(kind: Kind) -> str:
    return f"vl-kind vl-kind-{kind}"


def _change(change: Change) -> Markup:
    return tag(
        "article",
        tag("h3", kind_word(change.kind), " ", _named(change)),
        _rule(change),
        _aspects(change),
        _affects(change.affects),
        cls=f"vl-change vl-change-{change.kind}",
    )


def _named(change: Change) -> Markup:
    names = [tag("bdi", tag("code", change.name))]
    if change.name != change.old_name:
        names = [tag("bdi", tag("code", change.old_name)), Markup(" → "), *names]
    return tag("span", f"{_PLACES[change.place]} ", *names)


def _rule(change: Change) -> Markup | None:
    if change.kind == "removed":
        said = f"It was: {change.rule}. A rule less makes the policy looser."
    elif change.kind == "added":
        said = f"{change.rule}. A rule more makes the policy tighter."
    else:
        said = f"Now: {change.rule}." if change.rule else ""
    return tag("p", said, dir="auto") if said else None


def _aspects(change: Change) -> Markup | None:
    told = [aspect for aspect in change.aspects if aspect.key != "id"]
    if not told:
        return None
    heads = ("Key", "Before", "After", "Which means")
    head = tag("thead", tag("tr", *(tag("th", word, scope="col") for word in heads)))
    plain = tag("table", head, tag("tbody", *map(_aspect, told)), cls="vl-plain vl-aspects")
    label = f"The keys that differ in {change.place} {change.name}"
    return tag("div", plain, cls="vl-scroll", tabindex="0", role="region", aria_label=label)


def _aspect(aspect: Aspect) -> Markup:
    note = f": {aspect.note}" if aspect.note else ""
    return tag(
        "tr",
        tag("th", tag("code", aspect.key), scope="row"),
        tag("td", tag("del", _said(aspect.old)), dir="auto"),
        tag("td", tag("ins", _said(aspect.new)), dir="auto"),
        tag("td", join((kind_word(aspect.direction), note))),
    )


def _said(text: str) -> str:
    return text or "none"


def _affects(controls: Sequence[str]) -> Markup | None:
    if not controls:
        return None
    named = [part for name in controls for part in (", ", tag("code", name))][1:]
    return tag("p", "Read by ", *named, ".", cls="vl-muted", dir="auto")


MOST_LINES = 5_000
"""More lines than these are not drawn; the page says so, and the file has them."""
MOST_CHARACTERS = 400_000


def numbered(text: str, *, label: str) -> Markup:
    """The lines as a list, each with the id `line-N`; what is copied has no numbers in it."""
    shown, left_out = _held(text.removesuffix("\n").split("\n"))
    items = [tag("li", tag("code", _line(one)), id=f"line-{n}") for n, one in enumerate(shown, 1)]
    return _framed(tag("ol", *items, cls="vl-source"), left_out, label)


def text_diff(lines: Sequence[str], *, label: str) -> Markup:
    """The lines of a unified diff; the sign at the beginning tells, the colour only helps."""
    shown, left_out = _held(lines)
    items = [tag("li", tag("code", line or " "), cls=_line_cls(line)) for line in shown]
    return _framed(tag("ol", *items, cls="vl-source vl-diff"), left_out, label)


def _line(text: str) -> str:
    """One line as it is read: a carriage return that ends none would look like one that does."""
    return text.removesuffix("\r").replace("\r", "[U+000D]") or " "


def _held(lines: Sequence[str]) -> tuple[list[str], int]:
    """As many lines as are drawn, and how many are not."""
    room, shown = MOST_CHARACTERS, list[str]()
    for line in lines[:MOST_LINES]:
        room -= len(line)
        if room < 0:
            break
        shown.append(line)
    return shown, len(lines) - len(shown)


def _framed(listed: Markup, left_out: int, label: str) -> Markup:
    more = f"{left_out:,} more lines are not drawn here." if left_out else ""
    return tag(
        "div",
        tag(
            "div", listed, cls="vl-scroll vl-framed", tabindex="0", role="region", aria_label=label
        ),
        tag("p", more, cls="vl-muted") if more else None,
    )


def _line_cls(line: str) -> str | None:
    if line.startswith(("--- ", "+++ ")):
        return "vl-diff-name"
    return {"+": "vl-diff-new", "-": "vl-diff-old", "@": "vl-diff-place"}.get(line[:1])
