"""A real MLflow server that goes down and comes back, and evidence that waits for it."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any


class Tracking:
    """`mlflow server` at one address, up or down; its runs stay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shared = sys.modules["tests_shared_with_browser"]
        self._server = self._shared.started_server(folder)
        self.url: str = self._server.url

    def stop(self) -> None:
        """Take it down; nothing answers then."""
        self._server.stop()

    def come_back(self) -> None:
        """The same server at the same port."""
        self._server = self._shared.Server(self._folder, int(self.url.rpartition(":")[2]))
        self._server.wait()

    def new_run(self, name: str, experiment: str = "") -> dict[str, Any]:
        """A run of it in a new experiment, else in MLflow's own, as a statement names one."""
        number = "0"
        if experiment:
            number = self._ask("experiments/create", name=experiment)["experiment_id"]
        run = self._ask("runs/create", experiment_id=number, run_name=name, start_time=1)
        run_id = run["run"]["info"]["run_id"]
        return {
            "tracker": "mlflow",
            "run_id": run_id,
            "uri": self.url,
            "experiment_id": number,
            "experiment_name": experiment or "Default",
            "run_name": name,
            "url": f"{self.url}/#/experiments/{number}/runs/{run_id}",
            "extra": {},
        }

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run now."""
        address = f"{self.url}/api/2.0/mlflow/runs/get?run_id={run_id}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            data = json.load(answer)["run"]["data"]
        return {tag["key"]: tag["value"] for tag in data.get("tags", ())}

    def _ask(self, what: str, **said: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/2.0/mlflow/{what}",
            json.dumps(said).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
