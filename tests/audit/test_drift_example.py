"""`examples/drift/` runs as it stands: two batches as trained, one that has moved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import venturalitica as vl
from tests.examples import EXAMPLES
from venturalitica.audit.project import open_ledger


def test_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (EXAMPLES / "drift").iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "batches.py"],
        cwd=tmp_path,
        env={**os.environ, "VENTURALITICA_HOME": str(tmp_path / ".venturalitica")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lights = [
        line for line in run.stdout.splitlines() if line.startswith(("march", "april", "may"))
    ]
    assert lights == ["march: amber", "april: green", "may: red"]
    assert "inputs-as-trained: failed" in run.stdout
    assert "highest income" in run.stdout
    assert run.stdout.rstrip().endswith("verified: True")
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / ".venturalitica"))
    records = [entry.statement["predicate"] for entry in open_ledger(create=False).entries()]
    assert [record["light"] for record in records] == ["amber", "green", "red"]
    said = records[1]["judging"]["references"]
    assert said["last-green"]["entry"] == 0
    assert said["baseline.json"]["kind"] == "file"
    assert vl.verify(tmp_path / ".venturalitica").ok
