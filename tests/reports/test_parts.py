from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.verdict import GroupValue, Interval, Verdict
from venturalitica.reports.html.group_chart import (
    BREAKS,
    MOST_GROUPS,
    group_plot,
    offends,
    reference_value,
)
from venturalitica.reports.html.interval_chart import (
    UNIT,
    Scale,
    bar_label,
    fits,
    interval_bar,
    scale_for,
)
from venturalitica.reports.html.parts import (
    duration_words,
    light_icon,
    moment,
    moment_words,
    status_pill,
)

MEASURED = Verdict(
    control="accuracy",
    status="passed",
    reason="r",
    metric="accuracy",
    must=">= 0.70",
    operator=">=",
    threshold=0.7,
    value=0.75,
    interval=Interval(0.6, 0.9),
    n=300,
)


@pytest.mark.parametrize(
    ("numbers", "ends"),
    [
        ([0.75, 0.7, None], (0.5, 1.0)),
        ([0.02, 0.05], (0.0, 0.1)),
        ([0.2, 0.9], (0.0, 1.0)),
        ([-0.2, 0.9], (-1.0, 1.0)),
        ([300, 100], (0.0, 500.0)),
        ([1.3], (0.0, 2.0)),
        ([-3.0, 2.0], (-5.0, 5.0)),
        ([-3.0, -2.0], (-5.0, 0.0)),
        ([], (0.0, 1.0)),
    ],
)
def test_scales_have_plain_ends(numbers, ends) -> None:
    scale = scale_for(numbers)
    assert (scale.low, scale.high) == pytest.approx(ends)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1))
def test_every_number_lies_on_its_scale_in_order(numbers) -> None:
    scale = scale_for(numbers)
    assert scale.low <= min(numbers)
    assert max(numbers) <= scale.high
    places = [scale.at(number) for number in sorted(numbers)]
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def svg(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def place(element: ElementTree.Element, name: str) -> float:
    return float(element.attrib[name].removesuffix("%"))


def by_class(drawing: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in drawing.iter() if name in e.attrib.get("class", "").split()]


def test_the_bar_is_to_scale() -> None:
    drawing = svg(str(interval_bar(MEASURED)))
    scale = Scale(0.5, 1.0)
    assert place(by_class(drawing, "vl-value")[0], "cx") == scale.at(0.75)
    assert place(by_class(drawing, "vl-threshold")[0], "x1") == scale.at(0.7)
    interval = by_class(drawing, "vl-interval")[0]
    assert (place(interval, "x1"), place(interval, "x2")) == (scale.at(0.6), scale.at(0.9))
    ends = [text.text for text in by_class(drawing, "vl-tick")]
    assert ends == ["0.5", "1", "≥ 0.70"]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [(">=", (40.4, 59.6)), ("<", (0.0, 40.4)), ("==", None)],
)
def test_the_allowed_side_is_drawn(operator, expected) -> None:
    verdict = replace(MEASURED, operator=operator, must=f"{operator} 0.70")
    found = by_class(svg(str(interval_bar(verdict))), "vl-allowed")
    if expected is None:
        assert found == []
    else:
        assert (place(found[0], "x"), place(found[0], "width")) == pytest.approx(expected)


def test_nothing_measured_is_not_drawn() -> None:
    assert interval_bar(replace(MEASURED, value=None, interval=None)) is None


def test_a_bar_says_what_it_shows() -> None:
    assert bar_label(MEASURED) == "value 0.750, 95 % interval 0.600 – 0.900, must be ≥ 0.70"
    assert svg(str(interval_bar(MEASURED))).attrib["role"] == "img"


def test_a_shared_scale_carries_no_labels() -> None:
    assert fits(MEASURED, UNIT)
    assert not fits(replace(MEASURED, value=300.0), UNIT)
    assert by_class(svg(str(interval_bar(MEASURED, scale=UNIT))), "vl-tick") == []


