"""How two policies differ by rule: each change with its sign and its word, what weakens first."""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.policy.changes import MARKS, Aspect, Change, Kind
from venturalitica.reports.markup import Markup, join, tag

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
