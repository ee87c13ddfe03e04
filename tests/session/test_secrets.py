"""No secret reaches a file, a log or a screen, whatever goes wrong on the way."""

from __future__ import annotations

import base64
import logging
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica import delivery, trackers
from venturalitica.cli.app import app
from venturalitica.errors import TrackerError
from venturalitica.trackers.memory import MemoryTracker

BLOCKING = """\
policy: loan
version: "1.0"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.50"
  - id: parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 1.0"
    on_fail: block
"""


class Canaries(dict[str, str]):
    """Values that nobody else could have written, and what each was."""

    def plant(self, kind: str) -> str:
        value = f"cAnArY{len(self):03d}x{os.urandom(6).hex()}"
        self[value] = kind
        return value

    def found_in(self, data: bytes) -> set[str]:
        blobs = [data]
        for text in re.findall(rb"[A-Za-z0-9+/]{64,}", data):
            blobs.append(base64.b64decode(text[: len(text) // 4 * 4]))
        return {kind for value, kind in self.items() if any(value.encode() in b for b in blobs)}


class Boastful:
    """An object whose repr tells all."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Connection(password={self.value!r}, host='db')"


class Leaky(ClassifierMixin, BaseEstimator):
    """A model with secrets in every parameter, which fails telling some."""

    def __init__(
        self, password=None, api_key=None, auth_token=None, aws_secret_access_key=None, url=None,
        query=None, dsn=None, headers=None, options=None, pairs=None, command=None, connection=None,
        shape=None, pem=None, fails=None,
    ):  # fmt: skip
        for name, value in list(locals().items()):
            if name != "self":
                setattr(self, name, value)

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        if self.fails:
            raise ValueError(self.fails)
        return (np.asarray(X)[:, 0] > 0.5).astype(int)


class Refusing(MemoryTracker):
    """A tracker whose answer quotes what it was reached with."""

    answer = ""

    def deliver(self, run, parcel):
        raise TrackerError(self.answer)


@pytest.fixture
def canaries(monkeypatch, tmp_path) -> Canaries:
    planted = Canaries()
    plant = planted.plant
    for name in (
        "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "WANDB_API_KEY", "DB_PASSWORD",
        "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD", "HF_TOKEN", "SOME_VARIABLE",
        "VENTURALITICA_SIGNING_KEY_PASSPHRASE",
    ):  # fmt: skip
        monkeypatch.setenv(name, plant(f"environment {name}"))
    server = f"http://{plant('uri user')}:{plant('uri password')}@127.0.0.1:9/?token={plant('uri')}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("WANDB_BASE_URL", f"https://{plant('w user')}:{plant('w pw')}@127.0.0.1:9")
    monkeypatch.setattr("sys.argv", ["train.py", "--token", plant("argv"), f"key={plant('argv=')}"])
    (tmp_path / ".env").write_text(f"MLFLOW_TRACKING_USERNAME={plant('.env')}\n")
    remote = f"https://{plant('git user')}:{plant('git password')}@example.org/a/b.git"
    for command in (["init", "-q"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    return planted


def leaky(plant, **more) -> Leaky:
    return Leaky(
        password=plant("parameter password"),
        api_key=plant("parameter api_key"),
        auth_token=plant("parameter auth_token"),
        aws_secret_access_key=plant("parameter aws_secret_access_key"),
        url=f"postgresql+psycopg2://{plant('url user')}:{plant('url password')}@db/x",
        query=f"https://host/x?sig={plant('signature')}&token={plant('query token')}#a",
        dsn=f"host=db user=me password={plant('dsn')}",
        headers={"Authorization": f"Bearer {plant('bearer')}", "x": [f"token: {plant('deep')}"]},
        options={"secret": plant("option"), "nested": {"url": f"https://u:{plant('deep url')}@h"}},
        pairs=[("password", plant("pair")), ["api_key", plant("list pair")]],
        command=f"run --password {plant('flag')} --api-key={plant('flag=')}",
        connection=Boastful(plant("repr")),
        shape=f"ghp_{plant('github shape').replace('x', 'A')}AAAAAAAAAAAA",
        pem=f"-----BEGIN PRIVATE KEY-----\n{plant('pem')}\n-----END PRIVATE KEY-----",
        **more,
    )


def test_no_secret_is_written_logged_printed_or_delivered(
    canaries, monkeypatch, write_policy, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    write_policy(BLOCKING)
    plant = canaries.plant
    random = np.random.default_rng(1)
    X = pd.DataFrame({"x": random.random(120)})
    y = (X.x > 0.5).astype(int).rename("y")
    rows = X.assign(
        y=y, said=y, g=np.where(np.arange(120) < 60, "f", "m"), free=plant("a row's value")
    )
    fails = f"no login password={plant('model error')} at https://u:{plant('model error url')}@h"

    good, bad = MemoryTracker(), Refusing()
    bad.name = "refusing"
    bad.answer = f"401 for https://u:{plant('tracker error')}@h?token={plant('tracker query')}"
    monkeypatch.setattr(trackers, "trackers", lambda: (good, bad))
    with good.start_run(), bad.start_run():
        governed: Any = vl.wrap(leaky(plant))
        with pytest.raises(vl.ControlBlocked), vl.monitor("training"):
            governed.fit(X, y, audit_data=rows, gender="g", target="y")
        failing: Any = vl.wrap(leaky(plant, fails=fails))
        with pytest.raises(vl.ControlBlocked):
            failing.fit(X, y, audit_data=rows, gender="g", target="y")
        with pytest.raises(RuntimeError), vl.monitor("broken"):
            raise RuntimeError(f"token={plant('user error')}")
        broken = f"redis://u:{plant('our error')}@h"
        monkeypatch.setattr(delivery, "parcel", lambda *_: (_ for _ in ()).throw(OSError(broken)))
        with pytest.raises(vl.ControlBlocked):
            vl.enforce(rows, target="y", prediction="said", gender="g")

    said = [caplog.text]
    for command in ("sync", "doctor", "verify", "runs list", "runs show 0", "runs show 0 --json"):
        result = CliRunner().invoke(app, command.split())
        said += [result.output, str(result.exception)]
    out, err = capfd.readouterr()
    seen = {"said": "\n".join([*said, out, err]).encode()}
    for run in good.runs.values():
        seen |= {f"delivered {path}": data for path, data in run.artifacts.items()}
        seen["delivered tags"] = f"{run.stored_tags} {run.description} {run.points}".encode()
    for file in tmp_path.rglob("*"):
        if file.is_file() and ".git" not in file.parts and file.name != ".env":
            seen[str(file.relative_to(tmp_path))] = file.read_bytes()
    assert len(canaries) >= 50
    assert {"delivered venturalitica/evidence.json", "evidence/log/entries.jsonl"} <= seen.keys()
    leaks = {place: kinds for place, data in seen.items() if (kinds := canaries.found_in(data))}
    assert leaks == {}


def test_the_search_for_secrets_finds_them(canaries: Canaries, tmp_path: Path):
    value = canaries.plant("here")
    assert canaries.found_in(b"..." + value.encode()) == {"here"}
    assert canaries.found_in(base64.b64encode(b"a" * 50 + value.encode() + b"b" * 50)) == {"here"}
