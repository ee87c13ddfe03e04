"""A small table, a policy, a ledger of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from venturalitica.audit import delivery, result
from venturalitica.audit.allowance import Allowance

POLICY = """\
policy: loan
version: "1.0"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.50"
  - id: parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.10"
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(delivery, "_said", set())
    monkeypatch.setattr(result, "_told", set())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write_policy(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = POLICY, name: str = "model_policy.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def policy(write_policy: Callable[..., Path]) -> Path:
    return write_policy()


@pytest.fixture
def table() -> pd.DataFrame:
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 400)
    return pd.DataFrame(
        {
            "label": truth,
            "said": np.where(random.random(400) < 0.8, truth, 1 - truth),
            "chance": np.clip(truth * 0.5 + random.random(400) / 2, 0, 1),
            "sex": np.where(random.random(400) < 0.4, "f", "m"),
            "x": random.random(400),
        }
    )
