"""Charts over time: what each run found, and nothing that it did not."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from tests.ui.client import Client, client_for
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import FIRST, SECOND, Shelf, loan_verdicts
from venturalitica.core.verdict import GroupValue, Interval
from venturalitica.reports.html.chart_file import history_svg
from venturalitica.reports.html.history_chart import HistoryPoint
from venturalitica.ui.control_history import every_pipeline, read
from venturalitica.ui.pages.downloads import chart_name
from venturalitica.ui.pages.trends import MOST_GROUPS, address, of_control, of_pipeline

ASK = "/trends?policy=credit-scoring&name=training"


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def marks(page: str) -> list[tuple[str, str]]:
    """The first drawing's marks: where each leads, and what is said of it."""
    first = page[page.index("<figure") : page.index("</figure>")]
    return [
        (href, unescape(words))
        for href, words in re.findall(r'<a href="([^"]*)" aria-label="([^"]*)"', first)
    ]


def test_a_control_of_the_history_is_drawn_as_it_is_recorded(reading: Any, client: Any) -> None:
    pipeline = next(one for one in every_pipeline(reading) if one.name == "nightly-training")
    history = read(reading, pipeline)
    assert len(history.runs) > 3
    for control in history.controls:
        for found in history.of_control(control):
            said = reading.ledger.entry(found.row.index).record
            own = {verdict.control: verdict for verdict in said.verdicts}
            point = found.point()
            if control not in own:
                assert found.verdict is None
                assert point.value is None
                continue
            assert (point.value, point.limit) == (own[control].value, own[control].threshold)
    page = client.get("/trends", params=address(pipeline)).text
    for control in history.controls:
        assert f"control={control}" in page
    one = client.get("/trends", params=address(pipeline, "age-parity")).text
    assert [href for href, _ in marks(one)] == [f"/runs/{row.index}" for row in history.rows]


def test_the_overview_and_a_run_lead_there(client: Any, reading: Any) -> None:
    addresses = re.findall(r'href="(/trends\?[^"]*)"', shown(client, "/"))
    assert len(addresses) == len(every_pipeline(reading))
    for place in addresses:
        assert "<figure" in shown(client, unescape(place))
    links = re.findall(r'href="(/trends\?[^"]*control=[^"]*)"', shown(client, "/runs/0"))
    assert links
    for place in links:
        shown(client, unescape(place))


