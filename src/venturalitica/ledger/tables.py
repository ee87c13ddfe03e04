"""The tables of the index. Loaded only when the index is used: SQLAlchemy is slow to import."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, Table, Text

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
    Column("run_id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False, index=True),
    Column("parent", Text),
    Column("sequence", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("appended_at", Text, nullable=False, index=True),
    Column("policy_name", Text, index=True),
    Column("policy_version", Text),
    Column("policy_sha256", Text),
    Column("light", Text, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("not_evaluated", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("model_class", Text),
    Column("exception", Text),
    Column("evidence_sha256", Text, nullable=False, unique=True),
    Column("trackers", Text, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("entry", Integer, ForeignKey("runs.entry"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("control", Text, nullable=False, index=True),
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
)

links = Table(
    "links",
    metadata,
    Column("entry", Integer, ForeignKey("runs.entry"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tracker", Text, nullable=False),
    Column("run_id", Text, nullable=False, index=True),
    Column("run", Text, nullable=False),
)