def compared(metric: str, compare: str | None, value: float, threshold: float, *values) -> Verdict:
    groups = tuple(GroupValue(f"g{at}", 50, value) for at, value in enumerate(values))
    return replace(
        MEASURED,
        metric=metric,
        compare=compare,
        value=value,
        threshold=threshold,
        across=("gender",),
        groups=groups,
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (compared("demographic_parity_ratio", None, 0.75, 0.8, 0.6, 0.8), 0.64),
        (compared("selection_rate", "ratio", 0.75, 0.8, 0.6, 0.8), 0.64),
        (compared("selection_rate", "difference", 0.8 - 0.6, 0.1, 0.6, 0.8, None), 0.7),
        (compared("recall", "min", 0.6, 0.5, 0.6, 0.8), 0.5),
        (compared("recall", "max", 0.8, 0.5, 0.6, 0.8), 0.5),
        # The groups' values are not what the verdict was made of: no line is drawn.
        (compared("equalized_odds_difference", None, 0.3, 0.1, 0.6, 0.8), None),
        (compared("selection_rate", "between", 0.2, 0.1, 0.6, 0.8), None),
        (compared("selection_rate", "ratio", 0.75, 0.8, 0.6), None),
    ],
)
def test_the_reference_line_is_drawn_only_where_it_is_true(verdict, expected) -> None:
    found = reference_value(verdict)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (compared("selection_rate", "ratio", 0.75, 0.8, 0.6, 0.8), [True, False]),
        (compared("recall", "min", 0.6, 0.65, 0.6, 0.8), [True, False]),
        # As a record rounds them.
        (compared("selection_rate", "ratio", 0.7986, 0.8, 0.6667, 0.8348), [True, False]),
    ],
)
def test_a_group_that_breaks_the_rule_is_told_by_word(verdict, expected) -> None:
    failed = replace(verdict, status="failed", operator=">=")
    assert [offends(failed, group) for group in failed.groups] == expected
    assert str(group_plot(failed)).count(f'<small class="vl-few vl-is-red">{BREAKS}') == 1
    passed = replace(failed, status="passed")
    assert not any(offends(passed, group) for group in passed.groups)
    # Of a ratio that must be low no group breaks the rule alone.
    assert not any(offends(replace(failed, operator="<="), group) for group in failed.groups)


def test_group_rows_show_name_n_and_value() -> None:
    verdict = replace(
        MEASURED,
        across=("gender", "age"),
        groups=(
            GroupValue("female × under 25", 12, 0.5, True, Interval(0.3, 0.7)),
            GroupValue("male × under 25", 3, None, False),
        ),
    )
    found = svg(str(group_plot(verdict)))
    rows = ["".join(row.itertext()) for row in found.iter("tr")]
    assert rows == [
        "gender × agenValue01",
        "female × under 25120.500",
        "male × under 25few rows3undefined",
    ]
    assert len(by_class(found, "vl-dot")) == 1
    assert group_plot(MEASURED) is None


def test_many_groups_show_the_lowest_and_highest_and_count_the_rest() -> None:
    groups = tuple(GroupValue(f"g{at:03}", 50, at / 100) for at in range(100))
    text = "".join(svg(str(group_plot(replace(MEASURED, groups=groups)))).itertext())
    shown = re.findall(r"g\d{3}", text)
    assert len(shown) == MOST_GROUPS
    assert {"g000", "g011", "g088", "g099"} <= set(shown)
    assert "76 groups between the lowest and the highest are not drawn" in text


def test_every_light_has_a_shape_of_its_own() -> None:
    shapes = {
        svg(str(light_icon(light)))[0].attrib["d"] for light in ("green", "amber", "red", "grey")
    }
    assert len(shapes) == 4
    assert svg(str(light_icon("red", label="Light: Red"))).attrib["aria-label"] == "Light: Red"


def test_the_pill_says_the_status_in_words() -> None:
    assert "".join(svg(str(status_pill(MEASURED))).itertext()) == "Passed, not conclusive"


def test_moments() -> None:
    recorded = "2026-11-23T15:00:12.345678Z"
    assert moment_words(recorded) == "2026-11-23 15:00:12 UTC"
    assert "<time" in moment(recorded)
    assert moment("yesterday") == "yesterday"
    assert moment(None) == ""
    assert moment("2026-11-23T15:00:12") == "2026-11-23T15:00:12"
    assert duration_words("2026-11-23T15:00:00Z", "2026-11-23T15:00:01.400Z") == "1.4 s"
    assert duration_words("2026-11-23T15:00:00Z", "2026-11-23T15:12:05Z") == "12 min 5 s"
    assert duration_words("2026-11-23T15:00:00Z", "2026-11-24T18:02:00Z") == "27 h 2 min"
    assert duration_words("2026-11-23T15:00:00Z", "2026-11-23T14:00:00Z") == ""
    assert duration_words(None, 3) == ""
