"""Strips and trends: to scale, in words for those who do not see them, never empty by mistake."""

from __future__ import annotations

import math
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from venturalitica.core.verdict import Interval
from venturalitica.reports.html.interval_chart import MOST, Mark, strip
from venturalitica.reports.html.trend_chart import (
    HEIGHT,
    WIDTH,
    TrendPoint,
    signed,
    trend,
    trend_label,
)


def test_a_strip_says_each_control_in_shape_and_words() -> None:
    shown = str(strip([Mark("red", "a failed"), Mark("green", "b <passed>")]))
    assert shown.count("<li") == 2
    assert 'aria-label="a failed"' in shown
    assert 'title="b &lt;passed&gt;"' in shown
    assert shown.index("vl-is-red") < shown.index("vl-is-green")
    assert strip([]) is None


def test_a_strip_that_is_cut_keeps_the_worst() -> None:
    marks = [Mark("green", f"{number} passed") for number in range(100)] + [Mark("red", "x failed")]
    shown = str(strip(marks))
    assert "x failed" in shown
    assert shown.count("<svg") == MOST
    assert f"and {101 - MOST} more" in shown


def test_a_trend_is_to_scale() -> None:
    points = [TrendPoint("red", -0.25), TrendPoint("green", 0.75, Interval(0.5, 1.0))]
    shown = str(trend(points))
    whisker = re.search(r'y1="([\d.]+)" y2="([\d.]+)" class="vl-whisker"', shown)
    zero = re.search(r'y1="([\d.]+)" y2="[\d.]+" class="vl-threshold"', shown)
    assert whisker
    assert zero
    low, high, limit = float(whisker[1]), float(whisker[2]), float(zero[1])
    assert math.isclose(limit - high, 2 * (limit - low), abs_tol=0.05)
    assert "limit" in shown
    assert "+1.00" in shown or "+1.000" in shown


def test_a_trend_in_words() -> None:
    points = [TrendPoint("red", -0.06), TrendPoint("grey", None), TrendPoint("green", 0.05)]
    words = trend_label(points)
    assert words == (
        "Worst margin of the last 3 runs: between −0.060 and +0.050, last +0.050; "
        "1 without a measured value"
    )
    assert words in str(trend(points))
    assert trend_label([TrendPoint("grey", None)]).endswith("nothing was measured")
    assert trend([]) is None
    assert (signed(0.0), signed(-0.00001)) == ("0", "−0.00001")


def test_what_was_not_measured_breaks_the_line() -> None:
    points = [TrendPoint("green", 0.1), TrendPoint("red", None), TrendPoint("green", 0.2)]
    assert "vl-trend-line" not in str(trend(points))
    assert "vl-trend-line" in str(trend(points[:1] + points[2:]))


def test_no_field_stands_where_nothing_was_judged() -> None:
    fields = re.compile(
        r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="[\d.]+" class="vl-all'
    )
    nothing = [TrendPoint("grey", None), TrendPoint("red", None)]
    for part in ("vl-allowed", "vl-threshold", "limit"):
        assert part not in str(trend(nothing))
    points = [TrendPoint("green", 0.1), TrendPoint("grey", None), TrendPoint("green", 0.2)]
    (left, first), (right, last) = fields.findall(str(trend(points)))
    middle = (float(left) + float(right) + float(last)) / 2
    assert float(left) + float(first) < middle < float(right)
    assert len(fields.findall(str(trend([points[0], points[2]])))) == 1


def test_a_mark_with_an_address_is_a_link_with_words() -> None:
    linked = str(trend([TrendPoint("red", -0.1, words="entry 3", link="/runs/3")]))
    assert '<a href="/runs/3" aria-label="entry 3" tabindex="-1">' in linked
    assert 'role="group"' in linked
    assert 'role="img"' in str(trend([TrendPoint("red", -0.1)]))


NUMBERS = st.one_of(st.just(0.0), st.floats(-8e307, 8e307), st.floats(-1, 1))
POINTS = st.builds(
    TrendPoint,
    st.sampled_from(["green", "amber", "red", "grey"]),
    st.one_of(st.none(), NUMBERS),
    st.one_of(st.none(), st.builds(lambda a, b: Interval(min(a, b), max(a, b)), NUMBERS, NUMBERS)),
    st.text(max_size=5),
)


@given(st.lists(POINTS, min_size=1, max_size=40))
def test_any_numbers_stay_within_the_drawing(points: list[Any]) -> None:
    shown = re.sub(r"<title>.*?</title>", "", str(trend(points)), flags=re.DOTALL)
    assert "nan" not in shown.replace("nance", "")
    assert "inf" not in shown
    for name, value in re.findall(r'\b([xy][12]?)="([-\d.e+]+)"', shown):
        assert -1 <= float(value) <= (WIDTH if name.startswith("x") else HEIGHT + 5)