def test_thresholds_gaps_and_groups(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit()
    accuracy, parity, _ = loan_verdicts()
    later = replace(parity, must=">= 0.75", threshold=0.75, groups=parity.groups[1:])
    shelf.audit(SECOND, replace(accuracy, value=None, interval=None, status="error"), later)
    shelf.audit(SECOND, accuracy)
    page = shown(client_for(shelf.home), f"{ASK}&control=gender-parity")
    said = [words for _, words in marks(page)]
    assert "must be >= 0.80" in said[0]
    assert "must be >= 0.75" in said[1]
    assert "not judged, nothing measured" in said[2]
    female, male = re.findall(r"<h3><bdi>(\w+)</bdi></h3>(.*?)</figure>", page, re.DOTALL)[::-1]
    # A run that keeps a group back says nothing of it: there is no mark and no cell.
    assert (female[0], female[1].count('<a href="/runs/')) == ("female", 1)
    assert (male[0], male[1].count('<a href="/runs/')) == ("male", 2)
    assert "vl-is-red" in female[1]
    assert "vl-is-red" not in male[1]
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    assert "0.560" not in rows[0] + rows[1]
    assert "0.560" in rows[2]


def test_an_audit_that_passed_hides_none_of_the_run_that_failed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    accuracy, *_ = loan_verdicts()
    failed = replace(accuracy, status="failed", value=0.5, interval=(0.45, 0.55))
    inside = [
        shelf.audit(FIRST, verdict, run_id="a" * 32) for verdict in (accuracy, failed, accuracy)
    ]
    shelf.run(*inside, run_id="a" * 32)
    twice = [shelf.audit(FIRST, accuracy, run_id="b" * 32) for _ in range(2)]
    shelf.run(*twice, run_id="b" * 32)
    page = shown(client_for(shelf.home), f"{ASK}&control={accuracy.control}")
    first, second = marks(page)
    assert first[0] == f"/runs/{inside[1].index}"
    assert "failed, 0.500" in first[1].lower()
    assert second[0] == f"/runs/{twice[1].index}"


def test_what_a_run_left_unjudged_has_the_light_of_its_record(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit(FIRST)
    _, parity, _ = loan_verdicts()
    nothing = {"value": None, "interval": None, "groups": (), "reason": "nothing was judged"}
    unjudged = replace(parity, status="not_evaluated", on_fail="block", **nothing)
    run = shelf.statement(FIRST, unjudged, kind="run", source="monitor", circumstances=None)
    entry = shelf.ledger.append(run)
    page = shown(client_for(shelf.home), f"{ASK}&control=gender-parity")
    assert marks(page)[-1][0] == f"/runs/{entry.index}"
    assert "not evaluated, nothing measured" in marks(page)[-1][1].lower()
    row = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1]
    assert "vl-is-red" in row


def test_of_many_groups_the_lowest_and_highest_are_drawn(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    _, parity, _ = loan_verdicts()
    many = tuple(GroupValue(f"g{at:02}", 50, at / 40) for at in range(40))
    shelf.audit(FIRST, replace(parity, groups=many))
    page = shown(client_for(shelf.home), f"{ASK}&control=gender-parity")
    assert page.count("<h3>") == MOST_GROUPS
    assert f"{40 - MOST_GROUPS} groups between" in page


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit()
    client = client_for(shelf.home)
    assert client.get("/trends?policy=credit-scoring&name=other").status_code == 404
    assert client.get("/trends?policy=").status_code == 404
    assert "None of these runs judged" in shown(client, f"{ASK}&control=nothing")
    assert 'href="/trends?policy=credit-scoring' in shown(client, "/trends")


def test_a_record_that_does_not_verify_shows_no_value(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit()
    client = client_for(shelf.home)
    client.app.state.desk.disproof = "The log does not verify."
    page = shown(client, f"{ASK}&control=gender-parity")
    assert [words for _, words in marks(page)] == [
        "Entry 0, 2026-11-01, version 1.0: the record does not verify, nothing measured"
    ]
    assert "0.560" not in page


def test_hostile_names_are_only_shown(tmp_path: Path) -> None:
    """A pipeline for each naughty text, which names run, title and group."""
    shelf = Shelf(tmp_path)
    _, parity, _ = loan_verdicts()
    for text in NAUGHTY:
        words = "".join(char for char in text if not 0xD800 <= ord(char) < 0xE000)
        groups = (GroupValue(words, 84, 0.56), GroupValue("male", 216, 0.8))
        shelf.audit(FIRST, replace(parity, title=words, groups=groups), name=words)
    client = client_for(shelf.home)
    pipelines = links(shown(client, "/trends"))
    assert len(pipelines) > 60
    for place in pipelines:
        page = shown(client, place)
        inert(page)
        controls = [one for one in links(page) if "control=" in one]
        assert len(controls) == 1
        inert(shown(client, controls[0]))


@pytest.mark.parametrize("text", NAUGHTY[::6])
def test_hostile_addresses_are_refused_as_pages(client: Any, text: str) -> None:
    for asked in ({"policy": text}, {"policy": "credit-scoring", "name": text, "control": text}):
        inert(client.get("/trends", params=asked).text)
    inert(client.get("/trends", params={"policy": "credit-scoring", "control": text}).text)


def links(page: str) -> list[str]:
    """Where a page leads to charts."""
    return [unescape(one) for one in re.findall(r'href="(/trends\?[^"]*)"', page)]


def test_the_number_of_marks_is_bounded(reading: Any) -> None:
    pipeline = next(one for one in every_pipeline(reading) if one.name == "nightly-training")
    history = read(reading, pipeline)
    assert len(of_pipeline(history).panels) == len(history.controls)
    found = of_control(history, "age-parity", lambda name, **_: f"/{name}")
    assert len(found.lines) == len(history.rows) <= 30


SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{name}" for name in ("svg", "g", "title", "text", "rect", "line", "circle", "path")}


def test_each_drawing_is_taken_away_as_it_is_shown(reading: Any, client: Any) -> None:
    pipeline = next(one for one in every_pipeline(reading) if one.name == "nightly-training")
    history = read(reading, pipeline)
    page = client.get("/trends", params=address(pipeline, "age-parity")).text
    files = [unescape(one) for one in re.findall(r'href="(/trends\.svg[^"]*)" download', page)]
    groups = of_control(history, "age-parity", lambda *_, **__: "").groups
    assert len(files) == 1 + len(groups)
    pictures = []
    for file in files:
        answer = client.get(file)
        assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
        name = re.fullmatch(
            'attachment; filename="(chart-over-time-[\\w.-]+[.]svg)"',
            answer.headers["content-disposition"],
        )
        assert name is not None
        root = ElementTree.fromstring(answer.text)
        assert {one.tag for one in root.iter()} <= DRAWN
        assert "class=" not in answer.text
        assert "entries " in "".join(root.itertext())
        pictures.append(answer.text)
    assert len(set(pictures)) == len(files)
    marks = [one.text for one in ElementTree.fromstring(pictures[0]).iter(f"{SVG}title")][1:]
    assert marks == [point.point().words for point in history.of_control("age-parity")]
    whole = client.get("/trends", params=address(pipeline)).text
    assert whole.count(".svg?") == 2 * len(of_pipeline(history).panels)


@pytest.mark.parametrize("more", ["", "&control=nobody", "&control=age-parity&group=nobody"])
def test_of_what_was_not_drawn_there_is_no_file(client: Any, more: str) -> None:
    asked = "policy=credit-scoring&name=nightly-training"
    assert client.get(f"/trends.svg?{asked}{more}").status_code == 404
    assert client.get("/trends.svg").status_code == 404


@pytest.mark.parametrize("naughty", NAUGHTY)
def test_a_file_of_a_hostile_name_is_inert(naughty: str) -> None:
    point = HistoryPoint(
        light="red", value=0.5, interval=Interval(0.4, 0.6), limit=0.8, above=True, day=naughty,
        policy=naughty, version=naughty, url="javascript:1", words=naughty,
    )  # fmt: skip
    points = [point, replace(point, light=None), replace(point, value=None)]
    drawn = history_svg(points, naughty, naughty, naughty)
    root = ElementTree.fromstring(drawn or "")
    assert {one.tag for one in root.iter()} <= DRAWN
    assert not [key for one in root.iter() for key in one.attrib if key.startswith(("on", "href"))]
    assert re.fullmatch(
        r"chart-over-time(-[A-Za-z0-9][\w.-]*)?[.]svg", chart_name("over-time", naughty)
    )
    assert history_svg([], naughty, naughty, naughty) is None
