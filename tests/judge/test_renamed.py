"""A label under two names, and rows that a comparison leaves out: since rules 2."""

from __future__ import annotations

from typing import Any

import pytest

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Role
from venturalitica.judge import judge

PLAIN, BEFORE = Circumstances(), Circumstances(rules=1)


def one(make: Any, tally: Any, metric: str, must: str = ">= 0.0", **fields: Any) -> Any:
    before = fields.pop("before", False)
    options = fields.pop("policy", {})
    policy = make.policy(make.control(metric, must, **fields), **options)
    return judge(policy, tally, circumstances=BEFORE if before else PLAIN)[0]


def renamed(make: Any) -> Any:
    return make.tally(
        target=["<=50K", ">50K"] * 40,
        prediction=["<=50K", "gt50K"] * 40,
        sex=["f", "f", "m", "m"] * 20,
    )


@pytest.mark.parametrize(
    ("metric", "fields"),
    [
        ("demographic_parity_difference", {"across": "sex"}),
        ("false_positive_rate", {}),
        ("selection_rate", {}),
    ],
)
def test_a_favorable_label_that_is_never_predicted(metric: str, fields: Any, make: Any) -> None:
    options = {"policy": {"favorable": ">50K"}}
    verdict = one(make, renamed(make), metric, "<= 0.5", **fields, **options)
    assert verdict.status == "not_evaluated"
    assert "never holds the favorable label '>50K', and holds 'gt50K'" in verdict.reason
    old = one(make, renamed(make), metric, "<= 0.5", **fields, **options, before=True)
    assert old.status == "passed", "records made under rules 1 keep their verdict"


def test_the_favorable_label_that_the_target_never_has(make: Any) -> None:
    tally = make.tally(target=["no", "yes."] * 20, prediction=["no", "yea"] * 20)
    verdict = one(make, tally, "false_positive_rate", policy={"favorable": "yea"})
    assert verdict.status == "not_evaluated"
    assert "the target never holds the favorable label 'yea'" in verdict.reason


def test_a_rare_class_that_is_never_predicted_is_no_fault(make: Any) -> None:
    tally = make.tally(target=["a", "b", "c"] * 20, prediction=["a", "b", "b"] * 20)
    verdict = one(make, tally, "selection_rate", "<= 0.5", policy={"favorable": "c"})
    assert verdict.status == "passed"


@pytest.mark.parametrize(("truth", "guess"), [([1], [0]), ([1, 1], [0, 1]), ([0, 1], [0, 0])])
def test_two_labels_in_all_are_no_doubt(truth: Any, guess: Any, make: Any) -> None:
    tally = make.tally(target=truth * 100, prediction=guess * 100)
    verdict = one(make, tally, "selection_rate", "<= 0.9")
    assert (verdict.status, verdict.conclusive) == ("passed", True)


def test_a_third_label_beside_two_is_doubtful(make: Any) -> None:
    tally = make.tally(target=[1, 2] * 200, prediction=[0, 1] * 200)
    verdict = one(make, tally, "selection_rate", ">= 0.1", policy={"favorable": 1})
    assert (verdict.status, verdict.conclusive) == ("passed", False)
    assert "under other names" in verdict.reason
    assert one(
        make, tally, "selection_rate", ">= 0.1", policy={"favorable": 1}, before=True
    ).conclusive


@pytest.mark.parametrize(("others", "conclusive"), [(0, True), (10, True), (11, False)])
def test_rows_that_between_leaves_out(others: int, conclusive: bool, make: Any) -> None:
    rows = 1000 - others
    sex = ["female", "male"] * (rows // 2) + ["x"] * (others + rows % 2)
    fields = {"across": "sex", "compare": "between", "groups": ("female", "male")}
    right = [1, 0, 0, 1, 1, 0, 0, 1] * 125
    tally = make.tally(target=right, prediction=right, sex=sex, score=[0.9 * v for v in right])
    for metric in ("accuracy", "brier_score"):
        must = ">= -0.5"
        verdict = one(make, tally, metric, must, **fields)
        assert (verdict.status, verdict.conclusive) == ("passed", conclusive)
        said = [note for note in verdict.notes if "left out" in note]
        assert bool(said) == bool(others)
        assert not others or "they belong to 'x'" in said[0]
        assert one(make, tally, metric, must, **fields, before=True).conclusive


def test_a_tally_of_labels_that_the_policy_does_not_list(make: Any) -> None:
    tally = make.tally(target=[0, 1] * 20, prediction=[0, 1] * 20)
    role = Role("target", favorable=1, labels=(1, 2))
    verdict = one(make, tally, "accuracy", policy={"target": role})
    assert verdict.status == "not_evaluated"
    assert "do not list 0" in verdict.reason


def test_spellings_that_the_policy_lists_are_labels(make: Any) -> None:
    labels = ["good", "Good", "bad"] * 20
    tally = make.tally(target=labels, prediction=labels)
    role = Role("target", favorable="good", labels=("good", "Good", "bad"))
    assert one(make, tally, "recall", policy={"target": role}).value == 1.0
