"""Time stamps (RFC 3161): a request, and what an authority's answer to it shows, offline.

`rfc3161-client` builds the request, reads the answer and checks chains of certificates. It checks
no signature without a root certificate, and whoever verifies a log may have none: that the token is
signed by the certificate in it is therefore checked here (RFC 5652, section 5.4).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from venturalitica.core.concise import Concise
from venturalitica.core.text import timestamp, visible
from venturalitica.errors import EvidenceError, MissingExtra
from venturalitica.system.files import reading

if TYPE_CHECKING:
    import rfc3161_client

MAX_RESPONSE = 64 * 1024
"""Longest answer that is read, in bytes; usual ones have 1 to 8 kB."""

MAX_ROOTS = 4 * 1024 * 1024

_SHA256 = "2.16.840.1.101.3.4.2.1"
_HASHES = {
    bytes.fromhex("608648016503040201"): hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
}
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_SIGNING_CERTIFICATE = bytes.fromhex("2a864886f70d010910022f")
_SIGNING_CERTIFICATE_V1 = bytes.fromhex("2a864886f70d010910020c")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
# What libraries raise for bytes that only look like certificates.
_MALFORMED = (
    *(ValueError, TypeError, KeyError, OverflowError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension),
)
_SET, _OID, _OCTETS = 0x31, 0x06, 0x04


class Request(Concise, frozen=True):
    """What is sent: DER, and the nonce in it, by which an answer to another is known."""

    unsaid = frozenset({"data"})

    data: bytes
    nonce: int


def request_over(data: bytes) -> Request:
    """A request for a time stamp over the SHA-256 of `data`, with nonce and certificate.

    Raises:
        MissingExtra: the library is not installed.
    """
    client = _library()
    builder = client.TimestampRequestBuilder().data(data)
    made = builder.hash_algorithm(client.HashAlgorithm.SHA256).build()
    assert made.nonce is not None
    return Request(made.as_bytes(), made.nonce)


class TimeStamp(Concise, frozen=True):
    """An answer that was read; `at` is the time it states, RFC 3339 UTC."""

    unsaid = frozenset({"_answer", "_signer"})

    at: str
    authority: str
    _answer: rfc3161_client.TimeStampResponse
    _signer: x509.Certificate

    @classmethod
    def read(cls, response: bytes) -> TimeStamp:
        """Read the DER of an answer.

        Raises:
            MissingExtra: the library is not installed.
            EvidenceError: it is none, was refused by the authority, or names no certificate.
        """
        client = _library()
        if len(response) > MAX_RESPONSE:
            raise EvidenceError(f"the time stamp is longer than {MAX_RESPONSE} bytes")
        try:
            answer = client.decode_timestamp_response(response)
            if answer.status != client.PKIStatus.GRANTED:
                said = visible(" ".join(answer.status_string))[:200]
                raise EvidenceError(
                    f"the authority granted no time stamp (status {answer.status}: {said})"
                )
            signer = _signer(answer)
            at = timestamp(answer.tst_info.gen_time.astimezone(UTC))
            authority = visible(signer.subject.rfc4514_string())[:200]
        except _MALFORMED:
            raise EvidenceError(
                "what the authority answered is no time stamp of RFC 3161"
            ) from None
        return cls(at, authority, answer, signer)

    def check(self, data: bytes, nonce: int) -> None:
        """That it is of these bytes and this request, and signed by the certificate in it.

        Raises:
            EvidenceError: it is not.
        """
        info = self._answer.tst_info
        if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
            raise EvidenceError("the time stamp is of no SHA-256")
        if info.message_imprint.message != hashlib.sha256(data).digest():
            raise EvidenceError("the time stamp is of something else")
        if info.nonce != nonce:
            raise EvidenceError("the time stamp answers another request: its nonce is another")
        _check_signature(self._answer.time_stamp_token(), self._signer)
        _check_purpose(self._signer)
        if (
            not self._signer.not_valid_before_utc
            <= info.gen_time
            <= self._signer.not_valid_after_utc
        ):
            raise EvidenceError("the certificate of the time stamp was not valid at its time")

    def stranger(self, roots: Sequence[bytes]) -> str:
        """Why its authority is not known by these root certificates (DER); empty where it is."""
        client = _library()
        if not roots:
            return "no root certificate was given"
        known = [x509.load_der_x509_certificate(root) for root in roots]
        verifier = client.VerifierBuilder(roots=known).build()
        digest = self._answer.tst_info.message_imprint.message
        try:
            verifier.verify(self._answer, digest)
        except (client.VerificationError, ValueError):
            return "no chain from its certificate to a root that was given"
        return ""


def read_roots(path: Path) -> tuple[bytes, ...]:
    """The root certificates of authorities in a PEM file, as DER.

    Raises:
        EvidenceError: it cannot be read, or holds none.
    """
    try:
        with reading(path) as stream:
            found = x509.load_pem_x509_certificates(stream.read(MAX_ROOTS))
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError:
        raise EvidenceError(f"{path}: holds no certificates in PEM") from None
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise MissingExtra("rfc3161-client", "timestamps") from None
    return rfc3161_client


def _signer(answer: rfc3161_client.TimeStampResponse) -> x509.Certificate:
    signers = answer.signed_data.signer_infos
    if len(signers) != 1:
        raise EvidenceError(f"the time stamp has {len(signers)} signers; expected one")
    (signer,) = signers
    for data in answer.signed_data.certificates:
        found = x509.load_der_x509_certificate(data)
        if (found.issuer, found.serial_number) == (signer.issuer, signer.serial_number):
            return found
    raise EvidenceError("the certificate that signed the time stamp is not in it")


def _check_purpose(certificate: x509.Certificate) -> None:
    """RFC 3161, section 2.3: a key for this alone, or any certificate of the authority could."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, *_MALFORMED):
        found = None
    only = found is not None and list(found.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
    if found is None or not found.critical or not only:
        raise EvidenceError("the certificate of the time stamp is not one for time stamps alone")


def _check_signature(token: bytes, certificate: x509.Certificate) -> None:
    try:
        content, attributes, algorithm, signature = _signed_parts(token)
        hashed = _HASHES[algorithm]
        digest = hashes.Hash(hashed)
        digest.update(content)
        if _attribute(attributes, _MESSAGE_DIGEST) != digest.finalize():
            raise EvidenceError("the contents of the time stamp are not those that were signed")
        if _attribute(attributes, _CONTENT_TYPE) != _TST_INFO:
            raise EvidenceError("what was signed is no time stamp")
        if not _names(attributes, certificate.public_bytes(Encoding.DER)):
            raise EvidenceError("it was signed to be by another certificate than the one in it")
        # Section 5.4: signed as a SET OF, and not under the tag that they have in the token.
        _verify(certificate, signature, bytes([_SET]) + attributes[1:], hashed)
    except (*_MALFORMED, IndexError, StopIteration):
        raise EvidenceError("the signature of the time stamp cannot be read") from None
    except InvalidSignature:
        raise EvidenceError("the signature of the time stamp does not hold") from None


def _verify(
    certificate: x509.Certificate, signature: bytes, signed: bytes, hashed: hashes.HashAlgorithm
) -> None:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(hashed))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), hashed)
    else:
        raise UnsupportedAlgorithm("neither RSA nor ECDSA")


