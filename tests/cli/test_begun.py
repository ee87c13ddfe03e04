"""A run that was killed, on the command line and on the pages."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pandas as pd
import pytest

import venturalitica as vl
from tests.cli.conftest import CallCli
from tests.policies import small_policy
from tests.ui.client import client_for, words
from venturalitica.ledger.lifecycle.begun import sign_of_life


@pytest.fixture
def killed(project: Path) -> str:
    """A monitor was entered, an audit made in it, and its process killed; gives the run's id."""
    (project / "model_policy.yaml").write_text(small_policy(name="loan"))
    table = pd.DataFrame({"label": [0, 1] * 50, "said": [0, 1] * 50, "x": range(100)})
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with vl.monitor("training") as run:
                vl.enforce(table, target="label", prediction="said")
                os.write(write, run.id.encode())
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(write)
    os.waitpid(child, 0)
    run_id = os.read(read, 100).decode()
    os.close(read)
    return run_id


def test_the_list_and_the_record_say_so(call: CallCli, killed: str) -> None:
    listed = json.loads(call("runs", "list", "--json").stdout)
    assert [(one["kind"], one["begun"]) for one in listed] == [
        ("audit", None),
        ("begin", "did not end"),
    ]
    assert listed[1]["light"] == "amber"
    assert "did not end" in call("runs", "list").stdout
    only = json.loads(call("runs", "list", "--kind", "begin", "--json").stdout)
    assert [one["index"] for one in only] == [0]
    shown = call("runs", "show", killed).stdout
    assert "did not end\n" in shown
    assert "did not end; it began with entry 0" in shown
    begun, audit = json.loads(call("runs", "show", killed, "--json").stdout)
    assert (begun["light"], begun["begun"]) == ("amber", "did not end")
    assert audit["begun"] == "did not end"
    verified = call("verify")
    assert verified.exit_code == 0
    assert "1 of 1 that began: entry 0, 'training': did not end" in " ".join(
        verified.stdout.split()
    )
    assert "Nothing waits" in call("sync").stdout


def test_elsewhere_there_is_no_more_to_say(call: CallCli, killed: str, project: Path) -> None:
    sign_of_life(project / ".venturalitica", killed).unlink()
    assert "begun, no end on record" in call("runs", "list").stdout


def test_a_run_that_ended_is_listed_and_shown_once(call: CallCli, project: Path) -> None:
    with vl.monitor("training") as run:
        pass
    assert len(json.loads(call("runs", "list", "--json").stdout)) == 1
    assert len(json.loads(call("runs", "show", run.id, "--json").stdout)) == 1
    assert json.loads(call("runs", "list", "--kind", "begin", "--json").stdout) == []
    assert "begin: recorded" in call("runs", "show", "0").stdout


def test_the_pages_say_so(killed: str, project: Path) -> None:
    client = client_for(project / ".venturalitica")
    sentence = "The run did not end: its process is gone"
    assert sentence in words(client.get("/"))
    assert sentence in words(client.get("/runs?light=amber"))
    assert sentence in words(client.get("/runs/0"))
    assert "The run training began" in words(client.get("/runs/0"))
    audit = words(client.get("/runs/1"))
    assert sentence in audit
    assert "It began with entry 0" in audit
    assert "began" not in words(client.get("/runs?kind=audit"))
