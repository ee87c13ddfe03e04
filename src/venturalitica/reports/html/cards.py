"""One control on a card: what the rule is, what was found, how sure that is, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Verdict
from venturalitica.reports.html.group_chart import group_plot
from venturalitica.reports.html.interval_chart import UNIT, fits, interval_bar
from venturalitica.reports.html.markup import prose, tag
from venturalitica.reports.html.parts import status_pill
from venturalitica.reports.sentences import (
    ON_FAIL_WORDS,
    conclusive_sentence,
    definition,
    must_signs,
    rule_sentence,
    sample_sentence,
)


def verdict_card(verdict: Verdict, *, anchor: str = "", source: str = "") -> Markup:
    """HTML of one verdict; `anchor` is the id that the summary links to.

    `source` is the address of the rule's line in the policy, where there is a page of it.
    """
    said = tag("div", _reason(verdict), _notes(verdict), _remedy(verdict), cls="vl-said")
    return tag(
        "article",
        _head(verdict, source),
        tag("p", f"{rule_sentence(verdict)} ", _definition(verdict), cls="vl-rule"),
        *_body(verdict, said),
        cls=f"vl-card vl-edge-{verdict.light}",
        id=anchor or None,
    )


def _definition(verdict: Verdict) -> Markup | None:
    said = definition(verdict.metric)
    return tag("span", prose(said), cls="vl-muted") if said else None


def _body(verdict: Verdict, said: Markup) -> list[Markup]:
    """Number and picture at the left; beside them the groups, else the words."""
    if verdict.value is None and not verdict.groups:
        return [tag("p", "Nothing was measured.", cls="vl-novalue"), said]
    measured = tag("div", *_measured(verdict), cls="vl-measured")
    groups = group_plot(verdict)
    if groups is None:
        return [tag("div", measured, said, cls="vl-found")]
    return [tag("div", measured, groups, cls="vl-found"), said]


def _head(verdict: Verdict, source: str) -> Markup:
    heading = verdict.title or verdict.control
    return tag(
        "header",
        tag("h4", tag("bdi", heading)),
        status_pill(verdict),
        tag(
            "p",
            tag("code", verdict.control),
            tag("span", f"if it does not pass: {ON_FAIL_WORDS.get(verdict.on_fail, '')}"),
            _place(verdict, source),
            cls="vl-meta",
        ),
    )


def _place(verdict: Verdict, source: str) -> Markup | None:
    if not verdict.file:
        return None
    place = f"{verdict.file}:{verdict.line}" if verdict.line else verdict.file
    return tag("a", place, href=source) if source else tag("span", place)


def _measured(verdict: Verdict) -> list[Markup | None]:
    if verdict.value is None:
        return [tag("p", "No value: see the reason.", cls="vl-novalue")]
    return [
        tag(
            "p",
            tag("strong", format_number(verdict.value, beside=verdict.threshold)),
            tag("span", _interval_words(verdict)),
            tag("span", f"n = {verdict.n:,}" if verdict.n else None),
            cls="vl-figure",
        ),
        interval_bar(verdict),
        _sure(verdict),
        _sample(verdict),
    ]


def _sure(verdict: Verdict) -> Markup | None:
    """How sure it is, unless the reason beside it says so itself."""
    said = conclusive_sentence(verdict)
    if not said or "not conclusive" in verdict.reason:
        return None
    return tag("p", said, cls="vl-sure")


def _sample(verdict: Verdict) -> Markup | None:
    said = sample_sentence(verdict)
    return tag("p", said, cls="vl-sure") if said else None


def _interval_words(verdict: Verdict) -> str:
    if verdict.interval is None:
        return "no interval"
    interval = format_interval(verdict.interval, beside=verdict.threshold)
    return f"{verdict.level:.0%} interval {interval}"


def _reason(verdict: Verdict) -> Markup:
    return tag("p", prose(verdict.reason), cls="vl-reason", dir="auto")


def _notes(verdict: Verdict) -> Markup | None:
    if not verdict.notes:
        return None
    return tag(
        "ul", *(tag("li", prose(note), dir="auto") for note in verdict.notes), cls="vl-notes"
    )


def _remedy(verdict: Verdict) -> Markup | None:
    if not verdict.remedy or verdict.light == "green":
        return None
    return tag("p", tag("b", "What to do: "), prose(verdict.remedy), cls="vl-remedy", dir="auto")


def verdict_table(
    verdicts: Sequence[Verdict], *, anchors: Sequence[str] = (), reasons: bool = False
) -> Markup:
    """A table of verdicts in the order given.

    `anchors` are the ids of the cards, one for each verdict, where there are cards. `reasons` adds
    the sentence of each verdict, for places without cards.
    """
    places = list(anchors) or [""] * len(verdicts)
    rows = [_row(v, place, reasons) for v, place in zip(verdicts, places, strict=True)]
    heads = ("Control", "Result", "Value", "Drawn from 0 to 1", "Must be", "n")
    return tag(
        "table",
        tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads))),
        tag("tbody", *rows),
        cls="vl-table",
    )


def _row(verdict: Verdict, anchor: str, reasons: bool) -> Markup:
    return tag(
        "tr",
        tag("th", _name(verdict, anchor), _short_reason(verdict) if reasons else None, scope="row"),
        tag("td", status_pill(verdict), cls="vl-c-result"),
        tag("td", *_value(verdict), cls="vl-c-value"),
        tag("td", _bar(verdict), cls="vl-c-bar"),
        tag("td", must_signs(verdict), cls="vl-c-must"),
        tag("td", f"{verdict.n:,}" if verdict.n else "–", cls="vl-c-n"),
    )


def _bar(verdict: Verdict) -> Markup | None:
    """On the scale of the column's head; a verdict that does not fit brings its own, labelled."""
    return interval_bar(verdict, scale=UNIT if fits(verdict, UNIT) else None)


def _name(verdict: Verdict, anchor: str) -> Markup:
    name = tag("bdi", verdict.title or verdict.control)
    heading = tag("a", name, href=f"#{anchor}") if anchor else name
    return tag("span", heading, tag("code", verdict.control), cls="vl-name")


def _short_reason(verdict: Verdict) -> Markup:
    return tag("span", prose(verdict.reason), cls="vl-why", dir="auto")


def _value(verdict: Verdict) -> list[Markup | None]:
    value = tag("b", format_number(verdict.value, beside=verdict.threshold))
    interval = format_interval(verdict.interval, beside=verdict.threshold)
    return [value, tag("small", interval) if interval else None]
