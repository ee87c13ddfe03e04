"""The record of kind `placement`: that a model was placed on the market, or put into service.

    {"format": 3, "kind": "placement", "model": {"name", "sha256"}, "placed_on": "2026-11-29", ...}

Ten years of keeping count from that day (`core/retention.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import is_hash
from venturalitica.core.json_values import mapping
from venturalitica.core.retention import parse_day
from venturalitica.errors import EvidenceError


class Placement(Struct, frozen=True):
    """That a model was placed on the market, or put into service, on a day."""

    model: str
    sha256: str
    on: date

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Placement:
        """Read the predicate of such a record.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        model = mapping(predicate.get("model"))
        name, digest = model.get("name"), model.get("sha256")
        if not (isinstance(name, str) and name and isinstance(digest, str) and is_hash(digest)):
            raise EvidenceError("predicate.model is missing or malformed")
        return cls(name, digest, parse_day(predicate.get("placed_on")))

    def to_json(self) -> dict[str, Any]:
        """As it stands in the predicate."""
        model = {"name": self.model, "sha256": self.sha256}
        return {"model": model, "placed_on": self.on.isoformat()}
