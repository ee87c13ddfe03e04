"""The index in each database that a team may have it in: SQLite, and a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from msgspec import Struct

from venturalitica.ledger import Index, Ledger
from venturalitica.ledger.index.tables import SCHEMA


class Database(Struct, frozen=True):
    """Where the index of a ledger is kept: at `url`, or else in the ledger's own folder."""

    url: str | None

    def open(self, ledger: Ledger) -> Index:
        """The index, caught up with the log."""
        return Index.open(ledger, self.url)

    def edit(self, ledger: Ledger, *statements: str) -> list[int]:
        """Do it behind the back of the index; gives how many rows each statement changed."""
        if self.url is None:
            with closing(sqlite3.connect(ledger.home / "index.db")) as file, file:
                return [file.execute(one).rowcount for one in statements]
        with closing(self._connection()) as connection:
            connection.execute(f"SET search_path TO {SCHEMA}")
            # SQLite holds no row to those that it refers to, and whoever edits would not be held.
            connection.execute("SET session_replication_role TO replica")
            return [
                connection.execute(f"{one} CASCADE" if one.startswith("DROP") else one).rowcount
                for one in statements
            ]

    def dump(self, ledger: Ledger, table: str) -> list[tuple[Any, ...]]:
        """All rows of a table."""
        if self.url is None:
            with closing(sqlite3.connect(ledger.home / "index.db")) as file:
                return file.execute(f"SELECT * FROM {table}").fetchall()
        with closing(self._connection()) as connection:
            return list(connection.execute(f"SELECT * FROM {SCHEMA}.{table}"))

    def delete(self, ledger: Ledger) -> None:
        """Take the whole index away."""
        if self.url is None:
            (ledger.home / "index.db").unlink()
        else:
            self.empty()

    def empty(self) -> None:
        """Take away whatever indexes there are in PostgreSQL."""
        with closing(self._connection()) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def _connection(self) -> Any:
        import psycopg

        return psycopg.connect(str(self.url), autocommit=True)
