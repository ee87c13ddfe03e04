"""Time stamps of commitments: asked of a real authority, read offline, refused where they lie."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from tests import authority as tsa
from venturalitica.core.encoding import decode_base64
from venturalitica.core.policy import Snapshot
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.formats import timestamp
from venturalitica.ledger.formats.timestamp import TimeStamp, read_roots, request_over
from venturalitica.ledger.lifecycle import commit as committing
from venturalitica.ledger.lifecycle.commit import checked_authority, commit, stamped
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ui.verification_steps import bundle_command

POLICY = b"policy: loans\nversion: '1'\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory):
    return tsa.Authority(tmp_path_factory.mktemp("tsa"))


def made(number: int = 0) -> Commitment:
    digest = hashlib.sha256(POLICY).hexdigest()
    policy = Snapshot(
        name="loans",
        version="1",
        title="",
        filename="model_policy.yaml",
        sha256=digest,
        data=POLICY,
    )
    now, nonce = datetime.now(UTC), f"{number:064x}"
    return Commitment.made(policy, data=None, rows=100, now=now, nonce=nonce)


def step(found, name: str = "time stamps"):
    return next((one for one in found.steps if one.name == name), None)


@pytest.mark.parametrize(("key", "digest"), [("ec", "sha256"), ("rsa", "sha512")])
def test_it_verifies_from_log_and_bundle_and_by_openssl_alone(
    ledger: Ledger, tmp_path: Path, key: str, digest: str
) -> None:
    one = tsa.Authority(tmp_path / "tsa", key=key, digest=digest)
    with tsa.served(one.answer) as url:
        entry = commit(ledger, stamped(made(), url))
    roots = read_roots(one.roots)
    for found in (
        verify_ledger(ledger.home, tsa_roots=roots),
        verify_bundle(ledger.bundle(entry.index), tsa_roots=roots),
    ):
        assert found.ok, found.fault
        assert step(found).ok is True
        assert "1 of the very commitments they stand in" in step(found).detail
    # A stranger with openssl: the body stands in the payload as it was stamped.
    payload = base64.b64decode(json.loads(entry.envelope)["payload"])
    said = json.loads(payload)["predicate"]
    body = json.dumps(said["commitment"], sort_keys=True, separators=(",", ":")).encode()
    assert b'"commitment":' + body in payload
    response = base64.b64decode(said["timestamp"]["response"])
    assert one.verifies(response, body)
    assert not one.verifies(response, body + b" ")


def test_the_lines_of_the_page_without_us_do(ledger: Ledger, authority, tmp_path: Path) -> None:
    with tsa.served(authority.answer) as url:
        entry = commit(ledger, stamped(made(), url))
    (tmp_path / "evidence.json").write_bytes(ledger.bundle(entry.index))
    shutil.copy(authority.roots, tmp_path / "roots.pem")
    page = (Path(__file__).parents[2] / "docs" / "verify-without-us.md").read_text()
    (block,) = re.findall(r"```sh\n(sed .*?)```", page, re.S)
    lines = block.replace("sed -n 3p", f"sed -n {entry.index + 1}p")
    for shown in (lines, *([bundle_command("time stamps")] if shutil.which("jq") else [])):
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", shown],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("Verification: OK\n")


def test_an_authority_that_is_not_known_is_never_green(ledger: Ledger, authority, tmp_path) -> None:
    with tsa.served(authority.answer) as url:
        commit(ledger, stamped(made(), url))
    found = verify_ledger(ledger.home)
    assert found.ok
    assert step(found).ok is None
    assert "authority not known here: CN=Authority of tests" in step(found).detail
    assert "no root certificate was given" in step(found).detail
    other = read_roots(tsa.Authority(tmp_path / "other").roots)
    told = step(verify_ledger(ledger.home, tsa_roots=other))
    assert told.ok is None
    assert "no chain from its certificate to a root that was given" in told.detail


def test_what_was_signed_or_signs_can_have_no_bit_changed(authority) -> None:
    data = b"a commitment"
    request = request_over(data)
    response = authority.answer(request.data)
    good = TimeStamp.read(response)
    good.check(data, request.nonce)
    accepted = []
    for place in range(len(response)):
        changed = bytearray(response)
        changed[place] ^= 1
        try:
            found = TimeStamp.read(bytes(changed))
            found.check(data, request.nonce)
        except EvidenceError:
            continue
        assert (found.at, found.authority) == (good.at, good.authority)
        accepted.append(place)
    # Names of algorithms beside those that are used, which nothing signs: two of nine bytes or so.
    assert len(accepted) < 32


def test_of_another_commitment_or_another_request_it_is_refused(ledger, authority) -> None:
    first, second = made(1), made(2)
    with tsa.served(authority.answer) as url:
        stamp = stamped(first, url).stamp
    assert stamp is not None
    commit(ledger, replace(second, stamp=stamp))
    found = verify_ledger(ledger.home)
    assert found.fault is not None
    assert found.fault.name == "time stamps"
    assert "of something else" in found.fault.detail
    # What is asked again and answered from before: a replay.
    old = decode_base64(stamp["response"], what="it")
    with (
        tsa.served(lambda _: old) as url,
        pytest.raises(EvidenceError, match="nonce is another"),
    ):
        stamped(first, url)


def test_a_time_other_than_the_token_s_is_found(ledger, authority) -> None:
    with tsa.served(authority.answer) as url:
        whole = stamped(made(), url)
    commit(ledger, replace(whole, stamp={**(whole.stamp or {}), "at": "2020-01-01T00:00:00Z"}))
    found = verify_ledger(ledger.home)
    assert found.fault is not None
    assert "it says 2020-01-01T00:00:00Z, the time stamp 2" in found.fault.detail


def test_another_clock_of_the_writer_is_told(ledger, authority, monkeypatch) -> None:
    with tsa.served(authority.answer) as url:
        one = made()
        body = {**one.body, "committed_at": "2020-01-01T00:00:00.000000Z"}
        late = stamped(replace(one, body=body), url)
    ledger._clock = lambda: datetime(2020, 1, 2, tzinfo=UTC)
    commit(ledger, late)
    found = verify_ledger(ledger.home, tsa_roots=read_roots(authority.roots))
    assert found.ok
    assert "clock was another than the authority's (entries 0)" in step(found).detail


def test_a_certificate_for_something_else_is_refused(tmp_path: Path) -> None:
    one = tsa.Authority(tmp_path / "tsa")
    request = request_over(b"it")
    response = one.answer(request.data)
    # openssl refuses to stamp with it; what it would have signed is refused here by the purpose.
    one.issue("/CN=A web server", use="server")
    certificate = x509.load_pem_x509_certificate((tmp_path / "tsa/tsa.pem").read_bytes())
    with pytest.raises(EvidenceError, match="not one for time stamps alone"):
        timestamp._check_purpose(certificate)
    with pytest.raises(EvidenceError, match="another certificate than the one in it"):
        timestamp._check_signature(TimeStamp.read(response)._answer.time_stamp_token(), certificate)


def test_a_certificate_that_had_expired_is_refused(authority, monkeypatch) -> None:
    request = request_over(b"it")
    found = TimeStamp.read(authority.answer(request.data))

    class Old:
        not_valid_before_utc = datetime(2019, 1, 1, tzinfo=UTC)
        not_valid_after_utc = datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(timestamp, "_check_signature", lambda *_: None)
    monkeypatch.setattr(timestamp, "_check_purpose", lambda *_: None)
    with pytest.raises(EvidenceError, match="not valid at its time"):
        replace(found, _signer=Old()).check(b"it", request.nonce)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (b"no", 500, "HTTP Error 500"),
        (b"", 302, "HTTP Error 302"),
        (b"<html>", 200, "what the authority answered is no time stamp of RFC 3161$"),
        (b"0" * (timestamp.MAX_RESPONSE + 5), 200, "longer than"),
    ],
)
def test_an_authority_that_fails_is_said(answer: bytes, status: int, why: str) -> None:
    with (
        tsa.served(lambda _: answer, status) as url,
        pytest.raises(EvidenceError, match=why),
    ):
        stamped(made(), url)


def test_an_authority_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    held = threading.Event()
    monkeypatch.setattr(committing, "PATIENCE", 0.3)
    with tsa.served(lambda _: (held.wait(5), b"")[1]) as url:
        with pytest.raises(EvidenceError, match="gave none"):
            stamped(made(), url)
        held.set()


def test_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for good in (
        "https://tsa.example/tsr",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "http://localhost/tsr",
    ):
        assert checked_authority(good, name="--timestamp") == good
    for bad in (
        "http://tsa.example/",
        "ftp://x/",
        "https://u:secret@tsa.example/",
        "tsa",
        "http://",
    ):
        with pytest.raises(SettingsError) as caught:
            checked_authority(bad, name="--timestamp")
        assert "secret" not in str(caught.value)


def test_no_credentials_get_into_the_record(authority) -> None:
    with tsa.served(authority.answer) as url:
        stamp = stamped(made(), f"{url}?token=hunter2hunter2").stamp
    assert "hunter2" not in json.dumps(stamp)


def test_a_malformed_commitment_is_a_fault(ledger: Ledger) -> None:
    whole = made()
    ledger.append(replace(whole, body={**whole.body, "policy_sha256": 64 * "0"}).statement())
    found = verify_ledger(ledger.home)
    assert found.fault is not None
    assert "another than the one that it commits to" in found.fault.detail
