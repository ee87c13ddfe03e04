"""What cannot be evaluated says so and why; it never passes."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge

RIGHT = [1, 0] * 20
GENDER = ["f", "m", "m", "f"] * 10


def one(make, tally, metric="accuracy", must=">= 0.0", *, policy=None, **fields) -> Any:
    options = policy or {}
    (verdict,) = judge(make.policy(make.control(metric, must, **fields), **options), tally)
    return verdict


def refused(verdict: Verdict, *said: str, status: str = "not_evaluated") -> Any:
    assert verdict.status == status
    assert verdict.value is None
    assert verdict.interval is None
    assert not verdict.conclusive
    assert verdict.light != "green"
    for words in said:
        assert words in verdict.reason, verdict.reason
    return verdict


@pytest.mark.parametrize("labels", [(1, 2), ("good", "bad"), ("1", "0"), (0, 1, 2), (-1, 1)])
def test_labels_that_are_not_zero_and_one_are_never_guessed(labels, make) -> None:
    tally = make.tally(target=list(labels) * 20, prediction=list(labels) * 20)
    verdict = refused(one(make, tally, "recall"), "does not say which one is favorable")
    first = f"'{labels[0]}'" if isinstance(labels[0], str) else str(labels[0])
    assert f"`target: {{favorable: {first}}}`" in verdict.reason
    assert one(make, tally, "accuracy").status == "passed", "accuracy needs no favorable label"


@pytest.mark.parametrize("labels", [(0, 1), (False, True), (0.0, 1.0)])
def test_zero_one_and_booleans_have_a_favorable_label(labels, make) -> None:
    tally = make.tally(target=list(labels) * 20, prediction=[labels[1]] * 40)
    assert one(make, tally, "selection_rate").value == 1.0
    assert one(make, tally, "precision").value == 0.5


def test_an_absent_favorable_label_names_those_there(make) -> None:
    tally = make.tally(target=[1, 2] * 20, prediction=[1, 2] * 20)
    refused(one(make, tally, "recall", policy={"favorable": 3}), "favorable label 3", "1, 2")
    zeros = make.tally(target=[0] * 40, prediction=[0] * 40)
    refused(one(make, zeros, "selection_rate", "<= 0.5"), "the only label is 0")


@pytest.mark.parametrize(
    ("favorable", "labels", "advice"),
    [
        ("1", [1, 2], "write `favorable: 1`"),
        (1, ["1", "2"], "write `favorable: '1'`"),
        ("true", [True, False], "write `favorable: true`"),
        (True, [1, 2], "favorable label true does not occur"),
        ("Good", ["good", "bad"], "write `favorable: 'good'`"),
    ],
)
def test_text_and_numbers_are_different_labels(favorable, labels, advice, make) -> None:
    tally = make.tally(target=labels * 20, prediction=labels * 20)
    refused(one(make, tally, "recall", policy={"favorable": favorable}), advice)


def test_true_is_one_where_labels_are_zero_and_one(make) -> None:
    tally = make.tally(target=[0, 1] * 20, prediction=[0, 1] * 20)
    assert one(make, tally, "recall", policy={"favorable": True}).value == 1.0
    mixed = make.tally(target=[False, True] * 20, prediction=[0, 1] * 20)
    verdict = one(make, mixed, "accuracy")
    assert verdict.value == 1.0
    assert any("true is 1" in note for note in verdict.notes)
    assert one(make, mixed, "recall").value == 1.0


def test_target_and_prediction_of_different_kinds_are_not_compared(make) -> None:
    texts = make.tally(target=[0, 1] * 20, prediction=["0", "1"] * 20)
    refused(one(make, texts), "the target holds numbers (0, 1) and the prediction text ('0', '1')")
    apart = make.tally(target=["good", "bad"] * 20, prediction=["Good", "Bad"] * 20)
    refused(one(make, apart, "accuracy"), "no label in common")


def test_predicted_labels_that_the_target_never_has_are_noted(make) -> None:
    tally = make.tally(target=["a", "b"] * 20, prediction=["a", "c"] * 20)
    verdict = one(make, tally)
    assert verdict.value == 0.5
    assert "predicted, but never in the target: 'c'" in verdict.notes


@pytest.mark.parametrize("role", ["target", "prediction"])
def test_missing_labels_are_counted_and_refused(role, make) -> None:
    columns: dict[str, list[Any]] = {"target": RIGHT, "prediction": RIGHT}
    columns[role] = [None, None, None, *RIGHT[3:]]
    tally = make.tally(**columns)
    verdict = refused(one(make, tally), f"3 rows have no {role}", "3 of 40 rows", "nulls: drop")
    assert verdict.n == 37
    dropped = one(make, tally, nulls="drop")
    assert (dropped.status, dropped.n, dropped.value) == ("passed", 37, 1.0)
    assert any("3 of 40 rows cannot be used" in note for note in dropped.notes)


def test_a_missing_value_that_the_control_does_not_need_costs_nothing(make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, gender=[None, *GENDER[1:]])
    assert one(make, tally).status == "passed"
    parity = one(make, tally, "demographic_parity_ratio", across="gender")
    refused(parity, "1 row has no gender (column gender_column)")


def test_values_that_a_map_does_not_name_are_shown(make) -> None:
    tally = make.tally(
        target=RIGHT,
        prediction=RIGHT,
        gender=[*[None] * 8, *GENDER[8:]],
        unmapped={"gender": {"A97": 5, "mary@example.org": 2, "(1 other value)": 1}},
    )
    verdict = one(make, tally, "demographic_parity_ratio", across="gender")
    said = "a gender that its `map` does not name: 'A97' (5), 2 other values (3 rows)"
    refused(verdict, said)
    dropped = one(make, tally, "demographic_parity_ratio", across="gender", nulls="drop")
    assert dropped.n == 32
    assert any(said in note for note in dropped.notes)


def test_rows_that_are_all_missing_leave_nothing(make) -> None:
    tally = make.tally(target=[None] * 5, prediction=[1] * 5)
    refused(one(make, tally, nulls="drop"), "no row is left")


def test_a_group_whose_rows_are_all_dropped_is_not_forgotten(make) -> None:
    target = [None if g == "f" else t for t, g in zip(RIGHT, GENDER, strict=True)]
    tally = make.tally(target=target, prediction=RIGHT, gender=GENDER)
    verdict = one(make, tally, "recall", across="gender", compare="min", nulls="drop")
    refused(verdict, "no row of 'f' is left")


def test_no_rows(make) -> None:
    empty = make.tally(target=[], prediction=[], gender=[], score=[])
    for metric, fields in {
        "accuracy": {},
        "recall": {},
        "demographic_parity_difference": {"across": "gender"},
        "group_representation": {"across": "gender"},
        "roc_auc": {},
        "completeness": {},
        "row_count": {},
    }.items():
        must = "<= 1.0" if metric == "demographic_parity_difference" else ">= 0.0"
        refused(one(make, empty, metric, must, **fields), "there are no rows")


@pytest.mark.parametrize(
    ("metric", "fields"),
    [
        ("demographic_parity_ratio", {}),
        ("equalized_odds_difference", {}),
        ("accuracy", {"compare": "min"}),
        ("group_representation", {}),
        ("label_disparity", {}),
    ],
)
def test_one_group_only_is_nothing_to_compare(metric, fields, make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, gender=["m"] * 40)
    refused(one(make, tally, metric, across="gender", **fields), "one group, 'm'")


def test_a_named_group_that_nobody_belongs_to(make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, gender=["female", "male"] * 20)
    fields = {"across": "gender", "compare": "between", "groups": ("femal", "male")}
    verdict = one(make, tally, "accuracy", **fields)
    refused(verdict, "'femal'", "did you mean 'female'?", "groups seen: 'female', 'male'")


def test_an_undefined_rate_names_the_group_and_still_shows_the_others(make) -> None:
    tally = make.tally(
        target=[1, 0, 1, 0] * 10, prediction=[1, 0, 1, 1] * 10, gender=["m", "f"] * 20
    )
    verdict = one(make, tally, "equal_opportunity_difference", "<= 1.0", across="gender")
    refused(verdict, "true_positive_rate is undefined for 'f' (n=20)", "favorable target")
    shown = {group.name: group.value for group in verdict.groups}
    assert shown == {"f": None, "m": 1.0}
    assert verdict.n == 40


def test_a_ratio_of_zeros_is_not_zero(make) -> None:
    tally = make.tally(target=[1, 0] * 20, prediction=[0] * 40, gender=GENDER)
    verdict = one(make, tally, "demographic_parity_ratio", "<= 1.0", across="gender")
    refused(verdict, "every group's value is 0")


@pytest.mark.parametrize(
    ("metric", "target", "prediction", "said"),
    [
        ("precision", [0, 1] * 20, [0] * 40, "predicted favorable"),
        ("recall", [0] * 40, [0, 1] * 20, "favorable target"),
        ("specificity", [1] * 40, [0, 1] * 20, "every row has the favorable target"),
        ("matthews_correlation", [1] * 40, [0, 1] * 20, "one label"),
        ("cohen_kappa", [1] * 40, [1] * 40, "one and the same label"),
        ("precision_macro", [0, 1] * 20, [0] * 40, "never predicted"),
        ("class_balance", [1] * 40, [0, 1] * 20, "one label only"),
    ],
)
def test_undefined_is_never_zero(metric, target, prediction, said, make) -> None:
    tally = make.tally(target=target, prediction=prediction)
    refused(one(make, tally, metric), f"{metric} is undefined", said)


def test_a_role_that_nobody_bound(make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, gender=GENDER)
    policy = make.policy(
        make.control("accuracy"),
        make.control("demographic_parity_ratio", across="age", id="age"),
        make.control("demographic_parity_ratio", across="gendre", id="misspelt"),
        make.control("roc_auc"),
        make.control("completeness", ">= 0.0", of=("income",)),
    )
    reason = "the role 'age' is not bound"
    verdicts = judge(policy, tally, circumstances=Circumstances(unbound={"age": reason}))
    assert verdicts[0].status == "passed"
    assert refused(verdicts[1]).reason == reason
    refused(verdicts[2], "did you mean 'gender'?")
    refused(verdicts[3], "'score' is not bound")
    refused(verdicts[4], "'income' is not bound")


def test_counts_that_the_tally_does_not_hold(make) -> None:
    joint = make.tally(target=RIGHT, prediction=RIGHT, gender=GENDER)
    (table,) = joint.tables
    without = replace(joint, tables=(replace(table, roles=("target", "prediction", "other")),))
    refused(one(make, without, "demographic_parity_ratio", across="gender"), "no counts over")


def test_a_tally_grouped_by_another_policy_is_not_judged(make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, age=["under 30", "30 and over"] * 20)
    policy = {"age": Role("age", bins=(25, 60))}
    verdict = one(make, tally, "demographic_parity_ratio", across="age", policy=policy)
    refused(verdict, "other groups of age", "'under 30'", "'25 to under 60'")


def test_scores_outside_of_zero_and_one_are_no_probabilities(make) -> None:
    tally = make.tally(target=RIGHT, score=[3.5, -1.0] * 20)
    assert one(make, tally, "roc_auc").value == 1.0
    for metric in ("brier_score", "log_loss", "expected_calibration_error"):
        refused(one(make, tally, metric), "probabilities in [0, 1]", "-1.000 to 3.500")


def test_missing_scores_are_counted(make) -> None:
    tally = make.tally(target=RIGHT, score=[None, None, *[0.9, 0.1] * 19])
    refused(one(make, tally, "roc_auc"), "2 rows have no score")
    assert one(make, tally, "roc_auc", nulls="drop").value == 1.0


@pytest.mark.parametrize("target", [[1] * 40, [0] * 39 + [1]])
def test_area_needs_both_labels(target, make) -> None:
    verdict = one(make, make.tally(target=target, score=[0.2, 0.4] * 20), "roc_auc")
    if len(set(target)) == 1:
        refused(verdict, "roc_auc is undefined: all targets are favorable, or none is")
    else:
        assert verdict.value is not None
        assert not verdict.conclusive, "one favorable row is no evidence"


@pytest.mark.parametrize(
    ("metric", "fields", "said"),
    [
        ("acuracy", {}, "did you mean 'accuracy'?"),
        ("recall", {"across": "gender"}, "say how they become one: compare:"),
        ("demographic_parity_ratio", {}, "add across"),
    ],
)
def test_a_rule_that_makes_no_sense_is_an_error(metric, fields, said, make) -> None:
    tally = make.tally(target=RIGHT, prediction=RIGHT, gender=GENDER)
    verdict = refused(one(make, tally, metric, **fields), said, status="error")
    assert verdict.light == "red"


def test_a_fault_in_one_control_costs_no_other(make, monkeypatch, caplog) -> None:
    def broken(*_):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("venturalitica.judge.controls.measure_number", broken)
    tally = make.tally(target=RIGHT, prediction=RIGHT, score=[0.5] * 40)
    policy = make.policy(make.control("roc_auc"), make.control("accuracy"))
    verdicts = judge(policy, tally)
    refused(verdicts[0], "ZeroDivisionError while computing roc_auc: a fault", status="error")
    assert verdicts[1].status == "passed"
    assert "could not be computed" in caplog.text


def test_no_data_and_nothing_reported(make) -> None:
    (verdict,) = judge(make.policy(make.control("accuracy")), None)
    refused(verdict, "no data was given")


def test_completeness_without_bound_columns(make) -> None:
    refused(one(make, Tally(rows=5, axes=()), "completeness"), "nothing to count")


@pytest.mark.parametrize("twin", ["Good", "good ", "GOOD", "g\uff4f\uff4fd"])
def test_a_favorable_label_in_two_spellings_is_no_rate_of_zero(twin, make) -> None:
    """Else nobody would be predicted 'good', and all groups would be equal at 0: green."""
    tally = make.tally(
        target=["good", "bad"] * 50, prediction=[twin, "bad"] * 50, gender=["f", "m"] * 50
    )
    for metric, fields in (
        ("selection_rate", {}),
        ("false_positive_rate", {}),
        ("demographic_parity_difference", {"across": "gender"}),
    ):
        control = make.control(metric, "<= 0.1", **fields)
        (verdict,) = judge(make.policy(control, favorable="good"), tally)
        assert verdict.status == "not_evaluated"
        assert "also occurs as" in verdict.reason


def test_predictions_in_other_labels_than_the_target_have_no_selection_rate(make) -> None:
    tally = make.tally(target=["good", "bad"] * 50, prediction=["yes", "no"] * 50)
    control = make.control("selection_rate", "<= 0.1")
    (verdict,) = judge(make.policy(control, favorable="good"), tally)
    assert verdict.status == "not_evaluated"
    assert "no label in common" in verdict.reason


def test_scores_of_rows_left_out_are_no_margin(make) -> None:
    tally = make.tally(target=[None, *[0, 1] * 20], score=[-3.0, *[0.1, 0.9] * 20])
    control = make.control("brier_score", "<= 0.5", nulls="drop")
    (verdict,) = judge(make.policy(control), tally)
    assert verdict.status == "passed"
    assert verdict.value == pytest.approx(0.01)


def test_a_score_that_rounding_hides_is_shown_with_all_digits(make) -> None:
    tally = make.tally(target=RIGHT, score=[1.00001, 0.1] * 20)
    refused(one(make, tally, "brier_score"), "the scores run from 0.100 to 1.00001:")
    below = make.tally(target=RIGHT, score=[-0.001, 0.1] * 20)
    refused(one(make, below, "brier_score"), "from -0.001 to 0.100:")


def test_what_was_done_to_the_scores_is_said(make) -> None:
    tally = make.tally(target=RIGHT, score=[0.9, 0.1] * 20)
    noted = replace(tally, scores=(replace(tally.scores[0], note="2 scores moved"),))
    assert "2 scores moved" in one(make, noted, "brier_score").notes
