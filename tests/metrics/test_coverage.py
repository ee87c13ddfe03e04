"""A short seed of `benchmarks/coverage.py`: it holds now, and the method of before breaks it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "coverage.py"
SAMPLES = 60


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("method", "kept"), [("exact-1", True), ("replicates-1", False)])
def test_shares_hold_their_truth_for_every_outcome(
    method: str, kept: bool, coverage: ModuleType
) -> None:
    for _, worst in coverage.exact_shares(method, quick=True):
        assert bool(max(worst["below"], worst["above"]) <= 0.025) is kept
        assert bool(worst["coverage"] >= 0.95) is kept


@pytest.mark.parametrize("family", ["rates", "made-of", "scores", "amounts", "drift"])
def test_promises_are_kept(family: str, coverage: ModuleType) -> None:
    for cell in coverage.CELLS[family](True):
        assert coverage.checked(cell, SAMPLES, "exact-1")[1] == {}


@pytest.mark.parametrize(
    ("family", "broken"),
    [
        ("rates", {"min", "max", "difference", "ratio", "odds-difference", "four-fifths"}),
        ("scores", {"expected-calibration-error"}),
    ],
)
def test_the_method_of_before_breaks_them(
    family: str, broken: set[str], coverage: ModuleType
) -> None:
    *_, cell = coverage.CELLS[family](True)
    seen = coverage.look(cell, SAMPLES // 2, "replicates-1")
    found = {name for name, one in seen.items() if one.broken(cell.exact)}
    assert broken <= found