def _signed_parts(token: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Contents, signed attributes (as they stand), digest algorithm, signature."""
    (outer,) = _parts(token)
    _, wrapped = _parts(outer[1])
    ((_, signed_data),) = _parts(wrapped[1])
    fields = list(_parts(signed_data))
    _, encapsulated = _parts(fields[2][1])
    ((_, content),) = _parts(encapsulated[1])
    ((_, info),) = _parts(fields[-1][1])
    _, _, algorithm, attributes, _, signature, *_ = _parts(info)
    name = next(_parts(algorithm[1]))[1]
    if (attributes[0], signature[0]) != (0xA0, _OCTETS):
        raise ValueError
    return content, _whole(attributes), name, signature[1]


def _attribute(attributes: bytes, name: bytes) -> bytes:
    """The one value of an attribute, without its tag."""
    ((_, every),) = _parts(attributes)
    found = [tuple(_parts(body)) for _, body in _parts(every)]
    (values,) = [value[1] for oid, value in found if oid == (_OID, name)]
    ((_, value),) = _parts(values)
    return value


def _names(attributes: bytes, certificate: bytes) -> bool:
    """RFC 5816 (RFC 2634 with SHA-1): the digest of the signer's certificate is signed too."""
    for name, made in (
        (_SIGNING_CERTIFICATE, (hashlib.sha256, hashlib.sha384, hashlib.sha512)),
        (_SIGNING_CERTIFICATE_V1, (hashlib.sha1,)),
    ):
        with contextlib.suppress(ValueError):
            said = _attribute(attributes, name)
            return any(one(certificate).digest() in said for one in made)
    return False


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and contents of each value in DER; a length that does not fit is a ValueError."""
    while data:
        tag, size, start = data[0], data[1], 2
        if size >= 0x80:
            start += size - 0x80
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            raise ValueError("a value ends before its length")
        yield tag, data[start : start + size]
        data = data[start + size :]


def _whole(part: tuple[int, bytes]) -> bytes:
    """A value with its tag and length again."""
    tag, body = part
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(length)]) + length + body
