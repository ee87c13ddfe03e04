"""`docs/evidence.md` says what the code does: its steps, its fields, its openssl lines."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from venturalitica.core.link import Link
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.formats.bundle import FORMAT
from venturalitica.ledger.index.catch_up import VERSION
from venturalitica.ledger.signing.signer import DERIVATION

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")


def test_every_step_is_explained(three_entries: Path) -> None:
    found = verify_ledger(three_entries).steps
    found += verify_bundle(Ledger.open(three_entries).bundle(0)).steps
    for name in {step.name for step in found}:
        assert f"`{name}`" in PAGE, name


def test_versions_and_fields_are_those_of_the_code() -> None:
    for text in (FORMAT, f"version {VERSION}", DERIVATION.decode(), *Link.__struct_fields__):
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


SOURCE = Path(__file__).parents[2] / "src" / "venturalitica"
NAMED = re.compile(r"(?:urn:venturalitica:|venturalitica/)[a-z-]+[:/]v[0-9]+")


def format_table() -> str:
    start = PAGE.index("## Formats and their versions")
    return PAGE[start : PAGE.index("\n## ", start + 1)]


def test_the_one_table_names_every_format_of_the_code() -> None:
    named = {
        found
        for path in (*SOURCE.rglob("*.py"), *SOURCE.rglob("*.json"))
        for found in NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) >= 10
    assert named == set(NAMED.findall(format_table()))


def test_the_one_table_gives_the_number_of_every_kind_of_record() -> None:
    from venturalitica.core.record import AUDIT, FORMAT, KINDS, RUN
    from venturalitica.ledger.records.consistency import CHECKS
    from venturalitica.trackers.layout import FORMAT as CLAIMED

    for predicate_type in KINDS:
        assert f"| `{predicate_type}`, `format: {FORMAT}` |" in format_table()
    assert KINDS.keys() == {AUDIT, RUN, *CHECKS}
    assert f"| claim of a run | `format: {CLAIMED}` |" in format_table()


def test_versions_stand_nowhere_else_as_a_table() -> None:
    """Other pages may show a format's name; what is current and how to upgrade is told once."""
    others = [path for path in (SOURCE.parents[1] / "docs").glob("*.md") if path.stem != "evidence"]
    assert [path.name for path in others if "| to upgrade |" in path.read_text("utf-8")] == []


def test_the_step_of_a_folder_of_bundles_is_explained() -> None:
    from venturalitica.ledger.verify.trust import NAME

    assert f"| `{NAME}` |" in PAGE
