"""What children of the warm interpreter do: a user's training script, `sync`, a look at the server.

`look` reads through MLflow's own client, never through ours.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.store.artifact.mlflow_artifacts_repo
    import mlflow.tracking

import numpy as np
import pandas as pd

import venturalitica as vl
import venturalitica.audit.audit
import venturalitica.audit.parcel
import venturalitica.cli
import venturalitica.cli.sync
import venturalitica.reports.html.page
import venturalitica.reports.markdown
from torture.training_policy import AUDITS, POLICY, ROLES
from venturalitica.ledger.outbox import Outbox


def table() -> pd.DataFrame:
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 400)
    said = np.where(random.random(400) < 0.8, truth, 1 - truth)
    return pd.DataFrame({"label": truth, "said": said, "sex": np.where(truth + said > 1, "f", "m")})


def train(*, threads: int = 0) -> None:
    """Under a monitor, three audits; `threads` monitors at a time where that is not 0.

    Tells what the calls of ours took, with a run of MLflow's open and without one, and what they
    said; ends without MLflow's own last call, which would hang as much without us.
    """
    Path("model_policy.yaml").write_text(POLICY)
    rows = table()
    without = _in_home("control", lambda: _several(rows, threads, ""))
    runs = [_open_run() for _ in range(max(1, threads))]
    _signal_and_wait()
    began = time.monotonic()
    lights = _in_home("evidence", lambda: _several(rows, threads, *runs))
    took = time.monotonic() - began
    told = {
        "runs": runs,
        "with": took,
        "without": without[1],
        "lights": lights[0],
        "end": time.monotonic(),
    }
    Path("told.json").write_text(json.dumps(told))


def train_once(*, dies_at_receipt: bool = False) -> None:
    """One audit in one run; killed as its receipt is about to be written, where so ordered."""
    Path("model_policy.yaml").write_text(POLICY)
    rows = table()
    run = _open_run()
    Path("told.json").write_text(json.dumps({"runs": [run]}))
    if dies_at_receipt:
        Outbox.confirm = _die  # type: ignore[assignment, method-assign]
    _signal_and_wait()
    _resume(run)
    _in_home("evidence", lambda: vl.enforce(rows, **ROLES))
    _forget_run()


def train_wandb() -> None:
    """One audit beside an offline W&B run; killed when it is on record, before it is delivered."""
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(Path.cwd())}
    import wandb

    Path("model_policy.yaml").write_text(POLICY)
    wandb.init(project="killed")
    venturalitica.audit.parcel.parcel = _die  # type: ignore[assignment]
    _in_home("evidence", lambda: vl.enforce(table(), **ROLES))


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def command(*, line: str) -> int:
    """A command line of ours."""
    return venturalitica.cli.main(line.split())


def look(*, uri: str, run_id: str) -> None:
    """All that is at a run, into `seen.json`."""
    client = mlflow.MlflowClient(tracking_uri=uri)
    run = client.get_run(run_id)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(client.download_artifacts(run_id, "", folder))
        files = {
            file.relative_to(root).as_posix(): base64.b64encode(file.read_bytes()).decode()
            for file in sorted(root.rglob("*"))
            if file.is_file()
        }
    points = [
        [key, point.step, point.value, point.timestamp]
        for key in sorted(run.data.metrics)
        for point in client.get_metric_history(run_id, key)
    ]
    inputs = [[item.dataset.name, item.dataset.digest] for item in run.inputs.dataset_inputs]
    seen = {"tags": run.data.tags, "files": files, "points": points, "inputs": sorted(inputs)}
    Path("seen.json").write_text(json.dumps(seen))


def _open_run() -> str:
    """A run, opened while the server is well, and left open in no thread yet."""
    run = mlflow.start_run()
    RUNS[run.info.run_id] = run
    _forget_run()
    return str(run.info.run_id)


def _forget_run() -> None:
    mlflow.tracking.fluent._active_run_stack.set([])


def _resume(run_id: str) -> None:
    """The run open in this thread, as `start_run` leaves it, without a call to the server."""
    mlflow.tracking.fluent._active_run_stack.set([RUNS[run_id]])


RUNS: dict[str, Any] = {}


def _signal_and_wait() -> None:
    Path("ready").touch()
    parent = os.getppid()
    while not Path("go").exists():
        if os.getppid() != parent:  # nobody is there any more who could say so
            os._exit(1)
        time.sleep(0.005)


def _several(rows: pd.DataFrame, threads: int, *runs: str) -> list[str]:
    lights: list[str] = []

    def one(run: str) -> None:
        if run:
            _resume(run)
        with vl.monitor("training") as monitor:
            for _ in range(AUDITS):
                lights.append(vl.enforce(rows, **ROLES).light)
        lights.append(monitor.light)
        _forget_run()

    if not threads:
        one(runs[0])
        return lights
    workers = [
        threading.Thread(target=one, args=(runs[number % len(runs)],)) for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return lights


def _in_home(name: str, work: Any) -> tuple[Any, float]:
    os.environ["VENTURALITICA_HOME"] = str(Path.cwd() / name)
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began
