"""Verdicts on amounts are judged again from the exact sums in the vault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import venturalitica as vl
from venturalitica.audit.project import signer_of
from venturalitica.core.tally import Tally
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.records.publication import publication_of
from venturalitica.policy import parse_policy
from venturalitica.system.settings import Settings

POLICY = """\
policy: prices
version: "1"
controls:
  - {id: mae, metric: mean_absolute_error, must: "<= 0.5", on_fail: record}
  - {id: gap, metric: mean_error, across: town, compare: difference, must: "<= 5"}
  - {id: r2, metric: r2_score, must: ">= 0.2"}
"""


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    random = numpy.random.default_rng(6)
    target = random.normal(100.0, 9.0, 300)
    return vl.enforce(
        None,
        target=target,
        prediction=target + random.normal(0.0, 3.0, 300),
        town=random.choice(["east", "west"], 300),
    )


def test_a_genuine_record_holds(audit: Any) -> None:
    [step] = [step for step in vl.verify().steps if step.name == "verdicts"]
    assert step.ok
    assert "judged again (1)" in step.detail


def passed(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0].update(status="passed", light="green", value=0.4)
    predicate["verdicts"][0]["interval"] = {"low": 0.38, "high": 0.42}


def value(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][2]["value"] += 1e-3


def interval(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][2]["interval"]["high"] -= 1e-3


def group(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["groups"][0]["value"] += 1e-3


def note(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["notes"] = []


def hidden(predicate: dict[str, Any]) -> None:
    predicate["judging"]["unlabelled"] = 7


@pytest.mark.parametrize("change", [passed, value, interval, group, note, hidden])
def test_another_is_refused(change: Callable[[dict[str, Any]], None], audit: Any) -> None:
    home = Path("evidence")
    ledger = Ledger.open(home, signer=signer_of(Settings.current()))
    statement = copy.deepcopy(dict(audit.statement))
    change(statement["predicate"])
    ledger.append(statement)
    [step] = [step for step in verify_ledger(home).steps if step.name == "verdicts"]
    assert step.ok is False


def test_sums_of_amounts_are_not_published(audit: Any) -> None:
    tally: Tally = audit._tally
    for more, published in (("", False), (", min_cell: 0", True)):
        policy = parse_policy(f"{POLICY}disclosure: {{tallies: publish{more}}}\n".encode())
        said = publication_of(policy, tally)
        assert said is not None
        assert (said["published"], "exact sums" in said["why"]) == (published, not published)
