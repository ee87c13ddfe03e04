from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from venturalitica.core.text import is_web_address, visible
from venturalitica.reports.html.markup import command, escape, join, link, tag


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(str(html))  # a piece of Markup would escape the text before it
    reader.close()
    return reader


@given(st.text())
def test_any_text_comes_back_as_text_and_attribute(words: str) -> None:
    found = read(tag("p", words, title=words))
    assert found.tags == ["p"]
    assert found.text == visible(words)
    assert found.attributes == {"title": visible(words)}


@given(st.text(alphabet=st.characters()))
def test_the_result_is_always_utf_8(words: str) -> None:
    escape(words).encode()


def test_markup_is_not_escaped_twice_and_none_is_nothing() -> None:
    assert tag("p", tag("b", "&"), None, 3) == "<p><b>&amp;</b>3</p>"
    assert join([None, Markup("<i>"), "<i>"]) == "<i>&lt;i&gt;"


def test_attributes_without_value_are_left_out() -> None:
    assert tag("th", "a", scope="col", cls=None, aria_hidden="true") == (
        '<th scope="col" aria-hidden="true">a</th>'
    )
    assert tag("meta", name_="viewport") == '<meta name="viewport"/>'


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("a\x00b", "a[U+0000]b"),
        ("\x1b[31mred", "[U+001B][31mred"),
        ("user\u202egnp.exe", "user[U+202E]gnp.exe"),
        ("\ud800", "\ufffd"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("عربي naïve 日本 👩‍🔬", "عربي naïve 日本 👩‍🔬"),
    ],
)
def test_deceptive_characters_are_spelled_out(recorded: str, shown: str) -> None:
    assert visible(recorded) == shown


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "//evil.example",
        "http://a b",
        'http://a"onmouseover="x',
        "https://",
        "",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert not is_web_address(url)
    assert "<a" not in link(url)


def test_a_web_address_becomes_a_link_that_tells_nothing() -> None:
    url = "http://127.0.0.1:5000/#/experiments/1/runs/0c9f?a=1&b=2"
    found = read(link(url))
    assert found.text == url
    assert found.attributes == {"href": url, "rel": "noopener noreferrer"}


@given(st.text())
def test_lines_to_type_stay_what_is_typed(words: str) -> None:
    found = read(command(words))
    assert found.text == visible(words)
    assert set(found.tags) <= {"span"}


def test_no_word_of_a_line_breaks_at_its_hyphens() -> None:
    said = command("mlflow server  --port 5000\n# <sqlite:///a-b.db>")
    assert said == (
        "mlflow server  <span>--port</span> 5000\n<span>#</span> "
        "<span>&lt;sqlite:///a-b.db&gt;</span>"
    )
