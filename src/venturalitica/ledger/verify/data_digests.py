"""Digests of data under the log's key, taken again from the bare ones in the vault.

By them earlier audits of the same data are counted: whoever signs others begins a new count.
"""

from __future__ import annotations

from pathlib import Path

from venturalitica.core.encoding import VAULT, is_hash, parse_object
from venturalitica.core.json_values import Json, integer, mapping, mappings, text
from venturalitica.core.prior import (
    identity_digest,
    identity_json,
    identity_of,
    identity_roles,
    key_id,
    keyed,
)
from venturalitica.core.record import AUDIT, Statement
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.vault import KEY, Vault, key_in

FORMAT = "venturalitica/data-digests/v1"


class DataDigests(Chronicle):
    """The chronicle `data`: digests and identities are those of the bare digests in the vault."""

    name = "data"
    meaning = "earlier audits of its data could not be counted by the digests that it states"

    def __init__(self, home: Path | None) -> None:
        """`home`: the ledger's folder; None for a bundle alone."""
        self._vault = None if home is None else Vault(home)
        self._key = None if home is None else key_in(home)
        self._held = 0
        self._unheld: dict[str, int] = {}

    def read(self, record: Record) -> None:
        """Take the digests of a record again; raises `EvidenceError` where it states others."""
        said = record.statement
        # Format 1 states the bare ones.
        if not said.judged or not said.understood or said.format == 1:
            return
        if not said.digests_kept:
            stated = [one for one in said.data if one.get("hmac_sha256") or one.get("identity")]
            if stated:
                raise EvidenceError("it states digests of data, and keeps no bare ones of them")
            return
        why = self._hold(said)
        self._held += not why
        if why:
            self._unheld[why] = self._unheld.get(why, 0) + 1

    def step(self) -> Step | None:
        """What was taken again; None where no record states a digest of data."""
        if not self._held and not self._unheld:
            return None
        texts = [f"digests under {KEY} are those of the data's bare ones ({self._held})"]
        unheld = [f"not checked ({count}): {why}" for why, count in self._unheld.items()]
        return Step(
            self.name,
            None if unheld else True,
            "; ".join((texts if self._held else []) + unheld),
        )

    def _hold(self, record: Statement) -> str:
        """Why it could not be held against the bare digests; "" where it was."""
        if self._vault is None:
            return "bare digests and key are in the vault of its log, not in the bundle"
        kept = self._vault.open({VAULT: record.digests_kept})
        if kept is None:
            return "the bare digests were erased, or are in a vault that is not here"
        items = _bare(kept, record)
        for item, (digest, identity) in zip(record.data, items, strict=True):
            if bool(item.get("hmac_sha256")) != bool(digest):
                raise EvidenceError("a digest of its data is there, and its bare one is not")
            if bool(item.get("identity")) != bool(identity):
                raise EvidenceError("the identity of its data is not what its bare digests give")
        if self._key is None:
            return f"{KEY} is not here"
        other = 0
        for item, (digest, identity) in zip(record.data, items, strict=True):
            other += self._another_key(item, digest, identity)
        return f"recorded under another key than {KEY} here, or altered" if other else ""

    def _another_key(self, item: Json, digest: str, identity: Json | None) -> bool:
        """Whether it says that another key was used, and nothing shows that it was not."""
        key = self._key or b""
        ours = not digest or item["hmac_sha256"] == keyed(digest, key)
        if identity is None:
            return not ours
        if identity_of(item)[1] == key_id(key):
            if not ours or item["identity"] != identity_json(identity, key):
                raise EvidenceError(f"digests of its data are not those that {KEY} gives")
            return False
        if ours:
            raise EvidenceError("its data's digest and their identity are under two keys")
        return True


def _bare(kept: str, record: Statement) -> list[tuple[str, Json | None]]:
    """The bare digest of each data item, and its bare identity; None where it has none."""
    content = parse_object(kept.encode("utf-8"), what="the digests of its data")
    items = mappings(content.get("data"))
    names = [tuple(one.get(name) for name in ("name", "context")) for one in record.data]
    known = [tuple(one.get(name) for name in ("name", "context")) for one in items]
    if content.get("format") != FORMAT or names != known:
        raise EvidenceError("its bare digests in the vault are of other data than it names")
    audit = record.predicate_type == AUDIT
    found: list[tuple[str, Json | None]] = []
    for item, bare in zip(record.data, items, strict=True):
        columns = mapping(bare.get("columns"))
        if set(columns) != {text(one.get("name")) for one in mappings(item.get("columns"))}:
            raise EvidenceError("its bare digests in the vault are of other columns than it names")
        digest = bare.get("sha256")
        if digest is not None and not is_hash(digest):
            raise EvidenceError("a bare digest of its data is no SHA-256")
        found.append((digest or "", _identity(record, item, columns) if audit else None))
    return found


def _identity(record: Statement, item: Json, columns: Json) -> Json | None:
    """As `audit.measure.identity` makes it, from the bare digests of columns."""
    roles = identity_roles(record.bindings)
    digests = []
    for role in roles:
        name, beside = text(record.bindings[role]), f"{role} (array)"
        # So an array is called that has the name of a column.
        digests.append(columns.get(beside if name == role and beside in columns else name))
    rows = integer(item.get("rows"))
    if not digests or rows is None or not all(map(is_hash, digests)):
        return None
    return {"of": roles, "sha256": identity_digest(rows, map(str, digests))}
