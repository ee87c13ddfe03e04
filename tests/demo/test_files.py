from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from venturalitica.demo import copy_to
from venturalitica.demo import german_credit as german
from venturalitica.errors import SettingsError


def test_the_files_hold_the_scenario(tmp_path) -> None:
    written = copy_to(tmp_path / "new" / "loan")
    assert [path.name for path in written] == [
        "model_policy.yaml",
        "train.csv",
        "test.csv",
        "train.py",
    ]
    assert written[0].read_bytes() == german.POLICY.read_bytes()
    columns = german.read_columns()
    kept, held_out = german.split(columns)
    for path, rows in ((written[1], kept), (written[2], held_out)):
        frame = pd.read_csv(path)
        assert frame.to_dict("list") == german.take(columns, rows)


def test_a_file_that_was_changed_is_kept_unless_told(tmp_path, caplog) -> None:
    policy = copy_to(tmp_path)[0]
    policy.write_text("policy: mine\n")
    with caplog.at_level(logging.WARNING):
        copy_to(tmp_path)
    assert policy.read_text() == "policy: mine\n"
    assert [record.getMessage() for record in caplog.records] == [
        f"{policy} was changed since it was written; it is kept as it is"
    ]
    copy_to(tmp_path, overwrite=True)
    assert policy.read_bytes() == german.POLICY.read_bytes()


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="give a folder"):
        copy_to(tmp_path / "file")
    with pytest.raises(SettingsError, match="did you mean 'loan'"):
        copy_to(tmp_path, name="loans")


def test_the_scenario_writes_its_own_files(loan, tmp_path) -> None:
    assert all(path.exists() for path in loan.copy_to(tmp_path))


@pytest.mark.slow
def test_the_script_runs_as_it_is_and_finds_what_quickstart_finds(
    empty_store, tmp_path, loan
) -> None:
    """A fresh interpreter in a fresh folder, as a newcomer would; MLflow's default local store."""
    copy_to(tmp_path)
    empty_store(tmp_path / "mlflow.db")
    keep = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment = keep | {
        "VENTURALITICA_HOME": str(tmp_path / ".venturalitica"),
        "VENTURALITICA_CONFIG": str(tmp_path / "config"),
        "VENTURALITICA_TRACKER_WAIT": "60",
    }
    ran = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("sync") == 0, ran.stderr
    tags, metrics = recorded(tmp_path / "mlflow.db")
    assert tags["venturalitica.light"] == "red"
    assert tags["venturalitica.policy"] == "credit-scoring"
    for verdict in loan:
        assert metrics[f"venturalitica/{verdict.control}"] == pytest.approx(verdict.value, abs=5e-5)


def recorded(store: Path) -> tuple[dict[str, str], dict[str, float]]:
    """Tags and metrics of the one run in MLflow's own database."""
    with closing(sqlite3.connect(store)) as database:
        ((run,),) = database.execute("SELECT run_uuid FROM runs")
        tags = database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run,))
        metrics = database.execute(
            "SELECT key, value FROM latest_metrics WHERE run_uuid = ?", (run,)
        )
        return dict(tags), dict(metrics)
