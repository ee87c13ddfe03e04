"""`examples/drift/` runs as it stands: two batches as trained, one that has moved."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import venturalitica as vl
from tests.examples import EXAMPLES
from venturalitica.audit.project import open_ledger
from venturalitica.ledger.records.vault import Vault
from venturalitica.reports.html.page import draw_page, render_report
from venturalitica.review.record_page import page_context


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


def test_its_page_draws_what_moved_and_only_where_the_counts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page that goes to a tracker is made of the statement alone, and has no shares."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / ".venturalitica"))
    shutil.copy(EXAMPLES / "drift" / "model_policy.yaml", tmp_path)
    subprocess.run(
        [sys.executable, str(EXAMPLES / "drift" / "batches.py")],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        check=True,
    )
    ledger = open_ledger(create=False)
    may = ledger.entry(2)
    page = draw_page(page_context(ledger, may))
    assert page.count('<table class="vl-groups vl-drift">') == 5
    assert "<caption><bdi>income</bdi></caption>" in page
    assert re.search(r'aria-label="below -1\.\d+: reference 10\.0 %, now 30\.8 %"', page)
    assert "vl-then" not in render_report(may.statement).partition("</style>")[2]
    Vault(ledger.home).erase(may.record.tally_kept)
    assert "<caption>" not in draw_page(page_context(ledger, may))
