"""What happened when, in the history of the loan model: 40 runs over twelve weeks.

Three pipelines: a model trained every few nights, release candidates judged on every row by
cross-validation, and checks of the data that comes in. Fixed for ever; only the last day moves.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from venturalitica.core.policy import Policy
from venturalitica.demo import german_credit as german
from venturalitica.errors import EvidenceError
from venturalitica.policy import read_policy
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger


RUNS = 40
DAYS = 83
NIGHTLY, CANDIDATE, INTAKE = "nightly-training", "release-candidate", "data-intake"
_HOURS = {NIGHTLY: (2, 10), CANDIDATE: (14, 30), INTAKE: (9, 5)}


@dataclass(frozen=True, slots=True)
class Approval:
    """A sign-off that follows a run."""

    decision: str
    person: str
    role: str
    comment: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One run. `twist` is what is unusual about it, if anything is."""

    number: int
    name: str
    version: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    twist: str = ""
    approval: Approval | None = None

    def begins(self, until: datetime) -> datetime:
        """When it began, where the last began on the day of `until`, and before it."""
        hour, minute = _HOURS[self.name]
        day = until - timedelta(days=1 + DAYS - self.number * DAYS // (RUNS - 1))
        return day.replace(hour=hour, minute=minute, second=7 * self.number % 60, microsecond=0)


NO_SCORES = "no scores"
BAD_AGES = "bad ages"
TRAINING_ROWS = "training rows"
EXCEPTION = "exception"

_TWISTS = {9: NO_SCORES, 17: TRAINING_ROWS, 22: BAD_AGES, 26: EXCEPTION}
_APPROVALS = {
    13: Approval(
        "rejected", "Ines Okafor", "Head of credit risk", "Too few bad credits are found."
    ),
    31: Approval("approved", "Ines Okafor", "Head of credit risk", "For the pilot branch only."),
    37: Approval("rejected", "Jonas Veld", "Fairness reviewer", "Parity is not certain yet."),
}


def happenings() -> tuple[Happening, ...]:
    """All of them, oldest first."""
    return tuple(_happening(number) for number in range(RUNS))


def _happening(number: int) -> Happening:
    name = _name(number)
    version = "1.0" if number < 14 else "1.1" if number < 28 else "1.2"
    model, parameters = _model(number, name)
    return Happening(
        number, name, version, model, parameters, _TWISTS.get(number, ""), _APPROVALS.get(number)
    )


def _name(number: int) -> str:
    if number % 8 == 3:
        return INTAKE
    return CANDIDATE if number % 8 in (5, 7) else NIGHTLY


def _model(number: int, name: str) -> tuple[str, dict[str, Any]]:
    if name == INTAKE:
        return "", {}
    if name == CANDIDATE:
        plain = {"solver": "liblinear", "C": 0.05 * (1 + number % 4)}
        if number < 14:
            return "logistic", plain
        return "logistic", {**plain, "class_weight": {1: 1.0, 2: _WEIGHTS[number % 3]}}
    if number == 20:
        return "constant", {"strategy": "prior"}
    if number < 14:
        return "forest", {"n_estimators": 30, "random_state": number}
    weight = {1: 1.0, 2: 1.4 + 0.05 * (number % 5) + (0.9 if number > 37 else 0)}
    return "forest", {
        "n_estimators": 40, "max_depth": 7, "random_state": number, "class_weight": weight,
    }  # fmt: skip


_WEIGHTS = (1.35, 1.45, 1.4)


VERSIONS = ("1.0", "1.1", "1.2")

Change = tuple[str, str]

_TO_1_1: tuple[Change, ...] = (
    ('version: "1.0"', 'version: "1.1"'),
    (
        'metric: specificity           # share of truly bad credits that the model calls bad\n'
        '    must: ">= 0.50"',
        'metric: specificity           # share of truly bad credits that the model calls bad\n'
        '    must: ">= 0.55"',
    ),
    ("At least half of the bad credits are recognised", "Most of the bad credits are recognised"),
    ('must: "<= 0.15"', 'must: "<= 0.12"'),
)  # fmt: skip

_TO_1_2: tuple[Change, ...] = (
    ('version: "1.1"', 'version: "1.2"'),
    (
        "The model is right at least 7 times in 10",
        "The model is right at least 7 times in 10, on rows it has not seen",
    ),
    (
        "  - id: ranking\n"
        "    title: Good credits are ranked above bad ones\n"
        "    metric: roc_auc\n"
        '    must: ">= 0.70"\n',
        "  - id: probabilities\n"
        "    title: The probability that is told is close to what happens\n"
        "    metric: brier_score\n"
        '    must: "<= 0.25"\n',
    ),
    (
        "    metric: demographic_parity_ratio\n"
        "    across: gender\n"
        '    must: ">= 0.80"\n',
        "    metric: demographic_parity_ratio\n"
        "    across: gender\n"
        '    must: ">= 0.80"\n'
        "    on_fail: block                # no release before this holds\n",
    ),
    (
        "    title: No age group is approved less than four fifths as often as another\n"
        "    metric: demographic_parity_ratio\n"
        "    across: age\n"
        '    must: ">= 0.80"',
        "    title: No age group is approved less than three fifths as often as another\n"
        "    metric: demographic_parity_ratio\n"
        "    across: age\n"
        '    must: ">= 0.60"           # until the small groups have more rows',
    ),
    (
        "  - id: completeness\n",
        "  - id: age-representation\n"
        "    title: Each age group is at least three in a hundred of the rows\n"
        "    metric: group_representation\n"
        "    across: age\n"
        '    must: ">= 0.03"\n'
        '    article: "10(3)"\n'
        "\n"
        "  - id: completeness\n",
    ),
)  # fmt: skip


def texts() -> dict[str, str]:
    """Version -> the policy's text."""
    first = german.POLICY.read_text("utf-8")
    second = _changed(first, _TO_1_1)
    return dict(zip(VERSIONS, (first, second, _changed(second, _TO_1_2)), strict=True))


def write_policies(folder: Path) -> dict[str, Policy]:
    """Write `policies/1.0/model_policy.yaml` and so on, and read them; the newest is also the
    folder's own `model_policy.yaml`."""

    found = {}
    for version, text in texts().items():
        path = folder / "policies" / version / "model_policy.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        (folder / "model_policy.yaml").write_text(text, "utf-8")
        found[version] = read_policy(path)
    return found


def _changed(text: str, changes: tuple[Change, ...]) -> str:
    for old, new in changes:
        if text.count(old) != 1:
            raise AssertionError(f"the policy that ships has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text


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
    from venturalitica.audit.parcel import carry, carry_page, run_ref
    from venturalitica.ledger import Ledger, Outbox
    ledger = Ledger.open(Path(home))
    waiting = [item for item in Outbox(ledger).pending() if item.run_id in made]
    for item in waiting:
        run = run_ref(item.run)
        carry(ledger, item.index, run)
        carry_page(ledger, item.index, run)
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
