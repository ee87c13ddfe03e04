"""The controls: all at a glance, then one card each, by article, what did not pass first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from venturalitica.records import Verdict
from venturalitica.reports.context import ReportContext
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.verdict_card import verdict_card
from venturalitica.reports.parts.verdict_table import verdict_table

_SEVERITY = {"failed": 0, "error": 1, "not_evaluated": 2, "passed": 4}


def controls(
    context: ReportContext, *, source: Callable[[int], str] | None = None
) -> Markup | None:
    """Both lists; None where nothing was judged.

    `source` gives the address of a line of the policy, where there is a page of it.
    """
    if not context.verdicts:
        return None
    ordered = worst_first(context.verdicts)
    anchors = {id(verdict): f"control-{at}" for at, verdict in enumerate(ordered, 1)}
    summary = verdict_table(ordered, anchors=[anchors[id(verdict)] for verdict in ordered])

    def card(verdict: Verdict) -> Markup:
        place = source(verdict.line) if source and verdict.line else ""
        return verdict_card(verdict, anchor=anchors[id(verdict)], source=place)

    return join(
        (
            tag("h2", "Controls at a glance"),
            tag("div", summary, cls="vl-box"),
            tag("h2", "What was found"),
            *(
                join((tag("h3", heading), *(card(verdict) for verdict in found)))
                for heading, found in by_article(ordered)
            ),
        )
    )


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Failed, in error, not evaluated, inconclusive, passed; policy order within each."""
    return sorted(verdicts, key=_severity)


def by_article(ordered: Sequence[Verdict]) -> list[tuple[str, list[Verdict]]]:
    """Verdicts under the headings of their articles.

    Articles follow the worst verdict they hold, so that the first card is the worst of all, then
    their number; controls without an article come last among equals.
    """
    groups: dict[str, list[Verdict]] = {}
    for verdict in ordered:
        groups.setdefault((verdict.article or "").strip(), []).append(verdict)
    names = sorted(groups, key=lambda name: (_severity(groups[name][0]), _article_order(name)))
    return [(article_words(name), groups[name]) for name in names]


def article_words(article: str) -> str:
    """`10(2)(f)` reads `Article 10(2)(f)`; anything that names its law already stays as it is."""
    if not article:
        return "No article named"
    return f"Article {article}" if article[0].isdigit() else article


def _severity(verdict: Verdict) -> int:
    if verdict.status == "passed" and not verdict.conclusive:
        return 3
    return _SEVERITY.get(verdict.status, 1)


def _article_order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    parts = re.findall(r"\d+|\D+", name[:100])
    return (not name, [(int(part), "") if part.isdecimal() else (0, part) for part in parts])
