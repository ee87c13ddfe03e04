"""`examples/ci`: the pipeline against a server with the gate, and the same without it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci"


class Pipeline:
    """A job of CI in its own folder, for a server whose folder is `server`."""

    def __init__(self, url: str, server: Path, folder: Path) -> None:
        self.url, self.server, self.folder = url, server, folder
        shutil.copytree(EXAMPLE, folder)

    def run(self, *words: str) -> Any:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        home = {"VENTURALITICA_HOME": str(self.folder / ".venturalitica")}
        home |= {"VENTURALITICA_CONFIG": str(self.folder / "config"), "CI": "true"}
        home |= {"VENTURALITICA_TRACKER_WAIT": "60", "MLFLOW_TRACKING_URI": self.url}
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **home, "PATH": path},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def train(self, *words: str) -> str:
        done = self.run("python", "train.py", *words)
        assert done.returncode == 0, done.stderr
        (version,) = re.findall(r"^version (\d+)$", done.stdout, re.MULTILINE)
        return str(version)

    def promote(self, version: str) -> Any:
        return self.run("python", "promote.py", version)

    def champion(self) -> str | None:
        client = mlflow.MlflowClient(self.url)
        found = client.get_registered_model("credit").aliases.get("champion")
        return None if found is None else str(found)


def pipeline(start_server: Callable[..., Any], folder: Path, *words: str) -> tuple[Any, Pipeline]:
    server = folder / "server"
    shutil.copytree(EXAMPLE, server)
    (server / "keys").mkdir()
    home = {"VENTURALITICA_HOME": str(server / ".venturalitica")}
    started = start_server(server, *words, **home, VENTURALITICA_CONFIG=str(server / "config"))
    return started, Pipeline(started.url, server, folder / "job")


def attacked(one: Pipeline) -> dict[str, str]:
    """Versions that must not be champion, by what is wrong with each; green ones at first."""
    weak = one.folder / "older_policy.yaml"
    weak.write_text((one.folder / "model_policy.yaml").read_text().replace("0.60", "0.10"))
    weak.write_text(weak.read_text().replace('"1.1"', '"1.0"').replace("publish", "keep"))
    made = {"red": one.train("--noise", "1.0"), "older": one.train("older_policy.yaml")}
    made |= {"swapped": one.train(), "edited": one.train(), "unsigned": one.train()}
    client = mlflow.MlflowClient(one.url)
    places = {kind: client.get_model_version("credit", version) for kind, version in made.items()}
    stored = one.server / "artifacts"
    (swapped,) = stored.rglob(f"*/{places['swapped'].source.removeprefix('models:/')}/**/MLmodel")
    swapped.write_text(f"{swapped.read_text()}# one line more\n")
    (edited,) = stored.rglob(f"*/{places['edited'].run_id}/artifacts/venturalitica/evidence.json")
    edited.write_text(edited.read_text().replace('"index":', '"index": '))
    return made


def test_the_gate_refuses_what_would_pass_without_it(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    server, one = pipeline(start_server, tmp_path, "--app-name", "venturalitica-gate")
    try:
        assert one.run("venturalitica", "policy", "lint", "model_policy.yaml").returncode == 0
        green = one.train()
        exported = one.run("venturalitica", "keys", "export", "--out", "ci.pem")
        assert exported.returncode == 0, exported.stderr
        shutil.copy(one.folder / "ci.pem", one.server / "keys")
        assert one.run("venturalitica", "verify").returncode == 0
        passed = one.promote(green)
        assert (passed.returncode, one.champion()) == (0, green), passed.stderr
        rules = {"red": "accuracy", "older": "policy", "swapped": "MLmodel has other bytes"}
        rules |= {"edited": "does not hold"}
        made = attacked(one)
        for kind, said in rules.items():
            refused = one.promote(made[kind])
            assert (refused.returncode, one.champion()) == (1, green), kind
            assert said in refused.stderr, kind
        gate = one.server / "gate.yaml"
        gate.write_text(f"{gate.read_text()}    approvals: [{{role: Head of risk}}]\n")
        refused = one.promote(made["unsigned"])
        assert (refused.returncode, one.champion()) == (1, green)
        assert "1 approval by 'Head of risk' asked for" in refused.stderr
    finally:
        server.stop()


def test_without_the_gate_all_of_them_pass(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    server, one = pipeline(start_server, tmp_path)
    try:
        for version in attacked(one).values():
            assert (one.promote(version).returncode, one.champion()) == (0, version)
    finally:
        server.stop()


@pytest.mark.parametrize("file", ["model_policy.yaml", "gate.yaml"])
def test_its_files_are_linted(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "job"
    shutil.copytree(EXAMPLE, folder)
    key = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        capture_output=True,
        check=True,
    ).stdout
    public = subprocess.run(
        ["openssl", "ec", "-pubout"], input=key, capture_output=True, check=True
    ).stdout
    (folder / "keys").mkdir()
    (folder / "keys" / "ci.pem").write_bytes(public)
    group = "policy" if "policy" in file else "gate-server"
    command = [sys.executable, "-m", "venturalitica", group, "lint", file]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
