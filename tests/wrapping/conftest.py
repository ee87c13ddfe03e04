"""A small loan table, a policy beside it, and the evidence that a test left, read from the log."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from venturalitica.core.record import Statement
from venturalitica.ledger.rejudge.counts import Counts

POLICY = """\
policy: loan
version: "1.0"
title: Small loan policy
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    title: Right at least half of the time
    metric: accuracy
    must: ">= 0.50"
    on_fail: record
  - id: gender-parity
    title: Approval rates do not differ too much
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.10"
    on_fail: record
"""

Evidence = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder, ledger and keys of the test's own; no tracker is active."""
    for name, value in {
        "VENTURALITICA_HOME": tmp_path / "evidence",
        "VENTURALITICA_CONFIG": tmp_path / "config",
        "HOME": tmp_path / "home",
    }.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Path of the policy, where `vl.wrap` finds it by default too."""
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return "model_policy.yaml"


@pytest.fixture
def write_policy(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "other_policy.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """What each audit left, oldest first: the predicates of the signed statements in the log.

    With the tally of each, which lies in the vault.
    """

    def read() -> list[dict[str, Any]]:
        log = tmp_path / "evidence" / "log" / "entries.jsonl"
        lines = log.read_bytes().splitlines() if log.exists() else []
        payloads = [base64.b64decode(json.loads(line)["payload"]) for line in lines]
        predicates = [json.loads(payload)["predicate"] for payload in payloads]
        counts = Counts(tmp_path / "evidence")
        return [
            said | {"tally": counts.of(Statement.of({"predicate": said}))} for said in predicates
        ]

    return read


@pytest.fixture
def loans() -> pd.DataFrame:
    """240 rows: features `income`, `debt`, `years`; `sex`; the label `class` (1 or 0)."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=240),
            "debt": rng.normal(size=240),
            "years": rng.integers(0, 30, size=240).astype(float),
        },
        index=pd.Index(np.arange(1000, 1240)[::-1], name="row"),
    )
    frame["class"] = (frame["income"] - frame["debt"] + rng.normal(0, 0.5, 240) > 0).astype(int)
    frame["sex"] = rng.choice(["female", "male"], size=240)
    return frame


FEATURES = ["income", "debt", "years"]


@pytest.fixture(name="X")
def _features(loans: pd.DataFrame) -> pd.DataFrame:
    return loans[FEATURES]


@pytest.fixture
def y(loans: pd.DataFrame) -> pd.Series:
    return loans["class"]
