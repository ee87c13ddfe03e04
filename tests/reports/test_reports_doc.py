"""The page about reports and the reports agree."""

from __future__ import annotations

from pathlib import Path

from venturalitica.core.text import format_number
from venturalitica.reports.html.group_chart import MOST_GROUPS
from venturalitica.reports.sentences import LIGHT_WORDS

PAGE = (Path(__file__).parents[2] / "docs/reports.md").read_text()


def test_lights_limits_and_roundings_are_as_documented() -> None:
    for light in LIGHT_WORDS:
        assert f"| {light} |" in PAGE
    assert f"than {MOST_GROUPS} groups" in PAGE
    assert f"reads {format_number(0.7996, beside=0.80)}" in PAGE


def test_the_sections_of_the_page_are_documented(statement) -> None:
    import re

    from venturalitica.reports.html.page import render_report

    headings = re.findall(r"<h2>([^<]+)</h2>", render_report(statement))
    assert headings == [
        "Controls at a glance",
        "What was found",
        "Policy",
        "Provenance",
        "Evidence",
    ]
    for heading in headings:
        assert f"**{heading}**" in PAGE
