"""What a table that is not in memory says of its own state: a version, its files, a query.

    method          what stands for the rows                          where
    delta/v1        the table's id and version                        a `deltalake.DeltaTable`
    iceberg/v1      the table's UUID and snapshot id                  a table or scan of pyiceberg
    input-files/v1  SHA-256 of the files' addresses, sorted           a Spark frame over files
    sql/v1          SHA-256 of the query's text                       Ibis, DuckDB

The two digests are over UTF-8: `input-files/v1` over the canonical JSON of the addresses without
credentials, `sql/v1` over the text as its library compiles it. They name files and a question, and
not what is in them. Neither an address nor a text is kept: a text has values in it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.redact import redact_uri, redacted_traceback

log = logging.getLogger(__name__)

_DRAWN = re.compile(r"\bibis_\w+_[a-z0-9]{26}\b|\b__duckdb_source_\w+")
"""A name that was drawn at random, or of something in this process: it says nothing of the rows."""
_ALIAS = re.compile(r"\bunnamed_relation_[0-9a-f]{16}\b")
"""By which DuckDB calls a subquery, another each time."""


def snapshot_of(frame: Any, *, lake: Any = None, ordered: bool) -> dict[str, str] | None:
    """What a table says of its state: `{"method", "table", "id"}`, or of files and texts
    `{"method", "sha256"}`; None where it says nothing that would hold tomorrow.

    Args:
        frame: the table as narwhals holds it, or None.
        lake: the Delta or Iceberg table that the rows are of.
        ordered: whether a fingerprint of the rows is made: then only a version adds to it.

    A boundary: a table that cannot say it costs no audit.
    """
    from venturalitica.tally.engines.arrow import kind_of_lake

    try:
        if kind_of_lake(lake) == "Delta":
            return _version("delta/v1", lake.metadata().id, lake.version())
        if kind_of_lake(lake):
            return _of_iceberg(lake)
        return None if ordered or frame is None else _of_engine(frame.to_native())
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.info("the table did not say which state of it was read")
        log.debug("why it did not\n%s", redacted_traceback(error))
        return None


def _of_iceberg(lake: Any) -> dict[str, str] | None:
    is_scan = hasattr(lake, "table_metadata")
    found = lake.snapshot() if is_scan else lake.current_snapshot()
    metadata = lake.table_metadata if is_scan else lake.metadata
    if found is None:  # nothing was ever written to it
        return None
    return _version("iceberg/v1", metadata.table_uuid, found.snapshot_id)


def _version(method: str, table: Any, id: Any) -> dict[str, str]:
    # As text: Iceberg's are of 64 bits, and JSON's numbers hold 53.
    return {"method": method, "table": str(table), "id": str(id)}


def _of_engine(native: Any) -> dict[str, str] | None:
    home = type(native).__module__.partition(".")[0]
    if home == "pyspark":
        return of_files(native.inputFiles())
    ask = {"ibis": "compile", "duckdb": "sql_query", "_duckdb": "sql_query"}.get(home)
    text = getattr(native, ask)() if ask else None
    if not isinstance(text, str) or _DRAWN.search(text):
        return None
    return _digest("sql/v1", _ALIAS.sub("unnamed_relation", text).encode())


def of_files(addresses: Sequence[str]) -> dict[str, str] | None:
    """The snapshot of rows in these files, in any order; None where there are none."""
    files = sorted(map(redact_uri, addresses))
    return _digest("input-files/v1", canonical_json(files)) if files else None


def _digest(method: str, said: bytes) -> dict[str, str]:
    return {"method": method, "sha256": sha256_hex(said)}
