"""What a record says of one of its data sets, in words and digests."""

from __future__ import annotations

from venturalitica.core.json_values import Json, mapping, text

WRITTEN = "written"
"""The context of a file that nobody named, and that no tracker hears of as of a data set."""


def data_digest(item: Json) -> str:
    """What a record says in the place of a data set: since format 3 its digest under a key."""
    return text(item.get("hmac_sha256") or item.get("sha256"))


_STATES = {
    "delta/v1": "Delta table {table}, version {id}",
    "iceberg/v1": "Iceberg table {table}, snapshot {id}",
    "input-files/v1": "the addresses of its files, HMAC-SHA-256 {hmac_sha256}",
    "sql/v1": "the text of its query, HMAC-SHA-256 {hmac_sha256}",
}


def snapshot_words(item: Json) -> str:
    """Which state of itself a table named, and by which method; "" where it named none."""
    said = mapping(item.get("snapshot"))
    method = text(said.get("method"))
    if not method:
        return ""
    known = {name: text(said.get(name)) for name in ("table", "id", "hmac_sha256")}
    return f"{_STATES.get(method, 'unknown').format(**known)} ({method})"
