"""Values that mislead cost the controls of their role, and no person gets into the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl

INCOME = """\
policy: income
version: "1"
roles: {target: {favorable: ">50K"}}
controls:
  - {id: base, metric: base_rate, must: "<= 0.9"}
  - {id: parity, metric: demographic_parity_difference, across: sex, must: "<= 0.10"}
  - {id: opportunity, metric: equal_opportunity_difference, across: sex, must: "<= 0.10"}
"""
BETWEEN = """\
policy: t
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: between, metric: selection_rate, across: sex, compare: between, groups: [female, male],
     must: ">= -0.10"}
"""


def incomes(approved: str) -> pd.DataFrame:
    """A model that approves 80 % of one group and 10 % of the other."""
    random = np.random.default_rng(0)
    sex = np.repeat(["m", "f"], 500)
    truth = random.random(1000) < np.where(sex == "m", 0.6, 0.4)
    guess = random.random(1000) < np.where(sex == "m", 0.8, 0.1)
    return pd.DataFrame(
        {
            "truth": np.where(truth, ">50K", "<=50K"),
            "guess": np.where(guess, approved, "<=50K"),
            "sex": sex,
        }
    )


@pytest.mark.parametrize("approved", [">50K.", ">50k", "gt50K", "1", 1])
def test_a_favorable_label_by_another_name_is_never_green(approved: Any, write_policy) -> None:
    table = incomes("?")
    table["guess"] = table["guess"].astype(object).where(table["guess"] != "?", approved)
    audit = vl.enforce(
        table, policy=write_policy(INCOME), target="truth", prediction="guess", sex="sex"
    )
    assert audit[0].status == "passed", "what needs no prediction is judged"
    assert {verdict.status for verdict in audit[1:]} <= {"error", "not_evaluated"}
    assert all(verdict.light != "green" for verdict in audit[1:])


def test_the_map_that_the_reason_gives_makes_it_right(write_policy) -> None:
    mapped = INCOME.replace(
        '{favorable: ">50K"}',
        '{favorable: ">50K", map: {">50K": ">50K", ">50K.": ">50K", "<=50K": "<=50K"}}',
    )
    given: Any = {"target": "truth", "prediction": "guess", "sex": "sex"}
    audit = vl.enforce(incomes(">50K."), policy=write_policy(mapped), **given)
    plain = vl.enforce(incomes(">50K"), policy=write_policy(INCOME), **given)
    assert [v.value for v in audit] == [v.value for v in plain]
    assert [v.status for v in audit] == ["passed", "failed", "failed"]


def test_rows_of_a_group_that_is_spelt_otherwise_are_not_left_out(write_policy) -> None:
    sex = ["male"] * 500 + ["female"] * 250 + ["Female"] * 150 + ["female "] * 100
    guess = [1, 0] * 375 + [0] * 250
    audit = vl.enforce({"p": guess, "sex": sex}, policy=write_policy(BETWEEN), prediction="p",
                       sex="sex")  # fmt: skip
    assert (audit[0].status, audit.light) == ("error", "red")
    assert 'Female, female and "female "' in audit[0].reason


def test_a_training_goes_on_and_its_verdict_is_red(write_policy) -> None:
    random = np.random.default_rng(1)
    X = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
    y = np.where(random.random(200) < 0.5, ">50K", np.where(X["a"] > 0, ">50K.", "<=50K"))
    sex = np.tile(["m", "f"], 100)
    with vl.monitor("training") as run:
        vl.wrap(LogisticRegression(), policy=write_policy(INCOME)).fit(X, y, sex=sex)
    (audit,) = run.audits
    assert {verdict.status for verdict in audit} == {"error"}
    assert '">50K" and ">50K."' in audit[0].reason


def test_scores_of_a_label_that_the_map_names(write_policy) -> None:
    policy = write_policy(
        'policy: t\nversion: "1"\nroles: {target: {favorable: good, map: {1: good, 2: bad}}}\n'
        'controls: [{id: auc, metric: roc_auc, must: ">= 0.5"}]\n'
    )
    X = pd.DataFrame({"a": np.linspace(-1, 1, 200)})
    y = np.where(X["a"] > 0, 1, 2)
    with vl.monitor("training") as run:
        vl.wrap(LogisticRegression(), policy=policy).fit(X, y)
    assert run.audits[0][0].value == 1.0


def test_nobody_gets_into_the_evidence(write_policy, tmp_path: Path) -> None:
    mapped = """\
policy: t
version: "1"
nulls: drop
roles: {city: {map: {here: here, there: there}}}
controls:
  - {id: sizes, metric: group_representation, across: person, must: ">= 0.0"}
  - {id: cities, metric: group_representation, across: city, must: ">= 0.0"}
"""
    persons = [f"person{i}@example.org" for i in range(60)]
    table = {"person": persons, "city": ["here", "there"] * 25 + persons[:4] + ["far"] * 6}
    audit = vl.enforce(table, policy=write_policy(mapped), person="person", city="city")
    assert audit[0].status == "error"
    assert "looks like an identifier" in audit[0].reason
    # Four others of 60 rows: how many are 'far' would tell how few they are.
    assert any("'far', other values" in note for note in audit[1].notes)
    assert not any("(6)" in note for note in audit[1].notes)
    files = [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    assert files
    assert not any(b"example.org" in path.read_bytes() for path in files)
