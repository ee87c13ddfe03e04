"""The list of runs as files: all that fits, as the log has it, and inert in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import FIRST, Shelf
from venturalitica.cli import main
from venturalitica.core.verdict import LIGHTS
from venturalitica.ui.pages import exports
from venturalitica.ui.pages.run_query import FILTERS
from venturalitica.ui.run_files import COLUMNS, inert

ATTACKS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1",
    "a;=1",
    "a\n=1",
    "x|=1",
)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of forty runs is several portions."""
    monkeypatch.setattr(exports, "PORTION", 7)


@pytest.mark.usefixtures("small_portions")
def test_json_is_what_the_command_line_says(
    history: Any, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    answer = client.get("/runs.json")
    monkeypatch.setenv("VENTURALITICA_HOME", str(history.home))
    monkeypatch.setattr(sys, "argv", ["vl", "runs", "list", "--json", "--limit", "1000"])
    main()
    assert json.loads(answer.text) == json.loads(capsys.readouterr().out)
    assert len(answer.json()) > 30


@pytest.mark.usefixtures("small_portions")
def test_every_format_has_the_same_records_in_the_order_of_the_address(client: Client) -> None:
    address = "?light=red&sort=margin&order=desc&page=2"
    facts = client.get(f"/runs.json{address}").json()
    assert facts
    assert {one["light"] for one in facts} == {"red"}
    entries = [one["index"] for one in facts]
    assert entries != sorted(entries, reverse=True)  # by the margin, and not by time
    assert [int(row["index"]) for row in rows_of(client.get(f"/runs.csv{address}"))] == entries
    answer = client.get(f"/runs.parquet{address}")
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table["index"].to_pylist() == entries
    assert table.column_names == list(COLUMNS)
    assert table["waiting"].type == "bool"
    assert answer.headers["content-disposition"] == 'attachment; filename="runs.parquet"'


ASKED = [
    ("q", "nightly"),
    ("q", "nightly credit"),
    ("q", "nobody"),
    ("light", "red"),
    ("policy", "loan-approval"),
    ("version", "1.1"),
    ("sha256", "0" * 64),
    ("name", "nightly-training"),
    ("experiment", "nowhere"),
    ("kind", "all"),
    ("model", "LogisticRegression"),
    ("failing", "gender-parity"),
    ("since", "2026-10-01"),
    ("until", "2026-10-01"),
    ("commit", "0" * 40),
    ("without", "commit"),
    ("before", "20"),
]


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize(("filter_", "value"), ASKED)
def test_a_file_has_what_the_page_counts(filter_: str, value: str, client: Client) -> None:
    query = {filter_: value}
    said = words(client.get("/runs", params=query))
    found = re.search(r"([\d,]+) records?\b", said)
    counted = int(found[1].replace(",", "")) if found else 0
    assert len(rows_of(client.get("/runs.csv", params=query))) == counted
    assert len(client.get("/runs.json", params=query).json()) == counted


def test_every_filter_is_asked_of_a_file() -> None:
    assert {name for name, _ in ASKED} == set(FILTERS)


@pytest.mark.parametrize("name", ["csv", "json", "parquet"])
def test_nothing_fits(name: str, client: Client) -> None:
    answer = client.get(f"/runs.{name}?name=nobody")
    assert answer.status_code == 200
    if name == "csv":
        assert rows_of(answer) == []
    elif name == "json":
        assert answer.json() == []
    else:
        assert parquet.read_table(io.BytesIO(answer.content)).num_rows == 0


@pytest.mark.parametrize("query", ["ligth=red", "light=purple", "since=yesterday"])
def test_a_filter_that_cannot_be_read_makes_no_file(query: str, client: Client) -> None:
    answer = client.get(f"/runs.csv?{query}")
    assert answer.status_code == 400
    assert "No file was made" in words(answer)
    assert "left out" not in words(answer)


def test_other_formats_are_not_there(client: Client) -> None:
    assert client.get("/runs.xlsx").status_code == 404
    assert client.get("/runs.").status_code == 404


def test_without_pyarrow_parquet_is_said_to_be_absent(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "/runs.parquet" in client.get("/runs").text
    monkeypatch.setattr("venturalitica.ui.run_files.find_spec", lambda name: None)
    answer = client.get("/runs.parquet")
    assert answer.status_code == 501
    assert "pip install" in words(answer)
    assert "/runs.parquet" not in client.get("/runs").text
    assert client.get("/runs.csv").status_code == 200


def test_the_page_leads_to_the_files_of_its_filters(client: Client) -> None:
    page = client.get("/runs?light=red&page=1").text
    assert 'href="/runs.csv?light=red"' in page


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_is_a_formula(attack: str, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit(FIRST, name=attack)
    client = client_for(shelf.home)
    (row,) = rows_of(client.get("/runs.csv"))
    for separator in ("\n", "\r", ";", "|"):
        for cell in row["name"].split(separator):
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d")), row["name"]
    assert row["name"].replace("'", "") == client.get("/runs.json").json()[0]["name"]


@pytest.mark.parametrize("plain", ["nightly", "a-b", "a = b", "1e-5", "x@y.org", "", 7, None])
def test_what_is_no_formula_stays(plain: object) -> None:
    assert inert(plain) == plain


def test_a_name_that_no_encoding_takes_is_spelled_out(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit(FIRST, name='"\x00,\u202e\n<b>')
    client = client_for(shelf.home)
    for name in ("csv", "json", "parquet"):
        assert client.get(f"/runs.{name}").status_code == 200
    assert len(rows_of(client.get("/runs.csv"))) == 1


def test_a_light_that_was_edited_into_the_index_is_not_given_away(own_history: Any) -> None:
    client = client_for(own_history.home)
    before = {light: client.get(f"/runs.json?light={light}").json() for light in LIGHTS}
    assert before["red"]
    assert before["amber"]
    with sqlite3.connect(own_history.home / "index.db") as index:
        index.execute("update runs set light = 'green'")
    index.close()
    for light in LIGHTS:
        assert client.get(f"/runs.json?light={light}").json() == before[light]


def test_an_altered_log_gives_no_file(own_history: Any) -> None:
    client = client_for(own_history.home)
    path = own_history.home / "log" / "entries.jsonl"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert client.get("/runs.csv").status_code == 503


def test_a_record_is_found_by_its_digest(client: Client, history: Any) -> None:
    page = client.get("/runs/3").text
    digest = client.get("/runs.json?kind=all").json()[-4]["evidence_sha256"]
    assert f'href="/runs/by/{digest}" data-link' in page
    answer = client.get(f"/runs/by/{digest}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs/3"
    for unknown in ("0" * 64, digest[:12], digest.upper(), "x"):
        assert client.get(f"/runs/by/{unknown}").status_code == 404


def test_a_digest_that_was_edited_into_the_index_leads_nowhere(own_history: Any) -> None:
    client = client_for(own_history.home)
    client.get("/runs")
    with sqlite3.connect(own_history.home / "index.db") as index:
        index.execute("update runs set evidence_sha256 = ? where entry = 3", ("a" * 64,))
    index.close()
    assert client.get(f"/runs/by/{'a' * 64}").status_code == 404


def test_every_view_says_its_address(client: Client) -> None:
    assert (
        'href="/runs?light=red&amp;sort=margin" data-link'
        in client.get("/runs?light=red&sort=margin").text
    )
