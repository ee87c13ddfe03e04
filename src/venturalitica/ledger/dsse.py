"""DSSE envelopes with ECDSA P-256 / SHA-256 signatures (github.com/secure-systems-lab/dsse).

What is signed is the pre-authentication encoding of payload type and payload bytes, never JSON text
that somebody might write differently. We write DER signatures, as openssl and cosign do, and read
raw r || s as well.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from venturalitica.canonical import canonical_json
from venturalitica.errors import EvidenceError
from venturalitica.ledger.encoding import encode_base64, parse_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: the key's id (may be empty) and the signature's bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its type and its signatures."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def signed_bytes(self) -> bytes:
        """What each signature is over."""
        return pae(self.payload_type, self.payload)

    def to_json(self) -> bytes:
        """One line of canonical JSON, ASCII for our payload type, without a newline."""
        return canonical_json(
            {
                "payload": encode_base64(self.payload),
                "payloadType": self.payload_type,
                "signatures": [
                    {"keyid": item.keyid, "sig": encode_base64(item.sig)}
                    for item in self.signatures
                ],
            }
        )

    @classmethod
    def parse(cls, data: bytes, *, what: str = "the envelope") -> Envelope:
        """Read an envelope; unknown fields are passed over, as DSSE asks.

        Raises:
            EvidenceError: it is not a DSSE envelope.
        """
        value = parse_object(data, what=what)
        payload_type, found = value.get("payloadType"), value.get("signatures")
        if not isinstance(payload_type, str) or not isinstance(found, list):
            raise EvidenceError(f"{what} is not a DSSE envelope (payload, payloadType, signatures)")
        if not 1 <= len(found) <= MAX_SIGNATURES:
            raise EvidenceError(f"{what} has {len(found)} signatures; expected 1 to 16")
        payload = _base64(value.get("payload"), f"the payload of {what}")
        return cls(payload_type, payload, tuple(_signature(item, what) for item in found))


def pae(payload_type: str, payload: bytes) -> bytes:
    """`DSSEv1 SP len(type) SP type SP len(payload) SP payload`, lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(
    payload: bytes,
    *,
    keyid: str,
    sign: Callable[[bytes], bytes],
    payload_type: str = PAYLOAD_TYPE,
) -> Envelope:
    """Sign `payload` once; `sign` gives DER signatures for the key `keyid`."""
    signature = Signature(keyid, sign(pae(payload_type, payload)))
    return Envelope(payload_type, payload, (signature,))


def verify_signature(key: EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    """Whether a DER or raw (64 bytes, r || s) ECDSA/SHA-256 signature over `data` verifies."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    forms = [signature]
    if len(signature) == 64:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        forms.append(encode_dss_signature(r, s))
    for form in forms:
        try:
            key.verify(form, data, ECDSA(SHA256()))
        except InvalidSignature:
            continue
        return True
    return False


def _signature(item: Any, what: str) -> Signature:
    if not isinstance(item, dict) or not isinstance(item.get("keyid", ""), str):
        raise EvidenceError(f"a signature of {what} is malformed")
    return Signature(item.get("keyid", ""), _base64(item.get("sig"), f"a signature of {what}"))


def _base64(text: object, what: str) -> bytes:
    """DSSE readers accept the standard and the URL-safe alphabet."""
    if not isinstance(text, str):
        raise EvidenceError(f"{what} is not base64 text")
    try:
        return base64.b64decode(text.encode("ascii").translate(_TO_STANDARD), validate=True)
    except (binascii.Error, ValueError):
        raise EvidenceError(f"{what} is not base64") from None


_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
