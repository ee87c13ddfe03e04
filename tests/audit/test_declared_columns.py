"""A control over all roles counts those whose column the policy names, whichever others it has."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

import venturalitica as vl
from venturalitica.core.record import Statement
from venturalitica.ledger import Ledger
from venturalitica.system.settings import Settings

POLICY = """\
policy: loan
version: "1.0"
roles:
  target: {column: class, favorable: 1}
  gender: {column: sex}
  age: {column: years, bins: [25, 60]}
controls:
  - {id: parity, metric: demographic_parity_ratio, across: age, must: ">= 0.8"}
  - {id: shares, metric: group_representation, across: gender, must: ">= 0.2"}
  - {id: complete, metric: completeness, must: ">= 1.0"}
"""


def rows(holes: int = 0) -> pd.DataFrame:
    """300 rows; of the first `holes` neither age nor target is known."""
    blank = [None] * holes
    return pd.DataFrame(
        {
            "row": range(300),
            "sex": ["F", "M"] * 150,
            "years": [*blank, *(20.0 + n / 7 for n in range(300 - holes))],
            "class": [*blank, *(float(n % 2) for n in range(300 - holes))],
        }
    )


def complete(audit: Any) -> Any:
    return {verdict.control: verdict for verdict in audit}["complete"]


@pytest.mark.parametrize("engine", [lambda t: t, pl.from_pandas], ids=["pandas", "polars"])
def test_a_hole_in_a_column_that_only_the_policy_names_is_counted(write_policy, engine):
    path, table = write_policy(POLICY), engine(rows(holes=10))
    alone = complete(vl.enforce(table, policy=path, phase="data"))
    named = complete(vl.enforce(table, policy=path, phase="data", age="years", target="class"))
    assert alone.status == named.status == "failed"
    assert alone.value == named.value == pytest.approx(1 - 20 / 900)
    assert alone.notes == named.notes


def test_nothing_missing_is_green(write_policy):
    found = complete(vl.enforce(rows(), policy=write_policy(POLICY), phase="data"))
    assert (found.value, found.conclusive, found.light) == (1.0, True, "green")


def test_a_keyword_wins_over_the_column_of_the_policy(write_policy):
    table = rows(holes=10).assign(other=1)
    found = complete(vl.enforce(table, policy=write_policy(POLICY), phase="data", target="other"))
    assert found.value == pytest.approx(1 - 10 / 900)


def test_a_declared_column_that_the_data_lack_is_said_and_no_light_is_green(write_policy):
    table = rows().drop(columns="years")
    audit = vl.enforce(table, policy=write_policy(POLICY), phase="data")
    found = complete(audit)
    assert (found.value, found.status, found.light) == (1.0, "passed", "amber")
    assert "not counted over age: the data lack its column 'years'" in found.reason
    ledger = Ledger.open(Settings.current().home)
    kept = Statement.of(ledger.entry(ledger.size - 1).statement)
    assert kept.judging is not None
    assert kept.judging["absent"] == {"age": "years"}
    assert vl.verify(Settings.current().home).ok
    given = complete(vl.enforce(rows(), policy=write_policy(POLICY), phase="data", age="class"))
    assert given.light == "green"


def test_answers_are_not_lacking_before_there_is_a_model(write_policy):
    told = POLICY.replace("controls:", "  prediction: {column: said}\ncontrols:")
    found = complete(vl.enforce(rows(), policy=write_policy(told), phase="data"))
    assert found.light == "green"


def test_a_control_that_names_its_roles_counts_those_alone(write_policy):
    only = POLICY.replace("metric: completeness", "metric: completeness, of: [gender]")
    found = complete(vl.enforce(rows(holes=10), policy=write_policy(only), phase="data"))
    assert (found.value, found.light) == (1.0, "green")


def test_wrap_counts_them_too(write_policy):
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = ["sex", "years"]
    whole, held = (rows(holes).assign(sex=lambda t: t["sex"] == "F") for holes in (0, 10))
    model = vl.wrap(HistGradientBoostingClassifier(max_iter=2), policy=write_policy(POLICY))
    model.fit(whole[names], whole["class"], audit_data=(held[names], whole["class"]))
    found = Statement.of(Ledger.open(Settings.current().home).entry(0).statement)
    value = {one["control"]: one["value"] for one in found.verdict_items}["complete"]
    # Over the predictions, too, as they are bound.
    assert value == pytest.approx(1 - 10 / 1200, abs=1e-4)
