"""The signing key: made once, guarded, and refused with the command that helps."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger import known_keys, load_signer, read_keys
from venturalitica.ledger.formats.dsse import verify_signature
from venturalitica.ledger.formats.public_key import carried_keys, carry_keys
from venturalitica.ledger.signing.signer import KEY_FILE, Signer

P256 = ec.generate_private_key(ec.SECP256R1())


def pem_of(key: Any, passphrase: str | None = None) -> str:
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), "ascii")


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key.pem"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_made_on_first_use_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "venturalitica"
    first, again = load_signer(None, folder), load_signer(None, folder)
    assert first.keyid == again.keyid
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    assert isinstance(first, Signer)
    assert isinstance(first.checkpoint_signer(), Signer)


def test_made_with_mode_0600_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_signer(None, tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_two_processes_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from venturalitica.ledger import load_signer;"
        "sys.stdin.readline(); print(load_signer(None, pathlib.Path(sys.argv[1])).keyid)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    found = {process.communicate("go\n")[0].strip() for process in started}
    assert found == {load_signer(None, tmp_path).keyid}
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_no_hard_links_still_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    assert load_signer(None, tmp_path).keyid == load_signer(None, tmp_path).keyid
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_open_to_others_is_refused_with_the_chmod(tmp_path: Path, mode: int) -> None:
    load_signer(None, tmp_path)
    path = tmp_path / KEY_FILE
    path.chmod(mode)
    with pytest.raises(SigningKeyError, match=f"chmod 600 {path}"):
        load_signer(None, tmp_path)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        load_signer(str(path), tmp_path)


def test_pem_text_and_path_give_the_same_key(tmp_path: Path) -> None:
    text = pem_of(P256)
    path = key_file(tmp_path, text)
    sec1 = P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    one_line = text.replace("\n", "\\n")
    values = (text, f"\n{text}\n", str(path), sec1.decode(), one_line)
    assert len({load_signer(value).keyid for value in values}) == 1


def test_the_id_is_what_openssl_prints(tmp_path: Path) -> None:
    signer = load_signer(pem_of(P256))
    (tmp_path / "key.pem").write_text(signer.public.pem)
    command = ["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    import hashlib

    assert hashlib.sha256(done.stdout).hexdigest() == signer.keyid


def test_the_checkpoint_key_is_always_the_same_and_another_key(tmp_path: Path) -> None:
    first = load_signer(pem_of(P256)).checkpoint_signer()
    again = load_signer(str(key_file(tmp_path, pem_of(P256)))).checkpoint_signer()
    assert first.keyid == again.keyid != load_signer(pem_of(P256)).keyid
    public = first.public.load()
    public.verify(first.sign(b"x"), b"x")
    assert first.keyid != load_signer(None, tmp_path / "other").checkpoint_signer().keyid


def test_encrypted_keys_need_their_passphrase() -> None:
    text = pem_of(P256, "open sesame")
    assert load_signer(text, passphrase="open sesame").keyid == load_signer(pem_of(P256)).keyid
    with pytest.raises(SigningKeyError, match="VENTURALITICA_SIGNING_KEY_PASSPHRASE to its"):
        load_signer(text)
    with pytest.raises(SigningKeyError, match="does not open it") as caught:
        load_signer(text, passphrase="wrong one")
    assert "wrong one" not in str(caught.value)


def test_a_passphrase_for_a_key_without_one_is_harmless() -> None:
    assert load_signer(pem_of(P256), passphrase="x").keyid == load_signer(pem_of(P256)).keyid


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
def test_other_kinds_of_keys_are_refused_with_the_command_that_makes_one(key) -> None:
    with pytest.raises(SigningKeyError, match=r"expected ECDSA P-256.*openssl ecparam"):
        load_signer(pem_of(key))


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "/nowhere/key.pem",
        "a\0b",
        "x" * 5000,
        "line\nline",
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(SigningKeyError) as caught:
        load_signer(value)
    assert "AAAA" not in str(caught.value)


def test_a_fifo_or_folder_is_not_a_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(SigningKeyError, match=r"not a regular file|cannot be read"):
            load_signer(str(path))


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeyError, match="VENTURALITICA_CONFIG"):
        load_signer(None, tmp_path / "file" / "below")


def test_nothing_private_in_repr() -> None:
    signer = load_signer(pem_of(P256))
    secret = str(P256.private_numbers().private_value)
    assert secret not in repr(signer)
    assert "_key" not in repr(signer)
    assert "_key" not in repr(signer.checkpoint_signer())


def test_known_keys_makes_nothing(tmp_path: Path) -> None:
    assert known_keys(None, tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()
    signer = load_signer(None, tmp_path)
    ids = {signer.keyid, signer.checkpoint_signer().keyid}
    assert set(known_keys(None, tmp_path)) == ids
    assert known_keys("/nowhere/key.pem", tmp_path) == {}


def test_public_keys_travel(tmp_path: Path) -> None:
    signer = load_signer(pem_of(P256))
    publics = (signer.public, signer.checkpoint_signer().public)
    carry_keys(tmp_path / "keys", publics)
    assert carried_keys(tmp_path / "keys") == {key.keyid: key for key in publics}
    assert set(read_keys(tmp_path / "keys")) == set(publics)
    both = tmp_path / "both.pem"
    both.write_text("signed by:\n" + publics[0].pem + "\n" + publics[1].pem)
    assert read_keys(both) == publics
    signature = signer.sign(b"data")
    assert verify_signature(read_keys(both)[0].ecdsa(), signature, b"data")


def test_a_carried_key_is_exactly_the_one_of_its_name(tmp_path: Path) -> None:
    key = load_signer(pem_of(P256)).public
    carry_keys(tmp_path, [key])
    path = tmp_path / f"{key.keyid}.pem"
    for altered in (key.pem + "\n", key.pem.replace("\n", "\r\n"), " " + key.pem, "", "x"):
        path.write_bytes(altered.encode())
        with pytest.raises(EvidenceError):
            carried_keys(tmp_path)


@pytest.mark.parametrize("text", ["", "no key here", pem_of(P256)])
def test_a_file_without_public_keys_cannot_pin(tmp_path: Path, text: str) -> None:
    with pytest.raises(EvidenceError, match="no public key found"):
        read_keys(key_file(tmp_path, text))
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_keys(tmp_path / "absent.pem")


def test_a_folder_that_cannot_be_looked_into_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(SigningKeyError, match="cannot be looked for: Permission denied"):
        load_signer(None, tmp_path)
    assert known_keys(None, tmp_path) == {}
