"""Rows with weights, from every door: the record says by which, and is judged by their sums."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica.audit.project import open_ledger, signer_of
from venturalitica.cli.app import app
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.records.publication import publication_of
from venturalitica.ledger.rejudge.tallies import read_tally
from venturalitica.policy import parse_policy
from venturalitica.system.settings import Settings

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex", "weight": "w"}


@pytest.fixture
def weighted(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(w=np.random.default_rng(4).lognormal(0.0, 0.6, len(table)))


@pytest.fixture
def audit(policy: Path, weighted: pd.DataFrame) -> vl.Audit:
    return vl.enforce(weighted, policy=policy, **ROLES)


def step_of(home: str = "evidence") -> Any:
    [step] = [step for step in verify_ledger(Path(home)).steps if step.name == "verdicts"]
    return step


def test_the_record_says_by_what_and_holds(audit: vl.Audit, weighted: pd.DataFrame) -> None:
    right = accuracy_score(weighted.label, weighted.said, sample_weight=weighted.w)
    assert audit["accuracy"].value == pytest.approx(right, abs=1e-12)
    statement = Statement.of(audit.statement)
    assert statement.bindings["weight"] == "w"
    for verdict in statement.verdict_items:
        assert "; weighted by w" in verdict["reason"]
        assert any("effective size" in note for note in verdict["notes"])
    assert step_of().ok
    assert "judged again (1)" in step_of().detail


def unsaid(predicate: dict[str, Any]) -> None:
    reason = predicate["verdicts"][0]["reason"]
    predicate["verdicts"][0]["reason"] = reason.replace("; weighted by w", "")


def plain(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["value"] += 1e-3


def unbound(predicate: dict[str, Any]) -> None:
    predicate["judging"]["unbound"] = {"weight": "nobody bound it"}


@pytest.mark.parametrize("change", [unsaid, plain, unbound])
def test_another_is_refused(change: Callable[[dict[str, Any]], None], audit: vl.Audit) -> None:
    ledger = Ledger.open(Path("evidence"), signer=signer_of(Settings.current()))
    statement = copy.deepcopy(dict(audit.statement))
    change(statement["predicate"])
    ledger.append(statement)
    assert step_of().ok is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sums: [*sums[:2], "1fp+0"], "malformed"),
        (lambda sums: [*sums[:2], "1f4p4"], "more rows have a weight"),
        (lambda sums: ["-" + sums[0], *sums[1:]], "weights are none of rows"),
        (lambda sums: [sums[0], "1p80", sums[2]], "are of no rows"),
        (lambda sums: [sums[0], "1p-80", sums[2]], "are of no rows"),
    ],
)
def test_sums_that_no_rows_have_are_refused(change: Any, said: str, audit: vl.Audit) -> None:
    data = audit._tally.to_json()
    assert read_tally(data) == audit._tally
    [first, *_] = data["amounts"][0]["sums"]
    data["amounts"][0]["sums"][0] = change(first)
    with pytest.raises(EvidenceError, match=said):
        read_tally(data)


def test_sums_of_weights_are_not_published(audit: vl.Audit, policy: Path) -> None:
    tally = audit._tally
    assert tally is not None
    asked = parse_policy(f"{policy.read_text()}disclosure: {{tallies: publish}}\n".encode())
    said = publication_of(asked, tally)
    assert said is not None
    assert said["published"] is False
    assert "exact sums" in said["why"]


def told() -> Mapping[str, Any]:
    """The first verdict of the newest record."""
    ledger = open_ledger(create=False)
    statement = ledger.entry(ledger.size - 1).statement
    return Statement.of(statement).verdict_items[0]


def test_a_training_takes_them_beside_those_of_its_own(
    policy: Path, weighted: pd.DataFrame
) -> None:
    rows = weighted.assign(x=weighted.label + np.random.default_rng(1).normal(0, 1, 400))
    X, y, held = rows[["x"]], rows.label, rows.w.to_numpy()
    model = vl.wrap(LogisticRegression(), policy=policy, gender="sex")
    model.fit(X, y, sample_weight=held, audit_data=rows, target="label")
    assert "weighted by" not in told()["reason"]
    model.fit(X, y, audit_data=rows, target="label", weight="w")
    right = accuracy_score(y, model.predict(X), sample_weight=rows.w)
    assert told()["value"] == pytest.approx(right, abs=1e-4)
    assert "; weighted by w;" in told()["reason"]
    model.fit(X, y, gender=rows.sex, weight=held)
    assert told()["value"] == pytest.approx(right, abs=1e-4)
    assert "weighted by weight" in told()["reason"]


def test_files_are_judged_by_their_column(policy: Path, weighted: pd.DataFrame) -> None:
    weighted.to_csv("rows.csv", index=False)
    call = ["--target", "label", "--prediction", "said", "--role", "gender=sex"]
    done = CliRunner().invoke(app, ["check", "rows.csv", *call, "--role", "weight=w", "--json"])
    assert "; weighted by w" in done.stdout
    weighted.assign(w=-weighted.w).to_csv("rows.csv", index=False)
    done = CliRunner().invoke(app, ["check", "rows.csv", *call, "--role", "weight=w"])
    assert done.exit_code == 2


def test_a_policy_names_the_column(policy: Path, weighted: pd.DataFrame) -> None:
    policy.write_text(policy.read_text().replace("roles:", "roles:\n  weight: {column: w}"))
    bound = {role: column for role, column in ROLES.items() if role != "weight"}
    assert "; weighted by w" in vl.enforce(weighted, policy=policy, **bound)["accuracy"].reason


def test_a_training_says_beforehand_that_no_column_is_bound(
    policy: Path, weighted: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    policy.write_text(policy.read_text().replace("roles:", "roles:\n  weight: {column: u}"))
    rows = weighted.assign(x=weighted.label + 0.5)
    model = vl.wrap(LogisticRegression(), policy=policy, gender="sex")
    model.fit(rows[["x"]], rows.label, audit_data=rows, target="label")
    assert "not bound, so these controls will not be evaluated: 'weight'" in caplog.text
    assert told()["status"] == "not_evaluated"
    assert "role 'weight'" in told()["reason"]
