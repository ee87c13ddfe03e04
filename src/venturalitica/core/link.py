"""The place of one entry, as its own statement says it: `predicate.log`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica.core.encoding import is_hash
from venturalitica.core.json_values import integer
from venturalitica.errors import EvidenceError


class Link(Struct, frozen=True, kw_only=True):
    """The place of one entry, set in by the ledger when it appends.

    So a record cannot be moved, doubled or carried into another log, and a checkpoint by a key that
    no record names is not ours. `previous` is the leaf hash of the entry before (None for the
    first), `checkpoint_key` the id of the Ed25519 key that seals this entry, `record_key` that of
    the one that signs it: empty in records from before both were named.
    """

    origin: str
    index: int
    previous: str | None
    appended_at: str
    checkpoint_key: str
    record_key: str = ""

    def to_json(self) -> dict[str, Any]:
        """The form that is signed."""
        return {n: said for n, said in asdict(self).items() if said or n != "record_key"}

    @classmethod
    def of(cls, said: object) -> Link:
        """Read it.

        Raises:
            EvidenceError: there is none, or a field of it is not what it should be.
        """
        names = set(cls.__struct_fields__)
        if not isinstance(said, Mapping) or not said.keys() >= names - {"record_key"}:
            raise EvidenceError("the statement does not say where in which log it belongs")
        link = cls(**{name: said[name] for name in names & said.keys()})
        texts = isinstance(link.origin, str) and isinstance(link.appended_at, str)
        place = integer(link.index) is not None and link.index >= 0
        keys = is_hash(link.checkpoint_key) and (link.record_key == "" or is_hash(link.record_key))
        hashes = keys and (link.previous is None or is_hash(link.previous))
        if not (texts and place and hashes):
            raise EvidenceError("the statement's place in the log is malformed")
        return link
