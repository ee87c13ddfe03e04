"""docs/scale.md and the examples of engines run as they stand, and leave evidence that verifies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import venturalitica as vl

ROOT = Path(__file__).parents[2]


def _run(script: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env={**os.environ, "VENTURALITICA_HOME": str(folder / ".venturalitica")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_part_of_the_page_runs(tmp_path: Path) -> None:
    parts = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "scale.md").read_text(), re.S)
    assert len(parts) == 8
    for number, part in enumerate(parts):
        (tmp_path / f"part{number}.py").write_text(part)
        assert _run(f"part{number}.py", tmp_path).split()[-1] in ("green", "amber"), part
    assert vl.verify(tmp_path / ".venturalitica").ok


@pytest.mark.parametrize("engine", ["spark", "dask"])
def test_the_examples(engine: str, tmp_path: Path) -> None:
    for file in (ROOT / "examples" / engine).iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    said = _run("judge.py", tmp_path)
    assert said.count(": passed, ") == 4, said
    assert said.rstrip().endswith("verified: True")
    assert vl.verify(tmp_path / ".venturalitica").ok
