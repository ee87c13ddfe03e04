"""The tables of the index, and the database that holds them.

Loaded only when the index is used: SQLAlchemy is slow to import.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
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
    create_engine,
    event,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, StaticPool

from venturalitica.core.causes import said
from venturalitica.core.redact import redact_uri
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.rows import LinkRow, RunRow, VerdictRow

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

_TYPES = {"int": Integer, "float": Float}


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

# What the pages count, kept as rows are put in: a GROUP BY over all runs takes longer than a page
# may. NULLs cannot be a key, so `key` is the digest of what a group has in common.
run_counts = Table(
    "run_counts",
    metadata,
    Column("key", Text, primary_key=True),
    *(Column(name, _TEXT) for name in GROUPED),
    Column("count", Integer, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("first_seen", _TEXT, nullable=False),
    Column("last_seen", _TEXT, nullable=False),
)

verdict_counts = Table(
    "verdict_counts",
    metadata,
    Column("control", _TEXT, primary_key=True),
    Column("count", Integer, nullable=False),
)

_fields_of = {row: attrgetter(*row.__struct_fields__) for row in (RunRow, VerdictRow, LinkRow)}


def values_of(row: Row) -> tuple[Any, ...]:
    """A row as a tuple in the order of its table's columns."""
    found: tuple[Any, ...] = _fields_of[type(row)](row)
    return (*found[:-1], json.dumps(row.trackers)) if isinstance(row, RunRow) else found


def run_of(values: Sequence[Any]) -> RunRow:
    """The row of `runs` that `values_of` gave the values of."""
    return RunRow(*(*values[:-1], tuple(json.loads(values[-1]))))


def engine_of(path: Path, url: str | None) -> Engine:
    """The database of an index: at `url`, or else in the file `path`.

    Raises:
        EvidenceError: it cannot be opened.
    """
    if url is not None:
        try:
            return create_engine(url)
        except (ArgumentError, ImportError) as error:
            raise EvidenceError(
                f"the index cannot be opened at {redact_uri(url)}: {said(error)}"
            ) from error
    _refuse_stranger(path)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        # An auditor's read-only copy: the index lives as long as this process.
        anywhere = {"check_same_thread": False}
        return create_engine("sqlite://", poolclass=StaticPool, connect_args=anywhere)
    return _engine_at(path.absolute())


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
