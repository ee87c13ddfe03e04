"""Scenarios run for real, with evidence in a folder that is thrown away and no tracker active."""

from __future__ import annotations

from pathlib import Path

import pytest

from venturalitica.demo import Scenario, quickstart


@pytest.fixture(scope="session")
def loan(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The loan scenario, run once for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("loan")
    with pytest.MonkeyPatch.context() as patch:
        at_home(patch, folder)
        return quickstart("loan")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own."""
    at_home(monkeypatch, tmp_path)
    return tmp_path


def at_home(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)
    patch.setenv("VENTURALITICA_HOME", str(folder / ".venturalitica"))
    patch.setenv("VENTURALITICA_CONFIG", str(folder / "config"))
    patch.setenv("VENTURALITICA_DOTENV", "0")
    for name in ("VENTURALITICA_SIGNING_KEY", "MLFLOW_TRACKING_URI", "WANDB_MODE"):
        patch.delenv(name, raising=False)
