"""The keys that sign: made on first use, loaded, and guarded.

Records are signed by an ECDSA P-256 key, checkpoints by an Ed25519 key. The second is derived from
the first (HKDF-SHA256), so one secret has to be kept, rotated and given to CI. A `Signer` is a
small protocol: a key in a KMS or a hardware token can stand behind it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec.structs import replace

from venturalitica.core.concise import Concise
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger.formats.public_key import PublicKey
from venturalitica.system.files import sync_folder, write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


log = logging.getLogger(__name__)

KEY_FILE = "signing_key.pem"
DERIVATION = b"venturalitica checkpoint key v1"
MAKE_A_KEY = "openssl ecparam -name prime256v1 -genkey -noout -out signing_key.pem"
_PATIENCE = 2.0
"""Seconds to wait for another process that is writing the key this very moment."""


@runtime_checkable
class Signer(Protocol):
    """Something that signs. `public` says which key and which algorithm."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    @property
    def keyid(self) -> str:
        """SHA-256 of the public key's SubjectPublicKeyInfo."""

    def sign(self, data: bytes) -> bytes:
        """A signature over `data`: DER for ECDSA P-256 with SHA-256, 64 bytes for Ed25519."""


class CheckpointSigner(Concise, frozen=True):
    """Signs checkpoints with an Ed25519 key."""

    unsaid = frozenset({"_key"})

    public: PublicKey
    _key: Ed25519PrivateKey

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        """64 bytes (RFC 8032)."""
        return self._key.sign(data)


class FileSigner(Concise, frozen=True):
    """Signs records with an ECDSA P-256 key that was read from a file or a variable."""

    unsaid = frozenset({"_key", "_folder", "_passphrase"})

    public: PublicKey
    source: str
    _key: EllipticCurvePrivateKey
    encrypted: bool = False
    _folder: Path | None = None
    _passphrase: str | None = None

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        """ECDSA over SHA-256, DER."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._key.sign(data, ECDSA(SHA256()))

    def predecessors(self) -> tuple[FileSigner, ...]:
        """The user's retired keys, which may introduce this one; read from disk at each call."""

        if self._folder is None:
            return ()
        held = retired_keys(self._folder, self._passphrase)
        return tuple(key for key in held if key.keyid != self.keyid)

    def checkpoint_signer(self) -> CheckpointSigner:
        """The Ed25519 signer that belongs to this key; always the same one."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        # RFC 5869; `info` keeps any other key that is ever derived of this secret apart.
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=DERIVATION).derive(secret)
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return CheckpointSigner(PublicKey.of(key.public_key()), key)


def predecessors(signer: Signer | None) -> tuple[FileSigner, ...]:
    """The retired keys of the user; none of a key that is kept elsewhere, in a KMS say."""
    return signer.predecessors() if isinstance(signer, FileSigner) else ()


def load_signer(
    value: str | None = None, folder: Path | None = None, *, passphrase: str | None = None
) -> FileSigner:
    """The signing key: PEM text, the path of a PEM file, or (`value` None) the user's own.

    The user's own key is `folder/signing_key.pem`, made on first use with mode 0600; processes that
    make it at the same time agree on one.

    Raises:
        SigningKeyError: missing, of the wrong kind, encrypted without the right passphrase, or
            readable by others.
    """
    if value is not None and value.strip():
        return _given(value.strip(), passphrase)
    if folder is None:
        raise SigningKeyError("no signing key and no folder to make one in were given")
    path = folder / KEY_FILE
    if not has_own_key(folder):
        _make(path)
    found = _parse_when_whole(path, passphrase)
    return replace(found, _folder=folder, _passphrase=passphrase)


def has_own_key(folder: Path) -> bool:
    """Whether the user's own key has been made.

    Raises:
        SigningKeyError: the folder cannot be looked into.
    """
    try:
        return (folder / KEY_FILE).exists()
    except OSError as error:
        raise SigningKeyError(
            f"{folder}: the signing key cannot be looked for: {error.strerror}"
        ) from error


def derived(signer: Signer) -> Signer:
    """The Ed25519 signer of checkpoints that belongs to a signer of records.

    Raises:
        SigningKeyError: it has none.
    """
    derive = getattr(signer, "checkpoint_signer", None)
    if derive is None:
        raise SigningKeyError(
            f"{type(signer).__name__} cannot seal checkpoints; "
            "give Ledger.open a checkpoint_signer (Ed25519) as well"
        )
    found: Signer = derive()
    return found


def read_private(path: Path, passphrase: str | None = None) -> FileSigner:
    """The private key in a file, guarded as the signing key is.

    Raises:
        SigningKeyError: missing, of the wrong kind, locked, or readable by others.
    """
    return _parse(_guarded_bytes(path), str(path), passphrase)


def retired_files(folder: Path) -> list[Path]:
    """Where the user's retired keys lie."""
    return sorted(folder.glob("signing_key.*.retired.pem"))


