"""What stands in backticks in a sentence is code on a page: no mark is shown, none is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markupsafe import Markup
from msgspec.structs import replace

from venturalitica.core.verdict import Verdict
from venturalitica.core.verification import Step, Verification
from venturalitica.metrics.catalog import CATALOG
from venturalitica.reports.context import Standing, read_statement
from venturalitica.reports.formats.findings import Finding, Findings
from venturalitica.reports.formats.html import findings_page, verification_page
from venturalitica.reports.html.markup import prose
from venturalitica.reports.html.notebook import render_audit_fragment
from venturalitica.reports.html.page import draw_page
from venturalitica.reports.html.templating import environment
from venturalitica.reports.verified import of_report

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
        (
            "'venturalitica verify x' says; not 'age', nor 'mlflow'",
            "<code>venturalitica verify x</code> says; not &#39;age&#39;, nor &#39;mlflow&#39;",
        ),
        ("'venturalitica <b>'", "<code>venturalitica &lt;b&gt;</code>"),
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


def bare(page: str) -> str:
    """The page without its code and style, where a mark is one."""
    return re.sub(r"<(pre|code|style)\b.*?</\1>", "", page, flags=re.DOTALL)


def test_no_sentence_of_a_report_shows_a_mark(make_statement: Any, verdicts: Any) -> None:
    marked = [replace(one, reason=MARKED, notes=(MARKED,), remedy=MARKED) for one in verdicts]
    statement = make_statement(*marked)
    statement["predicate"]["model"]["note"] = MARKED
    for axis in statement["predicate"]["tally"]["axes"]:
        axis["note"] = MARKED
    steps = tuple(Step(name, ok, MARKED) for name, ok in (("a", True), ("b", False), ("c", None)))
    standing = Standing(
        entry=0,
        size=1,
        verification=Verification("x", steps),
        retention="ten-years",
        kept_until="2036-01-01",
        waiting=("mlflow run 1",),
        drawn_at="2026-11-30T09:00:00Z",
        doubt=MARKED,
    )
    context = read_statement(statement, standing=standing, delivered=False)
    page = draw_page(context)
    assert "`" not in bare(page)
    assert page.count(SHOWN) > 3 * len(marked)
    assert "`" not in bare(render_audit_fragment(marked, first=MARKED))


def test_no_finding_shows_a_mark() -> None:
    one = Finding(name="x", outcome="failed", light="red", message=MARKED, details=(MARKED,))
    found = Findings(command="verify", subject="x", light="red", sentence=MARKED, items=(one,))
    page = findings_page(found)
    assert page.count(SHOWN) == 3
    assert "`" not in bare(page)
    steps = (Step("a", False, MARKED),)
    both = of_report(Verification("x", steps), None)
    verified = verification_page(found, both, about=None)
    assert verified.count(SHOWN) == 3
    assert "`" not in bare(verified)
