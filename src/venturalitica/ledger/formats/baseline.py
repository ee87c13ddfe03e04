"""A baseline: the distributions of a data set's columns, signed, in a file of its own.

    {"payload": base64 of the JSON below, "payloadType": TYPE, "signatures": [...]}   (DSSE)
    {"format": "venturalitica/baseline/v1", "name", "made_at", "rows", "min_cell", "package",
     "distributions": [{"name", "role", "cuts", "levels", "counts"}, ...], "left_out": {name: why}}

It holds no rows, and no count of 1 to `min_cell` - 1 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from venturalitica._version import __version__
from venturalitica.core.concise import Concise
from venturalitica.core.drift import Distribution
from venturalitica.core.encoding import canonical_json, parse_object, sha256_hex
from venturalitica.core.json_values import integer, mapping, mappings, text
from venturalitica.errors import DataError, EvidenceError
from venturalitica.ledger.formats.dsse import Envelope, sign_envelope, signed_by
from venturalitica.ledger.formats.public_key import PublicKey

TYPE = "application/vnd.venturalitica.baseline+json"
FORMAT = "venturalitica/baseline/v1"
MOST_BYTES = 16 * 1024 * 1024
MOST_COLUMNS = 2_000


class Baseline(Concise, frozen=True, kw_only=True):
    """What a baseline says, and by whom: `signers` are the ids of the keys that signed it."""

    unsaid = frozenset({"distributions"})

    name: str
    made_at: str
    rows: int
    distributions: tuple[Distribution, ...]
    left_out: Mapping[str, str]
    min_cell: int = 0
    signers: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def by_key(self) -> dict[tuple[bool, str], Distribution]:
        """By whether it is of a role, and the name."""
        return {one.key: one for one in self.distributions}

    def signed(self, *, keyid: str, sign: Callable[[bytes], bytes]) -> bytes:
        """The file; `sign` gives DER signatures for the key `keyid`."""
        said = {
            "format": FORMAT,
            "name": self.name,
            "made_at": self.made_at,
            "rows": self.rows,
            "min_cell": self.min_cell,
            "package": __version__,
            "distributions": [one.to_json() for one in self.distributions],
            "left_out": dict(self.left_out),
        }
        envelope = sign_envelope(canonical_json(said), keyid=keyid, sign=sign, payload_type=TYPE)
        return envelope.to_json() + b"\n"


def read_baseline(data: bytes, *, what: str, keys: Mapping[str, PublicKey]) -> Baseline:
    """The baseline in a file, its signature held against `keys` and its counts against each other.

    Raises:
        EvidenceError: it is none, was altered, or is signed by none of these keys.
    """
    if len(data) > MOST_BYTES:
        raise EvidenceError(f"{what} is larger than {MOST_BYTES:,} bytes: it is no baseline")
    envelope = Envelope.parse(data, what=what)
    if envelope.payload_type != TYPE:
        raise EvidenceError(f"{what} is no baseline: 'venturalitica baseline' makes one")
    try:
        signers = signed_by(envelope, keys)
    except EvidenceError as error:
        raise EvidenceError(
            f"{what}: {error}. Make it again with 'venturalitica baseline', or put the key of who "
            "made it beside the log, in keys/"
        ) from None
    said = parse_object(envelope.payload, what=what)
    if said.get("format") != FORMAT:
        raise EvidenceError(
            f"{what} is of format {str(said.get('format'))[:40]!r}: this version reads {FORMAT!r}"
        )
    rows, found = integer(said.get("rows")), mappings(said.get("distributions"))
    if rows is None or len(found) > MOST_COLUMNS:
        raise EvidenceError(f"{what} does not say how many rows it is of, or has too many columns")
    return Baseline(
        name=text(said.get("name")),
        made_at=text(said.get("made_at")),
        rows=rows,
        distributions=_checked(found, rows, what),
        left_out={str(k): text(v) for k, v in mapping(said.get("left_out")).items()},
        min_cell=integer(said.get("min_cell")) or 0,
        signers=signers,
        sha256=sha256_hex(data),
    )


def _checked(found: Sequence[Mapping[str, Any]], rows: int, what: str) -> tuple[Distribution, ...]:
    try:
        distributions = tuple(map(Distribution.from_json, found))
    except DataError as error:
        raise EvidenceError(f"{what}: {error}") from None
    if len({one.key for one in distributions}) < len(distributions):
        raise EvidenceError(f"{what} has a column twice")
    for one in distributions:
        if not 0 < one.rows <= rows:
            raise EvidenceError(
                f"{what}: the shares of '{one.name}' do not sum to one: {one.rows:,} of {rows:,} "
                "rows"
            )
    return distributions