def known_keys(
    value: str | None = None, folder: Path | None = None, *, passphrase: str | None = None
) -> dict[str, bytes]:
    """The user's own public keys, id -> PEM, for `verify_ledger(known_keys=...)`.

    Retired ones are among them. Nothing is made; a key that cannot be read is not known (logged at
    debug level).
    """
    try:
        if not value and (folder is None or not has_own_key(folder)):
            return {}
        signer = load_signer(value, folder, passphrase=passphrase)
    except SigningKeyError as error:
        log.debug("own key not known: %s", error)
        return {}
    own = (signer, *signer.predecessors())
    publics = [key for one in own for key in (one.public, one.checkpoint_signer().public)]
    return {key.keyid: key.pem.encode("ascii") for key in publics}


def _given(value: str, passphrase: str | None) -> FileSigner:
    if "-----BEGIN" in value:
        # CI systems that keep a secret on one line write its line breaks as \n.
        text = value if "\n" in value else value.replace("\\n", "\n")
        return _parse(text.encode(), "VENTURALITICA_SIGNING_KEY", passphrase)
    path = _expanded(value)
    # A mangled PEM text is no path: as one it would stand in the system's error, secret and all.
    if len(value) > 4096 or "\n" in value or "\0" in value:
        raise SigningKeyError(
            "VENTURALITICA_SIGNING_KEY is neither PEM text nor the path of a file"
        )
    advice = ". VENTURALITICA_SIGNING_KEY takes PEM text or the path of a PEM file"
    return _parse(_guarded_bytes(path, advice), str(path), passphrase)


