"""`venturalitica watch` and `ui --notify`, as they are called."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from tests.ui.notify.test_watcher import KEY, Receiver
from venturalitica.ui.notify.webhook import SECRET

POLICY = """\
policy: loans
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
"""
TRUTH = [0, 1] * 400


@pytest.fixture
def receiver() -> Any:
    found = Receiver()
    yield found
    found.stop()


def audit(*, right: bool) -> None:
    guess = [1, *TRUTH[1:]] if right else [0] * len(TRUTH)
    vl.enforce({"y": TRUTH, "p": guess}, target="y", prediction="p", name="nightly")


@pytest.fixture
def loans(project: Path) -> Path:
    (project / "model_policy.yaml").write_text(POLICY)
    audit(right=True)
    return project


def test_once_prints_what_changed_since_the_last_time(call: Any, loans: Path) -> None:
    assert call("watch", "--once").stdout == ""
    audit(right=False)
    said = call("watch", "--once", "--link-base", "https://audit.example.com")
    title, sentence, where, link = said.stdout.splitlines()
    assert title == "loans, nightly: red (was green)"
    assert sentence == "  accuracy failed: 0.500, must be >= 0.70."
    assert re.fullmatch(r"  Entry 1, version 1, 20\d\d-\d\d-\d\d \d\d:\d\d UTC", where)
    assert link == "  https://audit.example.com/runs/1"
    assert call("watch", "--once").stdout == ""


def test_json_is_a_list_of_one_look(call: Any, loans: Path) -> None:
    assert json.loads(call("watch", "--once", "--json").stdout) == []
    audit(right=False)
    [said] = json.loads(call("watch", "--once", "--json").stdout)
    assert (said["was"], said["light"], said["link"]) == ("green", "red", None)
    assert said["controls"] == ["accuracy"]


def test_the_status_says_that_somebody_was_not_reached(
    call: Any,
    loans: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(SECRET, KEY)
    monkeypatch.setenv("VENTURALITICA_NOTIFY", f"http://{receiver.host}/Secret")
    assert call("watch", "--once").exit_code == 0
    audit(right=False)
    receiver.answer = 503
    found = call("watch", "--once")
    assert found.exit_code == 1
    assert "it answered 503" in caplog.text
    assert "Secret" not in caplog.text + found.stderr + found.stdout
    receiver.answer = 200
    found = call("watch", "--once")
    assert (found.exit_code, found.stdout) == (0, "")
    assert receiver.lights == [("green", "red")]


def test_without_evidence_it_says_so_and_writes_nothing(call: Any, project: Path) -> None:
    found = call("watch", "--once")
    assert found.exit_code == 2
    assert "there is no evidence here yet" in found.stderr
    assert not (project / ".venturalitica").exists()


@pytest.mark.parametrize("base", ["ftp://x", "https://u:p@x", "https://x/?token=t", "x"])
def test_a_link_base_holds_no_token(call: Any, loans: Path, base: str) -> None:
    found = call("watch", "--once", "--link-base", base)
    assert found.exit_code == 2
    assert "--link-base" in found.stderr


@pytest.mark.parametrize(
    "line", [["watch", "--json"], ["ui", "--no-open", "--port", "0", "--notify"]]
)
def test_what_runs_on_tells_what_comes_and_ends_when_asked(
    loans: Path, receiver: Receiver, line: list[str]
) -> None:
    told = {SECRET: KEY, "VENTURALITICA_NOTIFY": f"http://{receiver.host}/Secret"}
    with subprocess.Popen(
        [sys.executable, "-m", "venturalitica", *line],
        env=os.environ | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        folder = loans / ".venturalitica" / "cache" / "told"
        until(lambda: len(list(folder.glob("*.json"))) >= (2 if line[0] == "watch" else 1))
        audit(right=False)
        until(lambda: receiver.got)
        audit(right=True)
        until(lambda: len(receiver.got) == 2)
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=20)
    assert process.returncode == 0, error
    assert receiver.lights == [("green", "red"), ("red", "green")]
    assert "Secret" not in out + error
    if line[0] == "watch":
        assert [json.loads(one)["light"] for one in out.splitlines()] == ["red", "green"]
    else:
        address = out.splitlines()[0]
        assert receiver.facts[0]["link"] == f"{address.rstrip('/')}/runs/1"


def test_a_receiver_that_hangs_delays_no_page_no_run_and_no_end(
    loans: Path, receiver: Receiver
) -> None:
    told = {SECRET: KEY, "VENTURALITICA_NOTIFY": f"http://{receiver.host}/Secret"}
    with subprocess.Popen(
        [sys.executable, "-m", "venturalitica", "ui", "--no-open", "--port", "0", "--notify"],
        env=os.environ | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        folder = loans / ".venturalitica" / "cache" / "told"
        until(lambda: list(folder.glob("*.json")))
        receiver.may_answer.clear()
        audit(right=False)
        assert receiver.asked.wait(60)
        audit(right=True)
        for page in ("", "runs", "runs/1"):
            with urllib.request.urlopen(address + page) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert receiver.got == []
        receiver.may_answer.set()


def until(there: Any) -> None:
    for _ in range(600):
        if there():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_ui_wants_somebody_to_tell(call: Any, loans: Path) -> None:
    assert "nobody is named" in call("ui", "--notify").stderr
    assert "--notify" in call("ui", "--to", "json://localhost").stderr
