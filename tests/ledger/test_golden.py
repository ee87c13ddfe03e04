"""Evidence as it was written by earlier versions is read and verified for ever.

`ledger_v1` is of the first version: audits, and a bundle v1. `ledger_v2` has what came after: a
run, sign-offs, an erasure, a rotation, a pruned segment, and a bundle v2.

Made anew only when a format's number changes: with `UPDATE_GOLDEN=1` (or `2`, for the second) in
the environment this test writes the files again, with keys that are then thrown away.
"""

from __future__ import annotations

import base64
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from venturalitica.errors import EntryPruned
from venturalitica.ledger import Ledger, load_signer, read_keys, verify_bundle, verify_ledger
from venturalitica.ledger.lifecycle.approve import approvals, approve
from venturalitica.ledger.lifecycle.erase import erase, erasures
from venturalitica.ledger.lifecycle.keys import introduced
from venturalitica.ledger.lifecycle.prune import plan, prune
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.signing.key_rotation import swap

GOLDEN = Path(__file__).parents[1] / "data" / "ledger_v1"
GOLDEN_2 = GOLDEN.with_name("ledger_v2")
KINDS_2 = [
    *("audit", "audit", "run", "audit", "approval", "approval"),
    *("erasure", "key-rotation", "audit", "prune", "audit"),
]
POLICY_2 = b"""\
policy: loans
version: '1'
controls:
  - id: accuracy
    metric: accuracy
    must: '>= 0.7'
"""


@pytest.fixture
def golden(tmp_path: Path, statement) -> Path:
    if os.environ.get("UPDATE_GOLDEN") == "1":
        shutil.rmtree(GOLDEN, ignore_errors=True)
        signer = load_signer(None, tmp_path / "config")
        at = datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)
        ledger = Ledger.open(GOLDEN, signer=signer, clock=lambda: at)
        for number in range(3):
            ledger.append(statement(number))
        (GOLDEN / "bundle.json").write_bytes(ledger.bundle(1))
        shutil.rmtree(GOLDEN / "cache")
    copy = tmp_path / "golden"
    shutil.copytree(GOLDEN, copy)
    return copy


def test_format_1_verifies(golden: Path) -> None:
    found = verify_ledger(golden, trusted_keys=read_keys(GOLDEN / "keys"))
    assert found.ok, found.fault
    assert [item.name for item in found.steps if item.ok is None] == [
        "verdicts",  # made before circumstances were kept, and its counts are no tally
        "policy names",  # its policies have no control, which this version refuses
        "witnesses",
    ]
    assert verify_bundle(golden / "bundle.json").ok


def test_format_1_is_read_and_continued(golden: Path, signer, statement) -> None:
    ledger = Ledger.open(golden, signer=signer)
    kept = [entry.statement for entry in ledger.entries()]
    for number, found in enumerate(kept):
        found["predicate"].pop("log")
        assert found == statement(number)
    assert ledger.bundle(1).startswith(b'{"checkpoint":"venturalitica/log/')
    assert ledger.append(statement(3)).index == 3
    assert verify_ledger(golden).ok


