"""The list of runs: filters, sorting, search, paging, and two runs compared; with scripts or not.

What must come is counted from the log itself, not from the index that the pages ask.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from venturalitica.ledger import Ledger, load_signer

pytestmark = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])


@pytest.fixture(scope="module")
def records(demo_home: Path) -> list[dict[str, Any]]:
    """The predicates of audits and runs, newest first, each with its place as `entry`."""
    found = [
        {"entry": entry.index} | entry.statement["predicate"]
        for entry in Ledger.open(demo_home).entries()
    ]
    return [record for record in reversed(found) if record["kind"] in ("audit", "run")]


def entries(page) -> list[int]:
    """The entries that the table shows, from the top."""
    links = page.locator("main tbody th[scope=row] > a:first-of-type").all()
    return [int(link.get_attribute("href").rpartition("/")[2]) for link in links]


def shown(records: list[dict[str, Any]]) -> list[int]:
    return [record["entry"] for record in records]


def choose(page, javascript: bool, label: str, **chosen: str) -> None:
    """Choose in a list; where scripts run, the next page comes at once."""
    ((name, value),) = chosen.items()
    page.get_by_label(label).select_option(value)
    if javascript:
        page.wait_for_url(f"**{name}={value}**")


def test_all_newest_first(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    assert entries(page) == shown(records)


def test_filters_combine_and_stand_in_the_address(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    choose(page, javascript, "Name", name="nightly-training")
    choose(page, javascript, "Light", light="red")
    page.get_by_text("More filters").click()
    page.get_by_label("Policy version").fill("1.1")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/runs?**")
    expected = [
        record
        for record in records
        if record["run"]["name"] == "nightly-training"
        and record["light"] == "red"
        and (record["policy"] or {}).get("version") == "1.1"
    ]
    assert expected
    assert entries(page) == shown(expected)
    again = look(page.url, javascript=javascript)
    assert entries(again) == shown(expected)
    assert again.get_by_label("Policy version").input_value() == "1.1"
    again.get_by_role("link", name="Clear").click()
    assert entries(again) == shown(records)


def test_by_a_control_that_is_red(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    control = next(v["control"] for r in records for v in r["verdicts"] if v["light"] == "red")
    choose(page, javascript, "Red at control", failing=control)
    page.get_by_role("button", name="Show").click()
    expected = [
        record
        for record in records
        if any(v["control"] == control and v["light"] == "red" for v in record["verdicts"])
    ]
    assert expected
    assert entries(page) == shown(expected)


def test_search(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    wanted = records[5]
    page.get_by_label("Search").fill(wanted["run"]["id"][:12])
    page.get_by_label("Search").press("Enter")
    page.wait_for_url("**q=**")
    assert entries(page) == [wanted["entry"]]
    page.get_by_label("Search").fill("there is no such run")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Nothing on record fits").wait_for()


def test_sorting(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    page.get_by_role("columnheader").get_by_role("link", name="Run").click()
    assert entries(page) == shown(records)[::-1]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.get_by_role("columnheader").get_by_role("link", name="Light").click()
    lights = page.locator("main tbody tr td:nth-child(2)").all_inner_texts()
    order = [next(i for i, word in enumerate(WORDS) if word in light.lower()) for light in lights]
    assert order == sorted(order)
    assert len(set(order)) > 1


WORDS = ("red", "amber", "grey", "green")


def test_pages(look, hostile_ui, javascript) -> None:
    page = look(f"{hostile_ui.url}/runs", javascript=javascript)
    seen = entries(page)
    while page.get_by_role("link", name="Next").count():
        page.get_by_role("link", name="Next").first.click()
        page.wait_for_url("**page=*")
        seen += entries(page)
    assert len(seen) == len(set(seen)) > 100
    assert seen == sorted(seen, reverse=True)
    page.get_by_role("link", name="Previous").first.click()
    assert f"page={len(seen) // 50}" in page.url


ODD_QUERIES = (
    "page=0", "page=-1", "page=9999999999", "page=x", "light=blue", "sort=;drop", "order=up",
    "since=yesterday", "until=9999-99-99", "q=%00", "q=%ff%fe", "nobody=1", "page=1&page=2",
    "q=" + "a" * 5000, "name=%3Cscript%3E", "light[]=red", "q='--", "q=%25%5F",
)  # fmt: skip


def test_an_odd_address_is_answered_plainly(look, watch, ui, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    for query in ODD_QUERIES:
        assert watch.go(page, f"{ui.url}/runs?{query}").status == 200, query
        assert page.locator("h1").inner_text() == "Runs"


def test_two_are_chosen_and_compared(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    first, second = shown(records)[4], shown(records)[7]
    page.get_by_label(f"Compare entry {first}", exact=True).check()
    page.get_by_label(f"Compare entry {second}", exact=True).check()
    page.get_by_role("button", name="Compare those selected").first.click()
    page.wait_for_url("**/compare?**")
    told = page.locator("main").inner_text()
    assert f"entry {first}" in told
    assert f"entry {second}" in told
    controls = {verdict["control"] for verdict in records[4]["verdicts"]}
    codes = page.locator(".cm-table th code").all_inner_texts()
    assert controls <= set(codes)


def test_a_third_is_added_from_another_page_and_left_out(look, axe, ui, javascript) -> None:
    for width in (1280, 360):
        page = look(f"{ui.url}/compare?a=3&b=9", javascript=javascript, width=width)
        page.get_by_label("Another run, by its entry").fill("20")
        page.get_by_role("button", name="Compare it too").click()
        page.wait_for_url("**run=20**")
        assert page.locator("h1").inner_text() == "Compare 3 runs"
        assert page.locator(".cm-many thead th").count() >= 5
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not javascript or axe(page) == []
        page.get_by_role("link", name="leave out entry 9").click()
        page.wait_for_url("**a=3&b=20")


def test_a_selection_is_kept_over_filters_and_sorting(look, ui, records, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    chosen = [record["entry"] for record in records if record["light"] == "red"][:2]
    other = next(record["entry"] for record in records if record["light"] == "amber")
    for entry in chosen:
        page.get_by_label(f"Compare entry {entry}", exact=True).check()
    if not javascript:  # then a button keeps what was ticked; scripts do it for each link
        page.get_by_role("button", name="Keep them and look on").first.click()
        page.wait_for_url("**/runs?**")
    page.locator("thead").get_by_role("link", name="Policy").click()
    page.wait_for_url("**sort=policy**")
    choose(page, javascript, "Light", light="amber")
    if not javascript:
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**light=amber**")
    for entry in chosen:
        assert page.get_by_label(f"entry {entry}", exact=True).is_checked()
    page.get_by_label(f"Compare entry {other}", exact=True).check()
    page.get_by_role("button", name="Compare those selected").first.click()
    page.wait_for_url("**/compare?**")
    assert page.locator("h1").inner_text() == "Compare 3 runs"
    assert page.url.partition("?")[2] == "&".join(f"run={one}" for one in sorted([*chosen, other]))


def test_on_a_telephone_the_change_is_on_the_screen(look, axe, ui, javascript) -> None:
    for address, head in (("a=3&b=9", "Change"), ("run=3&run=9&run=20", "Change")):
        page = look(f"{ui.url}/compare?{address}", javascript=javascript, width=360)
        box = page.locator(".cm-table thead th", has_text=head).first.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
        assert not javascript or axe(page) == []


def test_what_cannot_be_compared_is_told(look, watch, ui, javascript) -> None:
    page = look(f"{ui.url}/compare", javascript=javascript)
    for query in ("run=3", "run=3&run=4&run=6", "a=3&b=99999", "a=x&b=y", "a=3&b=3"):
        assert watch.go(page, f"{ui.url}/compare?{query}").status < 500, query
        assert page.locator("h1").count() == 1
        assert page.get_by_role("link", name="Runs").count() > 0


@pytest.fixture(scope="module")
def monitored(demo_home, tmp_path_factory) -> Path:
    """A log of 40 monitored runs, each with two audits; a part of them red."""
    logs, folder = sys.modules["browser_logs"], tmp_path_factory.mktemp("monitored")
    ledger = Ledger.open(folder / ".venturalitica", signer=load_signer(None, folder / "keys"))
    for number in range(40):
        for kind in ("audit", "audit", "run"):
            statement = logs.an_audit(demo_home)
            predicate = statement["predicate"]
            predicate["run"] |= {"id": f"{number:032x}", "name": f"training-{number % 2}"}
            predicate["trackers"] = [logs.tracker_run(run_name=f"calm-{number}")]
            if kind == "run":
                statement["predicateType"] = statement["predicateType"].replace("audit", "run")
                predicate |= {"kind": "run", "verdicts": [], "audits": []}
            ledger.append(statement)
    return ledger.home


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_monitored_run_opens_to_its_audits(
    look, serve, axe, monitored, javascript, width, scheme
) -> None:
    page = look(f"{serve(monitored).url}/runs", javascript=javascript, width=width, scheme=scheme)
    first = page.locator("tbody.rn-run").first
    assert first.locator("tr:visible").count() == 1
    first.get_by_text("2 audits").click()
    assert first.locator("tr:visible").count() == 3
    assert sys.modules["browser_looking"].too_wide(page) == []
    table = page.get_by_role("region", name="Runs").bounding_box()
    red = first.locator("tr").first.locator("td:nth-child(4)").bounding_box()
    assert red["x"] + 80 < table["x"] + table["width"]
    assert first.locator(".rn-pick").first.bounding_box()["width"] < 40
    if width == 1280:
        assert page.locator("tbody.rn-run").nth(1).bounding_box()["height"] < 45
    if javascript:
        assert axe(page) == []
    page.get_by_role("navigation", name="above the list").get_by_label("Page 2").click()
    page.wait_for_url("**page=2")
    assert page.get_by_role("navigation", name="below the list").locator("b").inner_text() == "2"


def test_the_list_comes_again_but_not_over_what_is_chosen(
    look, serve, monitored, tmp_path, javascript
) -> None:
    if not javascript:
        pytest.skip("without scripts nothing refreshes")
    home = tmp_path / ".venturalitica"
    shutil.copytree(monitored, home)
    shutil.copytree(monitored.parent / "keys", tmp_path / "keys")
    ledger = Ledger.open(home, signer=load_signer(None, tmp_path / "keys"))
    page = look(f"{serve(home).url}/runs")
    page.clock.install()
    page.reload()
    last = list(ledger.entries())[-1].statement
    statement = {**last, "predicate": {k: v for k, v in last["predicate"].items() if k != "log"}}
    statement["predicate"]["run"] |= {"id": "f" * 32, "name": "quite-new"}
    box = page.locator("tbody input[type=checkbox]").first
    box.check()
    ledger.append(statement)
    page.clock.fast_forward(20_000)
    page.wait_for_timeout(500)
    assert page.get_by_text("quite-new").count() == 0
    box.uncheck()
    page.locator("h1").click()
    page.clock.fast_forward(20_000)
    page.locator("#runs").get_by_text("quite-new").first.wait_for()


@pytest.mark.parametrize("width", [1100, 1280, 1440])
def test_all_columns_are_on_the_screen(look, ui, width, javascript) -> None:
    page = look(f"{ui.url}/runs", width=width, javascript=javascript)
    room, last = page.get_by_role("region", name="Runs"), page.get_by_role("columnheader").last
    assert room.evaluate("of => of.scrollWidth - of.clientWidth") == 0
    assert last.inner_text() == "Sign-off"
    for name in ("Model", "Commit"):
        assert page.get_by_role("columnheader", name=name).count() == (width >= 1400)
    heights = [row.bounding_box()["height"] for row in page.locator("tbody.rn-run tr").all()]
    assert max(heights) < (45 if width > 1100 else 90)


def test_a_slash_leads_to_the_search(look, ui, javascript) -> None:
    page = look(f"{ui.url}/runs", javascript=javascript)
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    assert page.get_by_label("Search").input_value() == ("a/b" if javascript else "")
