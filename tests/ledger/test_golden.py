"""Evidence of format 1, as it was first written, is read and verified for ever.

Made anew only when the format's number changes: with `UPDATE_GOLDEN=1` in the environment this test
writes the files again, with a key that is then thrown away.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from venturalitica.ledger import Ledger, load_signer, read_keys, verify_bundle, verify_ledger

GOLDEN = Path(__file__).parents[1] / "data" / "ledger_v1"


@pytest.fixture
def golden(tmp_path: Path, statement) -> Path:
    if os.environ.get("UPDATE_GOLDEN"):
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
    assert [item.name for item in found.steps if item.ok is None] == ["witnesses"]
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
