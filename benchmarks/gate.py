"""Measure the gate inside MLflow's server: `python benchmarks/gate.py [--size 100] [--times 60]`.

Starts a real `mlflow server` of the gate with two workers, trains a model of SIZE MB under a policy
of eight controls, and prints how long setting a protected alias takes beside an unprotected one of
the same version: the first time, when the files are hashed, and afterwards. Beside it stands the
processor time that the server's processes took, which a busy machine does not lengthen.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

CONTROLS = """
policy: credit
version: "1.0"
roles: {target: {favorable: 1}, group: {}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
  - {id: recall, metric: recall, must: ">= 0.5"}
  - {id: precision, metric: precision, must: ">= 0.5"}
  - {id: f1, metric: f1, must: ">= 0.5"}
  - {id: balanced, metric: balanced_accuracy, must: ">= 0.5"}
  - {id: parity, metric: demographic_parity_difference, across: group, must: "<= 0.9"}
  - {id: odds, metric: equalized_odds_difference, across: group, must: "<= 0.9"}
  - {id: enough, metric: row_count, must: ">= 100"}
"""
GATE = """
gate: "1"
protect:
  - {models: [credit], aliases: [champion], policy: policy.yaml, signers: keys}
"""
TRAIN = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, numpy as np, pandas as pd, venturalitica as vl
from sklearn.linear_model import LogisticRegression
random = np.random.default_rng(0)
truth = random.integers(0, 2, 2000)
rows = pd.DataFrame({"x": truth + random.random(2000), "group": random.choice(["a", "b"], 2000)})
model = LogisticRegression()
model.padding = random.random(int(sys.argv[1]) * 131072)
with mlflow.start_run():
    model = vl.wrap(model, policy="policy.yaml")
    model.fit(
        rows[["x"]][:1000], truth[:1000], audit_data=(rows[1000:], truth[1000:]), group="group"
    )
    mlflow.sklearn.log_model(model, name="model", registered_model_name="credit",
                             pip_requirements=[])
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=100, help="MB of the model")
    arguments.add_argument("--times", type=int, default=60)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place, _server(Path(place)) as (address, server):
        _train(Path(place), address, asked.size)
        files = Path(place, "artifacts").rglob("*")
        total = sum(file.stat().st_size for file in files if file.is_file())
        first = _set(address, "champion")
        _set(address, "champion"), _set(address, "other")
        pairs, worked = [], {"champion": 0.0, "other": 0.0}
        for _ in range(asked.times):
            took = {}
            for alias in worked:
                before = _worked(server)
                took[alias] = _set(address, alias)
                worked[alias] += (_worked(server) - before) / asked.times
            pairs.append((took["champion"], took["other"]))
    gated, plain = ([pair[which] for pair in pairs] for which in (0, 1))
    added = sorted(one - statistics.median(plain) for one in gated)
    print(f"a version of {total / 1e6:.0f} MB under eight controls, {asked.times} times:")
    print(f"  unprotected alias   median {statistics.median(plain) * 1e3:6.0f} ms")
    print(f"  protected alias     median {statistics.median(gated) * 1e3:6.0f} ms")
    print(f"  added, p95          {added[int(len(added) * 0.95)] * 1e3:13.0f} ms (limit 150 ms)")
    print(f"  added, median       {statistics.median(added) * 1e3:13.0f} ms")
    print(f"  processor, mean     {(worked['champion'] - worked['other']) * 1e3:13.0f} ms added")
    print(f"  the first, hashed   {first * 1e3:13.0f} ms")


def _set(address: str, alias: str) -> float:
    """Seconds that setting an alias takes."""
    place = urlsplit(address)
    client = http.client.HTTPConnection(str(place.hostname), place.port, timeout=120)
    said = json.dumps({"name": "credit", "alias": alias, "version": "1"})
    start = time.perf_counter()
    client.request(
        "POST",
        "/api/2.0/mlflow/registered-models/alias",
        said,
        {"Content-Type": "application/json"},
    )
    answer = client.getresponse()
    body = answer.read()
    took = time.perf_counter() - start
    client.close()
    if answer.status != 200:
        sys.exit(f"{alias}: {answer.status} {body.decode()}")
    return took


def _worked(server: int) -> float:
    """Seconds of processor time of a server's processes so far (proc(5): `utime` and `stime`)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            said = stat.read_text().rpartition(")")[2].split()
            if int(said[2]) == server:  # its process group
                ticks += int(said[11]) + int(said[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, int]]:
    (folder / "policy.yaml").write_text(CONTROLS)
    (folder / "gate.yaml").write_text(GATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "2"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    command += ["--app-name", "venturalitica-gate"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=_own(folder, "server") | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("the server did not start")


def _own(folder: Path, who: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    home, config = folder / who / "evidence", folder / who / "config"
    return {**kept, "VENTURALITICA_HOME": str(home), "VENTURALITICA_CONFIG": str(config)}


def _train(folder: Path, address: str, size: int) -> None:
    environment = _own(folder, "trainer") | {
        "MLFLOW_TRACKING_URI": address,
        "VENTURALITICA_TRACKER_WAIT": "60",
    }
    subprocess.run(
        [sys.executable, "-c", TRAIN, str(size)], cwd=folder, env=environment, check=True
    )
    shutil.copytree(folder / "trainer" / "evidence" / "keys", folder / "keys")


if __name__ == "__main__":
    main()
