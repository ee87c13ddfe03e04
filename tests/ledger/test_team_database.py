"""An index in a PostgreSQL that others use too: what lies beside it, who writes, who may not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.indexes import Database
from tests.postgresql import ENCODED
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger
from venturalitica.ledger.index import tables
from venturalitica.ledger.index.pipelines import pipelines
from venturalitica.ledger.index.queries import Filters, find_page
from venturalitica.ledger.index.tables import SCHEMA


@pytest.fixture
def do(postgresql: str) -> Iterator[Any]:
    """`do(statement)` as the superuser; all indexes are gone afterwards."""
    with closing(psycopg.connect(postgresql, autocommit=True)) as connection:
        yield connection.execute
    Database(postgresql).empty()


@pytest.fixture
def filled(ledger: Ledger, statement: Any) -> Ledger:
    for number in range(3):
        ledger.append(statement(number, light="red", trackers=[{"tracker": "a", "run_id": "b"}]))
    return ledger


def test_tables_of_others_are_left_alone(postgresql: str, filled: Ledger, do: Any) -> None:
    """MLflow's database, say, has a table `runs`, and some other has one of our every name."""
    names = ("meta", "runs", "verdicts", "links", "run_counts", "verdict_counts")
    for name in names:
        do(f"CREATE TABLE {name} (key text, value text)")
        do(f"INSERT INTO {name} VALUES ('version', 'theirs')")
    with Index.open(filled, postgresql) as index:
        assert index.rebuild() == 3
        assert len(index.runs()) == 3
    for name in names:
        assert do(f"SELECT * FROM public.{name}").fetchall() == [("version", "theirs")]
        do(f"DROP TABLE {name}")


def test_a_rebuild_waits_for_readers_and_they_for_it(
    postgresql: str, filled: Ledger, do: Any
) -> None:
    """Each has a table that the other wants next: PostgreSQL would end one of them."""
    with Index.open(filled, postgresql) as index:
        rebuilt = threading.Event()

        def rebuild() -> None:
            for _ in range(3):
                index.rebuild()
            rebuilt.set()

        with index.connect() as connection:
            connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.meta")
            writer = threading.Thread(target=rebuild)
            writer.start()
            assert not rebuilt.wait(0.3)
            for table in ("verdicts", "run_counts", "links", "runs"):
                counted = connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.{table}")
                assert counted.scalar_one()
        while not rebuilt.wait(0):
            assert find_page(index, Filters()).total == 3
            assert [item.light for item in pipelines(index)] == ["red"]
        writer.join()
        assert len(index.runs()) == 3


def test_readers_that_never_end_are_not_waited_for_for_ever(
    postgresql: str, filled: Ledger, do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PATIENCE", 0)
    with Index.open(filled, postgresql) as index:
        do(f"UPDATE {SCHEMA}.meta SET value = '0' WHERE key = 'version'")
        with index.connect() as connection:
            connection.exec_driver_sql(f"SELECT count(*) FROM {SCHEMA}.runs")
            with pytest.raises(EvidenceError, match=r"the index cannot be used.*lock"):
                index.refresh()
        index.refresh()
        assert len(index.runs()) == 3


def test_several_that_begin_at_once_make_it_once(postgresql: str, filled: Ledger, do: Any) -> None:
    gate, found = threading.Barrier(4), []

    def read() -> None:
        gate.wait()
        with Index.open(Ledger.open(filled.home), postgresql) as index:
            found.append(index.runs())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(rows) for rows in found] == [3] * 4


def test_a_server_that_was_started_again_is_asked_again(
    postgresql: str, filled: Ledger, do: Any
) -> None:
    with Index.open(filled, postgresql) as index:
        before = index.runs()
        do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        index.refresh()
        assert index.runs() == before


def test_who_may_make_no_schema_is_given_one(postgresql: str, filled: Ledger, do: Any) -> None:
    do("CREATE ROLE modest LOGIN PASSWORD 'hunter2'")
    try:
        address = make_url(postgresql).set(username="modest", password="hunter2")
        url = address.render_as_string(hide_password=False)
        with pytest.raises(EvidenceError, match="permission denied") as caught:
            Index.open(filled, url)
        assert "hunter2" not in str(caught.value)
        do(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION modest")
        with Index.open(filled, url) as index:
            assert len(index.runs()) == 3
    finally:
        do(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        do("DROP ROLE modest")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_all_letters_is_refused(
    postgresql: str, filled: Ledger, do: Any, encoding: str
) -> None:
    do(f"CREATE DATABASE narrow ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' "
       "TEMPLATE template0")  # fmt: skip
    try:
        with pytest.raises(EvidenceError, match=f"is in {encoding}, expected UTF8"):
            Index.open(filled, postgresql.replace("/postgres", "/narrow"))
    finally:
        do("DROP DATABASE narrow WITH (FORCE)")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace(ENCODED, "wr0ng-secret"), "password authentication failed"),
        (lambda url: url.replace("/postgres", "/nowhere"), "nowhere"),
        (lambda url: "postgresql://tester:wr0ng-secret@127.0.0.1:9/postgres", "refused"),
        (lambda url: "postgresql+nonsense://tester:wr0ng-secret@127.0.0.1/x", "nonsense"),
    ],
)
def test_what_cannot_be_opened_is_said_without_the_password(
    postgresql: str, filled: Ledger, change: Any, said: str
) -> None:
    with pytest.raises(EvidenceError, match=said) as caught:
        Index.open(filled, change(postgresql))
    assert "wr0ng-secret" not in str(caught.value)
    assert ENCODED not in str(caught.value)
