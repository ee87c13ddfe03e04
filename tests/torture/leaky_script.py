"""A user's training script with secrets wherever a script can have them, run by `secrets.py`.

Everything goes wrong that can: a model fails and tells, a tracker refuses and quotes, a user's own
exception ends a monitor. `planted.json` says what the product could see.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

import venturalitica as vl
import venturalitica.cli

COMMANDS = (
    "sync", "sync --json", "doctor", "doctor --json", "verify", "verify --json",
    "verify --witnesses", "runs list", "runs show 0", "runs show 0 --json",
    "check rows.csv --target y --prediction said --gender g", "policy lint", "policy show",
    "reindex", "keys show",
)  # fmt: skip


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


def main() -> None:
    logging.basicConfig(level=logging.DEBUG)
    # It tells every address in full, at the debugging level, to whoever asks for that.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    secret = json.loads(Path(os.environ["PLANTED"]).read_text())
    rows = table(secret)
    trackers = [local_run, refusing_server, unreachable_database]
    if "offline_wandb" in sys.argv:
        trackers += [offline_wandb, serving]
    for tracker in trackers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tracker(secret, lambda: scenario(secret, rows))
    for line in COMMANDS:
        print(f"$ venturalitica {line}", flush=True)
        venturalitica.cli.main(shlex.split(line))
    Path(os.environ["SEEN"]).write_text(json.dumps(in_sight(secret)))


def scenario(secret: dict[str, str], rows: pd.DataFrame) -> None:
    """Fits and audits, good and bad, with whatever tracker's run is open."""
    X, y = rows[["x"]], rows["y"]
    named = f"training token={secret['run name']}"
    source = f"rows.csv?sig={secret['source query']}&token={secret['source token']}"
    target = f"s3://bucket/model?X-Amz-Signature={secret['output query']}"
    try:
        with vl.monitor(named, inputs=[source], outputs=[target]):
            governed: Any = vl.wrap(leaky(secret))
            governed.fit(X, y, audit_data=rows, gender="g", target="y")
    except vl.ControlBlocked as error:
        logging.error("blocked: %s", error)
    try:
        failing: Any = vl.wrap(leaky(secret, fails=secret_failure(secret)))
        failing.fit(X, y, audit_data=rows, gender="g", target="y")
    except vl.ControlBlocked as error:
        logging.error("blocked: %s", error)
    try:
        with vl.monitor("broken"):
            raise RuntimeError(f"token={secret['user error']}")
    except RuntimeError:
        """The user's own, which the user prints or does not."""
    try:
        with vl.monitor("absent", inputs=[f"absent.csv?token={secret['absent input']}"]):
            """Never reached."""
    except vl.DataError as error:
        print(error)


def secret_failure(secret: dict[str, str]) -> str:
    return (
        f"no login password={secret['model error']} at "
        f"https://u:{secret['model error url']}@h/x?token={secret['model error query']}"
    )


def local_run(secret: dict[str, str], work: Any) -> None:
    """A database of MLflow's that takes everything."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    with mlflow.start_run():
        work()


def refusing_server(secret: dict[str, str], work: Any) -> None:
    """A server that answers every call with an error that quotes the call."""
    _with_run_at(os.environ["REFUSING"], work)


def serving(secret: dict[str, str], work: Any) -> None:
    """A server that takes everything."""
    import mlflow

    mlflow.set_tracking_uri(os.environ["SERVING"])
    with mlflow.start_run():
        work()


def unreachable_database(secret: dict[str, str], work: Any) -> None:
    user, password = secret["sql user"], secret["sql password"]
    _with_run_at(f"postgresql://{user}:{password}@127.0.0.1:9/mlflow", work)


def _with_run_at(uri: str, work: Any) -> None:
    """A run that was opened while the tracker was well."""
    import mlflow
    from mlflow.entities import Run, RunData, RunInfo

    mlflow.set_tracking_uri(uri)
    info = RunInfo(
        run_id="0" * 32,
        experiment_id="0",
        user_id="me",
        status="RUNNING",
        start_time=1,
        end_time=None,
        lifecycle_stage="active",
    )
    stack = mlflow.tracking.fluent._active_run_stack
    stack.set([mlflow.ActiveRun(Run(info, RunData()))])
    try:
        work()
    finally:
        stack.set([])


def offline_wandb(secret: dict[str, str], work: Any) -> None:
    import wandb

    # What W&B itself notes down of a script (its arguments) is not ours: it is told not to.
    settings = wandb.Settings(x_disable_meta=True, disable_git=True, console="off")
    with wandb.init(project="credit", mode="offline", settings=settings):
        work()


def table(secret: dict[str, str]) -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"x": random.random(120)})
    y = (rows.x > 0.5).astype(int)
    rows = rows.assign(y=y, said=y, g=["f", "m"] * 60, free=secret["a row"])
    rows.to_csv("rows.csv", index=False)
    query = f"rows.csv?sig={secret['source query']}&token={secret['source token']}"
    Path(query).write_text("a,b\n1,2\n")
    return rows


def leaky(secret: dict[str, str], **more: Any) -> Leaky:
    return Leaky(
        password=secret["parameter password"],
        api_key=secret["parameter api_key"],
        auth_token=secret["parameter auth_token"],
        aws_secret_access_key=secret["parameter aws_secret_access_key"],
        url=f"postgresql+psycopg2://{secret['url user']}:{secret['url password']}@db/x",
        query=f"https://host/x?sig={secret['signature']}&token={secret['query token']}#a",
        dsn=f"host=db user=me password={secret['dsn']}",
        headers={"Authorization": f"Bearer {secret['bearer']}", "x": [f"token: {secret['deep']}"]},
        options={
            "secret": secret["option"],
            "nested": {"url": f"https://u:{secret['deep url']}@h"},
        },
        pairs=[("password", secret["pair"]), ["api_key", secret["list pair"]]],
        command=f"run --password {secret['flag']} --api-key={secret['flag=']}",
        connection=Boastful(secret["repr"]),
        shape=f"ghp_{secret['github shape']}AAAAAAAAAAAA",
        pem=f"-----BEGIN PRIVATE KEY-----\n{secret['pem']}\n-----END PRIVATE KEY-----",
        **more,
    )


def in_sight(secret: dict[str, str]) -> list[str]:
    """The kinds that stood where the product could have read them."""
    remotes = subprocess.run(["git", "remote", "-v"], check=True, capture_output=True, text=True)
    places = [
        *os.environ.values(),
        *sys.argv,
        *(str(path) for path in Path().iterdir()),
        remotes.stdout,
        Path(".env").read_text(),
        Path(os.environ["NETRC"]).read_text(),
        Path("rows.csv").read_text(),
        Path("model_policy.yaml").read_text(),
        str(leaky(secret).get_params()),
        secret_failure(secret),
        # Written out in this file, and passed to the product from here.
        *(secret[kind] for kind in (
            "run name", "output query", "user error", "absent input", "sql user", "sql password",
        )),
    ]  # fmt: skip
    text = "\n".join(places)
    return sorted(kind for kind, value in secret.items() if value in text)


if __name__ == "__main__":
    argparse.ArgumentParser(allow_abbrev=False).parse_known_args()
    main()
