"""Errors that cross a process boundary arrive as they left."""

from __future__ import annotations

import copy
import pickle

import pytest

from venturalitica.core.verdict import Verdict
from venturalitica.errors import ControlBlocked, MissingExtra, PolicyError, Problem


@pytest.mark.parametrize(
    "error",
    [
        PolicyError([Problem("p.yaml", 3, "wrong"), Problem("p.yaml", 9, "wrong too")]),
        MissingExtra("mlflow", "mlflow"),
        ControlBlocked(
            [Verdict(control="a", status="failed", reason="0.1, must be >= 0.8")],
            [Verdict(control="a", status="failed", reason="0.1, must be >= 0.8")],
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickle_and_copy(error: Exception) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
