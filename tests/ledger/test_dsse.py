"""Envelopes against the protocol's own vector, and against plain openssl."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import Envelope, pae, sign_envelope, verify_signature
from venturalitica.ledger.signing.signer import FileSigner

# DSSE protocol.md: ECDSA P-256, RFC 6979, raw r || s.
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIG = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
ENVELOPE = {
    "payload": "aGVsbG8gd29ybGQ=",
    "payloadType": "http://example.com/HelloWorld",
    "signatures": [{"sig": SIG}],
}


def test_the_vector_of_the_protocol_verifies() -> None:
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    envelope = Envelope.parse(json.dumps(ENVELOPE).encode())
    assert envelope.signed_bytes() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert verify_signature(key, envelope.signatures[0].sig, envelope.signed_bytes())
    assert not verify_signature(key, envelope.signatures[0].sig, b"other")


def test_lengths_are_in_bytes() -> None:
    assert pae("é", "ü".encode()) == "DSSEv1 2 é 2 ü".encode()


def test_what_we_sign_is_der_and_reads_back(signer: FileSigner) -> None:
    envelope = sign_envelope(b'{"a":1}', keyid=signer.keyid, sign=signer.sign)
    again = Envelope.parse(envelope.to_json())
    assert again == envelope
    assert again.signatures[0].sig[0] == 0x30
    data = envelope.signed_bytes()
    assert verify_signature(signer.public.ecdsa(), again.signatures[0].sig, data)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees(signer: FileSigner, tmp_path: Path) -> None:
    envelope = sign_envelope(b'{"a":1}', keyid=signer.keyid, sign=signer.sign)
    (tmp_path / "key.pem").write_text(signer.public.pem)
    (tmp_path / "sig").write_bytes(envelope.signatures[0].sig)
    (tmp_path / "data").write_bytes(envelope.signed_bytes())
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "data"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n")
    (tmp_path / "data").write_bytes(envelope.signed_bytes() + b" ")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode


def test_url_safe_base64_and_unknown_fields_are_read() -> None:
    raw = bytes(range(250, 256)) * 3
    value = {
        "payload": base64.urlsafe_b64encode(raw).decode(),
        "payloadType": "t",
        "signatures": [{"keyid": "k", "sig": "AA==", "extra": 1}],
        "other": None,
    }
    assert Envelope.parse(json.dumps(value).encode()).payload == raw


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"payload":"","payload":""}',
        b'{"payload":"","payloadType":"","signatures":[]}',
        b'{"payload":1,"payloadType":"","signatures":[{"sig":""}]}',
        b'{"payload":"*","payloadType":"","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":2,"signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"","signatures":["x"]}',
        b'{"payload":"","payloadType":"","signatures":[{"sig":"","keyid":3}]}',
        b'{"payload":"\\u00e9","payloadType":"","signatures":[{"sig":""}]}',
        b"[" * 100_000,
        b'{"a":' * 5000,
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_not_an_envelope_is_a_typed_error(data: bytes) -> None:
    with pytest.raises(EvidenceError):
        Envelope.parse(data)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x, max_size=3)))
@settings(max_examples=60, deadline=None)
def test_only_typed_errors(value: object) -> None:
    for field in ("payload", "payloadType", "signatures"):
        try:
            Envelope.parse(json.dumps(ENVELOPE | {field: value}).encode())
        except EvidenceError:
            continue
