from __future__ import annotations

import pytest

from venturalitica.trackers.links import (
    address,
    is_databricks,
    is_file_store,
    origin,
    redact,
    run_url,
    sqlite_file,
)


def test_a_relative_store_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert address("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"
    assert address(f"sqlite:///{tmp_path}/mlflow.db") == f"sqlite:///{tmp_path}/mlflow.db"
    assert address("sqlite:///a/../b.db?timeout=5") == f"sqlite:///{tmp_path}/b.db?timeout=5"
    for folder in ("mlruns", "./mlruns", "file:mlruns", "file:./mlruns", ""):
        assert address(folder) == (tmp_path / "mlruns").as_uri()
    assert address("file:///srv/my%20runs") == "file:///srv/my%20runs"
    assert address("sqlite:///:memory:") == "sqlite:///:memory:"


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("http://user:secret@host:5000/mlflow/", "http://host:5000/mlflow"),
        ("https://host/?token=secret#x", "https://host"),
        ("postgresql://user:secret@db:5432/mlflow", "postgresql://db:5432/mlflow"),
        ("mysql+pymysql://user:se@cret@db/mlflow", "mysql+pymysql://db/mlflow"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
    ],
)
def test_credentials_stay_out_of_evidence(uri, kept):
    assert address(uri) == kept


def test_a_message_is_told_without_credentials():
    message = "POST http://me:secret@host/api?token=secret&x=1 password=secret failed"
    assert "secret" not in redact(message)
    assert redact(message).startswith("POST http://host/api?token=***&x=1")


def test_kinds_of_stores():
    assert is_file_store("mlruns")
    assert is_file_store("file:///srv/mlruns")
    assert not is_file_store("databricks")
    assert not is_file_store("http://host")
    assert is_databricks("databricks://profile")


def test_where_credentials_go():
    assert origin("https://Host/a") == ("https", "host", 443)
    assert origin("http://user@host:5000") == ("http", "host", 5000)
    assert origin("http://host") != origin("https://host")


def test_the_file_of_a_database(tmp_path):
    (tmp_path / "my runs.db").touch()
    assert sqlite_file(f"sqlite:///{tmp_path}/my%20runs.db") == tmp_path / "my runs.db"
    assert sqlite_file(f"sqlite:///{tmp_path}/new.db?x=1") == tmp_path / "new.db"
    assert sqlite_file("sqlite:///:memory:") is None


def test_deep_links():
    link = "http://host:5000/#/experiments/7/runs/abc"
    assert run_url("http://me:pw@host:5000/", "7", "abc") == link
    assert run_url("http://host:5000", "7", "abc", workspace="default") == link
    assert run_url("http://host:5000", "7", "abc", workspace="a b") == f"{link}?workspace=a%20b"
    assert run_url("sqlite:///mlflow.db", "7", "abc") is None
    assert run_url("file:///srv/mlruns", "7", "abc") is None
    assert run_url("databricks", "7", "abc") is None
    databricks = run_url("databricks", "7", "abc", databricks_host="dbc.example.com/")
    assert databricks == "https://dbc.example.com/ml/experiments/7/runs/abc"
