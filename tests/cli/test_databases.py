"""Tables of DuckDB files and of a real PostgreSQL, which listens on loopback for these tests."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.postgresql import ENCODED, PASSWORD
from venturalitica.cli.reading import data_files
from venturalitica.cli.reading.data_files import find_files, read_table
from venturalitica.errors import DataError, MissingExtra
from venturalitica.ledger.formats.dsse import statement_of


def values(table: Any) -> dict[str, list[Any]]:
    return {
        name: [None if value is None or value != value else value for value in table[name].tolist()]
        for name in table
    }


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "o'r [1].db"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            CREATE TABLE loans AS SELECT i AS y, i AS p, 'g' || i AS "G" FROM range(3) AS t(i);
            CREATE TABLE twice AS SELECT 1 AS a;
            CREATE SCHEMA other;
            CREATE TABLE other.twice AS SELECT 2 AS a;
            CREATE TABLE "o""dd" AS SELECT 1 AS "w""eird";
            CREATE VIEW elsewhere AS SELECT * FROM read_text('/etc/hostname');
            """
        )
    return path


def test_a_table_of_a_duckdb_file_is_read(database, monkeypatch):
    address = f"duckdb:///{database}::loans"
    table = read_table([address])
    assert values(table) == {"y": [0, 1, 2], "p": [0, 1, 2], "G": ["g0", "g1", "g2"]}
    assert table.relation(["G"]).select("G").fetchall() == [("g0",), ("g1",), ("g2",)]
    assert values(read_table([f"duckdb:///{database}::other.twice"])) == {"a": [2]}
    assert values(read_table([f'duckdb:///{database}::o"dd'])) == {'w"eird': [1]}
    monkeypatch.chdir(database.parent)
    relative = f"duckdb:///{database.name}::loans"
    assert list(read_table([relative])) == ["y", "p", "G"]
    assert find_files([relative])[0].base == f"{database.name}::loans"


def test_what_is_no_table_is_refused(database, tmp_path):
    for address, said in (
        (f"duckdb:///{database}::loan", "has no table 'loan'.*did you mean 'loans'"),
        (f"duckdb:///{database}::twice", "several tables 'twice'; say which: main.twice or other"),
        ("duckdb:///nowhere.db::t", "there is no file 'nowhere.db'"),
        (f"duckdb:///{database}", "expected duckdb:///FILE::TABLE"),
        ("postgresql://host/base", "expected postgresql://HOST/BASE::TABLE"),
    ):
        with pytest.raises(DataError, match=said):
            read_table([address])
    (tmp_path / "text.db").write_text("this is no database at all, and long enough to be read" * 99)
    with pytest.raises(DataError, match="cannot be read as a DuckDB database"):
        read_table([f"duckdb:///{tmp_path / 'text.db'}::t"])
    with pytest.raises(DataError, match="check one table at a time"):
        read_table([f"duckdb:///{database}::{name}" for name in ("loans", "other.twice")])


def test_a_view_that_came_with_a_file_reads_no_other_file(database):
    with pytest.raises(DataError, match="disabled"):
        values(read_table([f"duckdb:///{database}::elsewhere"]))


@pytest.fixture
def server(postgresql: str) -> str:
    """The address of a PostgreSQL of the tests' own."""
    return postgresql


