"""Settings of trackers that cannot be meant are asked about; those that may be are left alone."""

from __future__ import annotations

import pytest

from venturalitica import trackers
from venturalitica.errors import nearest
from venturalitica.trackers.mlflow.client import doubt
from venturalitica.trackers.wandb import health as account

MEANT = {
    "127.0.0.1:5000": "http://127.0.0.1:5000?",
    "localhost:5000": "http://localhost:5000?",
    "localhost": "http://localhost?",
    "0.0.0.0": "http://0.0.0.0?",
    "[::1]:5000": "http://[::1]:5000?",
    "mlflow.example.org:80/path": "http://mlflow.example.org:80/path?",
    "server:5000": "http://server:5000?",
    "me:hunter2@server:5000": "http://server:5000?",
    "http:/server:5000": "http://server:5000?",
    "https//server": "https://server?",
    "http:server:5000": "http://server:5000?",
    "htp://server:5000": "did you mean 'http'",
    "httpss://server": "did you mean 'https'",
    "sqllite:///mlflow.db": "did you mean 'sqlite'",
    "http://": "expected http://host:port",
    "http://[::1": "expected http://host:port",
    '"http://server:5000"': "quotation marks",
    " http://server:5000": "blanks",
}


@pytest.mark.parametrize("uri", MEANT)
def test_what_is_no_address_is_asked_about_without_credentials(uri, monkeypatch):
    assert MEANT[uri] in doubt(uri)
    assert "hunter2" not in doubt(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    health = trackers.tracker("mlflow").health()
    assert health["reachable"] is False
    assert MEANT[uri] in health["detail"]
    assert "hunter2" not in str(health)


@pytest.mark.parametrize(
    "uri",
    [
        "", "mlruns", "./mlruns", "../a.b:80", "/srv/mlruns", "my.folder", "file:mlruns",
        "C:\\mlruns", "sqlite:///mlflow.db", "postgresql+psycopg2://me:x@host/db", "databricks",
        "databricks://profile", "uc", "https://server", "HTTP://server:5000", "plugin-store://x",
        "arn:aws:sagemaker:eu-west-1:123:server/x",
    ],
)  # fmt: skip
def test_what_may_be_meant_is_left_alone(uri):
    assert doubt(uri) == ""


def test_a_folder_that_is_there_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "localhost:5000").mkdir()
    assert doubt("localhost:5000") == ""


@pytest.mark.parametrize("mode", ["ofline", "Offline", "of", "disable", '"offline"'])
def test_a_misspelt_mode_is_found(mode, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", mode)
    health = trackers.tracker("wandb").health()
    assert health["reachable"] is False
    assert "expected online, offline, shared, disabled, dryrun or run" in health["detail"]
    near = nearest(mode, account.MODES)
    assert near is None or f"did you mean '{near}'?" in health["detail"]


@pytest.mark.parametrize("mode", account.MODES)
def test_every_mode_of_wandbs_own_is_one(mode, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    assert account.doubt() == ""


def test_the_modes_are_those_that_wandb_knows():
    wandb_settings = pytest.importorskip("wandb.sdk.wandb_settings")
    from typing import get_args

    annotation = wandb_settings.Settings.model_fields["mode"].annotation
    assert set(account.MODES) == set(get_args(annotation))


def test_a_server_without_a_scheme_is_asked_about(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "me:hunter2@wandb.example.org")
    assert account.doubt().endswith("did you mean https://wandb.example.org?")


def test_doubts_are_asked_of_trackers_in_use_and_break_nothing(monkeypatch):
    class Broken:
        name = "broken"

        def doubt(self) -> str:
            raise RuntimeError("no")

    class Silent:
        name = "silent"

    class Asking:
        name = "asking"

        def doubt(self) -> str:
            return "did you mean that?"

    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((Broken(), Silent(), Asking())))
    assert trackers.doubts() == ["did you mean that?"]
