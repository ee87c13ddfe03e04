"""Parts of pages: kept by all that they are drawn of, within a bound."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from venturalitica.core.packed import packed
from venturalitica.ui.drawn import Drawn

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def kinds(value: Any) -> Any:
    """A value with the type of each of its parts: 1, 1.0 and True are three."""
    if isinstance(value, list):
        return [kinds(one) for one in value]
    if isinstance(value, dict):
        return {key: kinds(one) for key, one in value.items()}
    return type(value).__name__, repr(value)


@given(VALUES, VALUES)
def test_other_values_are_packed_as_other_bytes(one: Any, other: Any) -> None:
    assert (packed(one) == packed(other)) == (kinds(one) == kinds(other))


@pytest.mark.parametrize("text", ["<b>", "\ud800", "", "10"])
def test_markup_is_no_text(text: str) -> None:
    assert packed(Markup(text)) != packed(text)
    assert packed({"a": (Markup(text),)}) == packed({"a": (Markup(text),)})


def test_a_part_is_drawn_once_for_the_same_values() -> None:
    drawn, times = Drawn(), list[str]()

    def part(template: str, values: object) -> str:
        def draw() -> str:
            times.append(template)
            return f"<{values}>"

        return drawn.of(template, values, draw)

    assert part("a.html", {"n": 1}) == part("a.html", {"n": 1}) == "<{'n': 1}>"
    assert len(times) == 1
    assert part("a.html", {"n": True}) == "<{'n': True}>"
    part("b.html", {"n": 1})
    assert len(times) == 3
    for _ in range(2):
        part("a.html", {"n": object()})
    assert len(times) == 5


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    drawn, times = Drawn(most=30), list[int]()

    def ask(number: int, length: int = 10) -> None:
        def draw() -> str:
            times.append(number)
            return "x" * length

        drawn.of("a.html", number, draw)

    for number in (1, 2, 1, 3, 1, 2, 4, 4):
        ask(number)
    assert times == [1, 2, 3, 4]
    ask(3)
    assert times == [1, 2, 3, 4, 3]
    ask(5, 100)
    ask(5, 100)
    assert times[-2:] == [5, 5]
