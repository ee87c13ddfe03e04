"""`docs/mlflow.md`, typed as it stands: on a database of SQLite, and on a server of MLflow's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient, MlflowException

PAGE = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text()
SERVER = "mlflow server --app-name venturalitica-gate"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


def commands() -> list[str]:
    return [line[2:] for block in blocks("console") for line in block.splitlines()]


@pytest.fixture
def typed(tmp_path: Path, empty_database: Path) -> Callable[..., dict[str, str]]:
    """A folder with the page's files; types commands there, and gives what each printed."""
    policy, gate = blocks("yaml")
    train, serve = blocks("py")
    for name, text in {
        "model_policy.yaml": policy,
        "gate.yaml": gate,
        "train.py": train,
        "serve.py": serve,
    }.items():
        (tmp_path / name).write_text(text)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}

    def run(asked: list[str], address: str) -> dict[str, str]:
        said = {}
        for line in asked:
            done = subprocess.run(
                line.split(),
                cwd=tmp_path,
                env={
                    **kept,
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                    "MLFLOW_TRACKING_URI": address,
                    "VENTURALITICA_HOME": str(tmp_path / "evidence"),
                    "VENTURALITICA_CONFIG": str(tmp_path / "config"),
                    "VENTURALITICA_TRACKER_WAIT": "60",
                },
                capture_output=True,
                text=True,
                timeout=200,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            said[line] = done.stdout
        return said

    return run


def _holds(said: dict[str, str]) -> None:
    assert "champion" in said["venturalitica gate models:/credit/1 --set-alias champion"]
    light, *sentences = said["python serve.py"].splitlines()
    assert light == "light: green"
    assert [one.partition(" are met")[0] for one in sentences] == [
        "all 1 control of credit 1.0"
    ] * 2


@pytest.mark.timeout(600)
def test_the_page_on_a_database(typed: Any) -> None:
    _holds(typed([one for one in commands() if one != SERVER], "sqlite:///mlflow.db"))


@pytest.mark.timeout(600)
def test_a_forest_is_saved_as_the_page_says(typed: Any, tmp_path: Path) -> None:
    """MLflow refuses it bare; with the page's argument it is registered, loaded and let through."""
    (block,) = blocks("python")
    (trusted,) = re.findall(r"skops_trusted_types=.*\]", block)
    script = (
        (tmp_path / "train.py")
        .read_text()
        .replace("from sklearn.linear_model import", "from sklearn.ensemble import")
        .replace("LogisticRegression", "RandomForestClassifier")
        .replace("approved + draw", "approved + 2 * draw")  # else it is right in every row
    )
    (tmp_path / "train.py").write_text(script)
    with pytest.raises(AssertionError, match="references untrusted types"):
        typed(["python train.py"], "sqlite:///mlflow.db")
    named = script.replace("pip_requirements=[]", f"pip_requirements=[], {trusted}")
    (tmp_path / "train.py").write_text(named)
    gate = "venturalitica gate models:/credit/1"
    typed(["python train.py", gate], "sqlite:///mlflow.db")


@pytest.mark.timeout(600)
def test_the_page_on_a_server_that_refuses(
    typed: Any, tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    assert SERVER in commands()
    server = start_server(
        tmp_path,
        *SERVER.split()[2:],
        VENTURALITICA_HOME=str(tmp_path / "server-evidence"),
        VENTURALITICA_CONFIG=str(tmp_path / "server-config"),
    )
    try:
        client = MlflowClient(server.url)
        first, rest = commands()[0], [one for one in commands()[1:] if one != SERVER]
        typed([first], server.url)
        with pytest.raises(MlflowException, match=r"keys\.pem"):
            client.set_registered_model_alias("credit", "champion", "1")
        keys = [one for one in rest if "keys" in one or "lint" in one]
        typed(keys, server.url)
        client.set_registered_model_alias("credit", "champion", "1")
        client.delete_registered_model_alias("credit", "champion")
        _holds(typed([one for one in rest if one not in keys], server.url))
    finally:
        server.stop()
