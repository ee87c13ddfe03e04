from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from venturalitica import trackers as registry
from venturalitica.errors import TrackerError
from venturalitica.trackers.memory import MemoryTracker


@pytest.fixture(autouse=True)
def afresh():
    for kept in (registry._offers, registry._load):
        kept.cache_clear()
    yield
    for kept in (registry._offers, registry._load):
        kept.cache_clear()


def offer(monkeypatch, *entries):
    monkeypatch.setattr(registry, "entry_points", lambda group: list(entries))


class Foreign(MemoryTracker):
    name = "foreign"

    def active_run(self):
        raise RuntimeError("not today")


def broken():
    raise OSError("no library")


def test_ours_are_there():
    assert [one.name for one in registry.trackers()] == ["mlflow", "wandb", "memory"]
    assert registry.tracker("wandb").name == "wandb"


def test_an_unknown_tracker_is_answered_with_the_nearest():
    with pytest.raises(TrackerError, match=r"no tracker 'mlfow'; did you mean 'mlflow'\?"):
        registry.tracker("mlfow")


def test_another_package_offers_one(monkeypatch, caplog):
    here = sys.modules["tracker_worlds"]
    monkeypatch.setattr(here, "Foreign", Foreign, raising=False)
    monkeypatch.setattr(here, "broken", broken, raising=False)
    offer(
        monkeypatch,
        EntryPoint("foreign", "tracker_worlds:Foreign", registry.GROUP),
        EntryPoint("broken", "tracker_worlds:broken", registry.GROUP),
        EntryPoint("mlflow", "tracker_worlds:Foreign", registry.GROUP),
    )
    names = [one.name for one in registry.trackers()]
    assert names == ["mlflow", "wandb", "memory", "foreign"]
    assert "tracker 'broken' (tracker_worlds:broken) cannot be used" in caplog.text
    assert "the name is taken" in caplog.text
    with registry.tracker("memory").start_run() as run:  # type: ignore[attr-defined]
        assert registry.active_runs() == [run]
    assert "tracker 'foreign' could not say which run is open" in caplog.text


def test_looking_for_runs_imports_no_tracker():
    code = (
        "import sys, venturalitica.trackers as t; assert t.active_runs() == []; "
        "assert not [name for name in sys.modules if name.startswith(f'{t.__name__}.mlflow')]; "
        "assert all(one.health()['installed'] for one in t.trackers()); "
        "heavy = {'mlflow', 'wandb', 'numpy', 'sqlalchemy', 'requests'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PATH": "", "HOME": "/nonexistent"}
    )
