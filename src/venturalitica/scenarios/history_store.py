"""A local MLflow store for the history, filled by a process of its own.

Importing MLflow takes seconds; meanwhile the models are trained. The process makes the runs, says
their ids, waits until the evidence is written, and delivers to them as `venturalitica sync` does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from venturalitica.errors import EvidenceError
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger

PATIENCE = 120
EXPERIMENT = "loan"

SCRIPT = """
import json, sys
from mlflow import MlflowClient
wanted, uri, folder, home = json.loads(sys.stdin.readline())
client = MlflowClient(tracking_uri=uri)
experiment = client.create_experiment("loan", artifact_location=folder)
made = []
for name, at in wanted:
    run = client.create_run(experiment, start_time=at, run_name=name)
    made.append(run.info.run_id)
    client.set_terminated(run.info.run_id, end_time=at + 60_000)
print("runs", json.dumps([experiment, made]), flush=True)
if sys.stdin.readline():
    from pathlib import Path
    from venturalitica.delivery import carry, run_ref
    from venturalitica.ledger import Ledger
    ledger = Ledger.open(Path(home))
    waiting = [item for item in ledger.outbox.pending() if item.run_id in made]
    for item in waiting:
        carry(ledger, item.index, run_ref(item.run))
    print("delivered", len(waiting), flush=True)
"""


class Store(Protocol):
    """Where runs of the history are tracked, too."""

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        """Ask for a run of each name and time; `home` is the ledger that will deliver to them."""
        ...

    def runs(self) -> Sequence[RunRef]:
        """What was asked for, in the same order; none where nothing is tracked."""
        ...

    def deliver(self, ledger: Ledger) -> None:
        """Deliver what waits for them."""
        ...


class NoStore:
    """Nothing is tracked."""

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        """Nothing is made."""

    def runs(self) -> Sequence[RunRef]:
        """None."""
        return ()

    def deliver(self, ledger: Ledger) -> None:
        """Nothing waits."""


class LocalMlflow:
    """`mlflow.db` in the history's folder."""

    def __init__(self, folder: Path) -> None:
        self._uri = f"sqlite:///{folder / 'mlflow.db'}"
        self._artifacts = (folder / "mlflow-artifacts").as_uri()
        self._process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=folder,
            env={**os.environ, **self._environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._wanted: list[tuple[str, datetime]] = []

    def _environment(self) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": self._uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONWARNINGS": "ignore",
            "VENTURALITICA_DOTENV": "0",
        }

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        """Tell the process."""
        self._wanted = list(wanted)
        pairs = [(name, int(at.timestamp() * 1000)) for name, at in wanted]
        self._say(json.dumps([pairs, self._uri, self._artifacts, str(home)]))

    def runs(self) -> Sequence[RunRef]:
        """Wait for what the process made."""
        experiment, made = self._hear("runs")
        return [
            RunRef(
                "mlflow",
                run_id,
                uri=self._uri,
                experiment_id=experiment,
                experiment_name=EXPERIMENT,
                run_name=name,
            )
            for run_id, (name, _) in zip(made, self._wanted, strict=True)
        ]

    def deliver(self, ledger: Ledger) -> None:
        """Let the process deliver, and wait for its end."""
        self._say("go")
        self._hear("delivered")
        self._process.communicate(timeout=PATIENCE)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self, word: str) -> list[Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found, _, rest = line.partition(" ")
            if found == word:
                answer: list[Any] = json.loads(rest)
                return answer
        raise EvidenceError("the demo's MLflow store could not be made; see 'venturalitica doctor'")

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def has_mlflow() -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec("mlflow") is not None
