"""The record of kind `commitment`: which rules shall judge which data, said before they do.

    {"format": 3, "kind": "commitment", "package": version,
     "policy":     as in an audit: name, version, title, file, digest and bytes,
     "commitment": {"format": "venturalitica/commitment/v1", "policy_sha256",
                    "data": null, or {"name", "rows", "identity"} of the test data,
                    "rows": how many rows are planned, or null,
                    "committed_at": the writer's clock, "nonce": 64 random hexadecimal digits},
     "timestamp":  null, or {"url", "response", "nonce", "at"}: what a time-stamping authority
                   answered (RFC 3161), base64, to the SHA-256 of the canonical JSON of
                   `commitment`; the nonce that was sent; the time that it states}

The nonce makes two commitments to the same two things, so a time stamp of one is none of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.encoding import canonical_json, is_hash, is_place
from venturalitica.core.json_values import Json, as_object, integer, mapping, text
from venturalitica.core.policy import Snapshot
from venturalitica.core.prior import Committed, identity_of
from venturalitica.core.record import COMMITMENT, FORMAT, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError

BODY = "venturalitica/commitment/v1"


class Commitment(Struct, frozen=True, kw_only=True):
    """What such a record says. `stamp` is its `timestamp`, None where no authority was asked."""

    policy: Snapshot
    body: Json
    stamp: Json | None = None

    @classmethod
    def made(
        cls,
        policy: Snapshot,
        *,
        data: Json | None,
        rows: int | None,
        now: datetime,
        nonce: str,
    ) -> Commitment:
        """A new one, not yet time-stamped."""
        body = {
            "format": BODY,
            "policy_sha256": policy.sha256,
            "data": dict(data) if data else None,
            "rows": rows,
            "committed_at": timestamp(now),
            "nonce": nonce,
        }
        return cls(policy=policy, body=body)

    @property
    def signed_bytes(self) -> bytes:
        """What is time-stamped."""
        return canonical_json(self.body)

    @property
    def committed_at(self) -> str:
        """By the writer's clock, RFC 3339 UTC."""
        return text(self.body.get("committed_at"))

    @property
    def timestamped_at(self) -> str | None:
        """By the authority's clock, RFC 3339 UTC; `verify` holds it against the token."""
        return text(self.stamp["at"]) if self.stamp else None

    @property
    def rows(self) -> int | None:
        """How many rows are planned; None where that was not said."""
        return integer(self.body.get("rows"))

    @property
    def data(self) -> Json | None:
        """The test data: name, rows, identity; None where they were not named."""
        return as_object(self.body.get("data"))

    def named(self, entry: int, sha256: str, *, identity: str, rows: int | None) -> Committed:
        """How an audit of data with this identity, of so many rows, names it.

        Args:
            entry: its place, and `sha256` the digest of its envelope.
            identity: HMAC of the audited data; empty where it is not known.
            rows: how many were counted; None where none were.
        """
        own = identity_of(self.data)[0] if self.data else ""
        return Committed(
            entry=entry,
            evidence_sha256=sha256,
            committed_at=self.committed_at,
            timestamped_at=self.timestamped_at,
            data=own == identity if own and identity else None,
            rows=None if self.rows is None or rows is None else self.rows == rows,
        )

    def statement(self) -> dict[str, Any]:
        """The statement, ready to be appended."""
        predicate = {
            "format": FORMAT,
            "kind": "commitment",
            "package": __version__,
            "policy": self.policy.to_json(),
            "commitment": dict(self.body),
            "timestamp": dict(self.stamp) if self.stamp else None,
        }
        subject = (f"policy/{self.policy.filename}", self.policy.sha256)
        return statement_json(COMMITMENT, [subject], predicate)

    @classmethod
    def of(cls, said: Json) -> Commitment:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed, or the policy is another.
        """
        body, stamp = mapping(said.get("commitment")), said.get("timestamp")
        right = (
            body.get("format") == BODY
            and isinstance(body.get("committed_at"), str)
            and is_hash(body.get("nonce"))
            and (body.get("rows") is None or is_place(body["rows"]))
            and (body.get("data") is None or isinstance(body["data"], Mapping))
        )
        if not right:
            raise EvidenceError("predicate.commitment is missing or malformed")
        names = ("url", "response", "nonce", "at")
        texts = all(isinstance(mapping(stamp).get(name), str) for name in names)
        if stamp is not None and not texts:
            raise EvidenceError("predicate.timestamp is malformed")
        policy = Snapshot.of(mapping(said.get("policy")))
        policy.checked()
        if policy.sha256 != body.get("policy_sha256"):
            raise EvidenceError("its policy is another than the one that it commits to")
        return cls(policy=policy, body=body, stamp=as_object(stamp))