@pytest.fixture
def made(server: str) -> Iterator[Any]:
    """Make tables by statements, and drop them."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        # An error's traceback may still hold the reader of the test before, and that its locks.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename IS NOT NULL AND pid <> pg_backend_pid()"
        )
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        yield cursor.execute


def test_a_table_of_postgresql_is_read_with_its_types(server, made):
    made(
        """
        CREATE TABLE loans (
          "Id" int, small smallint, big bigint, x float8, price numeric(10, 2), code numeric(9, 0),
          ok boolean, name text, short varchar(9), kind uuid, day date, "w""eird; --" text)
        """
    )
    made(
        """
        INSERT INTO loans VALUES
        (1, 2, 9007199254740993, 0.1, 12.30, 7, true, 'é', 'v',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-02-03', 'w'),
        (NULL, NULL, 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
        """
    )
    table = read_table([f"{server}::loans"])
    assert values(table) == {
        "Id": [1, None],
        "small": [2, None],
        "big": [9007199254740993, 3],
        "x": [0.1, None],
        "price": [12.3, None],
        "code": [7, None],
        "ok": [True, None],
        "name": ["é", None],
        "short": ["v", None],
        "kind": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None],
        "day": [dt.date(2026, 2, 3), None],
        'w"eird; --': ["w", None],
    }
    found = table.relation(["Id", "x"])
    for _ in range(2):  # each reading is a query of its own
        assert found.select("Id", "x").fetchall() == [(1, 0.1), (None, None)]
    assert table.row_count([]) == 2


def test_all_readings_are_of_one_moment(server, made):
    made("CREATE TABLE t AS SELECT i AS a, i AS b FROM generate_series(1, 3) i")
    table = read_table([f"{server}::public.t"])
    first = table["a"].tolist()
    made("INSERT INTO t VALUES (4, 4)")
    assert table["b"].tolist() == first == [1, 2, 3]
    assert table.row_count([]) == 3
    assert read_table([f"{server}::t"])["b"].tolist() == [1, 2, 3, 4]


POLICY = """\
policy: loans
version: "1"
roles: {target: {favorable: 1}}
controls: [{id: right, metric: accuracy, must: ">= 0.60"}]
"""
ROLES = ["--target", "y", "--prediction", "p"]


@pytest.mark.parametrize("above", [1_000_000, 10])
def test_check_judges_a_table_and_records_no_password(
    server, made, call, project, monkeypatch, above
):
    monkeypatch.setattr(data_files, "LAZY_ABOVE", above)
    (project / "model_policy.yaml").write_text(POLICY)
    made("CREATE TABLE loans AS SELECT i % 2 AS y, i % 2 AS p FROM generate_series(1, 500) i")
    result = call("check", f"{server}::loans", *ROLES, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["verdicts"][0]["value"] == 1.0
    written = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    assert b"postgres::loans" in written
    for secret in (PASSWORD, ENCODED, "tester"):
        assert secret.encode() not in written


def test_what_postgresql_refuses_is_said_without_the_password(server, made):
    made("CREATE TABLE loans (a int)")
    for address, said in (
        (f"{server}::loan", "there is no such table.*did you mean 'loans'"),
        (f"{server.replace('/postgres', '/nowhere')}::t", "cannot be read: .*nowhere"),
        (f"{server.replace(ENCODED, 'wr0ng-secret')}::t", "password authentication failed"),
        (f"postgresql://tester:{ENCODED}@127.0.0.1:9/postgres::t", "Connection refused"),
        (f"postgresql://tester:{PASSWORD}@127.0.0.1:9/postgres::t", "a postgresql:// address"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            read_table([address])
        for secret in (PASSWORD, ENCODED, "wr0ng-secret", "pa ss@word"):
            assert secret not in str(caught.value), said


@pytest.mark.parametrize("above", [1_000_000, 10])
@pytest.mark.parametrize("wrong", ["('Ada-' || i)::int", "(1e300 * i)::int", "1 / (i - i)"])
def test_a_view_of_postgresql_that_fails_shows_no_value_and_no_traceback(
    server, made, call, project, monkeypatch, wrong, above
):
    monkeypatch.setattr(data_files, "LAZY_ABOVE", above)
    (project / "model_policy.yaml").write_text(POLICY)
    made(f"CREATE VIEW seen AS SELECT 1 AS y, {wrong} AS p FROM generate_series(1, 500) i")
    result = call("check", f"{server}::seen", *ROLES)
    said = result.stderr + result.stdout
    assert result.exit_code in (1, 2)
    assert "nothing was judged" in said.lower()
    for never in ("Ada", "1e+300", "Traceback", "registered as"):
        assert never not in said


def test_a_role_that_may_not_read_all_rows_reads_none(server, made):
    for statement in (
        f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'",
        "CREATE TABLE loans AS SELECT i AS y FROM generate_series(1, 9) i",
        "CREATE TABLE part AS SELECT * FROM loans",
        "ALTER TABLE part ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY few ON part FOR SELECT USING (y > 5)",
        "GRANT SELECT ON part TO reader",
        "GRANT USAGE ON SCHEMA public TO reader",
        "CREATE TABLE nothing ()",
    ):
        for one in statement.split(";"):
            made(one)
    assert read_table([f"{server}::part"])["y"].size == 9
    reader = server.replace("//tester:", "//reader:")
    for address, said in (
        (f"{reader}::loans", "permission denied for table loans"),
        (f"{reader}::public.part", "would be affected by row-level security"),
        (f"{server}::nothing", "it has no columns"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            read_table([address]).read(["y"])
        assert ENCODED not in str(caught.value)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class _Cut:
    """A way to the server that ends after so many bytes of answers."""

    def __init__(self, port: int, most: int) -> None:
        self._port, self._most = port, most
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, work: Any, *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            behind = socket.create_connection(("127.0.0.1", self._port))
            self._open += [client, behind]
            self._start(self._pass_on, client, behind, False)
            self._start(self._pass_on, behind, client, True)

    def _pass_on(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 14):
                if counted:
                    self._most -= len(piece)
                    if self._most < 0:
                        break
                target.sendall(piece)
        _end(source, target)

    def close(self) -> None:
        _end(self._listener, *self._open)
        for thread in self._threads:
            thread.join(5)
        for each in (self._listener, *self._open):
            each.close()


@pytest.fixture
def cut(server, made, call, project) -> Callable[[], Any]:
    """Asks `check` of a table by a connection that breaks half way."""
    (project / "model_policy.yaml").write_text(POLICY)
    made("CREATE TABLE loans AS SELECT i % 2 AS y, i % 2 AS p FROM generate_series(1, 300000) i")
    port = int(server.rpartition(":")[2].partition("/")[0])

    def check() -> Any:
        way = _Cut(port, most=2_000_000)
        try:
            return call("check", f"{server.replace(f':{port}/', f':{way.port}/')}::loans", *ROLES)
        finally:
            way.close()

    return check


def test_a_connection_that_breaks_before_all_is_read_judges_nothing(cut, project):
    result = cut()
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
    assert ENCODED not in result.stderr
    assert not (project / ".venturalitica" / "log").exists()


def test_one_that_breaks_while_many_rows_are_counted_is_on_record(cut, project, monkeypatch):
    monkeypatch.setattr(data_files, "LAZY_ABOVE", 10)
    result = cut()
    assert result.exit_code == 1
    assert "error" in result.stdout
    assert ENCODED not in result.stderr + result.stdout
    (line,) = (project / ".venturalitica" / "log" / "entries.jsonl").read_bytes().splitlines()
    record = statement_of(line)
    assert {verdict["status"] for verdict in record.predicate["verdicts"]} == {"error"}
    assert ENCODED not in str(record.json)


def test_what_reads_postgresql_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(MissingExtra, match="adbc-driver-postgresql") as caught:
        read_table(["postgresql://127.0.0.1:9/postgres::t"])
    assert caught.value.extra == "cloud"


@pytest.mark.parametrize("wrong", ["CAST('of-' || g AS INTEGER)", "CAST(1e30 AS INTEGER)"])
def test_a_view_that_fails_shows_no_value_of_a_row(tmp_path, wrong):
    path = tmp_path / "views.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE rows AS SELECT 'Ada' AS g FROM range(9)")
        connection.execute(f"CREATE VIEW seen AS SELECT {wrong} AS n FROM rows")
    with pytest.raises(DataError, match="a value is none of the type") as caught:
        read_table([f"duckdb:///{path}::seen"]).read(["n"])
    assert "Ada" not in str(caught.value)
    assert "1e" not in str(caught.value)
