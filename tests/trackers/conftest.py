"""Trackers as users have them: real clients, a real server, nothing beyond this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _load_worlds() -> None:
    """Helpers of this folder's tests; without packages, they cannot import each other."""
    path = Path(__file__).with_name("worlds.py")
    spec = importlib.util.spec_from_file_location("tracker_worlds", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["tracker_worlds"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


_load_worlds()


@pytest.fixture
def tracking_uri(mlflow, empty_database, tmp_path, monkeypatch) -> Iterator[str]:
    """MLflow's default local store in a fresh folder: nothing is set at all."""
    with _tracking(mlflow, None, tmp_path, monkeypatch):
        shutil.copy(empty_database, tmp_path / "mlflow.db")
        yield f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def server_uri(mlflow, mlflow_server, tmp_path, monkeypatch) -> Iterator[str]:
    """This process set up for the server."""
    with _tracking(mlflow, mlflow_server, tmp_path, monkeypatch):
        yield mlflow_server


@pytest.fixture
def offline_wandb(tmp_path, monkeypatch):
    """W&B offline, with all its folders here and no key."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    folders = {"WANDB_DIR": "", "WANDB_DATA_DIR": "data", "WANDB_CACHE_DIR": "cache"}
    for name, folder in {**folders, "WANDB_CONFIG_DIR": "config"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wandb
    yield wandb
    wandb.teardown()
    # A run of mode "disabled" stays `wandb.run`, whatever ends it.
    wandb.sdk.lib.module.unset_globals()


@contextmanager
def _tracking(mlflow, uri: str | None, folder: Path, monkeypatch) -> Iterator[None]:
    """MLflow set to `uri` in `folder`, and as if it had never been afterwards."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    # `set_tracking_uri` writes the variable: monkeypatch must know it to take it away again.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unset")
    mlflow.set_tracking_uri(None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if uri is not None:
        mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        while mlflow.active_run() is not None:
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
