"""The examples that need no PyTorch run as they stand, and leave what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venturalitica.audit.project import open_ledger

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "kinds", "written"),
    [
        ("xgboost_native", ["begin", "audit", "run"], ["loans.ubj"]),
        ("threshold_optimizer", ["audit", "audit"], []),
    ],
)
def test_an_example_runs(name: str, kinds: Any, written: Any, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
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
    found = [item["name"] for item in records[-1]["data"] if item["context"] == "written"]
    assert found == written


def test_the_page_names_scripts_that_are_there() -> None:
    page = (EXAMPLES.parent / "docs" / "frameworks.md").read_text()
    named = set(re.findall(r"`examples/(\w+)\.py`", page))
    assert {"keras_fit", "torch_loop", "xgboost_native", "threshold_optimizer"} <= named
    assert [name for name in named if not (EXAMPLES / f"{name}.py").exists()] == []
