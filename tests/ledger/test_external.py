"""Signers from outside: used as they are asked for, and never believed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from venturalitica.errors import SignerError, SigningKeyError
from venturalitica.ledger import Ledger, PublicKey, verify_ledger
from venturalitica.ledger.signing import external as module
from venturalitica.ledger.signing.external import load_external


class Elsewhere:
    """A signer that has no private key of its own: it asks the `openssl` program."""

    def __init__(self, folder: Path, algorithm: str) -> None:
        self.folder, self.algorithm = folder, algorithm
        self.private = folder / f"{algorithm}.pem"
        options = ["-pkeyopt", "ec_paramgen_curve:prime256v1"] if algorithm == "EC" else []
        self.openssl("genpkey", "-algorithm", algorithm, *options, "-out", str(self.private))
        pem = self.openssl("pkey", "-in", str(self.private), "-pubout")
        self.public = PublicKey.from_pem(pem, what="the key")
        self.keyid = self.public.keyid

    def openssl(self, *arguments: str) -> bytes:
        done = subprocess.run(["openssl", *arguments], capture_output=True, check=True)
        return done.stdout

    def sign(self, data: bytes) -> bytes:
        path = self.folder / f"data-{threading.get_ident()}"
        path.write_bytes(data)
        if self.algorithm == "EC":
            return self.openssl("dgst", "-sha256", "-sign", str(self.private), str(path))
        return self.openssl(
            "pkeyutl", "-sign", "-inkey", str(self.private), "-rawin", "-in", str(path)
        )

    def checkpoint_signer(self) -> Elsewhere:
        return Elsewhere(self.folder, "ED25519")


class Wrong:
    """A signer that does whatever a test wants of it."""

    def __init__(self, sign: Any, key: Any = None) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.public = PublicKey.of(self.key.public_key())
        self.keyid = self.public.keyid
        self.sign = lambda data: sign(self.key, data)

    def checkpoint_signer(self) -> Any:
        key = ed25519.Ed25519PrivateKey.generate()
        return Wrong(lambda key, data: key.sign(data), key)


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("their_kms")
    monkeypatch.setitem(sys.modules, "their_kms", made)
    return made


def named(factory: types.ModuleType, signer: Any) -> str:
    factory.signer = lambda: signer  # type: ignore[attr-defined]
    return "their_kms:signer"


def good(key: Any, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256

    signature: bytes = key.sign(data, ec.ECDSA(SHA256()))
    return signature


def raw(key: Any, data: bytes) -> bytes:
    r, s = decode_dss_signature(good(key, data))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def test_openssl_signs_a_log(tmp_path: Path, home: Path, factory, statement) -> None:
    elsewhere = Elsewhere(tmp_path, "EC")
    signer = load_external(named(factory, elsewhere))
    assert signer.keyid == elsewhere.keyid
    ledger = Ledger.open(home, signer=signer)
    for number in range(2):
        ledger.append(statement(number))
    found = verify_ledger(home, trusted_keys=[elsewhere.public])
    assert found.ok, found.fault
    der = subprocess.run(
        ["openssl", "pkey", "-in", str(elsewhere.private), "-pubout", "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    assert signer.keyid == hashlib.sha256(der).hexdigest()


def test_by_entry_point(factory, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Wrong(good)
    named(factory, wrong)

    class Point:
        name = "cloud"

        @staticmethod
        def load() -> Any:
            return factory.signer

    def points(*, group: str) -> list[Any]:
        return [Point] if group == "venturalitica.signers" else []

    monkeypatch.setattr("importlib.metadata.entry_points", points)
    assert load_external("cloud").keyid == wrong.keyid
    with pytest.raises(SigningKeyError, match=r"no entry point .* \(cloud\)"):
        load_external("other")


@pytest.mark.parametrize(
    "sign",
    [
        raw,
        lambda key, data: good(key, data + b"x"),
        lambda key, data: good(ec.generate_private_key(ec.SECP256R1()), data),
        lambda key, data: b"",
        lambda key, data: None,
        lambda key, data: "text",
    ],
)
def test_no_wrong_signature_is_written(home: Path, factory, statement, sign: Any) -> None:
    ledger = Ledger.open(home, signer=load_external(named(factory, Wrong(sign))))
    with pytest.raises(SignerError, match=r"gave no signature by key .* in DER"):
        ledger.append(statement(0))
    assert ledger.size == 0


def test_what_it_raises_is_told_by_type_only(home: Path, factory, statement) -> None:
    def fails(key: Any, data: bytes) -> bytes:
        raise ConnectionError("https://user:hunter2@kms.example refused")

    ledger = Ledger.open(home, signer=load_external(named(factory, Wrong(fails))))
    with pytest.raises(SignerError, match=r"failed \(ConnectionError\)") as caught:
        ledger.append(statement(0))
    assert "hunter2" not in str(caught.value)
    assert ledger.size == 0


def test_a_signer_that_hangs_is_not_waited_for(
    home: Path, factory, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hangs(key: Any, data: bytes) -> bytes:
        released.wait()
        return good(key, data)

    ledger = Ledger.open(home, signer=load_external(named(factory, Wrong(hangs))))
    monkeypatch.setattr(module, "_silent", {})
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    monkeypatch.setattr(module, "SHORT", 0.02)
    for seconds in ("0.05", "0.02", "0.02"):
        # A training asks again and again: it waits long once.
        with pytest.raises(SignerError, match=f"did not answer within {seconds} seconds"):
            ledger.append(statement(0))
    monkeypatch.setattr(module, "MINUTE", 0.0)
    with pytest.raises(SignerError, match=r"within 0\.05 seconds"):
        ledger.append(statement(0))
    released.set()
    assert ledger.size == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.such.module:factory", "cannot be loaded"),
        ("their_kms:nothing", "cannot be loaded"),
        ("their_kms:__name__", "cannot be called"),
        ("nothing_of_that_name", "no entry point"),
        (":x", "cannot be loaded"),
    ],
)
def test_what_is_not_there_is_said(factory, name: str, message: str) -> None:
    with pytest.raises(SigningKeyError, match=message):
        load_external(name)


def test_a_module_that_fails_while_it_is_imported_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_kms.py").write_text("raise RuntimeError('password=hunter2')")
    (tmp_path / "garbled_kms.py").write_text("def (")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("broken_kms:factory", "garbled_kms:factory"):
        with pytest.raises(SignerError, match=r"failed \((RuntimeError|SyntaxError)\)") as caught:
            load_external(name)
        assert "hunter2" not in str(caught.value)


def test_what_is_no_signer_is_said(factory) -> None:
    for odd in (None, object(), Wrong(good, ed25519.Ed25519PrivateKey.generate())):
        with pytest.raises(SigningKeyError, match=r"expected (a Signer|ECDSA P-256)"):
            load_external(named(factory, odd))
    lacking = Wrong(good)
    lacking.checkpoint_signer = lambda: None  # type: ignore[method-assign]
    with pytest.raises(SigningKeyError, match="expected a Signer"):
        load_external(named(factory, lacking)).checkpoint_signer()


def test_a_training_goes_on_without_its_signer(
    tmp_path: Path, factory, monkeypatch: pytest.MonkeyPatch, statement
) -> None:
    from venturalitica.audit.recording import keep
    from venturalitica.audit.statement import Unsigned
    from venturalitica.system.settings import Settings

    def fails(key: Any, data: bytes) -> bytes:
        raise TimeoutError

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VENTURALITICA_SIGNER", named(factory, Wrong(fails)))
    kept = keep(Unsigned(statement(0)), (), Settings.current())
    assert kept.entry is None
    assert "failed (TimeoutError)" in kept.fault
    monkeypatch.setenv("VENTURALITICA_SIGNER", named(factory, Wrong(good)))
    kept = keep(Unsigned(statement(0)), (), Settings.current())
    assert kept.entry is not None
    assert kept.fault == ""


def test_a_key_that_a_folder_brings_along_is_not_the_readers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody hands over a folder with a log, and a `.env` with the key that signed it."""
    from venturalitica.ledger.signing.signer import new_key_pem
    from venturalitica.review.verification import own_keys
    from venturalitica.system import settings

    key = tmp_path / "key.pem"
    key.write_bytes(new_key_pem())
    key.chmod(0o600)
    (tmp_path / ".env").write_text(f"VENTURALITICA_SIGNING_KEY={key}\n")
    monkeypatch.delenv("VENTURALITICA_DOTENV", raising=False)
    monkeypatch.setattr(settings, "_from_dotenv", set())
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", str(key))
    assert len(own_keys(settings.Settings.current())) == 2
    monkeypatch.delenv("VENTURALITICA_SIGNING_KEY")
    assert settings.load_dotenv(tmp_path) == ("VENTURALITICA_SIGNING_KEY",)
    assert own_keys(settings.Settings.current()) == {}


def test_own_keys_are_those_of_the_signer(factory, monkeypatch: pytest.MonkeyPatch) -> None:
    from venturalitica.review.verification import own_keys
    from venturalitica.system.settings import Settings

    signer = Wrong(good)
    monkeypatch.setenv("VENTURALITICA_SIGNER", named(factory, signer))
    assert signer.keyid in own_keys(Settings.current())
    monkeypatch.setenv("VENTURALITICA_SIGNER", "their_kms:absent")
    assert own_keys(Settings.current()) == {}
