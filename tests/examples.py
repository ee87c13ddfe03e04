"""What every script of `examples/` is held to: it runs as it stands, and leaves what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from venturalitica.audit.project import open_ledger

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name: str, kinds: Sequence[str], written: Sequence[str], folder: Path) -> None:
    """Run it in `folder`; its records are of these kinds, and the last names these files."""
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", EXAMPLES / f"{name}.py"],
        cwd=folder,
        env={**os.environ, "VENTURALITICA_TRACKER_WAIT": "60"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    said = re.findall(r"^[\w-]+: (\w+) \(\d\.\d{3}\)$", run.stdout, re.M)
    assert len(said) >= 2
    assert set(said) == {"passed"}
    records = [entry.statement["predicate"] for entry in open_ledger(create=False).entries()]
    assert [record["kind"] for record in records] == kinds
    for record in records:
        assert {verdict["status"] for verdict in record.get("verdicts", [])} <= {"passed"}
        assert record["kind"] == "begin" or record["light"] == "green"
    assert [i["name"] for i in records[-1]["data"] if i["context"] == "written"] == written
