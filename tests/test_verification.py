"""What `verify` is given: a folder of bundles is verified one by one, and held together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ledger.conftest import make_statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, load_signer
from venturalitica.review.verification import verify_source


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger.open(tmp_path / "one", signer=load_signer(None, tmp_path / "config"))
    for number in range(3):
        ledger.append(make_statement(number))
    return ledger


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    folder = tmp_path / "bundles" / "nested"
    folder.mkdir(parents=True)
    return folder


def steps(folder: Path) -> dict[str, bool | None]:
    return {step.name: step.ok for step in verify_source(folder).steps}


def test_bundles_of_one_log(ledger: Ledger, bundles: Path) -> None:
    seen: list[tuple[int, int]] = []
    for index in range(3):
        (bundles / f"{index}.json").write_bytes(ledger.bundle(index))
    found = verify_source(bundles.parent, progress=lambda *at: seen.append(at))
    assert found.ok
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert found.steps[-1].name == "one log"
    assert found.steps[-1].ok
    assert {step.name for step in found.steps} >= {f"nested/{n}.json: tree" for n in range(3)}


def test_bundles_that_tell_of_two_logs_of_one_name(
    ledger: Ledger, bundles: Path, tmp_path: Path
) -> None:
    other = Ledger.open(
        shutil.copytree(ledger.home, tmp_path / "two"),
        signer=load_signer(None, tmp_path / "config"),
    )
    ledger.append(make_statement(3))
    other.append(make_statement(4))
    (bundles / "a.json").write_bytes(ledger.bundle(0))
    (bundles / "b.json").write_bytes(other.bundle(1))
    found = verify_source(bundles.parent)
    assert not found.ok
    assert [step.name for step in found.steps if step.ok is False] == ["one log"]
    assert found.fault is not None
    assert "nested/b.json and nested/a.json" in found.fault.detail


def test_what_is_no_bundle_is_not_passed_over(ledger: Ledger, bundles: Path) -> None:
    (bundles / "a.json").write_bytes(ledger.bundle(0))
    (bundles / "b.json").write_bytes(b"{}")
    (bundles / "c.json").mkdir()
    found = steps(bundles.parent)
    assert found["nested/b.json: bundle"] is False
    assert found["nested/c.json: bundle"] is False
    assert found["nested/a.json: bundle"] is True
    assert found["one log"] is None


def test_an_altered_bundle_does_not_contradict_the_others(ledger: Ledger, bundles: Path) -> None:
    """It fails by itself; who altered a copy has not thereby put the log in doubt."""
    (bundles / "a.json").write_bytes(ledger.bundle(0))
    (bundles / "b.json").write_bytes(ledger.bundle(1))
    data = ledger.bundle(2)
    at = data.index(b'"payload') + 40
    (bundles / "c.json").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    found = steps(bundles.parent)
    assert found["one log"] is True
    assert False in {ok for name, ok in found.items() if name.startswith("nested/c.json")}


def test_an_empty_folder_is_an_error(bundles: Path) -> None:
    with pytest.raises(EvidenceError, match="neither a ledger"):
        verify_source(bundles)
