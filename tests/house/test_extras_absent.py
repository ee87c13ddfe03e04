"""With an optional library absent, the message is the exact line that installs it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from venturalitica.core.origin import install_line

BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
import logging; logging.disable()
import venturalitica as vl
"""

POLICY = """\
policy: p
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
"""


def run_without(names: list[str], code: str, folder: Path) -> str:
    (folder / "model_policy.yaml").write_text(POLICY)
    done = subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=set(names)) + textwrap.dedent(code)],
        cwd=folder,
        env={
            **os.environ,
            "VENTURALITICA_CONFIG": str(folder / "config"),
            "VENTURALITICA_HOME": str(folder / "evidence"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CALLS = {
    "mlflow": "from venturalitica.trackers import tracker; tracker('mlflow').fetch('0' * 32)",
    "wandb": "from venturalitica.trackers import tracker; tracker('wandb').fetch('abc')",
    "sklearn": "vl.quickstart('loan')",
    "rfc3161_client": "from venturalitica.ledger.formats.timestamp import request_over; "
    "request_over(b'it')",
    "psycopg": "from pathlib import Path; "
    "from venturalitica.ledger.index.tables import engine_of; "
    "engine_of(Path('index.db'), 'postgresql://host/base')",
    "apprise": "from venturalitica.ui.notify.destinations import destinations; "
    "destinations(['json://localhost'])",
    "junitparser": "from venturalitica.reports.formats.junit import library; library()",
}


@pytest.mark.parametrize("extra", sorted(CALLS))
def test_the_message_is_the_line_that_installs_it(extra: str, tmp_path: Path) -> None:
    code = f"""
    try:
        {CALLS[extra]}
    except vl.MissingExtra as error:
        print(error)
    """
    said = run_without([extra], code, tmp_path)
    assert (
        install_line(
            {
                "rfc3161_client": "timestamps",
                "junitparser": "ci",
                "apprise": "notify",
                "psycopg": "postgresql",
            }.get(extra, extra)
        )
        in said
    )


LIBRARIES = ["mlflow", "wandb", "sklearn", "pandas", "polars", "pyarrow"]


def test_judging_arrays_needs_none_of_them(tmp_path: Path) -> None:
    code = """
    import numpy as np
    truth = np.array([0, 1] * 50)
    audit = vl.enforce(target=truth, prediction=truth.copy())
    print(audit.passed, audit.entry.index, vl.verify().ok)
    """
    assert run_without(LIBRARIES, code, tmp_path) == "True 0 True"


@pytest.mark.parametrize("kept", ["pandas", "polars", "pyarrow"])
def test_one_table_library_is_enough(kept: str, tmp_path: Path) -> None:
    make = {
        "pandas": "pandas.DataFrame(columns)",
        "polars": "polars.DataFrame(columns)",
        "pyarrow": "pyarrow.table(columns)",
    }[kept]
    code = f"""
    import {kept}
    columns = {{"y": [0, 1] * 50, "p": [0, 1] * 50, "sex": ["f", "f", "m", "m"] * 25}}
    audit = vl.enforce({make}, target="y", prediction="p")
    frame = audit.to_frame()
    print(audit.passed, type(frame).__module__.partition(".")[0])
    """
    others = [name for name in LIBRARIES if name != kept]
    assert run_without(others, code, tmp_path) == f"True {kept}"


def test_a_wrapped_model_needs_no_tracker_library(tmp_path: Path) -> None:
    code = """
    import numpy as np
    from sklearn.dummy import DummyClassifier
    model = vl.wrap(DummyClassifier())
    model.fit(np.zeros((60, 1)), np.ones(60, dtype=int))
    print(type(model).__name__, vl.verify().ok)
    """
    absent = ["mlflow", "wandb", "pandas", "polars", "pyarrow"]
    assert run_without(absent, code, tmp_path) == "DummyClassifier True"


def test_importing_needs_nothing_optional(tmp_path: Path) -> None:
    code = "print(sorted(set(dir(vl)) - {'quickstart'})[0])"
    assert run_without([*LIBRARIES, "starlette", "uvicorn"], code, tmp_path) == "Audit"
