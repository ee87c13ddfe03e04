from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.trackers.layout import MIN_LIMIT, clip, decode, digest16, encode, is_cut

MLFLOW_ON_EVERY_SYSTEM = re.compile(r"[A-Za-z0-9_.\- /]+")

tricky = st.text(alphabet=st.sampled_from(list("_x0169acut.-é/ %:")), max_size=40)


@given(st.one_of(st.text(st.characters(codec=None), max_size=60), tricky))
def test_every_name_comes_back(name):
    assert decode(encode(name)) == name


@given(st.one_of(st.text(max_size=200), tricky), st.integers(MIN_LIMIT, 120))
def test_a_bounded_key_comes_back_with_the_whole_name_beside_it(name, limit):
    key = encode(name, limit=limit)
    assert len(key) <= limit
    assert decode(key, {digest16(name): name}) == name


@given(st.one_of(st.text(max_size=60), tricky))
def test_a_key_is_allowed_everywhere_and_never_a_folder_up(name):
    key = encode(name)
    assert MLFLOW_ON_EVERY_SYSTEM.fullmatch(key)
    assert "/" not in key
    assert " " not in key
    assert not key.startswith(".")


@given(tricky, tricky)
def test_two_names_never_share_a_key(one, other):
    assert (encode(one) == encode(other)) == (one == other)


@given(tricky)
def test_an_uncut_key_never_looks_cut(name):
    assert not is_cut(encode(name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gender-parity", "gender-parity"),
        ("max_error.v2", "max_error.v2"),
        ("género", "g_xe9_nero"),
        ("a/b", "a_x2f_b"),
        ("max_x", "max__x78_"),
        ("..", "_x2e_."),
        ("", "_x_"),
        ("公平", "_x516c__x5e73_"),
        ("éxcut.0123456789abcdef_", "_xe9__x78_cut.0123456789abcdef_"),
    ],
)
def test_keys_that_evidence_may_hold_already(name, key):
    assert encode(name) == key
    assert decode(key) == name


def test_a_cut_key_is_not_guessed():
    key = encode("a" * 300, limit=60)
    with pytest.raises(LookupError, match="whole name was not given"):
        decode(key)
    with pytest.raises(LookupError, match="cut from another name"):
        decode(key, {digest16("a" * 300): "b"})


def test_a_bound_too_small_is_refused():
    with pytest.raises(ValueError, match=f"at least {MIN_LIMIT}"):
        encode("a" * 300, limit=MIN_LIMIT - 1)


def test_a_clipped_text_says_so_and_keeps_its_digest():
    assert clip("short", 100) == "short"
    clipped = clip("x" * 9000, 8000)
    assert len(clipped) == 8000
    assert re.search(r"\[cut; SHA-256 [0-9a-f]{64}\]$", clipped)
