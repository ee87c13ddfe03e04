"""The tables of the index, and the database that holds them: SQLite, or a team's PostgreSQL.

Loaded only when the index is used: SQLAlchemy is slow to import.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool
from sqlalchemy.schema import CreateSchema
from sqlalchemy.types import TypeEngine

from venturalitica.core.causes import said
from venturalitica.core.redact import redact_uri
from venturalitica.errors import EvidenceError, MissingExtra
from venturalitica.ledger.index.rows import LinkRow, RunRow, VerdictRow

SCHEMA = "venturalitica"
"""Where the tables are in PostgreSQL: MLflow, whose database it may be, has a table `runs` too."""

_ONE_WRITER = 0x76656E7475726121
"""PostgreSQL's number of the lock that who catches an index up holds, as SQLite has one writer."""

PATIENCE = 30
"""Seconds that a writer waits for others, as SQLite's does."""

Row = RunRow | VerdictRow | LinkRow
metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

GROUPED = (
    *("policy_name", "policy_version", "policy_sha256", "name", "experiment"),
    *("kind", "light", "signer", "model_class"),
)
"""Columns of `runs`, by all of which together entries are counted in `run_counts`."""

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""In the order of its code points, whatever the locale of a team's database: as SQLite has it."""

_WHOLE = Integer().with_variant(BigInteger, "postgresql")
"""Up to 2**53, which takes a wider column there; SQLite's one kind is wide, and a key at once."""

_TYPES: dict[str, TypeEngine[Any]] = {"int": _WHOLE, "float": Float()}


def _columns(row: type[Row]) -> Iterator[Column[Any]]:
    """A column for each field: text unless it is a number, NULL where it may be None."""
    for field, written in row.__annotations__.items():
        kind, _, none = written.partition(" | ")
        name = "entry" if field == "index" else field
        kind_of_column = _TYPES.get(kind, _TEXT)
        yield Column(name, kind_of_column, nullable=bool(none), autoincrement=False)


runs = Table(
    "runs",
    metadata,
    *_columns(RunRow),
    PrimaryKeyConstraint("entry"),
    UniqueConstraint("evidence_sha256"),
    Index("ix_runs_name", "name"),
    Index("ix_runs_appended_at", "appended_at"),
    Index("ix_runs_commit", "revision", "entry"),
    # What the pages ask of every run is answered from these alone, without the wide rows.
    Index("ix_runs_pipeline", "policy_name", "name", "experiment", "kind", "entry", "run_id"),
    Index("ix_runs_run", "run_id", "name", "policy_name", "kind", "entry", "light", "signer"),
    Index("ix_runs_version", "policy_name", "policy_version", "policy_sha256", "kind", "entry"),
    Index("ix_runs_light", "kind", "light", "entry", "signer"),
    Index("ix_runs_data", "data", "entry", "run_id"),
)

verdicts = Table(
    "verdicts",
    metadata,
    *_columns(VerdictRow),
    PrimaryKeyConstraint("entry", "position"),
    ForeignKeyConstraint(["entry"], ["runs.entry"]),
    Index("ix_verdicts_control", "control", "light", "entry"),
)

links = Table(
    "links",
    metadata,
    *_columns(LinkRow),
    PrimaryKeyConstraint("entry", "position"),
    ForeignKeyConstraint(["entry"], ["runs.entry"]),
    Index("ix_links_run_id", "run_id"),
)

FOLDED = {name: f"folded_{name}" for name in ("name", "policy_name", "model_class", "experiment")}
"""Columns of `run_counts` that a search looks at, and those that have them as it compares them."""

# What the pages count, kept as rows are put in: a GROUP BY over all runs takes longer than a page
# may. NULLs cannot be a key, so `key` is the digest of what a group has in common.
run_counts = Table(
    "run_counts",
    metadata,
    Column("key", Text, primary_key=True),
    *(Column(name, _TEXT) for name in GROUPED),
    Column("count", _WHOLE, nullable=False),
    Column("first", _WHOLE, nullable=False),
    Column("last", _WHOLE, nullable=False),
    Column("first_seen", _TEXT, nullable=False),
    Column("last_seen", _TEXT, nullable=False),
    *(Column(name, _TEXT) for name in FOLDED.values()),
)

verdict_counts = Table(
    "verdict_counts",
    metadata,
    Column("control", _TEXT, primary_key=True),
    Column("count", _WHOLE, nullable=False),
)

