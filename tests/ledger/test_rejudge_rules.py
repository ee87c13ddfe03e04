"""Rules about intervals are judged again as they were: `surely`, and what a policy says of all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import TALLY, in_format_3, judged_record

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.core.verification import Step
from venturalitica.judge import judge
from venturalitica.judge.pen import as_recorded
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.policy import parse_policy

SURE = """\
policy: loans
version: '1'
controls:
  - {id: sure, metric: accuracy, must: '>= 0.60 surely'}
  - {id: unsure, metric: accuracy, must: '>= 0.69 surely'}
  - {id: parity, metric: demographic_parity_difference, across: gender, must: '<= 0.50 surely'}
"""


LEVELS = """\
policy: loans
version: '1'
intervals: {level: 0.99, joint: true}
controls:
  - {id: accuracy, metric: accuracy, must: '>= 0.60 surely'}
  - {id: parity, metric: demographic_parity_difference, across: gender, must: '<= 0.50'}
"""


SMALL = """\
policy: loans
version: '1'
small_groups: {pool: 30}
controls:
  - {id: pooled, metric: accuracy, across: gender, compare: difference, must: '<= 0.50'}
  - {id: left, metric: recall, across: gender, compare: min, must: '>= 0.1',
     small_groups: {exclude: 30}}
  - {id: each, metric: recall, across: gender, compare: min, must: '>= 0.1',
     small_groups: {pool: 0}}
"""
MANY = Tally(
    rows=640,
    axes=(
        Axis("target", "y", (0, 1)),
        Axis("prediction", "p", (0, 1)),
        Axis("gender", "g", ("a", "b", "c", "d", "e")),
    ),
    tables=(
        Table(
            ("target", "prediction", "gender"),
            tuple(
                (target, prediction, place, size)
                for place, size in enumerate((80, 70, 7, 2, 1))
                for target in (0, 1)
                for prediction in (0, 1)
            ),
        ),
    ),
    nulls={"target": 0, "prediction": 0, "gender": 0},
)


def record_of(ledger: Ledger, text: str, tally: Tally = TALLY) -> dict[str, Any]:
    policy = parse_policy(text.encode())
    verdicts = as_recorded(judge(policy, tally, circumstances=Circumstances()), rough=False)
    made = judged_record(policy=policy, verdicts=verdicts, tally=tally)
    return in_format_3(ledger.home, made)


def step_of(ledger: Ledger, statement: dict[str, Any]) -> Step:
    ledger.append(statement)
    return next(one for one in verify_ledger(ledger.home).steps if one.name == "verdicts")


@pytest.mark.parametrize("text", [SURE, LEVELS, LEVELS.replace("0.99, joint: true", "0.8")])
def test_a_record_of_such_rules_holds(ledger: Ledger, text: str) -> None:
    assert step_of(ledger, record_of(ledger, text)).ok


def test_groups_that_were_pooled_are_pooled_again(ledger: Ledger) -> None:
    statement = record_of(ledger, SMALL, MANY)
    pooled, left, _ = statement["predicate"]["verdicts"]
    assert [group["name"] for group in pooled["groups"]][2:] == ["other (3 groups, 40 rows)"]
    assert [group["name"] for group in left["groups"]] == ["a", "b"]
    assert step_of(ledger, statement).ok
    pooled["groups"][2]["name"] = "other (2 groups, 40 rows)"
    assert step_of(ledger, statement).ok is False


def test_a_value_that_meets_it_unsurely_is_no_pass(ledger: Ledger) -> None:
    statement = record_of(ledger, SURE)
    verdict = statement["predicate"]["verdicts"][1]
    assert (verdict["status"], verdict["must"]) == ("failed", ">= 0.69 surely")
    verdict |= {"status": "passed", "light": "amber"}
    found = step_of(ledger, statement)
    assert found.ok is False
    assert "its interval does not meet >= 0.69 surely" in found.detail


def test_a_level_that_the_policy_does_not_say_is_found(ledger: Ledger) -> None:
    statement = record_of(ledger, LEVELS)
    said = statement["predicate"]["intervals"]
    assert said["level"] == 0.99
    assert said["for_several_controls"] == "the error divided among 2 (Bonferroni)"
    assert {verdict["level"] for verdict in statement["predicate"]["verdicts"]} == {0.995}
    said |= {"for_several_controls": "none"}
    found = step_of(ledger, statement)
    assert found.ok is False
    assert "of its intervals" in found.detail


def test_another_chance_than_its_counts_give_is_found(ledger: Ledger) -> None:
    text = LEVELS.replace("'<= 0.50'", "'<= 0.01'")
    statement = record_of(ledger, text)
    chance = statement["predicate"]["verdicts"][1]["by_chance"]
    assert step_of(ledger, statement).ok
    chance["high"] += 0.01
    found = step_of(ledger, statement)
    assert found.ok is False
    assert "by chance" in found.detail


def test_a_rule_that_lost_its_word_is_found(ledger: Ledger) -> None:
    statement = record_of(ledger, SURE)
    statement["predicate"]["verdicts"][1]["must"] = ">= 0.69"
    found = step_of(ledger, statement)
    assert found.ok is False


@pytest.mark.parametrize("key", ["low", "typical", "high"])
def test_what_equal_groups_would_show_is_judged_again(ledger: Ledger, key: str) -> None:
    statement = record_of(ledger, SMALL.replace("'<= 0.50'", "'<= 0.01'"), MANY)
    chance = statement["predicate"]["verdicts"][0]["by_chance"]
    chance[key] = 0.4321
    step = step_of(ledger, statement)
    assert step.ok is False
    assert "its by chance is" in step.detail
    assert "0.4321" in step.detail
