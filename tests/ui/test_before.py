"""A commitment, and how often these data were audited before: on the run's page and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import venturalitica as vl
from venturalitica.audit.committing import commit_to

POLICY = """\
policy: loan
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Entries 0 an audit, 1 a commitment to another text, 2 an audit by that one."""
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    policy = tmp_path / "model_policy.yaml"
    truth = np.arange(200) % 2
    policy.write_text(POLICY)
    vl.enforce(target=truth, prediction=truth.copy(), policy=policy)
    policy.write_text(f"{POLICY}# looser\n")
    commit_to(vl.read_policy(policy), None, rows=200, authority=None)
    vl.enforce(target=truth, prediction=1 - truth + (truth > 5), policy=policy)
    return tmp_path / "evidence"


def test_the_pages_tell_it(home: Path, client_for: Any, words: Any) -> None:
    client = client_for(home)
    run = words(client.get("/runs/2"))
    assert "This policy text was committed to in entry 1" in run
    assert "It planned as many rows." in run
    assert "This log holds 1 earlier audit of these data (1 policy text)" in run
    assert "Policy changed after 1 audit of these data" in run
    card = words(client.get("/"))
    assert "1 earlier audit of these data in this log" in card
    assert "policy changed after 1 audit of them; committed in entry 1" in card
    commitment = words(client.get("/runs/1"))
    assert "Committed to loan 1" in commitment
    assert "it does not show that nobody had looked at the data" in commitment
    assert "Planned rows" in commitment
    listed = words(client.get("/runs?kind=commitment"))
    assert "commitment" in listed
    evidence = words(client.get("/evidence"))
    assert evidence