def test_the_golden_files_hold_no_private_key() -> None:
    files = [path for path in GOLDEN.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert not any(b"PRIVATE" in path.read_bytes() for path in files)


def ruled(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement under a policy that can be parsed."""
    digest = sha256(POLICY_2).hexdigest()
    encoded = base64.b64encode(POLICY_2).decode()
    statement["predicate"]["policy"] |= {"sha256": digest, "bytes": encoded}
    statement["subject"][0]["digest"]["sha256"] = digest
    return statement


def make_second(config: Path, make: Any) -> None:
    """One record of each kind; segments have two entries, and the first is pruned."""

    def statement(number: int, **changes: Any) -> dict[str, Any]:
        return ruled(make(number, **changes))

    now = [datetime(2020, 1, 2, tzinfo=UTC)]

    def clock() -> datetime:
        now[0] += timedelta(hours=1)
        return now[0]

    shutil.rmtree(GOLDEN_2, ignore_errors=True)
    old = load_signer(None, config)
    ledger = Ledger.open(GOLDEN_2, signer=old, clock=clock)
    short = {"class": "six-months", "until": "2020-07-02"}
    long = {"class": "ten-years", "until": "2030-01-02"}
    for number in range(2):
        ledger.append(statement(number, retention=short))
    run = statement(2, kind="run", retention=short)
    ledger.append(run | {"predicateType": "urn:venturalitica:run:v1"})
    audit = ledger.append(statement(3, retention=long))
    for person, decision in (("Ada Lovelace", "approved"), ("Grace Hopper", "rejected")):
        signed = approve(
            ledger,
            audit,
            person=person,
            role="Head of credit risk",
            decision=decision,
            light="green",
            keyid=old.keyid,
            at=datetime(2020, 1, 3, tzinfo=UTC),
            comment=f"{decision}, says {person}",
        )
    erase(ledger, [signed], reason="asked for")
    new = swap(config).new
    ledger = Ledger.open(GOLDEN_2, signer=new, clock=clock)
    introduced(ledger, old, new, reason="yearly")
    ledger.append(statement(4, retention=long))
    now[0] = datetime(2021, 1, 2, tzinfo=UTC)
    prune(ledger, plan(ledger, date(2021, 1, 2), segment=2))
    ledger.append(statement(5, retention=long))
    (GOLDEN_2 / "bundle.json").write_bytes(ledger.bundle(3))
    pair = (old.public, old.checkpoint_signer().public)
    (GOLDEN_2 / "first.pem").write_text("".join(key.pem for key in pair))
    for name in ("cache", "vault/erasing"):
        shutil.rmtree(GOLDEN_2 / name)
    # The vault keeps itself out of git, except here.
    for name in ("index.db", "vault/.gitignore"):
        (GOLDEN_2 / name).unlink()


@pytest.fixture
def second(tmp_path: Path, statement: Any) -> Path:
    if os.environ.get("UPDATE_GOLDEN") == "2":
        make_second(tmp_path / "config", statement)
    copy = tmp_path / "second"
    shutil.copytree(GOLDEN_2, copy)
    return copy


def test_each_kind_of_record_verifies(second: Path) -> None:
    found = verify_ledger(second, trusted_keys=read_keys(GOLDEN_2 / "first.pem"))
    assert found.ok, found.fault
    told = {item.name: item.ok for item in found.steps}
    assert {name for name, ok in told.items() if ok is None} == {
        *("witnesses", "retention"),
        "verdicts",  # made before circumstances were kept, and its counts are no tally
    }
    assert told.keys() >= {"rotation", "approvals", "vault", "retention", "trust"}
    details = {item.name: item.detail for item in found.steps}
    assert "3 values beside the log, as signed; 2 values erased" in details["vault"]
    assert "through the rotation in entry 7" in details["trust"]
    assert "2 entries (0–1) were pruned" in details["retention"]
    assert "2 sign-offs" in details["approvals"]


def test_a_bundle_of_before_the_rotation_verifies_alone(second: Path) -> None:
    bundle = (second / "bundle.json").read_bytes()
    assert b'"format":"venturalitica/bundle/v2"' in bundle
    found = verify_bundle(bundle, trusted_keys=read_keys(GOLDEN_2 / "first.pem"))
    assert found.ok, found.fault
    assert {item.name for item in found.steps if item.ok is None} == {"verdicts", "witnesses"}


def test_each_kind_of_record_is_read(second: Path) -> None:
    ledger = Ledger.open(second)
    found = {entry.index: entry.statement["predicate"]["kind"] for entry in ledger.entries()}
    assert found == {index: kind for index, kind in enumerate(KINDS_2) if index > 1}
    with pytest.raises(EntryPruned, match="pruned on 2021-01-02"):
        ledger.entry(0)
    told = [approval.told(Vault(second)) for approval in approvals(ledger)[3]]
    assert [one["person"] for one in told] == ["Ada Lovelace", None]
    assert [one["decision"] for one in told] == ["approved", "rejected"]
    assert list(erasures(ledger).values()) == ["2020-01-02"] * 2


def test_each_kind_of_record_is_continued(second: Path, signer: Any, statement: Any) -> None:
    ledger = Ledger.open(second, signer=signer)
    assert ledger.append(statement(6)).index == len(KINDS_2)
    assert verify_ledger(second).ok


def test_the_second_holds_no_private_key_and_no_erased_name() -> None:
    files = [path for path in GOLDEN_2.rglob("*") if path.is_file()]
    assert len(files) == 2 + 4 + 3 + 2
    text = b"".join(path.read_bytes() for path in files)
    assert b"PRIVATE" not in text
    assert b"Ada Lovelace" in text
    assert b"Grace Hopper" not in text
