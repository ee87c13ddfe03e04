"""Run after run: gaps where nothing was measured, a step where the threshold changed, links."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from venturalitica.core.verdict import Interval
from venturalitica.reports.html.history_chart import (
    HistoryPoint,
    history_chart,
    history_label,
    history_scale,
)

POINT = HistoryPoint(
    light="green",
    value=0.9,
    interval=Interval(0.85, 0.95),
    limit=0.8,
    above=True,
    day="2026-11-01",
    policy="a",
    version="1.0",
    url="/runs/1",
    words="Entry 1",
)


def drawn(points: list[HistoryPoint], **options: Any) -> ElementTree.Element:
    return ElementTree.fromstring(str(history_chart(points, "label", **options)))


def by_class(found: ElementTree.Element, cls: str) -> list[ElementTree.Element]:
    return [one for one in found.iter() if cls in one.attrib.get("class", "").split()]


def test_the_line_breaks_where_nothing_was_measured() -> None:
    gap = replace(POINT, value=None, interval=None, light="amber")
    found = drawn([POINT, POINT, gap, POINT])
    assert len(by_class(found, "vl-trend-line")) == 1
    assert len(by_class(found, "vl-whisker")) == 3
    assert len(by_class(found, "vl-at")) == 4
    assert by_class(found, "vl-at")[2].attrib["y"] == "142"


def test_a_part_that_was_not_measured_has_no_mark() -> None:
    part = replace(POINT, light=None)
    found = drawn([part, replace(part, value=None, interval=None)])
    assert len(by_class(found, "vl-at")) == len(by_class(found, "vl-dot")) == 1


def test_long_versions_are_told_apart_by_their_end() -> None:
    points = [
        replace(POINT, policy=day, version=f"2026-11-{day}") for day in ("08", "09") for _ in "123"
    ]
    said = str(history_chart(points, "l"))
    assert "v …6-11-08" in said
    assert "v …6-11-09" in said


def test_the_threshold_steps_where_it_changes_and_the_version_is_marked() -> None:
    later = replace(POINT, limit=0.7, policy="b", version="1.1")
    found = drawn([POINT, POINT, later, later])
    steps = [
        (one.attrib["x1"], one.attrib["x2"], one.attrib["y1"] == one.attrib["y2"])
        for one in by_class(found, "vl-threshold")
    ]
    assert steps == [("0%", "50%", True), ("50%", "50%", False), ("50%", "100%", True)]
    assert [one.attrib["x1"] for one in by_class(found, "vl-version")] == ["50%"]
    words = [one.text for one in found.iter("text")]
    assert words[:1] == ["0.7"]
    assert {"v 1.0", "v 1.1", "2026-11-01"} <= set(words)
    assert len(by_class(found, "vl-allowed")) == 2


def test_no_threshold_is_drawn_where_a_run_had_none() -> None:
    found = drawn([POINT, replace(POINT, limit=None, above=None), POINT])
    assert len(by_class(found, "vl-threshold")) == 2


def test_each_mark_leads_to_its_run_or_the_drawing_is_one_picture() -> None:
    points = [POINT, replace(POINT, url="/runs/2", words="Entry 2")]
    links = [(one.attrib["href"], one.attrib["aria-label"]) for one in drawn(points).iter("a")]
    assert links == [("/runs/1", "Entry 1"), ("/runs/2", "Entry 2")]
    picture = drawn(points, links=False)
    assert list(picture.iter("a")) == []
    assert [one.attrib.get("role") for one in picture if "role" in one.attrib] == ["img"]
    assert [one.text for one in picture.iter("title")] == ["Entry 1", "Entry 2"]


@pytest.mark.parametrize("value", [0.0, -1e308, 1.7e308, 1e-300, 5e-324])
def test_no_number_breaks_the_scale(value: float) -> None:
    points = [replace(POINT, value=value, interval=None, limit=limit) for limit in (value, -1e308)]
    for one in drawn(points).iter():
        for name in ("x", "y", "x1", "y1", "x2", "y2", "width", "height"):
            said = one.attrib.get(name, "0")
            assert "nan" not in said
            assert "inf" not in said


def test_the_words_say_what_is_drawn() -> None:
    gap = replace(POINT, value=None, interval=None)
    said = history_label("Parity", [POINT, replace(POINT, value=0.7), gap])
    assert said == (
        "Parity: between 0.700 and 0.900 in the last 3 runs, last measured 0.700; "
        "1 without a measured value"
    )
    assert history_label("Parity", [gap]) == "Parity: nothing was measured in the last 1 run"
    assert history_chart([], "x") is None
    assert history_scale([POINT]).low == 0.5
