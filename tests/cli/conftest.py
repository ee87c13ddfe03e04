"""What the tests of the command line share: an isolated project and a way to call commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from venturalitica.core.verdict import GroupValue, Interval, Verdict

CallCli = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with its own evidence and keys, and no setting from outside."""
    for name in list(os.environ):
        if name.startswith(("VENTURALITICA_", "MLFLOW_", "WANDB_")):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VENTURALITICA_HOME", str(folder / ".venturalitica"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    return folder


@pytest.fixture
def call(project: Path) -> CallCli:
    """Call the command line in `project`: the result has exit_code, stdout, stderr."""
    from venturalitica.cli.app import app

    def invoke(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    """A server of S3."""
    from tests.stores import s3_server

    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(store: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket `data`, and credentials in the environment alone."""
    import s3fs

    from tests.stores import CREDENTIALS

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_ENDPOINT_URL": store.at, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    if files.exists("data"):
        files.rm("data", recursive=True)
    files.mkdir("data")
    yield files
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def web() -> Iterator[Any]:
    """A server of files."""
    from tests.stores import web_server

    with web_server() as server:
        yield server


@pytest.fixture
def verdicts() -> tuple[Verdict, ...]:
    """One verdict of each kind, with names that try to act on the terminal."""
    return (
        Verdict(
            control="accuracy",
            status="passed",
            title="The model is right at least 7 times in 10",
            reason="0.763, must be >= 0.70",
            metric="accuracy",
            must=">= 0.70",
            operator=">=",
            threshold=0.70,
            value=0.763,
            interval=Interval(0.737, 0.789),
            conclusive=True,
            n=1000,
        ),
        Verdict(
            control="recall",
            status="passed",
            reason="0.72, must be >= 0.70; the interval reaches across the threshold",
            metric="recall",
            must=">= 0.70",
            operator=">=",
            threshold=0.70,
            value=0.72,
            interval=Interval(0.68, 0.76),
            n=1000,
        ),
        Verdict(
            control="gender-parity",
            status="failed",
            on_fail="block",
            title="Approval rates follow the four-fifths rule",
            remedy="Look at the features that stand in for gender.",
            reason="0.79996, must be >= 0.80; lowest female 0.62 (n=310), highest male 0.84",
            metric="demographic_parity_ratio",
            across=("gender",),
            must=">= 0.80",
            operator=">=",
            threshold=0.80,
            value=0.79996,
            interval=Interval(0.67, 0.81),
            n=1000,
            groups=(
                GroupValue("female", 310, 0.62),
                GroupValue("male\x1b[31m", 6, None, supported=False),
            ),
            notes=("12 rows without a gender were dropped",),
        ),
        Verdict(
            control="age-equal-opportunity",
            status="not_evaluated",
            reason="role 'age' is not bound to a column",
            metric="equal_opportunity_difference",
            across=("age",),
            must="<= 0.10",
            operator="<=",
            threshold=0.10,
        ),
        Verdict(
            control="enough-rows",
            status="passed",
            reason="1,000 rows, must be >= 500",
            metric="row_count",
            must=">= 500",
            operator=">=",
            threshold=500.0,
            value=1000.0,
            interval=Interval(1000.0, 1000.0),
            conclusive=True,
            n=1000,
        ),
        Verdict(
            control="[red]bang[/red]",
            status="error",
            reason="could not be computed: \x1b[2J\u202etxt.exe",
            metric="brier_score",
            must="<= 0.25",
            operator="<=",
            threshold=0.25,
        ),
    )
