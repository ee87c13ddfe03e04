"""What no count shows keeps a verdict from being conclusive, and its sentence says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import venturalitica as vl
from venturalitica.audit.project import open_ledger
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.record import Statement
from venturalitica.core.tally import Tally
from venturalitica.judge import judge
from venturalitica.judge.pen import as_recorded
from venturalitica.ledger.rejudge.counts import Counts

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}
POLICY = """\
policy: loan
version: "1.0"
roles:
  target: {favorable: 1}
  gender: {}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.60"}
  - {id: rows, metric: row_count, must: ">= 100"}
"""


def last_predicate() -> dict[str, Any]:
    ledger = open_ledger()
    predicate: dict[str, Any] = ledger.entry(ledger.size - 1).statement["predicate"]
    return predicate


def counts(predicate: dict[str, Any]) -> Any:
    found = Counts(open_ledger().home).of(Statement.of({"predicate": predicate}))
    assert found is not None
    return found


def judged_again(policy: Any, predicate: dict[str, Any], **other: Any) -> list[dict[str, Any]]:
    """From the record alone: policy, tally and circumstances."""
    circumstances = Circumstances.from_json(other.get("judging", predicate["judging"]))
    tally = Tally.from_json(counts(predicate))
    verdicts = judge(policy, tally, circumstances=circumstances)
    return [v.to_json() for v in as_recorded(verdicts, rough=False)]


def check_again(path: Any) -> None:
    """Whoever has the record comes to the same verdicts."""
    predicate = last_predicate()
    assert judged_again(vl.read_policy(path), predicate) == predicate["verdicts"]


@pytest.mark.parametrize("engine", [lambda t: t, pl.from_pandas], ids=["pandas", "polars"])
def test_rows_given_many_times_settle_nothing(
    write_policy: Any, table: pd.DataFrame, engine: Any
) -> None:
    path = write_policy(POLICY)
    audit = vl.enforce(engine(pd.concat([table] * 20, ignore_index=True)), policy=path, **ROLES)
    assert audit.passed
    assert [verdict.light for verdict in audit] == ["amber", "amber"]
    assert all("95 % of the rows are exact copies of other rows" in v.reason for v in audit)
    assert all("`duplicates: expected`" in v.reason for v in audit)
    check_again(path)
    before = judged_again(vl.read_policy(path), last_predicate(), judging=None)
    assert all(verdict["conclusive"] for verdict in before), "as it was judged then"


def test_numbering_copies_does_not_hide_them(write_policy: Any, table: pd.DataFrame) -> None:
    copies = pd.concat([table] * 20, ignore_index=True).reset_index(names="id")
    audit = vl.enforce(copies, policy=write_policy(POLICY), **ROLES)
    assert audit.light == "amber"
    assert all("95 % of the rows are exact copies of other rows" in v.reason for v in audit)


@pytest.mark.parametrize(
    "held",
    [lambda i: [i, 0.5], lambda i: np.arange(3) + i, lambda i: {"at": [i]}, lambda i: {i}],
    ids=["lists", "arrays", "mappings", "sets"],
)
def test_a_column_of_embeddings_does_not_hide_copies(
    write_policy: Any, table: pd.DataFrame, held: Any
) -> None:
    cells = pd.Series([held(place) for place in range(len(table))], dtype=object)
    table = table.assign(cells=cells)
    path = write_policy(POLICY)
    assert vl.enforce(table, policy=path, **ROLES).light == "green"
    copies = pd.concat([table] * 20, ignore_index=True)
    assert vl.enforce(copies, policy=path, **ROLES).light == "amber"


def test_copies_that_the_policy_expects_are_rows(write_policy: Any, table: pd.DataFrame) -> None:
    path = write_policy(POLICY.replace("roles:", "duplicates: expected\nroles:", 1))
    audit = vl.enforce(pd.concat([table] * 20), policy=path, **ROLES)
    assert audit.light == "green"
    assert last_predicate()["judging"]["doubled_share"] is None


def test_arrays_of_labels_are_no_rows_that_repeat(write_policy: Any, table: pd.DataFrame) -> None:
    arrays: dict[str, Any] = {
        role: table[column].to_numpy() for role, column in ROLES.items() if role != "gender"
    }
    assert vl.enforce(policy=write_policy(POLICY), **arrays).light == "green"


@pytest.mark.parametrize("kind", [int, float, str, bool])
def test_a_prediction_that_is_the_target_is_never_green(
    write_policy: Any, table: pd.DataFrame, kind: Any, caplog: Any
) -> None:
    path = write_policy(POLICY)
    copied = table.assign(said=table["label"].astype(kind))
    if kind is str:
        copied["label"] = copied["label"].astype(str)
        path.write_text(POLICY.replace("favorable: 1", "favorable: '1'"))
    with caplog.at_level("INFO", logger="venturalitica"):
        audit = vl.enforce(copied, policy=path, **ROLES)
    assert (audit["accuracy"].value, audit["accuracy"].light) == (1.0, "amber")
    assert "the prediction equals the target in every row" in audit["accuracy"].reason
    assert audit["rows"].light == "green"
    assert "the prediction equals the target in every row" in caplog.text
    check_again(path)


def test_a_score_that_is_the_target_is_never_green(write_policy: Any, table: pd.DataFrame) -> None:
    path = write_policy(POLICY + '  - {id: auc, metric: roc_auc, must: ">= 0.6"}\n')
    audit = vl.enforce(table, policy=path, **ROLES, score=table["label"].astype(float).to_numpy())
    assert audit["auc"].light == "amber"
    assert "the score equals the target in every row" in audit["auc"].reason
    assert audit["accuracy"].light == "green"
    check_again(path)


def test_a_copied_prediction_is_seen_without_any_metric_of_both(
    write_policy: Any, table: pd.DataFrame
) -> None:
    path = write_policy(
        POLICY.replace("metric: accuracy", "metric: selection_rate, across: gender, compare: ratio")
    )
    audit = vl.enforce(table.assign(said=table["label"]), policy=path, **ROLES)
    assert audit["accuracy"].light == "amber"
    assert "the prediction equals the target" in audit["accuracy"].reason


@pytest.mark.parametrize(("missing", "light"), [(20, "green"), (21, "amber")])
def test_many_rows_left_out_for_missing_values_settle_nothing(
    write_policy: Any, table: pd.DataFrame, missing: int, light: str
) -> None:
    path = write_policy(POLICY.replace('">= 0.60"', '">= 0.60", nulls: drop'))
    holes = table.assign(said=table["said"].astype(object))
    holes.loc[: missing - 1, "said"] = None
    audit = vl.enforce(holes, policy=path, **ROLES)
    assert audit["accuracy"].light == light
    said = f"{missing} of 400 rows are left out for missing values"
    assert (said in audit["accuracy"].reason) == (light == "amber")
    check_again(path)
    before = judged_again(vl.read_policy(path), last_predicate(), judging=None)
    assert before[0]["conclusive"]


def test_a_table_of_one_row_each_is_as_it_was(write_policy: Any, table: pd.DataFrame) -> None:
    audit = vl.enforce(table, policy=write_policy(POLICY), **ROLES)
    assert audit.light == "green"
    assert np.isclose(last_predicate()["judging"]["doubled_share"]["share"], 0.0)
