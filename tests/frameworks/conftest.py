"""Loans as networks are trained on them, a place of the test's own, and what is on record there."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from venturalitica.audit.project import open_ledger

POLICY = """\
policy: loans
version: "1"
roles:
  target: {favorable: 1}
controls:
  - {id: right, metric: accuracy, must: ">= 0.1", on_fail: record}
  - {id: ranks, metric: roc_auc, must: ">= 0.1", on_fail: record}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0", on_fail: record}
"""
FEATURES = ["income", "debt"]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def policy(tmp_path: Path) -> str:
    (tmp_path / "loans.yaml").write_text(POLICY)
    return str(tmp_path / "loans.yaml")


@pytest.fixture
def loans() -> pd.DataFrame:
    """300 rows, columns not in the order that models are trained on."""
    random = np.random.default_rng(3)
    table = pd.DataFrame(random.normal(size=(300, 2)), columns=FEATURES)
    table["class"] = (table["income"] - table["debt"] + random.normal(size=300) > 0).astype(int)
    table["size"] = table["class"] + (table["income"] > 1)
    table["sex"] = random.choice(["f", "m"], size=300)
    return table[["debt", "sex", "class", "size", "income"]]


@pytest.fixture(name="X")
def _features(loans: pd.DataFrame) -> Any:
    return loans[FEATURES].to_numpy(dtype=np.float32).copy()


@pytest.fixture
def evidence() -> Callable[[], list[dict[str, Any]]]:
    """The predicates on record, oldest first."""

    def read() -> list[dict[str, Any]]:
        return [one.statement["predicate"] for one in open_ledger(create=False).entries()]

    return read
