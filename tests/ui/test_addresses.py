"""Addresses hold whatever is in them, and give it back."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.ui.templating import ServerAddresses, as_segment, of_segment

addresses = ServerAddresses({"app.css": "abc"})
HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "a/b",
    "%2e%2e",
    "%",
    "?x=1",
    "#",
    "\\",
    "\x00",
    "a b",
    "é",
    "\ud800",
]


@given(st.text())
def test_a_segment_gives_back_its_text(text: str) -> None:
    assert of_segment(as_segment(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_stays_in_its_own_part_of_the_path(text: str) -> None:
    address = addresses.url("policy", name=text)
    parts = urlsplit(address)
    decoded = unquote(parts.path)
    assert parts.query == ""
    assert parts.fragment == ""
    assert decoded.count("/") == 2
    segment = decoded.removeprefix("/policies/")
    assert segment not in ("", ".", "..")
    assert "\\" not in decoded
    if text != "\ud800":  # no address can hold it
        assert of_segment(segment) == text


def test_the_query_holds_the_rest() -> None:
    assert addresses.url("runs", light="red", page=None, name="a&b=c d") == (
        "/runs?light=red&name=a%26b%3Dc+d"
    )
    assert addresses.url("compare", a=[3, 9]) == "/compare?a=3&a=9"
    assert addresses.url("run", entry=3, _anchor='x"y') == "/runs/3#x%22y"


def test_a_page_that_is_not_there_is_a_slip() -> None:
    with pytest.raises(KeyError, match="no page 'rnus'"):
        addresses.url("rnus")


def test_an_asset_carries_its_version() -> None:
    assert addresses.asset("app.css") == "/static/app.css?v=abc"
