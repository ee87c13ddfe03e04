"""What stands in backticks in a sentence is code on a page: no mark is shown, none is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markupsafe import Markup
from msgspec.structs import replace

from venturalitica.core.verdict import Verdict
from venturalitica.metrics.catalog import CATALOG
from venturalitica.reports.html.markup import prose
from venturalitica.reports.html.templating import environment

MARKED = "write `favorable: 1` under `roles:`"
SHOWN = "write <code>favorable: 1</code> under <code>roles:</code>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (MARKED, SHOWN),
        ("no code", "no code"),
        ("one ` alone", "one ` alone"),
        ("`<b>` is text", "<code>&lt;b&gt;</code> is text"),
        ("a `b` and one ` more", "a <code>b</code> and one ` more"),
        (Markup("<b>`x`</b>"), "<b>`x`</b>"),
        ("", ""),
        ("somebody's own\n`text`", "somebody&#39;s own\n`text`"),
    ],
)
def test_code_in_a_sentence(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_cards_and_tables_have_no_marks_and_lose_none() -> None:
    verdict = Verdict(
        control="accuracy",
        title="",
        metric="completeness",
        status="not_evaluated",
        reason=MARKED,
        must=">= 0.80",
    )
    verdict = replace(verdict, notes=(MARKED,), remedy=MARKED)
    cards: Any = environment().get_template("cards.html").module
    card = cards.verdict_card(verdict)
    assert card.count(SHOWN) == 3
    assert "`" not in card
    assert "`" not in cards.verdict_table([verdict], reasons=True)
    assert SHOWN in cards.verdict_table([verdict], reasons=True)


@pytest.mark.parametrize("name", [n for n, spec in CATALOG.items() if "`" in spec.definition])
def test_definitions_keep_their_code(name: str) -> None:
    page = prose(CATALOG[name].definition)
    assert "`" not in page
    assert re.search(r"<code>[^<]+</code>", page)
