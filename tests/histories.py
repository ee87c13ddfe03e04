"""The loan model's history, written once for all workers: its 40 runs are trained for real."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import made_once
from venturalitica.demo.history import History, write_history
from venturalitica.ledger import Outbox
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    import pytest

    from venturalitica.ledger import Ledger

UNTIL = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
"""The last day of the history; its last run is of the day before."""


class Receipts:
    """A store that confirms all but the last run, without MLflow: the first is in a file store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: list[tuple[str, datetime]] = []

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        self._wanted = list(wanted)

    def runs(self) -> Sequence[RunRef]:
        return [self._run(number, name) for number, (name, _) in enumerate(self._wanted)]

    def _run(self, number: int, name: str) -> RunRef:
        store = f"sqlite:///{self._folder}/mlflow.db" if number else f"file://{self._folder}/mlruns"
        run_id = hashlib.sha256(b"%d" % number).hexdigest()[:32]
        return RunRef("mlflow", run_id, uri=store, experiment_id="1", run_name=name)

    def deliver(self, ledger: Ledger) -> None:
        waiting = [item for item in Outbox(ledger).waiting() if not item.last_error]
        for item in waiting[:-1]:
            Outbox(ledger).confirm(item.index, item.tracker, item.run_id, "read back")


def copied_history(factory: pytest.TempPathFactory) -> History:
    """A copy of this session's history: 40 runs, two of which wait for a tracker.

    A copy for each worker: what one does to its index and cache no other sees.
    """

    def write(folder: Path) -> None:
        write_history(folder, until=UNTIL, store=Receipts(folder))

    folder = factory.mktemp("history") / "loan"
    shutil.copytree(made_once(factory, "history", write), folder)
    return History(folder, folder / ".venturalitica", folder / "keys")
