"""Rules about intervals are judged again as they were: `surely`, and what a policy says of all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import TALLY, in_format_3, judged_record

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.verification import Step
from venturalitica.judge import judge
from venturalitica.judge.conclude import as_recorded
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


def record_of(ledger: Ledger, text: str) -> dict[str, Any]:
    policy = parse_policy(text.encode())
    verdicts = as_recorded(judge(policy, TALLY, circumstances=Circumstances()), rough=False)
    return in_format_3(ledger.home, judged_record(policy=policy, verdicts=verdicts))


def step_of(ledger: Ledger, statement: dict[str, Any]) -> Step:
    ledger.append(statement)
    return next(one for one in verify_ledger(ledger.home).steps if one.name == "verdicts")


@pytest.mark.parametrize("text", [SURE, LEVELS, LEVELS.replace("0.99, joint: true", "0.8")])
def test_a_record_of_such_rules_holds(ledger: Ledger, text: str) -> None:
    assert step_of(ledger, record_of(ledger, text)).ok


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


def test_a_rule_that_lost_its_word_is_found(ledger: Ledger) -> None:
    statement = record_of(ledger, SURE)
    statement["predicate"]["verdicts"][1]["must"] = ">= 0.69"
    found = step_of(ledger, statement)
    assert found.ok is False
