"""What came before an audit: the commitment that covers its policy, and earlier audits of its data.

Set into `predicate.prior` when the audit is appended, from what the log holds at that moment:

    {"commitment": null, or {"entry", "evidence_sha256", "committed_at", "timestamped_at",
                             "data", "rows"}: the newest that names this policy text; `data` and
                   `rows` say whether those are what it named (null where it named none),
     "attempts":   null where no identity of the data is known, or
                   {"audits": earlier audits of these data, "policies": by so many policy texts,
                    "models": of so many models, "before_policy": how many of those audits came
                    before this policy text first came into the log, "not_compared": earlier
                    audits whose data cannot be compared with these}}

Data are the same where their identity is: `data[].identity`, `{"of": roles, "key": id of the log's
key, "hmac_sha256": …}`, over the target's values in the order of the rows (where no target is
bound, over those of the groupings), and not over names, nor over what a model answered. So a new
policy, another model or another name is a further attempt at the same data.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, to_builtins

from venturalitica.core.encoding import canonical_json, is_hash, is_place, sha256_hex
from venturalitica.core.json_values import Json, as_object, mapping, text

IDENTITY = "venturalitica/data-identity/v1"
KNOWN_BY = (
    "Data are known again by the target's values in their order: sorted or shuffled rows begin a "
    "new count, and tables whose targets are equal row by row count as one."
)
KEY_DIGITS = 16
"""Digits of the SHA-256 of the log's key that name it: random, so that its digest tells nothing."""
_KEY = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}")


def identity_roles(bound: Iterable[str]) -> list[str]:
    """Of the roles that are bound, those whose columns stand for the rows; may be none.

    What a model answered is not among them: another model on the same rows looks at the same data.
    """
    roles = set(bound)
    return ["target"] if "target" in roles else sorted(roles - {"prediction", "score", "weight"})


def identity_digest(rows: int, columns: Iterable[str]) -> str:
    """The bare identity of some rows, from the digests of the columns that stand for them."""
    said = {"format": IDENTITY, "rows": rows, "columns": sorted(columns)}
    return sha256_hex(canonical_json(said))


def key_id(key: bytes) -> str:
    """By which name records call the log's key."""
    return hashlib.sha256(key).hexdigest()[:KEY_DIGITS]


def keyed(sha256: str, key: bytes) -> str:
    """A digest as it is recorded: HMAC-SHA-256 (RFC 2104) of its 32 bytes, in hexadecimal."""
    return hmac.digest(key, bytes.fromhex(sha256), "sha256").hex()


def identity_json(bare: Json | None, key: bytes) -> dict[str, Any] | None:
    """An identity as it is recorded; `bare` is `{"of": roles, "sha256": …}`."""
    if bare is None:
        return None
    digest = keyed(text(bare["sha256"]), key)
    return {"of": list(bare["of"]), "key": key_id(key), "hmac_sha256": digest}


def identity_of(item: Json) -> tuple[str, str]:
    """Digest and key id of the identity that a data item of a record states; else two empty."""
    said = mapping(item.get("identity"))
    digest, key = said.get("hmac_sha256"), said.get("key")
    named = isinstance(key, str) and _KEY.fullmatch(key)
    return (str(digest), str(key)) if is_hash(digest) and named else ("", "")


class Attempts(Struct, frozen=True, kw_only=True):
    """How often these data were audited before, as far as this log holds it."""

    audits: int = 0
    policies: int = 0
    models: int = 0
    before_policy: int = 0
    not_compared: int = 0

    @classmethod
    def of(cls, said: object) -> Attempts | None:
        """Read it; None where it is none, or malformed."""
        found = mapping(said)
        counts = {name: found.get(name) for name in cls.__struct_fields__}
        whole = all(map(is_place, counts.values()))
        return cls(**{name: int(number or 0) for name, number in counts.items()}) if whole else None

    def sentences(self) -> list[str]:
        """What to say of it, and no more than is known."""
        models = f", {_many(self.models, 'model')}" if self.models else ""
        beside = f" ({_many(self.policies, 'policy text')}{models})" if self.audits else ""
        count = self.audits or "no"
        said = [
            f"This log holds {count} earlier audit{'' if self.audits == 1 else 's'} of these "
            f"data{beside}; looks elsewhere are not counted."
        ]
        if self.warning:
            said.append(self.warning)
        if self.not_compared:
            audits = _many(self.not_compared, "earlier audit")
            said.append(f"The data of {audits} cannot be compared with these.")
        return [*said, KNOWN_BY]

    @property
    def warning(self) -> str:
        """That the policy was changed after a look; empty where it was not."""
        return changed_after(self.before_policy)


class Committed(Struct, frozen=True, kw_only=True):
    """A commitment as an audit names it: its place, its times, and whether data and rows fit."""

    entry: int
    evidence_sha256: str
    committed_at: str
    timestamped_at: str | None
    data: bool | None
    rows: bool | None

    @classmethod
    def of(cls, said: object) -> Committed | None:
        """Read it; None where it is none, or malformed."""
        found = mapping(said)
        known: dict[str, Any] = {name: found.get(name) for name in cls.__struct_fields__}
        right = (
            is_place(known["entry"])
            and is_hash(known["evidence_sha256"])
            and isinstance(known["committed_at"], str)
            and isinstance(known["timestamped_at"], str | None)
            and all(known[name] in (True, False, None) for name in ("data", "rows"))
        )
        return cls(**known) if right else None

    def sentence(self) -> str:
        """When the policy was committed to, by whose clock, and whether data and rows fit."""
        stamp = f"time stamp of {_day(self.timestamped_at)}" if self.timestamped_at else ""
        clock = stamp or "by the writer's own clock, no time stamp"
        parts = [
            f"This policy text was committed to in entry {self.entry}, on "
            f"{_day(self.committed_at)} ({clock})."
        ]
        if self.data is not None:
            parts.append("It named these data." if self.data else "It named other data than these.")
        if self.rows is not None:
            fit = "as many rows" if self.rows else "another number of rows"
            parts.append(f"It planned {fit}.")
        parts.append("That dates the policy; it does not show that nobody had looked.")
        return " ".join(parts)


class Prior(Struct, frozen=True, kw_only=True):
    """Both, as one record states them."""

    commitment: Committed | None = None
    attempts: Attempts | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that is signed."""
        found: dict[str, Any] = to_builtins(self)
        return found

    @classmethod
    def of(cls, said: object) -> Prior | None:
        """Read it; None where a record states none. What is malformed in it reads as absent."""
        found = as_object(said)
        if found is None:
            return None
        named, counted = found.get("commitment"), found.get("attempts")
        return cls(commitment=Committed.of(named), attempts=Attempts.of(counted))

    def sentences(self) -> list[str]:
        """What a report says of it."""
        none = "No commitment to this policy text is in the log from before this audit."
        said = [self.commitment.sentence() if self.commitment else none]
        uncounted = "Earlier audits of these data were not counted: no digest of them was taken."
        return said + (self.attempts.sentences() if self.attempts else [uncounted])


def changed_after(audits: int) -> str:
    """That a policy text is younger than so many looks; empty where there were none."""
    looks = _many(audits, "audit")
    said = f"Policy changed after {looks} of these data: its text came into the log only then."
    return said if audits else ""


def is_prior(value: object) -> bool:
    """Whether it can stand in a record as `predicate.prior`."""
    said = mapping(value)
    names = {"commitment": Committed.of, "attempts": Attempts.of}
    return isinstance(value, Mapping) and all(
        name in said and (said[name] is None or read(said[name]) is not None)
        for name, read in names.items()
    )


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _day(moment: str) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC"
