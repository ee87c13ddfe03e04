"""The history of the loan model: 40 runs over three policy versions, true to its plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.histories import UNTIL, copied_history
from venturalitica.demo.history import History, write_history
from venturalitica.demo.history_plan import DAYS, RUNS, NoStore, happenings, write_policies
from venturalitica.errors import SettingsError
from venturalitica.ledger import Index, Ledger, Outbox
from venturalitica.ledger.rejudge.counts import Counts
from venturalitica.ledger.verify.verify import verify_ledger
from venturalitica.policy.diff import diff
from venturalitica.trackers.base import RunRef


@dataclass
class Asked:
    """A store that remembers what it was asked."""

    wanted: list[tuple[str, datetime]] = field(default_factory=list)
    delivered: int = 0

    def ask(self, wanted: Sequence[tuple[str, datetime]], home: Path) -> None:
        self.wanted = list(wanted)

    def runs(self) -> Sequence[RunRef]:
        return [
            RunRef("mlflow", f"{number:032x}", uri="sqlite:///x")
            for number in range(len(self.wanted))
        ]

    def deliver(self, ledger: Ledger) -> None:
        self.delivered += 1


@pytest.fixture(scope="module")
def store() -> Asked:
    return Asked()


@pytest.fixture(scope="module")
def steps() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def history(
    tmp_path_factory: pytest.TempPathFactory, store: Asked, steps: list[tuple[int, int]]
) -> History:
    return write_history(
        tmp_path_factory.mktemp("history"),
        until=UNTIL,
        store=store,
        progress=lambda done, total: steps.append((done, total)),
    )


@pytest.fixture(scope="module")
def rows(history: History) -> Any:
    with Index.open(Ledger.open(history.home)) as index:
        return [row for row in index.runs(newest_first=False) if row.kind in ("audit", "run")]


def test_it_verifies(history: History) -> None:
    assert verify_ledger(history.home).ok


def test_there_are_forty_runs_in_three_pipelines_under_three_versions(rows: Any) -> None:
    assert len(rows) == RUNS == 40
    assert {row.policy_version for row in rows} == {"1.0", "1.1", "1.2"}
    assert len({row.name for row in rows}) == 3
    assert len({row.policy_sha256 for row in rows}) == 3


def test_there_is_something_of_everything(history: History, rows: Any) -> None:
    # Checks of the data alone are amber: the policy has controls of the model too.
    assert set(Counter(row.light for row in rows)) == {"red", "amber"}
    assert any(row.exception for row in rows)
    with Index.open(Ledger.open(history.home)) as index:
        statuses = {v.status for row in rows for v in index.verdicts(row.index)}
        last = {row.name: row.light for row in rows}
        decisions = len(index.runs(kind="approval"))
    assert statuses == {"passed", "failed", "not_evaluated", "error"}
    assert set(last.values()) == {"red", "amber"}
    assert decisions == 3


def test_its_times_are_in_order_and_end_on_the_last_day(history: History, rows: Any) -> None:
    started = [row.started_at for row in rows]
    assert started == sorted(started)
    assert started[-1][:10] == f"{UNTIL - timedelta(days=1):%Y-%m-%d}"
    assert started[0][:10] == f"{UNTIL - timedelta(days=1 + DAYS):%Y-%m-%d}"
    assert all(row.started_at < row.appended_at for row in rows)
    records = [one.statement["predicate"]["log"] for one in Ledger.open(history.home).entries()]
    assert max(record["appended_at"] for record in records) < f"{UNTIL:%Y-%m-%dT%H:%M:%SZ}"


def test_the_verdicts_are_the_same_every_time(
    history: History, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = copied_history(tmp_path_factory)
    assert again.folder != history.folder
    pairs = zip(Ledger.open(history.home).entries(), Ledger.open(again.home).entries(), strict=True)
    counts = Counts(history.home), Counts(again.home)
    for one, other in pairs:
        first, second = one.statement["predicate"], other.statement["predicate"]
        assert first.get("verdicts") == second.get("verdicts"), one.index
        assert first.get("axes") == second.get("axes"), one.index
        assert counts[0].of(one.record) == counts[1].of(other.record), one.index


def test_some_runs_are_tracked_and_one_waits(history: History, store: Asked, rows: Any) -> None:
    tracked = [row for row in rows if row.trackers]
    assert len(tracked) == len(store.wanted) + 1
    assert store.delivered == 1
    tried = list(Outbox(Ledger.open(history.home)).attempts())
    assert [(item.tracker, item.confirmed) for item in tried] == [("mlflow", False)]


def test_its_progress_is_told(history: History, steps: list[tuple[int, int]]) -> None:
    assert steps == [(done, RUNS) for done in range(1, RUNS + 1)]


def test_the_keys_are_its_own(history: History) -> None:
    assert any(history.config.glob("*.pem"))
    assert history.config.is_relative_to(history.folder)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty"):
        write_history(tmp_path, store=NoStore())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_versions_hold_every_kind_of_change(tmp_path: Path) -> None:
    policies = write_policies(tmp_path)
    assert [policy.version for policy in policies.values()] == ["1.0", "1.1", "1.2"]
    kinds = {change.kind for change in diff(policies["1.1"], policies["1.2"]).changes}
    assert {"added", "removed", "loosened", "tightened", "reworded"} <= kinds


def test_the_plan_is_in_order() -> None:
    begins = [one.begins(UNTIL) for one in happenings()]
    assert begins == sorted(begins)
    assert len(set(begins)) == RUNS
