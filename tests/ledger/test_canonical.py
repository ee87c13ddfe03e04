"""The quick way to canonical JSON spells everything as `rfc8785` does, or leaves it to it."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from venturalitica.core.encoding import canonical_json, canonical_parsed, strict_json

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=20,
)


@given(VALUES)
@example([0.1, -0.0, 1e-4, 9.99e-5, 1e-7, 1e15, 1e16, 1e21, 1e23, 5e-324, 2.0**53, 0.3, 123.0])
@example({"\ue000": 1, "\U0001f600": 2, "é": 3, "a": 4})
@example('\x00\x1f\x7f\u2028"\\/\b\f\n\r\t€')
@settings(max_examples=200, deadline=None)
def test_the_same_bytes(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(1e-6, 1e-3))
@settings(max_examples=200, deadline=None)
def test_every_float(value: float) -> None:
    assert canonical_json([value]) == rfc8785.dumps([value])


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 2**53, -(2**53), "\ud800", {1: 2}, object(), {"a": {1}}],
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(JSON)
@example([1.0, -0.0, 1e-7, 1e16, 2**53, -(2**53) + 1, 0.1234567890123456, "e-", "1.0,"])
@example({"\ue000": 1, "\U0001f600": 2})
@example(1.0)
@example([{"a": 5.0}, [6.0]])
@example(float("inf"))
@settings(max_examples=150, deadline=None)
def test_what_was_parsed_is_spelt_the_same(value: object) -> None:
    # `json` writes an infinity as a word; what overflows when it is read is one too.
    parsed = strict_json(json.dumps(value).replace("Infinity", "1e999"))
    try:
        expected = rfc8785.dumps(parsed)
    except rfc8785.CanonicalizationError:
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical_parsed(parsed)
        return
    assert canonical_parsed(parsed) == expected
