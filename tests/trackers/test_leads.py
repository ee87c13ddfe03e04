"""The way to a run: a link, or a line to type that is safe to type."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from venturalitica.trackers import lead, leads
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.links import is_loopback
from venturalitica.trackers.mlflow.health import ports_for, store_command

RUN = "0c9f1d3b7a5e4d6fb2a1908374655647"


def mlflow(uri: str, **changes):
    return RunRef("mlflow", RUN, uri=uri, experiment_id="7", **changes)


def test_a_server_s_run_is_linked_with_its_workspace():
    assert lead(mlflow("http://host:5000")).url == f"http://host:5000/#/experiments/7/runs/{RUN}"
    below = lead(mlflow("https://host/mlflow", extra={"workspace": "a b"}))
    assert below.url == f"https://host/mlflow/#/experiments/7/runs/{RUN}?workspace=a%20b"


def test_databricks_is_linked_where_its_host_is_known(monkeypatch):
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    assert "DATABRICKS_HOST" in lead(mlflow("databricks")).note
    monkeypatch.setenv("DATABRICKS_HOST", "dbc.example.com")
    known = lead(mlflow("databricks"))
    assert known.url == f"https://dbc.example.com/ml/experiments/7/runs/{RUN}"
    recorded = mlflow("databricks", url="https://dbc.example.com/ml/experiments/7/runs/1")
    assert lead(recorded).url == recorded.url


@pytest.mark.parametrize(
    ("uri", "head"),
    [
        ("sqlite:////srv/mlflow.db", "mlflow server --backend-store-uri sqlite:////srv/mlflow.db"),
        (
            "file:///srv/mlruns",
            "MLFLOW_ALLOW_FILE_STORE=true mlflow server --backend-store-uri file:///srv/mlruns",
        ),
        (
            "postgresql://db:5432/mlflow",
            "mlflow server --backend-store-uri postgresql://USER:PASSWORD@db:5432/mlflow",
        ),
    ],
)
def test_a_store_without_a_server_gets_the_line_that_starts_one(uri, head):
    found = lead(mlflow(uri))
    port = ports_for(uri)[0]
    assert found.url == ""
    assert found.command == f"{head} --port {port}"
    assert found.live == f"http://127.0.0.1:{port}"
    assert ("password" in found.note) == uri.startswith("postgresql")


def test_a_store_keeps_its_port():
    ports = ports_for("sqlite:////a.db")
    assert ports == ports_for("sqlite:////a.db")
    assert len(set(ports)) == len(ports) > 1
    assert all(1024 < port < 65536 for port in ports)
    assert ports[0] != ports_for("sqlite:////b.db")[0]


def test_a_store_may_be_shown_at_each_of_its_ports():
    found = leads(mlflow("sqlite:////a.db"))
    ports = ports_for("sqlite:////a.db")
    assert found[0] == lead(mlflow("sqlite:////a.db"))
    assert [one.live for one in found] == [f"http://127.0.0.1:{port}" for port in ports]
    assert all(one.command.endswith(f"--port {one.live[-4:]}") for one in found)
    assert all(one.page.startswith(f"{one.live}/#/") for one in found)
    assert leads(mlflow("http://host:5000")) == (lead(mlflow("http://host:5000")),)
    assert leads(RunRef("wandb", "1")) == (lead(RunRef("wandb", "1")),)


@pytest.mark.parametrize("folder", ["/tmp/x; rm -rf ~", "/tmp/$(id)`id`", "/tmp/it's"])
def test_a_command_to_copy_holds_a_recorded_word_as_one_word(folder):
    line = store_command(f"sqlite:///{folder}/mlflow.db", port=5001)
    words = shlex.split(line)
    assert words == [
        "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--port", "5001",
    ]  # fmt: skip
    offline = RunRef("wandb", "1", extra={"offline": True, "folder": folder})
    assert shlex.split(lead(offline).command) == ["wandb", "sync", folder]


@pytest.mark.parametrize("bad", ["/tmp/a\nid", "/tmp/\u202ea", "/tmp/\x1b[2J", "/tmp/\ud800"])
def test_what_would_deceive_who_copies_it_is_no_command(bad):
    assert lead(mlflow(f"sqlite:///{bad}")).command == ""
    offline = RunRef("wandb", "1", extra={"offline": True, "folder": bad})
    assert lead(offline).command == ""


def test_nothing_but_a_web_address_becomes_a_link():
    for url in ("javascript:alert(1)", "data:text/html,x", "http://a b"):
        assert lead(RunRef("wandb", "1", url=url)).url == ""
        assert lead(RunRef("other", "1", url=url)).url == ""
    assert lead(RunRef("wandb", "1", url="https://wandb.ai/a/b/runs/1")).url
    assert lead(RunRef("mlflow", '"><script>', "http://host", '"><')).url.endswith(
        "/#/experiments/%22%3E%3C/runs/%22%3E%3Cscript%3E"
    )


def test_a_record_that_says_null_is_no_fault():
    nulls: dict[str, Any] = {"uri": None, "experiment_id": None}
    assert "do not say which store" in lead(RunRef("mlflow", RUN, **nulls)).note
    assert lead(RunRef("wandb", "1", url=None, extra={"offline": True, "folder": None})).note
    assert lead(mlflow("sqlite://")).command == lead(mlflow("sqlite:///:memory:")).command == ""
    assert "memory" in lead(RunRef("memory", "1")).note


def test_this_machine():
    for uri in ("http://localhost:1", "http://127.0.0.9", "http://[::1]:5000"):
        assert is_loopback(uri)
    elsewhere = ("http://10.0.0.1", "http://127.0.0.1.example.com", "http://example.com")
    for uri in (*elsewhere, "", "http://["):
        assert not is_loopback(uri)
