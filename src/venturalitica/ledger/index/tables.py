"""The tables of the index, and the database that holds them.

Loaded only when the index is used: SQLAlchemy is slow to import.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, StaticPool

from venturalitica.core.causes import said
from venturalitica.core.redact import redact_uri
from venturalitica.errors import EvidenceError

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("name", Text, nullable=False, index=True),
    Column("parent", Text),
    Column("sequence", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("appended_at", Text, nullable=False, index=True),
    Column("policy_name", Text),
    Column("policy_version", Text),
    Column("policy_sha256", Text),
    Column("light", Text, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("not_evaluated", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("model_class", Text),
    Column("exception", Text),
    Column("revision", Text),
    Column("signer", Text, nullable=False),
    Column("margin", Float),
    Column("margin_low", Float),
    Column("margin_high", Float),
    Column("margin_control", Text),
    Column("evidence_sha256", Text, nullable=False, unique=True),
    Column("trackers", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    # What the pages ask of every run is answered from these alone, without the wide rows.
    Index("ix_runs_pipeline", "policy_name", "name", "experiment", "kind", "run_id", "entry"),
    Index("ix_runs_run", "run_id", "name", "policy_name", "kind", "entry", "light", "signer"),
    Index("ix_runs_version", "policy_name", "policy_version", "policy_sha256", "kind", "entry"),
    Index("ix_runs_light", "kind", "light", "entry", "signer"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("entry", Integer, ForeignKey("runs.entry"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("control", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("light", Text, nullable=False),
    Column("on_fail", Text, nullable=False),
    Column("must", Text, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("n", Integer, nullable=False),
    Column("article", Text),
    Index("ix_verdicts_control", "control", "light", "entry"),
)

links = Table(
    "links",
    metadata,
    Column("entry", Integer, ForeignKey("runs.entry"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tracker", Text, nullable=False),
    Column("run_id", Text, nullable=False, index=True),
    Column("uri", Text, nullable=False),
    Column("run", Text, nullable=False),
)

run_values = itemgetter(*runs.columns.keys())
verdict_values = itemgetter(*verdicts.columns.keys())
link_values = itemgetter(*links.columns.keys())
"""A row as a tuple in the order of its table's columns."""


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
