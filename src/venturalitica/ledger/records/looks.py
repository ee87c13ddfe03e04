"""Looks at data, counted: what the log holds before an audit is what the audit says came before it.

Who writes an audit counts from the kept looks (`kept_looks`), `verify` counts again from the
log itself: both by `Looks`. Entries that a prune record names are counted by neither from then on.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

from venturalitica.core.encoding import is_hash, sha256_hex
from venturalitica.core.json_values import Json, integer, mappings, text
from venturalitica.core.prior import (
    Attempts,
    Committed,
    identity_digest,
    identity_of,
    identity_roles,
    key_id,
    keyed,
)
from venturalitica.core.record import AUDIT, COMMITMENT, Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.kinds.commitment import Commitment

DIGITS = 32
"""Of each digest: 128 bits tell apart whatever a log holds, in half of the space."""

NO_DATA = "-"
"""In the place of a key: it looked at no data, so there is nothing to compare."""
UNKNOWN = "?"
"""In the place of a key: its data have no identity that is known here."""


class Look(Struct, frozen=True):
    """What an entry has to do with later audits: an audit (`key` set), or a commitment (empty).

    `data` is the identity of what it judged, under the log's key of that id.
    """

    index: int
    key: str
    policy: str = ""
    data: str = ""
    model: str = ""


def look_of(record: Statement, index: int, key: bytes | None) -> Look | None:
    """The look that a record is; None where later audits do not count it.

    Args:
        key: the log's own secret, under which bare digests of format 1 are compared; None where it
            is not here.
    """
    policy = _cut(record.policy.sha256) if record.policy and record.understood else ""
    if not policy:
        return None
    if record.predicate_type == COMMITMENT:
        return Look(index, "", policy)
    if record.predicate_type != AUDIT:
        return None
    found = _identity(record, key)
    model = _cut(text(record.model.get("sha256")))
    return Look(index, found[1], policy, found[0][:DIGITS], model)


def _cut(digest: str) -> str:
    """The beginning of a digest; a signer may write any text in its place, with spaces in it."""
    if digest and not is_hash(digest):
        digest = sha256_hex(digest.encode("utf-8", "backslashreplace"))
    return digest[:DIGITS]


def _identity(record: Statement, key: bytes | None) -> tuple[str, str]:
    if not record.data:
        return "", NO_DATA
    digest, known = identity_of(record.data[0])
    if digest:
        return digest, known
    bare = _bare_identity(record, record.data[0]) if key and record.format == 1 else ""
    return (keyed(bare, key), key_id(key)) if bare and key else ("", UNKNOWN)


def _bare_identity(record: Statement, item: Json) -> str:
    """The identity of data of format 1, from the bare digests of their columns."""
    columns_of = mappings(item.get("columns"))
    known = {text(one.get("name")): text(one.get("sha256")) for one in columns_of}
    names = {role: text(name) for role, name in record.bindings.items()}
    columns = [known.get(names[role], "") for role in identity_roles(names)]
    rows = integer(item.get("rows"))
    return identity_digest(rows, columns) if rows and columns and all(columns) else ""


class _Data(Struct):
    """The audits of the same data."""

    audits: list[int] = field(default_factory=list)
    policies: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)


class Looks:
    """The looks of a log up to a place; those of pruned entries are taken out again."""

    def __init__(self, looks: Iterable[Look] = ()) -> None:
        self._looks: dict[int, Look] = {}
        self._of: dict[str, _Data] = {}
        self._seen: dict[str, list[int]] = {}
        self._committed: dict[str, list[int]] = {}
        self.keys: Counter[str] = Counter()
        for look in looks:
            self.add(look)

    def add(self, look: Look) -> None:
        """Take in the next."""
        self._looks[look.index] = look
        insort(self._seen.setdefault(look.policy, []), look.index)
        if not look.key:
            self._committed.setdefault(look.policy, []).append(look.index)
            return
        self.keys[look.key] += 1
        if look.data:
            same = self._of.setdefault(look.data, _Data())
            insort(same.audits, look.index)
            same.policies[look.policy] += 1
            same.models.update([look.model] if look.model else ())

    def prune(self, start: int, end: int) -> None:
        """Take out the audits of pruned entries; commitments are never pruned."""
        for index in [one for one in self._looks if start <= one < end and self._looks[one].key]:
            look = self._looks.pop(index)
            self._seen[look.policy].remove(index)
            self.keys[look.key] -= 1
            if look.data:
                same = self._of[look.data]
                same.audits.remove(index)
                # Of a `Counter`, only what is above zero is left by this.
                same.policies -= Counter([look.policy])
                same.models -= Counter([look.model])

    def attempts(self, look: Look) -> Attempts | None:
        """What came before an audit that is about to be taken in; None where nobody can say."""
        if not look.data:
            return None
        same = self._of.get(look.data, _Data())
        first = next(iter(self._seen.get(look.policy, ())), look.index)
        others = sum(self.keys.values()) - self.keys[look.key] - self.keys[NO_DATA]
        return Attempts(
            audits=len(same.audits),
            policies=len(same.policies),
            models=len(same.models),
            before_policy=bisect_left(same.audits, first),
            not_compared=others,
        )

    def commitment(self, policy: str) -> int | None:
        """The entry of the newest commitment to a policy text; None where there is none."""
        found = self._committed.get(policy)
        return found[-1] if found else None


def commitment_in(record: Statement) -> Commitment | None:
    """The commitment that a record is; None where it is none that can be read."""
    if record.predicate_type != COMMITMENT or not record.understood:
        return None
    try:
        return Commitment.of(record.predicate)
    except EvidenceError:
        return None  # `verify` says what is wrong with it


def named_for(made: Commitment, entry: int, sha256: str, record: Statement) -> Committed:
    """How an audit names a commitment to its policy, which lies in that entry."""
    identity = identity_of(record.data[0])[0] if record.data else ""
    return made.named(entry, sha256, identity=identity, rows=record.rows)
