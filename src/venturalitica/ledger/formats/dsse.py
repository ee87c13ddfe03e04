"""DSSE envelopes with ECDSA P-256 / SHA-256 signatures (github.com/secure-systems-lab/dsse).

What is signed is the pre-authentication encoding of payload type and payload bytes, never JSON text
that somebody might write differently. We write DER signatures, as openssl and cosign do, and read
raw r || s as well.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.core.encoding import canonical_json, encode_base64, parse_object
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.public_key import PublicKey, short

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePublicKey,
        EllipticCurveSignatureAlgorithm,
    )

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_SIGNATURES = 16


class Signature(Struct, frozen=True):
    """One signature: the key's id (may be empty) and the signature's bytes."""

    keyid: str
    sig: bytes


class Envelope(Struct, frozen=True):
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
        # Each costs a verification: a line with a million of them would keep its reader busy.
        if not 1 <= len(found) <= MAX_SIGNATURES:
            raise EvidenceError(f"{what} has {len(found)} signatures; expected 1 to 16")
        _refuse_half_characters(payload_type, what)
        payload = _base64(value.get("payload"), f"the payload of {what}")
        return cls(payload_type, payload, tuple(_signature(item, what) for item in found))


def signers_of(line: bytes) -> tuple[str, ...]:
    """The ids of the keys that a line of the log says to be signed by.

    Raises:
        EvidenceError: it is not a DSSE envelope.
    """
    return tuple(item.keyid for item in Envelope.parse(line, what="the line").signatures)


def signed_by(envelope: Envelope, keys: Mapping[str, PublicKey]) -> tuple[str, ...]:
    """The ids of the keys that signed it; every signature must hold.

    Raises:
        EvidenceError: a signature does not verify, or its key is not among `keys` (by id).
    """
    data = envelope.signed_bytes()
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None:
            raise EvidenceError(f"its key {short(signature.keyid)!r} is not among the keys here")
        # Every one: a signature that fails must not ride along with one that holds.
        if not verify_signature(key.ecdsa(), signature.sig, data):
            raise EvidenceError(f"the signature by key {short(key.keyid)} does not verify")
    return tuple(signature.keyid for signature in envelope.signatures)


def statement_of(line: bytes) -> Statement:
    """The statement in a line of the log; whether it is signed is for others to check.

    Raises:
        EvidenceError: it is not a DSSE envelope with a JSON object in it.
    """
    return Statement.read(Envelope.parse(line, what="the line").payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """`DSSEv1 SP len(type) SP type SP len(payload) SP payload`, lengths in bytes."""
    # DSSE's PAE: the lengths are signed, so type and payload cannot trade bytes with each other.
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_envelope(
    payload: bytes,
    *,
    keyid: str,
    sign: Callable[[bytes], bytes],
    cosigners: Iterable[tuple[str, Callable[[bytes], bytes]]] = (),
    payload_type: str = PAYLOAD_TYPE,
) -> Envelope:
    """Sign `payload`; `sign` gives DER signatures for the key `keyid`, and so do `cosigners`."""
    data = pae(payload_type, payload)
    pairs = [(keyid, sign), *cosigners]
    return Envelope(
        payload_type, payload, tuple(Signature(name, make(data)) for name, make in pairs)
    )


def verify_signature(key: EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    """Whether a DER or raw (64 bytes, r || s) ECDSA/SHA-256 signature over `data` verifies."""
    from cryptography.exceptions import InvalidSignature

    # RFC 3279, section 2.2.3, has DER; tokens (PKCS #11) and some KMS give r || s (IEEE P1363).
    forms = [signature]
    if len(signature) == 64:
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        forms.append(encode_dss_signature(r, s))
    for form in forms:
        try:
            key.verify(form, data, _ecdsa())
        except InvalidSignature:
            continue
        return True
    return False


@cache
def _ecdsa() -> EllipticCurveSignatureAlgorithm:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return ECDSA(SHA256())


def _signature(item: Any, what: str) -> Signature:
    if not isinstance(item, dict) or not isinstance(item.get("keyid", ""), str):
        raise EvidenceError(f"a signature of {what} is malformed")
    _refuse_half_characters(item.get("keyid", ""), what)
    return Signature(item.get("keyid", ""), _base64(item.get("sig"), f"a signature of {what}"))


def _refuse_half_characters(text: str, what: str) -> None:
    """JSON can spell half of a surrogate pair, which has no bytes that could be signed."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EvidenceError(f"a name in {what} is not Unicode text") from None


def _base64(text: object, what: str) -> bytes:
    """DSSE readers accept the standard and the URL-safe alphabet."""
    if not isinstance(text, str):
        raise EvidenceError(f"{what} is not base64 text")
    try:
        if "-" in text or "_" in text:
            text = text.translate(_TO_STANDARD)
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise EvidenceError(f"{what} is not base64") from None


_TO_STANDARD = str.maketrans("-_", "+/")
