"""What a notebook shows: whole, small, inert, and nothing around it touched."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

import venturalitica as vl
from tests.ui.shelf import FIRST, loan_verdicts
from venturalitica.core.gate import Decision
from venturalitica.core.verdict import GroupValue, Interval, Verdict
from venturalitica.core.verification import Step, Verification
from venturalitica.policy import parse_policy
from venturalitica.reports.html.notebook import LIMIT, Judged, render_audit_fragment
from venturalitica.reports.html.notebook import render_run_fragment as render_run
from venturalitica.reports.html.theme import fragment_style

NAUGHTY = "<script>alert(1)</script></style><img src=x onerror=alert(1)>\u202e\x1b[2J"


def verification(text: str = "it held", count: int = 3) -> Verification:
    steps = [Step(f"step {n} {text}"[:80], True, text) for n in range(count)]
    return Verification(text, (*steps, Step("tree", None, f"not checked: {text}")))


def decision(text: str = "ok", *, allowed: bool = True) -> Decision:
    rule: Any = "allowed" if allowed else "control"
    return Decision(allowed=allowed, rule=rule, sentence=text, name=text, version="3", policy=text)


def hostile_policy() -> vl.Policy:
    text = FIRST.replace("Credit scoring", '"<script>alert(1)</script></style>"')
    return parse_policy(text.encode())


def many(count: int, text: str) -> list[Verdict]:
    groups = tuple(GroupValue(f"{text} {n}", 20, 0.5) for n in range(200))
    first = Verdict(
        control="first", status="failed", reason=text, value=0.4, must=">= 0.5", operator=">=",
        threshold=0.5, groups=groups, interval=Interval(0.3, 0.5), metric="accuracy", across=("g",),
    )  # fmt: skip
    rest = (Verdict(control=f"c{n}", status="passed", reason=text) for n in range(count))
    return [*rest, first]


DRAWN: dict[str, Callable[[], str | None]] = {
    "audit": lambda: render_audit_fragment(loan_verdicts(), policy_name="loans"),
    "hostile audit": lambda: render_audit_fragment(
        many(2, NAUGHTY), policy_name=NAUGHTY, first=NAUGHTY, notes=[NAUGHTY], links=[NAUGHTY]
    ),
    "long audit": lambda: render_audit_fragment(many(3000, "a reason " * 100)),
    "one endless reason": lambda: render_audit_fragment(many(0, "x" * 500_000)),
    "policy": lambda: parse_policy(FIRST.encode())._repr_html_(),
    "hostile policy": lambda: hostile_policy()._repr_html_(),
    "run": lambda: render_run(
        "nightly", [Judged("loans", "red", loan_verdicts())], light="red", under_way=False
    ),
    "hostile run": lambda: render_run(
        NAUGHTY,
        [Judged(NAUGHTY, "red", many(1, NAUGHTY))],
        light="red",
        under_way=True,
        facts=[(NAUGHTY, NAUGHTY)],
        notes=[NAUGHTY],
        links=[NAUGHTY, "javascript:alert(1)"],
    ),
    "long run": lambda: render_run(
        "x" * 10_000,
        [Judged("loans " * 200, "red", loan_verdicts())] * 500,
        light="red",
        under_way=False,
        notes=["n" * 90_000] * 40,
    ),
    "verification": lambda: verification()._repr_html_(),
    "hostile verification": lambda: verification(NAUGHTY)._repr_html_(),
    "long verification": lambda: verification("detail " * 900, 300)._repr_html_(),
    "decision": lambda: decision()._repr_html_(),
    "hostile decision": lambda: decision(NAUGHTY)._repr_html_(),
}


@pytest.fixture(params=DRAWN)
def html(request: pytest.FixtureRequest) -> str:
    return DRAWN[request.param]() or ""


def words(html: str | None) -> str:
    root = ElementTree.fromstring(html or "")
    for style in list(root.iter("style")):
        style.text = ""
    return " ".join(" ".join(root.itertext()).split())


def test_it_is_small_whole_and_inert(html: str) -> None:
    assert len(html.encode()) <= LIMIT < 40_000
    root = ElementTree.fromstring(html)
    tags = {element.tag for element in root.iter()}
    assert not tags & {"script", "img", "iframe", "link", "object", "form", "input", "base"}
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        assert element.get("href", "https://").startswith("https://")
        assert "id" not in element.attrib  # a notebook shows several
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_its_styles_reach_nothing_around_it_and_load_nothing() -> None:
    css = fragment_style()
    inner = re.sub(r"@(media|container)[^{]*\{", "", css)
    selectors = [
        one for rule in re.findall(r"([^{}]+)\{[^{}]*\}", inner) for one in rule.split(",")
    ]
    assert selectors
    assert [one for one in selectors if not re.search(r"(^|\s)\.vl(?![\w-])", one)] == []
    assert not re.search(r"url\(|@import|@font-face|expression", css)


def test_a_long_audit_keeps_what_is_worst_and_counts_the_rest() -> None:
    said = words(DRAWN["long audit"]())
    assert said.startswith("Red Audit Of 3001 controls: 1 failed and 3000 passed")
    assert "n first first a reason" in said  # below the heads of the table
    shown = 1 + len(re.findall(r"\bc\d+ c\d+ ", said))
    left = re.search(r"([\d,]+) more: to_frame\(\) has all", said)
    assert left is not None
    assert int(left[1].replace(",", "")) == 3001 - shown


def test_a_policy_tells_its_rules() -> None:
    said = words(DRAWN["policy"]())
    assert said.startswith("Policy credit-scoring 1.0 Credit scoring · 3 controls")
    assert (
        "selection rate across gender: ratio of lowest to highest must be >= 0.80; blocks" in said
    )
    assert "male: A91; female: A92" in said


def test_a_run_tells_what_was_found_inside() -> None:
    said = words(DRAWN["run"]())
    assert said.startswith("Red nightly Of 1 audit inside: 1 red.")
    assert "Of 3 controls: 1 failed" in said
    assert words(DRAWN["hostile run"]()).count("Under way.") == 1


def test_a_verification_is_green_only_where_a_step_held_and_none_failed() -> None:
    held = words(verification()._repr_html_())
    assert held.startswith("Verified it held Every step that could be made held. 1 could not be")
    assert "not that it is good" in held
    failed = Verification("x", (Step("keys", True, "fine"), Step("tree", False, "another root")))
    said = words(failed._repr_html_())
    assert said.startswith("Not verified x Failed: tree: another root")
    assert "vl-pill vl-is-red" in (failed._repr_html_() or "")
    assert "vl-is-green" not in (Verification("x")._repr_html_() or "").partition("</style>")[2]
    assert words(Verification("x")._repr_html_()).startswith("Not verified x No step")


def test_a_decision_says_whether_it_was_let_through() -> None:
    assert words(decision()._repr_html_()).startswith("Let through ok 3 ok")
    assert words(decision("no", allowed=False)._repr_html_()).startswith("Refused no 3 no")
