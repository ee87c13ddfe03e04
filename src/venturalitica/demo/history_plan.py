"""What happened when, in the history of the loan model: 40 runs over twelve weeks.

The runs and the texts of the policy are files in `data/loan_history/`. Fixed for ever; only the
last day moves.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from venturalitica.core.policy import Policy
from venturalitica.demo import german_credit as german
from venturalitica.errors import EvidenceError
from venturalitica.policy import read_policy
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger


FOLDER = Path(__file__).parents[1] / "data" / "loan_history"
RUNS = 40
DAYS = 83
NIGHTLY, CANDIDATE, INTAKE = "nightly-training", "release-candidate", "data-intake"
NO_SCORES, BAD_AGES = "no scores", "bad ages"
TRAINING_ROWS, EXCEPTION = "training rows", "exception"
_HOURS = {NIGHTLY: (2, 10), CANDIDATE: (14, 30), INTAKE: (9, 5)}


class Approval(Struct, frozen=True):
    """A sign-off that follows a run."""

    decision: str
    person: str
    role: str
    comment: str


class Happening(Struct, frozen=True):
    """One run. `twist` is what is unusual about it, if anything is."""

    number: int
    name: str
    version: str
    model: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    twist: str = ""
    approval: Approval | None = None

    def begins(self, until: datetime) -> datetime:
        """When it began, where the last began on the day of `until`, and before it."""
        hour, minute = _HOURS[self.name]
        day = until - timedelta(days=1 + DAYS - self.number * DAYS // (RUNS - 1))
        return day.replace(hour=hour, minute=minute, second=7 * self.number % 60, microsecond=0)


@cache
def happenings() -> tuple[Happening, ...]:
    """All of them, oldest first."""
    from ruamel.yaml import YAML

    return tuple(_happening(*one) for one in enumerate(YAML(typ="safe").load(FOLDER / "plan.yaml")))


def _happening(number: int, facts: dict[str, Any]) -> Happening:
    approval = facts.pop("approval", None)
    return Happening(number, approval=Approval(**approval) if approval else None, **facts)


VERSIONS = {
    "1.0": german.POLICY,
    "1.1": FOLDER / "model_policy-1.1.yaml",
    "1.2": FOLDER / "model_policy-1.2.yaml",
}


def write_policies(folder: Path) -> dict[str, Policy]:
    """Write `policies/1.0/model_policy.yaml` and so on, and read them; the newest is also the
    folder's own `model_policy.yaml`."""
    found = {}
    for version, source in VERSIONS.items():
        path = folder / "policies" / version / "model_policy.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        for copy in (path, folder / "model_policy.yaml"):
            copy.write_bytes(source.read_bytes())
        found[version] = read_policy(path)
    return found


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
    from venturalitica.audit.parcel import carry, carry_page, pack_of, run_ref
    from venturalitica.ledger import Ledger, Outbox
    ledger = Ledger.open(Path(home))
    waiting = [item for item in Outbox(ledger).waiting() if item.run_id in made]
    for item in waiting:
        run = run_ref(item.run)
        pack = pack_of(ledger, item.index)
        carry_page(ledger, item.index, run, pack, carry(ledger, item.index, run, pack))
    print("delivered", len(waiting), flush=True)
"""


class Store(Protocol):
    """Where runs of the history are tracked, too."""

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        """Ask for a run of each name and time; `home` is the ledger that will deliver to them."""

    def runs(self) -> Sequence[RunRef]:
        """What was asked for, in the same order; none where nothing is tracked."""

    def deliver(self, ledger: Ledger) -> None:
        """Deliver what waits for them."""


class NoStore:
    """Nothing is tracked."""

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        """Nothing is made."""

    def runs(self) -> Sequence[RunRef]:
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
