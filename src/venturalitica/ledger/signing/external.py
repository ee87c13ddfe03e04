"""Signers from outside: a key in a KMS, a hardware token, Sigstore, behind the `Signer` protocol.

`VENTURALITICA_SIGNER` names a factory, as `package.module:factory` or as an entry point of the
group `venturalitica.signers`. What it gives is foreign code that may hang, fail or answer wrongly,
so it is not believed: every call is bounded, and every signature is verified before it is written.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from venturalitica.core.concise import Concise
from venturalitica.errors import EvidenceError, SignerError, SigningKeyError
from venturalitica.ledger.formats.public_key import CHECKPOINTS, RECORDS, PublicKey, short
from venturalitica.ledger.signing.signer import Signer

T = TypeVar("T")

GROUP = "venturalitica.signers"
PATIENCE = 10.0
"""Seconds that one call of a signer may take: other writers of the log wait meanwhile."""

SHORT = 1.0
MINUTE = 60.0
"""For this long after a signer did not answer it gets `SHORT` only: a training asks many times."""

_silent: dict[str, float] = {}
"""When each signer last did not answer, by the monotonic clock."""

EXPECTED = (
    "expected a Signer: 'public' (a venturalitica.ledger.PublicKey), 'keyid', 'sign(bytes)', and "
    "'checkpoint_signer()' for the Ed25519 one; docs/evidence.md shows one"
)


class GuardedSigner(Concise, frozen=True):
    """A foreign signer, bounded and checked. `source` says where it came from."""

    unsaid = frozenset({"_inner"})

    public: PublicKey
    source: str
    _inner: Signer

    @property
    def keyid(self) -> str:
        """SHA-256 of the public key's SubjectPublicKeyInfo."""
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        """A signature that has been verified.

        Raises:
            SignerError: it failed, did not answer in time, or gave no valid signature.
        """
        made = _bounded(lambda: self._inner.sign(data), self.source)
        if not isinstance(made, bytes) or not _verifies(self.public, made, data):
            form = "DER" if self.public.algorithm == RECORDS else "64 bytes"
            raise SignerError(
                f"{self.source} gave no signature by key {short(self.keyid)} over the record; "
                f"expected {self.public.algorithm} in {form}"
            )
        return made

    def checkpoint_signer(self) -> GuardedSigner:
        """The Ed25519 signer that belongs to it.

        Raises:
            SigningKeyError: it has none.
        """
        make = getattr(self._inner, "checkpoint_signer", None)
        if make is None:
            raise SigningKeyError(f"{self.source} cannot seal checkpoints: {EXPECTED}")
        return guarded(_bounded(make, self.source), self.source, CHECKPOINTS)


def load_external(name: str) -> GuardedSigner:
    """The signer that `package.module:factory`, or the entry point `name`, makes.

    Raises:
        SigningKeyError: there is none of that name, or it is no signer.
        SignerError: it failed, or did not answer in time.
    """
    source = f"the signer {name!r} (VENTURALITICA_SIGNER)"
    factory = _bounded(lambda: _factory(name, source), source)  # an import is foreign code, too
    return guarded(_bounded(factory, source), source, RECORDS)


def guarded(signer: Any, source: str, algorithm: str) -> GuardedSigner:
    """A foreign signer behind the guard; its public key must be of that algorithm."""
    public = _bounded(lambda: getattr(signer, "public", None), source)
    if not isinstance(public, PublicKey) or not callable(getattr(signer, "sign", None)):
        raise SigningKeyError(f"{source} gave {type(signer).__name__}; {EXPECTED}")
    if public.algorithm != algorithm:
        raise SigningKeyError(f"{source} has an {public.algorithm} key; expected {algorithm}")
    return GuardedSigner(public, source, signer)


def _factory(name: str, source: str) -> Callable[[], Any]:
    module, colon, attribute = name.partition(":")
    if not colon:
        return _entry_point(name, source)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        raise SigningKeyError(f"{source} cannot be loaded: {error}") from error
    if not callable(found):
        raise SigningKeyError(f"{source} cannot be called; expected a function without arguments")
    made: Callable[[], Any] = found
    return made


def _entry_point(name: str, source: str) -> Callable[[], Any]:
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "none is installed"
        raise SigningKeyError(
            f"{source}: no entry point of that name in {GROUP} ({known}); "
            "expected one, or package.module:factory"
        )
    try:
        made: Callable[[], Any] = points[name].load()
    except (ImportError, AttributeError) as error:
        raise SigningKeyError(f"{source} cannot be loaded: {error}") from error
    return made


def _bounded(call: Callable[[], T], source: str) -> T:
    """What `call` gives, waited for no longer than `PATIENCE`; than `SHORT`, if it hung before."""
    answer: list[T] = []
    failure: list[BaseException] = []

    def go() -> None:
        try:
            answer.append(call())
        except BaseException as error:  # noqa: BLE001 - foreign code fails in any way; told below
            failure.append(error)

    # A daemon, of no pool: the interpreter would wait at its end for a signer that hangs.
    thread = threading.Thread(target=go, name="venturalitica-signer", daemon=True)
    thread.start()
    patience = _patience(source)
    thread.join(patience)
    if answer:
        return answer[0]
    if not failure:
        _silent[source] = time.monotonic()
        raise SignerError(f"{source} did not answer within {patience:g} seconds; nothing is signed")
    if isinstance(failure[0], EvidenceError):
        raise failure[0]
    # The text of a foreign error may hold a request with its credentials: only its type is told.
    raise SignerError(f"{source} failed ({type(failure[0]).__name__})") from failure[0]


def _patience(source: str) -> float:
    hung = _silent.get(source)
    recent = hung is not None and time.monotonic() - hung < MINUTE
    return min(SHORT, PATIENCE) if recent else PATIENCE


def _verifies(public: PublicKey, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        if public.algorithm == RECORDS:
            public.ecdsa().verify(signature, data, ECDSA(SHA256()))
        else:
            public.load().verify(signature, data)
    except InvalidSignature:
        return False
    return True
