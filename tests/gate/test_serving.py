"""`vl.verify_model`: what is served is what was let through."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica.cli.app import app
from venturalitica.errors import EvidenceError, PolicyError, TrackerError

pytestmark = pytest.mark.filterwarnings("ignore")
MODEL = "models:/credit/1"
ALLOWED = ("--set-alias", "champion")


def gate(*words: str) -> int:
    return CliRunner().invoke(app, ["gate", MODEL, *words]).exit_code


@pytest.fixture
def fetched(project: Any, mlflow: Any) -> Path:
    """The files of the version, as a container fetches them."""
    return Path(mlflow.artifacts.download_artifacts(MODEL, dst_path=str(project.folder / "served")))


def test_files_without_a_decision_are_refused(project: Any) -> None:
    with pytest.raises(EvidenceError, match="credit 1 may not be served: no decision"):
        vl.verify_model(MODEL)


def test_files_that_were_let_through_are_served(project: Any, fetched: Path) -> None:
    assert gate(*ALLOWED) == 0
    for found in (
        vl.verify_model(MODEL),
        vl.verify_model("models:/credit@champion", files=fetched),
        vl.verify_model(MODEL, policy="model_policy.yaml"),
    ):
        assert (found.allowed, found.name, found.version) == (True, "credit", "1")


def test_a_policy_decides_without_a_decision(project: Any) -> None:
    assert vl.verify_model(MODEL, policy="model_policy.yaml").rule == "allowed"
    strict = project.folder / "strict.yaml"
    text = (project.folder / "model_policy.yaml").read_text()
    strict.write_text(text.replace("0.40", "0.9999"))
    with pytest.raises(EvidenceError, match=r"not let through \(no-tally\)"):
        vl.verify_model(MODEL, policy=strict)
    with pytest.raises(PolicyError):
        vl.verify_model(MODEL, policy="missing.yaml")


def test_a_refusal_afterwards_is_the_last_word(project: Any) -> None:
    assert gate(*ALLOWED) == 0
    assert gate("--require-approval", "Auditor") == 1
    with pytest.raises(EvidenceError, match=r"not let through \(approval\)"):
        vl.verify_model(MODEL)
    assert gate() == 0
    assert vl.verify_model(MODEL).allowed


@pytest.mark.parametrize("way", ["swapped", "added", "removed", "names exchanged"])
def test_other_files_than_those_are_refused(project: Any, fetched: Path, way: str) -> None:
    assert gate(*ALLOWED) == 0
    model, env = fetched / "MLmodel", fetched / "python_env.yaml"
    if way == "swapped":
        model.write_bytes(model.read_bytes() + b"\n")
    elif way == "added":
        (fetched / "loader.py").write_text("import os")
    elif way == "removed":
        env.unlink()
    else:
        one, other = model.read_bytes(), env.read_bytes()
        model.write_bytes(other)
        env.write_bytes(one)
    with pytest.raises(EvidenceError, match="may not be served"):
        vl.verify_model(MODEL, files=fetched)
    with pytest.raises(EvidenceError, match=r"not let through \(other-files\)"):
        vl.verify_model(MODEL, files=fetched, policy="model_policy.yaml")


def test_only_keys_that_are_named_count(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate(*ALLOWED) == 0
    ours, theirs = project.folder / "ours.pem", project.folder / "theirs.pem"
    for file, config in ((ours, None), (theirs, project.folder / "other")):
        with monkeypatch.context() as patch:
            if config is not None:
                patch.setenv("VENTURALITICA_CONFIG", str(config))
                patch.setenv("VENTURALITICA_HOME", str(config / "evidence"))
                vl.enforce({"y": [0, 1] * 30, "p": [0, 1] * 30}, target="y", prediction="p")
            done = CliRunner().invoke(app, ["keys", "export", "--out", str(file)])
            assert done.exit_code == 0, done.output
    assert vl.verify_model(MODEL, signers=ours).allowed
    with pytest.raises(EvidenceError, match="which you do not trust"):
        vl.verify_model(MODEL, signers=theirs)


def test_what_is_not_there_is_said(project: Any) -> None:
    with pytest.raises(TrackerError):
        vl.verify_model("models:/credit/9")
    with pytest.raises(EvidenceError):
        vl.verify_model("evidence.json")


def test_the_line_of_a_container_stops_it(project: Any, fetched: Path) -> None:
    code = f"import venturalitica as vl; vl.verify_model({MODEL!r}, files={str(fetched)!r})"
    line = [sys.executable, "-c", code]
    refused = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "may not be served" in refused.stderr
    assert gate() == 0
    assert subprocess.run(line, env=dict(os.environ), capture_output=True).returncode == 0
