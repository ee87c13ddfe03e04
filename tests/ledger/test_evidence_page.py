"""`docs/evidence.md` says what the code does: its steps, its fields, its openssl lines."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.bundle import FORMAT
from venturalitica.ledger.index import VERSION
from venturalitica.ledger.link import Link
from venturalitica.ledger.signing import DERIVATION

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")


def test_every_step_is_explained(three_entries: Path) -> None:
    found = verify_ledger(three_entries).steps
    found += verify_bundle(Ledger.open(three_entries).bundle(0)).steps
    for name in {step.name for step in found}:
        assert f"`{name}`" in PAGE, name


def test_versions_and_fields_are_those_of_the_code() -> None:
    for text in (FORMAT, f"version {VERSION}", DERIVATION.decode(), *Link.__dataclass_fields__):
        assert text in PAGE, text


@pytest.mark.skipif(
    not all(map(shutil.which, ("sh", "openssl", "jq", "sha256sum"))),
    reason="needs sh, openssl, jq and sha256sum",
)
def test_the_shell_lines_verify_a_bundle(three_entries: Path, tmp_path: Path) -> None:
    ledger = Ledger.open(three_entries)
    (tmp_path / "evidence.json").write_bytes(ledger.bundle(1))
    block = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    done = subprocess.run(
        ["sh", "-eu", "-c", block[1]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    digest, keyid, verified, policy = [line.split(" ")[0] for line in done.stdout.splitlines()]
    entry = ledger.entry(1)
    assert digest == entry.evidence_sha256
    assert keyid in {path.stem for path in (three_entries / "keys").iterdir()}
    assert (verified, policy) == ("Verified", entry.statement["predicate"]["policy"]["sha256"])
