"""What a script sees on its terminal where nobody set up logging, and where somebody did."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import venturalitica as vl
from venturalitica.audit.result import tell

SCRIPT = """\
import logging, sys
import venturalitica as vl
{before}
vl.enforce(target=[1, 0] * 40, prediction=[1, 0] * 30 + [1, 1] * 10, gender=["f", "m"] * 40)
"""


def test_an_amber_line_says_how_many_passed_without_being_conclusive(
    policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="venturalitica"):
        said = [1, 1, 0, 0] * 4 + [0, 0, 1, 1] * 2
        vl.enforce(target=[1, 1, 0, 0] * 6, prediction=said, gender=["f", "m"] * 12)
    (line,) = [message for message in caplog.messages if "controls passed" in message]
    assert "amber: 2 of 2 controls passed (1 not conclusively); evidence" in line


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        (
            "",
            [
                "loan v1.0: green: 2 of 2 controls passed; evidence 0 in evidence; "
                "no tracker run was open",
            ],
        ),
        ("logging.basicConfig(level='WARNING')", []),
        ("logging.getLogger('venturalitica').setLevel('WARNING')", []),
        ("logging.disable('INFO')", []),
    ],
    ids=["nothing set up", "basicConfig", "own level", "disabled"],
)
def test_one_line_where_nobody_set_up_logging(
    before: str, lines: list[str], policy: Path, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.format(before=before))
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == lines


def test_where_logging_is_set_up_it_is_an_info_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="venturalitica"):
        tell("%s passed", 3)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("INFO", "3 passed")]


OUTSIDE = """\
import mlflow, os
import venturalitica as vl
mlflow.set_tracking_uri("sqlite:///" + os.path.abspath("m.db"))
said = [1, 0] * 30 + [1, 1] * 10
for _ in range(2):
    vl.enforce(target=[1, 0] * 40, prediction=said, gender=["f", "m"] * 40)
"""


def test_a_script_that_forgot_its_run_is_told_once_with_the_remedy(
    policy: Path, empty_database: Path, tmp_path: Path
) -> None:
    shutil.copy(empty_database, tmp_path / "m.db")
    (tmp_path / "script.py").write_text(OUTSIDE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py"], capture_output=True, text=True, check=True
    )
    said = [line for line in done.stderr.splitlines() if "no tracker run is active" in line]
    assert len(said) == 1
    assert f"the evidence stays in {tmp_path / 'evidence'}" in said[0]
    assert "'with mlflow.start_run():'" in said[0]
    assert len([line for line in done.stderr.splitlines() if "2 of 2" in line]) == 2
