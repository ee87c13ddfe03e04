"""What a report says below each printed page, beside its intervals, and where its names break."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape

import pytest
from msgspec.structs import replace

from venturalitica.reports.context import read_statement
from venturalitica.reports.html.page import render_report
from venturalitica.reports.html.parts import name, pieces
from venturalitica.reports.html.theme import footer, page_policy
from venturalitica.reports.summary import several

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_the_digest_stands_below_each_page_and_its_style_is_allowed(statement) -> None:
    page = render_report(statement, evidence_sha256=DIGEST)
    sheets = [sheet.encode() for sheet in re.findall("<style>(.*?)</style>", page, re.S)]
    assert len(sheets) == 2
    assert f'content:"Record, SHA-256 {DIGEST}"'.encode() in sheets[1]
    for sheet in sheets:
        hashed = base64.b64encode(hashlib.sha256(sheet).digest()).decode()
        assert f"'sha256-{hashed}'" in unescape(page.partition("<title>")[0])


@pytest.mark.parametrize("digest", ["", "9f86", '"}*{display:none}', DIGEST + "\n", DIGEST.upper()])
def test_what_is_no_digest_writes_no_style(statement, digest) -> None:
    assert footer(digest) == ""
    page = render_report(statement, evidence_sha256=digest)
    assert page.count("<style>") == 1
    assert page_policy() in unescape(page)


@pytest.mark.parametrize(
    ("count", "intervals", "said"),
    [
        (0, {}, ""),
        (1, {}, ""),
        (
            6,
            {},
            "6 intervals were read at once, each at its own level: that at least one misses its "
            "value has a chance of up to 30 %.",
        ),
        (
            40,
            {"level": 0.95, "for_several_controls": "none"},
            "40 intervals were read at once, each at its own level: on average up to 2.0 of them "
            "miss their value.",
        ),
        (
            6,
            {"level": 0.95, "for_several_controls": "the error divided among 6 (Bonferroni)"},
            "6 intervals were read at once, and the error was divided among them (Bonferroni): "
            "together they hold at 95 %.",
        ),
    ],
)
def test_that_several_were_read_at_once(make_statement, verdicts, count, intervals, said) -> None:
    found = [replace(verdicts[0], control=f"accuracy-{at}") for at in range(count)]
    statement = make_statement(*found, verdicts[4], intervals=intervals)
    assert several(read_statement(statement)) == said
    assert said in render_report(statement)


def test_how_the_intervals_were_made_is_a_section_of_its_own(make_statement, verdicts) -> None:
    intervals = {"method": "exact-1", "kind": "exact ends", "level": 0.95, "replicates": 2000}
    intervals |= {"corrections": ["stretched to hold the value"], "for_several_controls": "none"}
    page = render_report(make_statement(*verdicts, intervals=intervals))
    for words in ("How the intervals were made", "exact ends", "stretched to hold the value"):
        assert words in page
    assert "How the intervals were made" not in render_report(make_statement(*verdicts))


def test_the_law_is_named_once(statement) -> None:
    assert render_report(statement).count("2024/1689") == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("students", ["students"]),
        ("people who moved", ["people", "who", "moved"]),
        ("more_than_a/year|old", ["more_", "than_", "a/", "year|", "old"]),
        ("25-59", ["25-", "59"]),
        ("12.5 % × men", ["12.5", "%", "×", "men"]),
        ("", []),
    ],
)
def test_where_a_name_may_break(text, parts) -> None:
    assert pieces(text) == parts
    assert re.sub("<[^>]*>", "", name(text)) == text


def test_only_a_word_that_fits_nowhere_may_break_anywhere() -> None:
    assert "vl-endless" not in name("w" * 50 + " " + "v" * 50)
    assert "vl-endless" in name("w" * 51)
    assert name("<b>_\u202e") == '<bdi class="vl-word">&lt;b&gt;_[U+202E]</bdi>'
