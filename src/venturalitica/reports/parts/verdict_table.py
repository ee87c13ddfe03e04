"""All verdicts on a page's width: one row each, for a first look and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.figures import format_interval, format_number
from venturalitica.records import Verdict
from venturalitica.reports.markup import Markup, prose, tag
from venturalitica.reports.parts.interval_bar import UNIT, fits, interval_bar
from venturalitica.reports.parts.lights import status_pill
from venturalitica.reports.words import must_signs


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
        tag("th", _name(verdict, anchor), _reason(verdict) if reasons else None, scope="row"),
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


def _reason(verdict: Verdict) -> Markup:
    return tag("span", prose(verdict.reason), cls="vl-why", dir="auto")


def _value(verdict: Verdict) -> list[Markup | None]:
    value = tag("b", format_number(verdict.value, beside=verdict.threshold))
    interval = format_interval(verdict.interval, beside=verdict.threshold)
    return [value, tag("small", interval) if interval else None]
