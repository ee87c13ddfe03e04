"""Bars are to scale, of the width asked for, and never lie about the side of the threshold."""

from __future__ import annotations

import math
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from venturalitica.cli.terminal import ASCII, UNICODE
from venturalitica.cli.verdict_table import bar, scale_of
from venturalitica.core.verdict import Interval, Verdict


def test_positions_are_to_scale():
    text = bar(value=0.55, interval=(0.4, 0.69), threshold=0.8, scale=(0, 1), width=10, signs=ASCII)
    assert text == "----=o=-|-"


def test_threshold_inside_the_interval_is_a_crossing():
    text = bar(value=0.55, interval=(0.4, 0.99), threshold=0.8, scale=(0, 1), width=10, signs=ASCII)
    assert text == "----=o==#="


def test_an_interval_near_the_threshold_does_not_cross_it():
    text = bar(value=0.9, interval=(0.81, 0.99), threshold=0.8, scale=(0, 1), width=10, signs=ASCII)
    assert text == "--------|o"


def test_value_and_threshold_in_one_cell_share_a_sign():
    text = bar(value=0.81, interval=None, threshold=0.8, scale=(0, 1), width=10, signs=UNICODE)
    assert text == "────────◆─"


def test_ends_of_the_scale_are_inside():
    text = bar(value=1.0, interval=(0.0, 1.0), threshold=0.0, scale=(0, 1), width=4, signs=ASCII)
    assert text == "#==o"


def test_no_width_or_no_scale_draws_nothing():
    assert bar(value=0, interval=None, threshold=0, scale=(0, 1), width=0, signs=ASCII) == ""
    assert bar(value=0, interval=None, threshold=0, scale=(0, 0), width=9, signs=ASCII) == ""


@given(
    value=st.floats(-10, 10),
    threshold=st.floats(-10, 10),
    half=st.floats(0, 5),
    width=st.integers(1, 60),
)
def test_every_bar_has_its_width_and_its_order(value, threshold, half, width):
    verdict = Verdict(
        control="c",
        status="passed",
        reason="r",
        value=value,
        threshold=threshold,
        interval=Interval(value - half, value + half),
    )
    low, high = scale_of(verdict, {})
    text = bar(
        value=value,
        interval=verdict.interval,
        threshold=threshold,
        scale=(low, high),
        width=width,
        signs=ASCII,
    )
    assert len(text) == width
    if "@" not in text:
        threshold_at = max(text.find("|"), text.find("#"))
        assert (text.index("o") < threshold_at) == (value < threshold)


def test_scale_is_the_metrics_own_range():
    verdict = Verdict(control="c", status="passed", reason="r", metric="m", value=0.2)
    assert scale_of(verdict, {"m": SimpleNamespace(low=-1.0, high=1.0)}) == (-1.0, 1.0)


def test_scale_without_an_end_goes_beyond_what_is_shown():
    verdict = Verdict(
        control="c", status="passed", reason="r", metric="m", value=1000.0, threshold=500.0
    )
    low, high = scale_of(verdict, {"m": SimpleNamespace(low=0.0, high=math.inf)})
    assert low == 0
    assert high > 1000
