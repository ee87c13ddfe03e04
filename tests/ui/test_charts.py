"""The chart of a control as a file: whole by itself, and inert whatever is recorded."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from tests.ui.client import Client, client_for, words
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import FIRST, Shelf, loan_verdicts
from venturalitica.core.verdict import GroupValue
from venturalitica.reports.compared import Cell, Compared
from venturalitica.reports.html.chart_file import chart_svg
from venturalitica.reports.html.theme import LIGHT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    shelf = Shelf(tmp_path)
    shelf.sign_off(shelf.audit(FIRST))
    return client_for(shelf.home)


def test_it_is_an_attachment_that_needs_no_style_sheet(client: Client) -> None:
    answer = client.get("/runs/0/charts/gender-parity.svg")
    assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
    name = answer.headers["content-disposition"]
    assert name == 'attachment; filename="chart-0-gender-parity.svg"'
    root = ElementTree.fromstring(answer.text)
    assert root.tag == f"{SVG}svg"
    said = " ".join(root.itertext())
    for part in ("gender-parity", "failed", "female (n=84)", "0.56", "entry 0, record SHA-256"):
        assert part in said
    assert "class=" not in answer.text
    assert "style" not in answer.text
    assert not [one for one in root.iter() if one.tag.rpartition("}")[2] in ("script", "image")]


@pytest.mark.parametrize("address", ["0/charts/recall", "0/charts/nobody", "1/charts/accuracy"])
def test_of_what_was_not_measured_there_is_none(address: str, client: Client) -> None:
    assert client.get(f"/runs/{address}.svg").status_code == 404


def test_the_page_leads_to_the_charts_of_what_was_measured(client: Client) -> None:
    page = client.get("/runs/0")
    assert 'href="/runs/0/charts/accuracy.svg"' in page.text
    assert "charts/recall" not in page.text
    assert "Print, or keep as PDF" in words(page)


def test_what_a_control_on_drift_compared_is_in_its_file() -> None:
    cells = (Cell("car", 0.4, 0.3), Cell("radio", 0.6, 0.7))
    drawn = chart_svg(loan_verdicts()[1], "entry 3", (Compared("purpose", cells),)) or ""
    root = ElementTree.fromstring(drawn)
    said = " ".join(root.itertext())
    for part in ("purpose: hollow is the reference", "car", "40.0 % → 30.0 %", "60.0 % → 70.0 %"):
        assert part in said
    bars = [one for one in root.iter(f"{SVG}rect") if one.get("height") == "7"]
    widths = [float((bar.get("width") or "").rstrip("%")) for bar in bars]
    assert widths == pytest.approx([98 * share / 0.7 for share in (0.4, 0.3, 0.6, 0.7)], abs=0.1)
    assert {one.get("fill") for one in bars} == {"none", LIGHT["mark"]}
    assert "class=" not in drawn
    lowest = max(float(one.get("y") or 0) for one in root.iter(f"{SVG}text"))
    assert lowest < float(root.get("height") or 0)


@pytest.mark.parametrize("naughty", NAUGHTY)
def test_recorded_text_does_nothing(naughty: str) -> None:
    verdict = replace(
        loan_verdicts()[1],
        control=naughty,
        title=naughty,
        groups=(GroupValue(naughty, 84, 0.56), GroupValue("male", 216, 0.8)),
    )
    drift = Compared(naughty, (Cell(naughty, 0.4, 0.3), Cell("other", 0.6, 0.7)))
    root = ElementTree.fromstring(chart_svg(verdict, naughty, (drift,)) or "")
    tags = {one.tag for one in root.iter()}
    assert tags <= {
        f"{SVG}{name}" for name in ("svg", "g", "title", "text", "rect", "line", "circle")
    }
    assert not [key for one in root.iter() for key in one.attrib if key.startswith(("on", "href"))]
