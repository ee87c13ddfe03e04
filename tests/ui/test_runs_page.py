"""The list of runs: every view is an address; whatever is in the address, it is a page."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.client import shown
from tests.ui.shelf import FIRST, Shelf, passed
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.index.queries import SORTS
from venturalitica.ui.pages.run_query import RunQuery, parse
from venturalitica.ui.pages.runs import read


def asked(**query: str) -> RunQuery:
    found, wrong = parse(list(query.items()))
    assert wrong == ()
    return found


def test_it_lists_every_audit_and_run(reading: Any, client: Any, words: Any) -> None:
    context = read(reading, RunQuery())
    kinds = {e.index: e.statement["predicate"]["kind"] for e in reading.ledger.entries()}
    judged = [entry for entry, kind in kinds.items() if kind in ("audit", "run")]
    assert [run.row.index for run in context.runs] == sorted(judged, reverse=True)
    assert context.total == len(judged) == 40
    said = words(client.get("/runs"))
    assert "1 to 40 of 40 records" in said
    for run in context.runs:
        predicate = reading.ledger.entry(run.row.index).statement["predicate"]
        assert run.strip is not None
        assert run.strip.count("<li") == len(predicate["verdicts"])
        assert (run.row.policy_version, run.row.revision) == (
            predicate["policy"]["version"],
            predicate["environment"]["git"]["commit"],
        )
        assert run.why in said


@pytest.mark.parametrize(
    "query",
    [
        {"light": "red"},
        {"version": "1.1"},
        {"name": "release-candidate", "light": "amber"},
        {"failing": "gender-parity"},
        {"since": "2026-10-01", "until": "2026-10-31"},
        {"q": "logistic"},
        {"kind": "approval"},
        {"name": "nowhere"},
    ],
)
def test_every_filter_is_an_address(client: Any, reading: Any, query: dict[str, str]) -> None:
    context = read(reading, asked(**query))
    answer = client.get(f"/runs?{urlencode(query)}")
    assert answer.status_code == 200
    assert re.findall(r'<th scope="row"><a [^>]*href="/runs/(\d+)"', answer.text) == [
        str(run.row.index) for run in context.runs
    ]
    assert context.total == len(context.runs) < 40
    for name, value in query.items():
        assert f'name="{name}"' in answer.text
        assert f'value="{value}"' in answer.text


def test_filters_say_what_the_records_say(reading: Any) -> None:
    def predicate(entry: int) -> dict[str, Any]:
        return dict(reading.ledger.entry(entry).statement["predicate"])

    for run in read(reading, asked(failing="gender-parity")).runs:
        (verdict,) = [
            v for v in predicate(run.row.index)["verdicts"] if v["control"] == "gender-parity"
        ]
        assert verdict["light"] == "red"
    october = read(reading, asked(since="2026-10-01", until="2026-10-31")).runs
    assert october
    assert all(predicate(r.row.index)["log"]["appended_at"][:7] == "2026-10" for r in october)
    waiting = [run for run in read(reading, RunQuery()).runs if any(t.waits for t in run.trackers)]
    assert {run.row.index for run in waiting} == set(reading.waiting())
    signed = [run.decision for run in read(reading, RunQuery()).runs if run.decision]
    assert {"approved", "rejected"} == set(signed)


def test_sorting_goes_both_ways_and_keeps_the_filters(client: Any) -> None:
    address = "/runs?light=red&sort=margin&order=asc"
    answer = client.get(address)
    assert 'aria-sort="ascending"' in answer.text
    assert 'href="/runs?light=red&amp;sort=margin"' in answer.text
    first = re.findall(r'<th scope="row"><a [^>]*href="/runs/(\d+)"', answer.text)
    back = client.get("/runs?light=red&sort=margin")
    last = re.findall(r'<th scope="row"><a [^>]*href="/runs/(\d+)"', back.text)
    assert set(first) == set(last)
    assert first[0] != last[0]


def test_pages_of_a_long_list(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("runs",):
        monkeypatch.setattr(f"venturalitica.ui.pages.{module}.PER_PAGE", 15)
    shown = []
    address: str | None = "/runs"
    while address:
        answer = client.get(address)
        shown += re.findall(r'<th scope="row"><a [^>]*href="/runs/(\d+)"', answer.text)
        following = re.search(r'rel="next" href="([^"]+)"', answer.text)
        address = following[1].replace("&amp;", "&") if following else None
    assert len(shown) == len(set(shown)) == 40
    beyond = client.get("/runs?page=9")
    assert "beyond the last one" in beyond.text
    assert 'href="/runs?page=3"' in beyond.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("light=purple", "'light' is 'purple'; expected one of red, amber, grey, green."),
        ("lihgt=red", "There is no filter 'lihgt'; did you mean 'light'?"),
        ("page=0", "'page' is '0'; expected a number from 1."),
        ("page=" + "9" * 199, "expected a number from 1."),
        ("sort=colour", "'sort' is 'colour'"),
        ("since=yesterday", "expected a date such as 2026-11-23"),
        ("until=9999-12-31", "expected a date such as 2026-11-23"),
        ("q=" + "a" * 300, "'q' is 300 characters long"),
    ],
)
def test_a_value_that_cannot_be_read_is_said_and_left_out(
    client: Any, words: Any, query: str, said: str
) -> None:
    answer = client.get(f"/runs?{query}")
    assert answer.status_code == 200
    assert said in words(answer)
    assert "of 40 records" in words(answer)


def test_an_edited_index_is_made_again_and_said(
    own_history: Any, client_for: Any, words: Any
) -> None:
    client = client_for(own_history.home)
    before = words(client.get("/runs"))
    with sqlite3.connect(own_history.home / "index.db") as database:
        database.execute("UPDATE verdicts SET status = 'passed', light = 'green'")
    database.close()
    after = words(client.get("/runs"))
    assert after.replace(f" {shown(EDITED)}", "")[:2000] == before[:2000]
    assert shown(EDITED) in after


def test_two_are_selected_without_a_script(client: Any) -> None:
    listed = client.get("/runs").text
    assert re.search(r'<form method="get" action="/compare"', listed)
    assert listed.count('<input type="checkbox" name="run" value=') == 40
    care = client.get("/runs?kind=approval").text
    assert 'type="checkbox"' not in care


@given(
    st.lists(st.tuples(st.sampled_from([*RunQuery.__struct_fields__, "x"]), st.text(max_size=30)))
)
def test_any_query_is_read_and_written_again(pairs: list[tuple[str, str]]) -> None:
    query, _ = parse(pairs)
    filters = query.filters
    assert filters.since is None or re.fullmatch(r"\d{4}-\d\d-\d\dT.{15}Z", filters.since)
    again, wrong = parse(
        [(name, str(value)) for name, value in query.params(page=query.page).items()]
    )
    assert (again, wrong) == (query, ())
    assert query.sort in SORTS


def test_a_last_day_is_all_of_it() -> None:
    assert asked(until="2026-10-31").filters.until == "2026-11-01T00:00:00.000000Z"
    assert asked(until="2026-10-31T12:00").filters.until == "2026-10-31T12:00:00.000000Z"
    assert asked(since="2026-10-31T12:00+02:00").filters.since == "2026-10-31T10:00:00.000000Z"


def test_a_monitored_run_and_its_audits_are_one_line(tmp_path: Path, client_for: Any) -> None:
    shelf = Shelf(tmp_path)
    audits = [shelf.audit(FIRST, *one, run_id="a" * 32) for one in ((passed(),), ())]
    own = shelf.run(*audits, run_id="a" * 32)
    alone = shelf.audit(FIRST, passed())
    with client_for(shelf.home).app.state.desk.reading() as reading:
        plain = read(reading, RunQuery())
        assert [run.row.index for run in plain.runs] == [alone.index, own.index]
        line = plain.runs[1]
        assert [run.row.index for run in line.inside] == [1, 0]
        assert line.why.startswith("gender-parity failed")
        assert line.margin == "−0.100"
        assert len(line.marks) == sum(len(run.marks) for run in line.inside)
        assert (plain.first, plain.last, plain.total) == (1, 4, 4)
        oldest = read(reading, RunQuery(order="asc"))
        assert [run.row.index for run in oldest.runs] == [own.index, alone.index]
        assert [run.row.index for run in oldest.runs[0].inside] == [0, 1]
        # What its own record does not fit stands for itself; so does what is sorted otherwise.
        for query in (RunQuery(kind="audit"), RunQuery(sort="light")):
            assert not any(run.inside for run in read(reading, query).runs)


def test_pages_have_numbers(reading: Any) -> None:
    context = read(reading, RunQuery())

    def numbers(page: int, pages: int) -> tuple[int, ...]:
        return replace(context, query=RunQuery(page=page), total=pages * 50).numbers

    assert numbers(1, 1) == (1,)
    assert numbers(2, 4) == (1, 2, 3, 4)
    assert numbers(5, 20) == (1, 2, 3, 4, 5, 6, 7, 0, 20)
    assert numbers(20, 20) == (1, 0, 18, 19, 20)


def test_live_it_answers_only_another_list(client: Any) -> None:
    found = re.search(r'hx-get="([^"]+)"', client.get("/runs?light=red&sort=margin").text)
    assert found
    asked = found[1].replace("&amp;", "&")
    assert asked.startswith("/live/runs?seen=")
    assert "light=red" in asked
    assert client.get(asked).status_code == 204
    other = client.get(re.sub("seen=[0-9a-f]+", "seen=0", asked))
    assert other.status_code == 200
    assert "<html" not in other.text
    assert "<table" in other.text
