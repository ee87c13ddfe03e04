"""The pages over an index in PostgreSQL are those over the ledger's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.indexes import Database
from tests.ui.client import Client, client_for
from venturalitica.ledger import Ledger
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.index.queries import RANKS, SORTS

PAGES = (
    "/", "/?light=red", "/runs/0", "/runs/39", "/policies", "/evidence", "/integrations",
    "/runs?page=2", "/runs?until=2026-10-31", "/runs?kind=all", "/runs?failing=gender-parity",
    "/runs?q=LOGISTIC", "/runs?q=%25", "/runs?q=_", "/runs?q=%5C", "/runs?q=%00", "/runs?name=%00",
    "/runs?q=%ED%A0%80", "/runs?q=stra%C3%9Fe", "/runs?policy=x%00y&version=%00",
    "/runs?sha256=%00",
    *(f"/runs?light={light}" for light in RANKS),
    *(f"/runs?sort={sort}&order={order}" for sort in SORTS for order in ("asc", "desc")),
)  # fmt: skip


@pytest.fixture
def team(own_history: Any, postgresql: str) -> Iterator[Client]:
    client = client_for(own_history.home, index_url=postgresql)
    yield client
    client.app.state.desk.close()
    Database(postgresql).empty()


def test_the_pages_are_the_same(own_history: Any, team: Client) -> None:
    own = client_for(own_history.home)
    for page in PAGES:
        ours, theirs = own.get(page), team.get(page)
        assert theirs.status_code == 200, page
        assert plain(theirs.text) == plain(ours.text), page


def plain(page: str) -> str:
    """Without what each drawing has of its own: its moment, its forms' word, where the index is."""
    page = re.sub(", index at <code>[^<]*</code>", "", page)
    page = re.sub(r'name="csrf" value="[^"]*"', "", page)
    return re.sub(rf"{datetime.now(UTC):%Y-%m-%d}[T ][\d:.]+", "", page)


def test_a_row_that_was_edited_there_is_told_from_the_log(
    own_history: Any, team: Client, postgresql: str
) -> None:
    before = team.get("/runs?light=red").text
    assert EDITED not in before
    ledger = Ledger.open(own_history.home)
    (edited,) = Database(postgresql).edit(ledger, "UPDATE runs SET light = 'green'")
    assert edited
    said = team.get("/runs?light=green").text
    assert "made again from the log" in said
    assert plain(team.get("/runs?light=red").text) == plain(before)
