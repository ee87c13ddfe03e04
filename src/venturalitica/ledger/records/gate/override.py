"""Override: a person lets a version that the gate refuses have an alias, and says until when.

    {"format": 3, "kind": "override", "package": version,
     "target":  {"name", "version", "alias", "files_root", "files_sha256"}: for these files under
                this alias, and nothing else,
     "because": why, as everybody who sees the alias reads it,
     "person":  reference to the vault: who,
     "keyid":   id of the key that signs for the person (one of the envelope's),
     "decided_at", "until": the writer's clock, UTC; at most 72 hours apart,
     "trackers": the run that it is delivered to}

It shows that the holder of a key wanted it. Whether that key may is for whoever reads it to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.encoding import canonical_json, is_hash, is_reference, sha256_hex
from venturalitica.core.json_values import Json, mapping, mappings, text
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import FORMAT, OVERRIDE, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError

LONGEST = timedelta(hours=72)
"""An override is for an emergency; what lasts longer wants evidence, or another policy."""

MAX_REASON = 500
_NAMES = ("name", "version", "alias")
_DIGESTS = ("files_root", "files_sha256")


class Override(Struct, frozen=True, kw_only=True):
    """What such a record says. `at` and `until` are in UTC."""

    name: str
    version: str
    alias: str
    files_root: str
    files_sha256: str
    because: str
    person: Mapping[str, str]
    keyid: str
    at: datetime
    until: datetime

    def statement(self, trackers: list[Json]) -> dict[str, Any]:
        """The statement, ready to be appended.

        Raises:
            EvidenceError: it would be malformed, or last too long.
        """
        predicate = {
            "format": FORMAT,
            "kind": "override",
            "package": __version__,
            "target": {name: getattr(self, name) for name in (*_NAMES, *_DIGESTS)},
            "because": self.because,
            "person": dict(self.person),
            "keyid": self.keyid,
            "decided_at": timestamp(self.at),
            "until": timestamp(self.until),
            "trackers": trackers,
        }
        self.of(predicate)
        return statement_json(OVERRIDE, [(f"files/{self.name}", self.files_root)], predicate)

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Override:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed, or it lasts longer than 72 hours.
        """
        target = mapping(predicate.get("target"))
        for name in _NAMES:
            if not isinstance(target.get(name), str) or not target[name]:
                raise EvidenceError(f"predicate.target.{name} is missing or malformed")
        for name in _DIGESTS:
            if not is_hash(target.get(name)):
                raise EvidenceError(f"predicate.target.{name} is no SHA-256")
        because = predicate.get("because")
        if not isinstance(because, str) or not because.strip() or len(because) > MAX_REASON:
            raise EvidenceError(f"predicate.because is no text of 1 to {MAX_REASON} characters")
        if not is_reference(predicate.get("person")):
            raise EvidenceError("predicate.person is not a reference to the vault")
        if not is_hash(predicate.get("keyid")):
            raise EvidenceError("predicate.keyid is no id of a key")
        if mappings(predicate.get("trackers")) != tuple(predicate.get("trackers") or ()):
            raise EvidenceError("predicate.trackers is malformed")
        at, until = (_moment(predicate, name) for name in ("decided_at", "until"))
        if not timedelta(0) < until - at <= LONGEST:
            raise EvidenceError("predicate.until is not within 72 hours after decided_at")
        return cls(
            **{name: target[name] for name in (*_NAMES, *_DIGESTS)},
            because=because,
            person=predicate["person"],
            keyid=predicate["keyid"],
            at=at,
            until=until,
        )


def files_sha256(manifest: Manifest) -> str:
    """SHA-256 over names and digests: the root alone does not know which name has which bytes."""
    return sha256_hex(canonical_json(dict(manifest.files)))


def _moment(predicate: Json, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text(predicate.get(name)))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise EvidenceError(f"predicate.{name} is no time with its zone")