def _expanded(value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise SigningKeyError(
            "VENTURALITICA_SIGNING_KEY begins with ~, and there is no such home folder; write the "
            "path in full"
        ) from None


def _make(path: Path) -> None:
    """Make a key; where another process was faster, its key stands."""
    pem = new_key_pem()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _place(path, pem)
    except OSError as error:
        raise SigningKeyError(
            f"{path}: a signing key cannot be made there: {error.strerror}. "
            "Set VENTURALITICA_CONFIG to a folder that can be written, or "
            "VENTURALITICA_SIGNING_KEY to a key"
        ) from error


def new_key_pem(passphrase: str | None = None) -> bytes:
    """A new ECDSA P-256 private key as PKCS#8 PEM; encrypted if a passphrase is given."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return _private_pem(ec.generate_private_key(ec.SECP256R1()), passphrase)


def encrypted_pem(pem: bytes, passphrase: str) -> bytes:
    """The same private key, encrypted.

    Raises:
        SigningKeyError: it is not an ECDSA P-256 key in PEM.
    """
    return _private_pem(_parse(pem, "the new key", passphrase)._key, passphrase)


def _private_pem(key: EllipticCurvePrivateKey, passphrase: str | None) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        KeySerializationEncryption,
        NoEncryption,
        PrivateFormat,
    )

    lock: KeySerializationEncryption = NoEncryption()
    if passphrase:
        lock = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def _place(path: Path, pem: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(temporary, pem, mode=0o600)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:
            # No hard links here (some network and FAT file systems): O_EXCL still lets one win,
            # and `_parse_when_whole` waits for the winner to finish.
            with contextlib.suppress(FileExistsError):
                write_new(path, pem, mode=0o600)
        sync_folder(path.parent)
        log.info("made a signing key in %s; back it up, and keep it out of the repository", path)
        repository = inside_repository(path)
        if repository is not None:
            log.warning(
                "%s lies in the git work tree %s: a key that is committed is everybody's. Set "
                "VENTURALITICA_CONFIG to a folder outside it",
                path,
                repository,
            )
    finally:
        temporary.unlink(missing_ok=True)


def inside_repository(path: Path) -> Path | None:
    """The git work tree that holds `path`, or None: what is in one gets committed some day."""
    place = path.absolute()
    return next((folder for folder in place.parents if (folder / ".git").exists()), None)


def _parse_when_whole(path: Path, passphrase: str | None) -> FileSigner:
    deadline = time.monotonic() + _PATIENCE
    while True:
        data = _guarded_bytes(path)
        if b"-----END" in data or time.monotonic() > deadline:
            return _parse(data, str(path), passphrase)
        time.sleep(0.02)


def _guarded_bytes(path: Path, advice: str = "") -> bytes:
    try:
        # O_NONBLOCK: a pipe in the key's place must not hang the training.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise SigningKeyError(
            f"{path}: the signing key cannot be read: {error.strerror}{advice}"
        ) from error
    try:
        found = os.fstat(descriptor)  # of what is open: a name may be another file by now
        if not stat.S_ISREG(found.st_mode):
            raise SigningKeyError(f"{path}: the signing key is not a regular file")
        if found.st_mode & 0o077:
            raise SigningKeyError(
                f"{path}: the signing key can be read by others "
                f"(mode {stat.S_IMODE(found.st_mode):04o}); run: chmod 600 {path}"
            )
        return os.read(descriptor, 1024 * 1024)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=4)  # a process signs with one key many times
def _parse(pem: bytes, source: str, passphrase: str | None) -> FileSigner:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"ENCRYPTED" in pem
    # cryptography raises TypeError for the password of a key that has none.
    password = passphrase.encode() if passphrase and encrypted else None
    if encrypted and password is None:
        raise SigningKeyError(
            f"{source}: the signing key is encrypted; "
            "set VENTURALITICA_SIGNING_KEY_PASSPHRASE to its passphrase"
        )
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        reason = (
            "the passphrase in VENTURALITICA_SIGNING_KEY_PASSPHRASE does not open it"
            if encrypted
            else f"it is not a private key in PEM form. Make one with: {MAKE_A_KEY}"
        )
        raise SigningKeyError(f"{source}: the signing key cannot be used: {reason}") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SigningKeyError(
            f"{source}: the signing key is {_kind(key)}; expected ECDSA P-256. "
            f"Make one with: {MAKE_A_KEY}"
        )
    try:
        return FileSigner(PublicKey.of(key.public_key()), source, key, encrypted)
    except EvidenceError as error:  # pragma: no cover - the curve was checked above
        raise SigningKeyError(f"{source}: {error}") from error


def _kind(key: object) -> str:
    curve = getattr(getattr(key, "curve", None), "name", "")
    return f"an elliptic curve key on {curve}" if curve else type(key).__name__.lstrip("_")


def retired_keys(folder: Path, passphrase: str | None = None) -> tuple[FileSigner, ...]:
    """The user's retired keys that can be read; one that cannot is said and passed over."""
    found = []
    for path in retired_files(folder):
        try:
            found.append(read_private(path, passphrase))
        except EvidenceError as error:
            log.warning("a retired key cannot be used: %s", error)
    return tuple(found)
