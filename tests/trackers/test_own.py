"""The tracker of docs/add-a-tracker.md, word for word, from entry point to Integrations page."""

from __future__ import annotations

import ast
import re
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import venturalitica as vl
from tests.policies import small_policy
from venturalitica import trackers
from venturalitica.errors import EvidenceError
from venturalitica.review.health.checks import trackers as findings
from venturalitica.review.health.integrations import Deliveries, health_of, link
from venturalitica.review.tracker_run import agreement
from venturalitica.review.verification import verify_run
from venturalitica.trackers.base import RunRef, ask

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-tracker.md").read_text()
POLICY = small_policy(">= 0.70")


class Bare:
    """As little as a tracker of another package may be: derived from nothing of ours."""

    name = "bare"

    def active_run(self) -> None:
        return None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run of the page's tracker, open; that of `Bare` is offered beside it."""
    module: Any = types.ModuleType("my_package_tracker")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    exec(code, module.__dict__)
    module.Bare = Bare
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (offered,) = re.findall(r'`(\w+ = "my_package.tracker:\w+")`', PAGE)
    name, _, value = offered.replace("my_package.tracker", module.__name__).partition(" = ")
    entries = [
        EntryPoint(name, value.strip('"'), trackers.GROUP),
        EntryPoint("bare", f"{module.__name__}:Bare", trackers.GROUP),
    ]
    monkeypatch.setattr(trackers, "entry_points", lambda group: entries)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setenv("FOLDERS_RUN", str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    kept = trackers._offers, trackers._load
    for one in kept:
        one.cache_clear()
    yield tmp_path / "run"
    for one in kept:
        one.cache_clear()


def judged(folder: Path) -> vl.Audit:
    policy = folder.parent / "model_policy.yaml"
    policy.write_text(POLICY)
    table = pd.DataFrame({"label": [0, 1] * 100, "said": [0, 1] * 100})
    with vl.monitor("training"):
        return vl.enforce(table, policy=policy, target="label", prediction="said")


def test_the_page_s_tracker_takes_evidence_policy_and_page(folder: Path) -> None:
    audit = judged(folder)
    (delivery,) = audit.deliveries
    assert delivery.delivered
    assert (folder / "policy_snapshot" / "model_policy.yaml").read_text() == POLICY
    assert "<html" in (folder / "venturalitica" / "report.html").read_text()
    own = trackers.tracker("folders")
    assert vl.verify(folder / "venturalitica" / "evidence.json").ok
    run = RunRef("folders", str(folder))
    assert all(step.ok is not False for step in agreement(own.fetch(str(folder)), run))
    assert len(PAGE.splitlines()) < 60
    note = (folder / "venturalitica" / "evidence.json").read_text()
    (origin,) = set(re.findall(r"venturalitica/log/[0-9a-f]{32}", note))
    assert own.checkpoints([run], origin=origin)


def test_who_answers_little_has_a_light_a_link_and_a_title(folder: Path) -> None:
    for name in ("folders", "bare", "gone"):
        found = link(name, health_of(name), Deliveries(), (), None)
        assert found.title == name
        assert found.light == "grey"
        assert found.lamp("installed").word == ("Broken" if name == "gone" else "Installed")
        assert trackers.lead(RunRef(name, "1", url="https://host/1")).url == "https://host/1"
        assert trackers.lead(RunRef(name, "1", url="javascript:x")).note.startswith(name)
        assert trackers.answer(name, "remedy", [], {}) == "venturalitica sync"
    assert {one.subject for one in findings()} >= {"folders", "bare"}
    assert ask(trackers.tracker("folders"), "lasts")


def test_a_run_is_verified_by_the_name_that_its_tracker_knows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(folder)
    for ask_for in (vl.verify, verify_run):
        with pytest.raises(EvidenceError, match=r"\(asked: mlflow, memory\)"):
            ask_for("job-7")

    def run_named(self: Any, text: str) -> RunRef | None:
        return RunRef(self.name, str(folder)) if text == "job-7" else None

    monkeypatch.setattr(type(trackers.tracker("folders")), "run_named", run_named)
    for ask_for in (vl.verify, verify_run):
        found = ask_for("job-7")
        assert found.ok
        assert found.source == f"folders run {folder}"
        with pytest.raises(EvidenceError, match=r"\(asked: mlflow, memory, folders\)"):
            ask_for("job-8")
    assert "`run_named(text)`" in PAGE


def test_a_tracker_s_own_answers_are_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own: Any = trackers.tracker("folders")
    monkeypatch.setattr(own, "title", lambda: "Folders", raising=False)
    monkeypatch.setattr(own, "remedy", lambda runs, health: 1 / 0, raising=False)
    assert link("folders", None, Deliveries(), (), None).title == "Folders"
    assert trackers.answer("folders", "remedy", [], {}) == "venturalitica sync"


def test_no_file_asks_which_tracker_it_is() -> None:
    """Beside their own, and those of models, whose packages have these names too."""
    source = Path(vl.__file__).parent
    own = [source / "trackers" / "mlflow", source / "trackers" / "wandb", source / "frameworks"]
    files = [file for file in source.rglob("*.py") if file.parent not in own]
    asked = [
        f"{file}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare | ast.Dict | ast.Match)
        for inner in ast.iter_child_nodes(node)
        if isinstance(inner, ast.Constant) and inner.value in ("mlflow", "wandb", "memory")
    ]
    assert asked == []
