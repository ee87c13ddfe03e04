"""A short Markdown section: for a run's description in MLflow and for summaries in CI.

Recorded text is escaped, so that it can neither format nor link nor mention: it is only read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.core.json_values import text
from venturalitica.core.text import format_interval, format_number, level_words, visible
from venturalitica.core.verdict import Light, Verdict
from venturalitica.reports.context import ReportContext, read_statement
from venturalitica.reports.sentences import (
    ANSWERS,
    LIGHT_WORDS,
    consequence_sentence,
    must_signs,
    promise_sentence,
    run_sentence,
    status_words,
    summary_sentence,
)
from venturalitica.reports.summary import (
    article_words,
    comment,
    decision,
    fault_sentence,
    fault_words,
    law,
    noted,
    person,
    rejection_sentence,
    waiting_sentence,
    worst_first,
)

SIGNS: dict[Light, str] = {"green": "🟢", "amber": "🟡", "red": "🔴", "grey": "⚪"}
MOST_ROWS = 50
"""More controls than this are counted, not listed: trackers limit a description's length."""

_SYNTAX = re.compile(r"([\\`*_{}\[\]()#+!|~$^=-])")
_LINKED = re.compile(r"(?i)(://|www\.|@)")


def render_markdown(
    statement: Mapping[str, Any], *, approvals: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The light, the sentence and a table of verdicts, worst first; then the sign-offs given.

    Raises:
        EvidenceError: it is another kind of statement, or a format newer than this version knows.
    """
    return draw_section(read_statement(statement, approvals=approvals))


def draw_section(context: ReportContext) -> str:
    """The section of what was read already."""
    light = context.light
    lines = [
        f"**{SIGNS[light]} {LIGHT_WORDS[light]}: {_subject(context)}**",
        "",
        " ".join(part for part in (ANSWERS[light], *_sentences(context)) if part),
        *_beware(context),
        *_table(worst_first(context.verdicts)),
        *_before(context),
        *_notes(context),
        *_sign_offs(context),
        *_footer(context),
    ]
    return "\n".join(lines) + "\n"


def markdown_text(value: object) -> str:
    """`value` as inert text on one line: no formatting, no links, no mentions, no HTML."""
    words = " ".join(visible(str(value)).split())
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    words = _LINKED.sub(_unlinked, words)
    return _SYNTAX.sub(r"\\\1", words).replace("&\\#", "&#")


def _unlinked(match: re.Match[str]) -> str:
    found = match[0]
    if found == "@":
        return "&#64;"
    return found.replace(":", "&#58;").replace(".", "&#46;")


def _subject(context: ReportContext) -> str:
    if context.policy is None:
        return markdown_text(context.run.name or "run")
    return f"{markdown_text(context.policy.name)} {markdown_text(context.policy.version)}"


def _sentences(context: ReportContext) -> list[str]:
    if context.kind == "run" and not context.verdicts:
        lights = [text(audit.get("light")) for audit in context.audits]
        return [run_sentence(lights, failed=context.exception is not None)]
    said = [
        *([context.left_out] if context.left_out else []),
        summary_sentence(context.verdicts),
        markdown_text(consequence_sentence(context.verdicts)),
    ]
    if context.training_rows:
        said.append("The rows judged include training rows.")
    return said


def _beware(context: ReportContext) -> list[str]:
    """What the page warns of at its top; nothing where only the statement is known."""
    if context.standing is None:
        return []
    fault = f"{fault_sentence(context)} {fault_words(context)}".strip()
    said = (fault, rejection_sentence(context), waiting_sentence(context))
    return [part for sentence in said if sentence for part in ("", markdown_text(sentence))]


def _table(verdicts: Sequence[Verdict]) -> list[str]:
    if not verdicts:
        return []
    rows = [_row(verdict) for verdict in verdicts[:MOST_ROWS]]
    left = len(verdicts) - len(rows)
    levels = {level_words(verdict.level) for verdict in verdicts}
    interval = f"{levels.pop()} interval" if len(levels) == 1 else "Interval"
    heads = ("Control", "Result", "Value", interval, "Must be", "n", "Article")
    return [
        "",
        "| " + " | ".join(heads) + " |",
        "|---|---|---:|---|---|---:|---|",
        *rows,
        *([f"\n{left:,} more controls are in the report."] if left else []),
        *([f"\n{promise}"] if (promise := promise_sentence(verdicts)) else []),
    ]


def _row(verdict: Verdict) -> str:
    cells = (
        markdown_text(verdict.control),
        f"{SIGNS[verdict.light]} {status_words(verdict)}",
        format_number(verdict.value, beside=verdict.threshold),
        format_interval(verdict.interval, beside=verdict.threshold) or "–",
        markdown_text(must_signs(verdict)),
        f"{verdict.n:,}",
        markdown_text(article_words(verdict.article).removeprefix("Article "))
        if verdict.article
        else "–",
    )
    return "| " + " | ".join(cells) + " |"


def _before(context: ReportContext) -> list[str]:
    if context.prior is None:
        return []
    return ["", markdown_text(" ".join(context.prior.sentences()))]


def _notes(context: ReportContext) -> list[str]:
    lines = [
        f"Note by {markdown_text(person(one))}, {markdown_text(text(one.get('noted_at'))[:10])}: "
        f"{markdown_text(noted(one))}"
        for one in context.notes
    ]
    return [part for line in lines for part in ("", line)]


def _sign_offs(context: ReportContext) -> list[str]:
    lines = [
        f"{decision(one)} by {markdown_text(person(one))}, "
        f"{markdown_text(text(one.get('role')))}, {markdown_text(text(one.get('decided_at'))[:10])}"
        + (f": {markdown_text(comment(one))}" if one.get("commented") else "")
        for one in context.approvals
    ]
    return [part for line in lines for part in ("", line)]


def _footer(context: ReportContext) -> list[str]:
    law_named = law(context.verdicts)
    said = [law_named] if law_named else []
    if context.policy is not None:
        said.append(f"Policy SHA-256 `{_hexadecimal(context.policy.sha256)}`")
    if context.standing is not None:
        said.append(
            f"Entry {context.standing.entry} of the evidence log, SHA-256 "
            f"`{_hexadecimal(context.evidence_sha256)}`"
        )
    return [part for sentence in said for part in ("", sentence)]


def _hexadecimal(value: str) -> str:
    return re.sub("[^0-9a-fA-F]", "", value)
