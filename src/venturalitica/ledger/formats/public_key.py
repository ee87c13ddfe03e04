"""Public keys: what they are called and how they travel beside the log.

A key's id is the SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal: what
`openssl pkey -pubin -outform DER | sha256sum` prints. ECDSA P-256 keys sign records, Ed25519 keys
sign checkpoints. `.venturalitica/keys/<id>.pem` holds each key that signed something in the log.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.errors import EvidenceError
from venturalitica.system.files import reading, write_durably

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

RECORDS = "ECDSA P-256"
CHECKPOINTS = "Ed25519"
MAX_KEY_FILE = 1024 * 1024
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class PublicKey(Struct, frozen=True):
    """A public key: its id, its algorithm (`RECORDS` or `CHECKPOINTS`) and its PEM text."""

    keyid: str
    algorithm: str
    pem: str

    @classmethod
    def of(cls, key: Any) -> PublicKey:
        """Describe a public key object of `cryptography`.

        Raises:
            EvidenceError: it is neither ECDSA P-256 nor Ed25519.
        """
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        algorithm = _algorithm(key)
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return cls(hashlib.sha256(der).hexdigest(), algorithm, pem.decode("ascii"))

    @classmethod
    def from_pem(cls, data: bytes, *, what: str) -> PublicKey:
        """Read one public key from PEM bytes."""
        return cls.of(_load(data, what))

    def load(self) -> Any:
        """The key as an object of `cryptography`."""
        return _load_once(self.pem)

    def ecdsa(self) -> EllipticCurvePublicKey:
        """The key, which must sign records."""
        if self.algorithm != RECORDS:
            raise EvidenceError(f"key {short(self.keyid)} is {self.algorithm}; expected {RECORDS}")
        key: EllipticCurvePublicKey = self.load()
        return key

    def raw_ed25519(self) -> bytes:
        """The 32 bytes of an Ed25519 key."""
        if self.algorithm != CHECKPOINTS:
            raise EvidenceError(
                f"key {short(self.keyid)} is {self.algorithm}; expected {CHECKPOINTS}"
            )
        raw: bytes = self.load().public_bytes_raw()
        return raw


def short(keyid: str) -> str:
    """The beginning of a key's id, for people."""
    return keyid[:16]


def wrong_sealer(keyid: str) -> str:
    """What is said of a checkpoint by a key that the log's last record does not name."""
    who = short(keyid)
    return f"signed by key {who}, which the last record does not name: somebody else sealed the log"


Keys = Iterable["PublicKey"] | Mapping[str, bytes]
"""Public keys as arguments: `PublicKey` objects, or a mapping of key id to PEM bytes."""


def as_keys(keys: Keys) -> tuple[PublicKey, ...]:
    """The keys of an argument.

    Raises:
        EvidenceError: a PEM text is not the key that its id says.
    """
    if not isinstance(keys, Mapping):
        return tuple(keys)
    return tuple(_named(keyid, pem) for keyid, pem in keys.items())


def _named(keyid: str, pem: bytes) -> PublicKey:
    key = PublicKey.from_pem(pem, what=f"key {short(keyid)}")
    if key.keyid != keyid:
        raise EvidenceError(f"key {short(keyid)} is not the key that its id says")
    return key


def read_keys(path: Path | str) -> tuple[PublicKey, ...]:
    """All public keys of a PEM file, or of the `.pem` files of a folder, for pinning.

    Raises:
        EvidenceError: there is none, or one cannot be read.
    """
    place = Path(path)
    files = sorted(place.glob("*.pem")) if place.is_dir() else [place]
    found = [key for file in files for key in _keys_in(_bytes_of(file), str(file))]
    if not found:
        raise EvidenceError(
            f"{place}: no public key found; expected PEM text with "
            "'-----BEGIN PUBLIC KEY-----', as in .venturalitica/keys"
        )
    return tuple({key.keyid: key for key in found}.values())


def carry_keys(folder: Path, keys: Iterable[PublicKey]) -> None:
    """Lay public keys beside the log, once each."""
    for key in keys:
        path = folder / f"{key.keyid}.pem"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(path, key.pem.encode("ascii"))


def carried_keys(folder: Path) -> dict[str, PublicKey]:
    """The keys beside the log, by id; each file must be exactly the key that its name says.

    Raises:
        EvidenceError: a file is not that key, byte for byte.
    """
    if not folder.is_dir():
        return {}
    return {key.keyid: key for key in map(_carried, sorted(folder.glob("*.pem")))}


@lru_cache(maxsize=64)  # the same bytes are the same key
def exact_key(data: bytes, *, keyid: str, what: str) -> PublicKey:
    """A key whose id and spelling are exactly as expected, so no byte of it is free to change."""
    key = PublicKey.from_pem(data, what=what)
    if key.keyid != keyid or key.pem.encode("ascii") != data:
        raise EvidenceError(
            f"{what} is not the key that its name says; the id of what it holds is {key.keyid}"
        )
    return key


def _carried(path: Path) -> PublicKey:
    return exact_key(_bytes_of(path), keyid=path.stem, what=f"keys/{path.name}")


def _keys_in(data: bytes, what: str) -> list[PublicKey]:
    return [PublicKey.from_pem(block + b"\n", what=what) for block in _PEM.findall(data)]


def _bytes_of(path: Path) -> bytes:
    try:
        with reading(path) as stream:
            data = stream.read(MAX_KEY_FILE + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_KEY_FILE:
        raise EvidenceError(f"{path}: too large for a file of public keys")
    return data


@lru_cache(maxsize=64)
def _load_once(pem: str) -> Any:
    return _load(pem.encode("ascii"), "the key")


def _load(data: bytes, what: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise EvidenceError(f"{what} is not a public key in PEM form") from None


def _algorithm(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return RECORDS
    if isinstance(key, Ed25519PublicKey):
        return CHECKPOINTS
    raise EvidenceError(f"a key is neither {RECORDS} nor {CHECKPOINTS}")