_fields_of = {row: attrgetter(*row.__struct_fields__) for row in (RunRow, VerdictRow, LinkRow)}


def values_of(row: Row) -> tuple[Any, ...]:
    """A row as a tuple in the order of its table's columns."""
    found: tuple[Any, ...] = _fields_of[type(row)](row)
    return (*found[:-1], json.dumps(row.trackers)) if isinstance(row, RunRow) else found


def run_of(values: Sequence[Any]) -> RunRow:
    """The row of `runs` that `values_of` gave the values of."""
    return RunRow(*(*values[:-1], tuple(json.loads(values[-1]))))


def among(entries: Collection[int], name: str) -> ColumnElement[bool]:
    """Whether the row is one of these entries."""
    # Written into the statement: an outbox of years has more entries than SQLite takes parameters.
    return runs.c.entry.in_(bindparam(name, sorted(entries), expanding=True, literal_execute=True))


def engine_of(path: Path, url: str | None) -> Engine:
    """The database of an index: at `url`, or else in the file `path`.

    Raises:
        EvidenceError: it cannot be opened.
        MissingExtra: nothing that speaks to PostgreSQL is installed.
    """
    if url is not None:
        return _engine_of_a_team(url)
    _refuse_stranger(path)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        # An auditor's read-only copy: the index lives as long as this process.
        anywhere = {"check_same_thread": False}
        return create_engine("sqlite://", poolclass=StaticPool, connect_args=anywhere)
    return _engine_at(path.absolute())


def prepare(connection: Connection) -> None:
    """Begin to write, alone: make the tables that are not there yet."""
    if _is_postgresql(connection):
        writing = select(
            func.current_setting("server_encoding"), func.pg_advisory_xact_lock(_ONE_WRITER)
        )
        if (encoding := connection.execute(writing).scalar()) != "UTF8":
            raise EvidenceError(
                f"the database of the index is in {encoding}, expected UTF8; "
                "'createdb -T template0 -E UTF8 NAME' makes one"
            )
        # Asked for first: who may not create a schema may be given one.
        if not inspect(connection).has_schema(SCHEMA):
            connection.execute(CreateSchema(SCHEMA))
    metadata.create_all(connection)


def make_again(connection: Connection) -> None:
    """Drop all tables and make them anew, empty, whatever shape they were given."""
    if _is_postgresql(connection):
        _keep_readers_out(connection)
    metadata.drop_all(connection)
    metadata.create_all(connection)


def _keep_readers_out(connection: Connection) -> None:
    """Lock all tables at once, or none: a drop takes one after another, and a reader that has one
    of them may want the next. PostgreSQL would end either."""
    names = ", ".join(f"{SCHEMA}.{table.name}" for table in metadata.sorted_tables)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE NOWAIT")
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _engine_of_a_team(url: str) -> Engine:
    try:
        address = make_url(url)
        if address.get_backend_name() != "postgresql":
            return create_engine(address)
        if address.drivername == "postgresql":
            # Which driver that means is another one in each SQLAlchemy.
            address = address.set(drivername="postgresql+psycopg")
            options = {"connect_timeout": "10", "client_encoding": "utf8"} | dict(address.query)
            address = address.update_query_dict(options)
        return create_engine(
            address,
            # A server that was started again closed what is in the pool.
            pool_pre_ping=True,
            # As many as threads ask for: one that has a connection may want a second.
            max_overflow=-1,
            execution_options={"schema_translate_map": {None: SCHEMA}},
        )
    except ModuleNotFoundError as error:
        if error.name == "psycopg":
            raise MissingExtra("psycopg, which speaks to PostgreSQL,", "postgresql") from None
        raise _unopened(url, error) from error
    except (ArgumentError, ImportError) as error:
        raise _unopened(url, error) from error


def _unopened(url: str, error: Exception) -> EvidenceError:
    return EvidenceError(f"the index cannot be opened at {redact_uri(url)}: {said(error)}")


@lru_cache(maxsize=16)
def _engine_at(path: Path) -> Engine:
    """Kept, since an engine keeps its compiled statements; it holds no connection.

    No pool, so that a forked child shares no connection; no WAL, which has a corruption bug with
    two writers in the SQLite that some Pythons ship. BEGIN IMMEDIATE: one writer, others wait.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _refuse_stranger(path: Path) -> None:
    """A link could point at another database of the user's; a pipe would keep us for ever."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        raise EvidenceError(
            f"{path}: not a regular file; remove it, and the index is made again from the log"
        )
