"""The findings as a Markdown table: of a verification, and where there is no record to draw."""

from __future__ import annotations

from venturalitica.reports.formats.findings import Finding, Findings
from venturalitica.reports.markdown import MOST_ROWS, SIGNS, markdown_text


def findings_markdown(found: Findings) -> str:
    """The heading, the sentence, a row for each finding, worst first; ends with a newline."""
    ordered = found.worst_first
    left = len(ordered) - MOST_ROWS
    lines = [
        f"**{SIGNS[found.light]} venturalitica {found.command}: {markdown_text(found.subject)}**",
        "",
        markdown_text(found.sentence),
        "",
        "| Finding | Result | What was found |",
        "|---|---|---|",
        *map(_row, ordered[:MOST_ROWS]),
        *([f"\n{left:,} more are not shown."] if left > 0 else []),
    ]
    return "\n".join(lines) + "\n"


def _row(one: Finding) -> str:
    place = f"{one.file}:{one.line}" if one.file and one.line else ""
    found = "; ".join(filter(None, (one.message, *one.details, place)))
    words = one.words or one.outcome
    return f"| {markdown_text(one.name)} | {SIGNS[one.light]} {words} | {markdown_text(found)} |"
