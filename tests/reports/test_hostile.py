"""Hostile text in any recorded field is read, never run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from venturalitica.core.text import visible
from venturalitica.core.verdict import GroupValue, Verdict
from venturalitica.reports.html.notebook import render_audit_fragment
from venturalitica.reports.html.page import render_report
from venturalitica.reports.markdown import markdown_text, render_markdown

NAUGHTY = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "--><!--<img src=x>",
    "]]><script>",
    "&lt;b&gt;&#60;script&#62;",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "\x00\x1b[31m\u202e\u2066 evil",
    "Ω≈ç√∫˜µ≤≥÷ 田中さん 🏳️‍🌈 ﷽",
    "<a href='data:text/html,x'>x</a>",
    "| x | y |\n|---|---|\n# [a](http://evil.example) ![b](x) `c` @team",
]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ALLOWED_TAGS = words(
    "html head meta title style body main header footer section article div span p h1 h2 h3 h4 ul"
    " li dl dt dd blockquote table thead tbody tfoot tr th td a b strong small code pre bdi time"
    " details summary svg path line rect circle text wbr"
)
ALLOWED_ATTRIBUTES = words(
    "lang charset http-equiv content name class id href rel scope colspan dir role tabindex"
    " datetime aria-label aria-hidden viewbox width height d x y x1 x2 y1 y2 cx cy r rx"
    " text-anchor"
)


class Inspector(HTMLParser):
    """Reads as a browser would, and refuses whatever could run, load or style."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        assert tag in ALLOWED_TAGS, tag
        for name, value in attrs:
            assert name in ALLOWED_ATTRIBUTES, (tag, name)
            if name == "href":
                assert value.startswith(("#control-", "http://", "https://")), value
            if name == "class":
                assert all(part.startswith("vl") for part in value.split()), value

    def handle_comment(self, data) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_data(self, data) -> None:
        self.text.append(data)


def inspect(html: str) -> str:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return "".join(inspector.text)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            yield from leaves(item, (*path, key))
        else:
            yield (*path, key)


def replaced(value: dict[str, Any], path: tuple[Any, ...], new: object) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return changed


STRUCTURE = {"format", "kind", "status", "on_fail", "operator", "bytes", "started_at", "light"}
"""Fields that decide what is drawn; they are made hostile one at a time."""

NOT_SHOWN = {"remedy", "must"}
"""An experiment goes by its name, a remedy is for what did not pass, a threshold is a number."""


def text_leaves(statement: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The paths of all recorded text, without what decides the page's structure."""
    found = []
    for path in leaves(statement["predicate"], ("predicate",)):
        value: Any = statement
        for key in path:
            value = value[key]
        if isinstance(value, str) and path[-1] not in STRUCTURE:
            found.append(path)
    return found


@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_all_text_at_once_is_shown_as_recorded(statement, naughty) -> None:
    paths = text_leaves(statement)
    hostile = statement
    for number, path in enumerate(paths):
        hostile = replaced(hostile, path, f"{naughty} [{number}]")
    text = inspect(render_report(hostile, evidence_sha256=naughty)).casefold()
    hidden = {
        path
        for number, path in enumerate(paths)
        if f"{visible(naughty)} [{number}]".casefold() not in text
    }
    assert len(paths) > 80
    assert {path[-1] for path in hidden} == NOT_SHOWN


def test_each_field_alone_is_inert(statement) -> None:
    naughty = NAUGHTY[1]
    for path in leaves(statement["predicate"], ("predicate",)):
        if path == ("predicate", "format"):
            continue
        page = render_report(replaced(statement, path, naughty))
        root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
        assert {element.tag for element in root.iter()} <= ALLOWED_TAGS | {"meta"}, path


@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_keys_are_text_too(make_statement, verdicts, naughty) -> None:
    statement = make_statement(*verdicts)
    predicate = statement["predicate"]
    predicate["model"]["parameters"] = {naughty: naughty}
    predicate["environment"]["packages"] = {naughty: naughty}
    predicate["environment"]["hardware"] = {naughty: naughty}
    predicate["bindings"] = {naughty: naughty}
    predicate["exception"] = {naughty: naughty}
    assert inspect(render_report(statement)).count(visible(naughty)) >= 8


def test_all_at_once_in_a_run(make_run) -> None:
    for naughty in NAUGHTY:
        audits = [
            {"index": naughty, "evidence_sha256": naughty, "light": naughty, "policy": naughty}
        ]
        statement = make_run(audits=audits, run={"name": naughty, "id": naughty})
        inspect(render_report(statement, evidence_sha256=naughty))


@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_the_fragment_is_inert(naughty) -> None:
    verdict = Verdict(
        control=naughty,
        status="failed",
        reason=naughty,
        title=naughty,
        metric=naughty,
        must=naughty,
        operator=naughty,
        threshold=0.5,
        value=0.4,
        across=(naughty,),
        groups=(GroupValue(naughty, 3, 0.4, False),),
    )
    fragment = render_audit_fragment(
        [verdict], policy_name=naughty, policy_version=naughty, links=[naughty]
    )
    assert visible(naughty) in inspect(fragment)


@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_markdown_is_inert(make_statement, verdicts, naughty) -> None:
    statement = make_statement(*verdicts)
    predicate = statement["predicate"]
    predicate["policy"] |= {"name": naughty, "version": naughty, "sha256": naughty}
    for verdict in predicate["verdicts"]:
        verdict |= {"control": naughty, "must": naughty, "article": naughty}
    text = render_markdown(statement)
    assert "<" not in text
    assert "\x1b" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(verdicts)
    for line in table[2:]:
        assert line.replace("\\|", "").count("|") == 8
    for active in ("](", "![", "://", "@team", "\n#"):
        assert active not in text


def test_markdown_text_keeps_every_word() -> None:
    assert markdown_text("a_b *c* <d> & e") == "a\\_b \\*c\\* &lt;d&gt; &amp; e"
    assert markdown_text("see https://x.example @me www.y.example") == (
        "see https&#58;//x.example &#64;me www&#46;y.example"
    )
    assert markdown_text("1. x\n- y") == "1. x \\- y"
