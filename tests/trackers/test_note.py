from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from venturalitica.trackers.publish import with_section

pieces = st.sampled_from(
    [
        "<!-- venturalitica a -->",
        "<!-- /venturalitica a -->",
        "words",
        "\n",
        "<!-- venturalitica b -->",
    ]
)
texts = st.lists(pieces, max_size=6).map("".join)


def section(body):
    return f"<!-- venturalitica a -->\n{body}\n<!-- /venturalitica a -->"


def test_the_users_words_stay_and_ours_follow():
    assert with_section("# Mine", "a", "ours", limit=8000) == f"# Mine\n\n{section('ours')}"
    assert with_section("", "a", "ours", limit=8000) == section("ours")


def test_a_repeat_is_in_place():
    text = with_section("before", "a", "old", limit=8000) + "\n\nafter"
    assert with_section(text, "a", "new", limit=8000) == f"before\n\n{section('new')}\n\nafter"


def test_sections_of_two_audits_stand_side_by_side():
    text = with_section(with_section("", "a", "one", limit=8000), "b", "two", limit=8000)
    assert "one" in text
    assert "two" in text
    assert with_section(text, "a", "one", limit=8000) == text


def test_no_room_leaves_the_users_words_alone():
    mine = "x" * 7990
    assert with_section(mine, "a", "ours", limit=8000) == mine


def test_a_mark_whose_end_the_user_deleted_swallows_nothing():
    text = "<!-- venturalitica a -->\nold\nwords of the user"
    result = with_section(text, "a", "new", limit=8000)
    assert result.startswith(text)
    again = with_section(result, "a", "newer", limit=8000)
    assert again == f"{text}\n\n{section('newer')}"


@given(texts, texts)
def test_saying_the_same_twice_is_saying_it_once(text, body):
    once = with_section(text, "a", body, limit=10**6)
    assert with_section(once, "a", body, limit=10**6) == once
