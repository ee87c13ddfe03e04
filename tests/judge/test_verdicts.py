"""Verdicts: values, how sure they are, what they say, and that they can be made again."""

from __future__ import annotations

import random
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Role, Threshold
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Tally
from venturalitica.core.text import written, written_interval
from venturalitica.core.verdict import Interval, Verdict
from venturalitica.judge import judge, select
from venturalitica.judge.labels import read_labels
from venturalitica.judge.pen import as_recorded


def rows(count: int, seed: int = 0, right: float = 0.8) -> dict[str, list]:
    chance = random.Random(seed)
    target = [chance.choice([1, 1, 0]) for _ in range(count)]
    return {
        "target": target,
        "prediction": [t if chance.random() < right else 1 - t for t in target],
        "gender": [chance.choice(["female", "male", "male"]) for _ in range(count)],
        "age": [chance.choice(["old", "young"]) for _ in range(count)],
    }


NOW = Circumstances()
OLD = Circumstances(intervals="replicates-1")
"""How records from before were judged, and are judged again."""


def one(make, tally, metric, must=">= 0.5", *, roles=None, judged=NOW, **fields) -> Any:
    policy = make.policy(make.control(metric, must, **fields), **(roles or {}))
    (verdict,) = judge(policy, tally, circumstances=judged)
    return verdict


def test_one_verdict_per_control_in_policy_order(make) -> None:
    names = ["row_count", "accuracy", "demographic_parity_ratio", "completeness", "recall"]
    controls = [
        make.control(
            name,
            across="gender" if "parity" in name else (),
            line=place,
            article="15(1)",
            remedy="Gather rows.",
        )
        for place, name in enumerate(names)
    ]
    verdicts = judge(make.policy(*controls), make.tally(**rows(200)))
    assert [verdict.control for verdict in verdicts] == names
    assert [verdict.line for verdict in verdicts] == [0, 1, 2, 3, 4]
    parity = verdicts[2]
    assert (parity.metric, parity.across, parity.compare) == (names[2], ("gender",), "ratio")
    assert (parity.operator, parity.threshold, parity.level) == (">=", 0.5, 0.95)
    assert parity.remedy == "Gather rows."
    assert (parity.article, parity.file) == ("15(1)", "model_policy.yaml")
    assert Verdict.from_json(parity.to_json()) == parity


def test_a_rerun_is_identical_and_order_and_choice_do_not_matter(make) -> None:
    controls = [
        make.control("accuracy"),
        make.control("recall", across="gender", compare="difference", id="r"),
        make.control("precision", across="gender", compare="ratio", id="p"),
        make.control("equalized_odds_difference", "<= 0.2", across=("age", "gender")),
        make.control("f1_macro"),
        make.control("class_balance"),
    ]
    first = judge(make.policy(*controls), make.tally(**rows(300)))
    again = judge(make.policy(*controls[::-1]), make.tally(**rows(300)))
    assert first == again[::-1]
    alone = judge(make.policy(*controls), make.tally(**rows(300)), controls=controls[2:3])
    assert alone == first[2:3]
    other = judge(make.policy(*controls), make.tally(**rows(300, seed=1)))
    assert [v.interval for v in other] != [v.interval for v in first]


def test_judged_again_from_the_evidence_it_is_the_same(make) -> None:
    tally = make.tally(**rows(300), score=[(i * 7 % 100) / 100 for i in range(300)])
    policy = make.policy(
        make.control("accuracy"),
        make.control("demographic_parity_ratio", across="gender"),
        make.control("roc_auc"),
        make.control("completeness"),
    )
    again = judge(policy, Tally.from_json(tally.for_evidence().to_json()))
    assert judge(policy, tally) == again


def test_conclusive_only_where_the_interval_gives_one_answer(make) -> None:
    tally = make.tally(**rows(400))
    sure = one(make, tally, "accuracy", ">= 0.5")
    assert (sure.status, sure.conclusive, sure.light) == ("passed", True, "green")
    near = one(make, tally, "accuracy", f">= {sure.value - 0.01}")
    assert (near.status, near.conclusive, near.light) == ("passed", False, "amber")
    assert "holds both answers" in near.reason
    failed = one(make, tally, "accuracy", ">= 0.95")
    assert (failed.status, failed.conclusive, failed.light) == ("failed", True, "red")


def test_a_group_of_four_is_shown_counted_and_inconclusive(make) -> None:
    data = rows(400)
    data["gender"][:4] = ["other"] * 4
    data["target"][:4] = data["prediction"][:4] = [1, 0, 1, 0]
    verdict = one(
        make, make.tally(**data), "demographic_parity_difference", "<= 0.9", across="gender"
    )
    small = next(group for group in verdict.groups if group.name == "other")
    assert (small.n, small.supported, small.value) == (4, False, 0.5)
    assert sum(group.n for group in verdict.groups) == 400
    assert (verdict.status, verdict.conclusive, verdict.light) == ("passed", False, "amber")
    assert any("fewer than 10 rows (min_support) in 'other' (n=4)" in n for n in verdict.notes)
    assert one(
        make, make.tally(**data), "demographic_parity_difference", "<= 0.9", across="gender",
        min_support=3,
    ).notes != verdict.notes  # fmt: skip


def test_a_group_that_vanishes_in_replicates_is_said(make) -> None:
    data = rows(300)
    data["gender"][:3] = ["other"] * 3
    data["score"] = [0.9 if label else 0.2 for label in data["target"]]
    how = {"across": "gender", "compare": "difference"}
    tally = make.tally(**data)
    verdict = one(make, tally, "brier_score", "<= 1.0", judged=OLD, **how)
    assert any("replicates 'other' had no value" in note for note in verdict.notes)
    assert verdict.interval is not None


def test_too_many_undefined_replicates_conclude_nothing(make) -> None:
    target = [1, 1] + [0] * 98
    tally = make.tally(target=target, score=[0.9, 0.9] + [0.1, 0.2] * 49)
    verdict = one(make, tally, "average_precision", min_support=1, judged=OLD)
    assert (verdict.value, verdict.status) == (1.0, "passed")
    assert not verdict.conclusive
    assert any("replicates have no value" in note for note in verdict.notes)


def test_few_rows_below_the_line_conclude_nothing(make) -> None:
    """Recall 1.0 of 100 rows, 6 of them favorable: every replicate says 1.0."""
    target = [1] * 6 + [0] * 94
    verdict = one(make, make.tally(target=target, prediction=target), "recall", ">= 0.9")
    assert (verdict.status, verdict.conclusive) == ("passed", False)
    assert any("rests on 6 rows" in note for note in verdict.notes)
    groups = make.tally(target=target, prediction=target, gender=["f", "m"] * 50)
    across = one(make, groups, "equal_opportunity_difference", "<= 0.1", across="gender")
    assert not across.conclusive
    assert any("true_positive_rate rests on fewer than 10 rows" in n for n in across.notes)


@pytest.mark.parametrize(("count", "sure"), [(9, False), (20, False), (100, True)])
def test_no_variation_in_few_rows_is_no_certainty(count, sure, make) -> None:
    """0 wrong of 20 leaves up to 17 % wrong, of 100 up to 4 %: 1 - 0.025 ** (1 / n)."""
    target = [1, 0] * (count // 2) + [1] * (count % 2)
    verdict = one(make, make.tally(target=target, prediction=target), "accuracy", ">= 0.9")
    assert (verdict.status, verdict.value) == ("passed", 1.0)
    assert tuple(verdict.interval) == pytest.approx((0.025 ** (1 / count), 1.0))
    assert verdict.conclusive is sure


def test_rounding_in_the_replicates_is_no_variation(make) -> None:
    """Twelve equal losses: their mean is 0.01 in each replicate, give or take 1e-18."""
    tally = make.tally(target=[0, 1] * 6, score=[0.1, 0.9] * 6)
    verdict = one(make, tally, "brier_score", "<= 0.05", judged=OLD)
    assert verdict.status == "passed"
    assert not verdict.conclusive
    assert "rule of three" in verdict.reason
    of_now = one(make, tally, "brier_score", "<= 0.05")
    assert not of_now.conclusive
    assert of_now.interval.high > 0.05, "twelve rows of a loss of 0.01 say little of others"


def test_ends_that_differ_look_different(make) -> None:
    target = [0, 1] * 500
    verdict = one(make, make.tally(target=target, prediction=target), "accuracy", ">= 1")
    assert "the 95 % interval 0.996 to 1.000 holds both answers" in verdict.reason


def test_an_interval_holds_its_value(make) -> None:
    data = {"target": [1, 0] * 40, "prediction": [1, 0] * 40, "gender": ["f", "f", "m", "m"] * 20}
    verdict = one(
        make, make.tally(**data), "demographic_parity_difference", "<= 0.5", across="gender"
    )
    assert verdict.value == 0.0
    assert verdict.interval.low == 0.0 < verdict.interval.high


def test_equal_groups_are_two_groups(make) -> None:
    data = {"target": [1, 0] * 40, "prediction": [1, 0] * 40, "gender": ["f", "f", "m", "m"] * 20}
    verdict = one(make, make.tally(**data), "demographic_parity_ratio", ">= 0.1", across="gender")
    assert "lowest f 0.500 (n=40), highest m 0.500 (n=40)" in verdict.reason


def test_reasons_are_sentences_with_the_groups(make) -> None:
    data = {
        "target": [1] * 100,
        "prediction": [1] * 31 + [0] * 19 + [1] * 42 + [0] * 8,
        "gender": ["female"] * 50 + ["male"] * 50,
    }
    tally = make.tally(**data)
    ratio = one(make, tally, "demographic_parity_ratio", ">= 0.8", across="gender")
    assert ratio.reason.startswith(
        "0.738, must be >= 0.80; lowest female 0.620 (n=50), highest male 0.840 (n=50)"
    )
    least = one(make, tally, "selection_rate", ">= 0.5", across="gender", compare="min")
    assert "lowest female 0.620 (n=50)" in least.reason
    assert "highest" not in least.reason
    pair = {"compare": "between", "groups": ("male", "female")}
    between = one(make, tally, "selection_rate", "<= 0.5", across="gender", **pair)
    assert between.value == pytest.approx(0.22)
    assert "male 0.840 (n=50) minus female 0.620 (n=50)" in between.reason


def test_a_value_is_not_rounded_onto_its_threshold(make) -> None:
    target = [1] * 10_000
    tally = make.tally(target=target, prediction=[1] * 7_996 + [0] * 2_004)
    verdict = one(make, tally, "accuracy", ">= 0.8")
    assert verdict.status == "failed"
    assert verdict.reason.startswith("0.7996, must be >= 0.80")


def test_a_ratio_on_its_threshold_passes(make) -> None:
    data = {
        "prediction": [1] * 24 + [0] * 76 + [1] * 30 + [0] * 70,
        "gender": ["f"] * 100 + ["m"] * 100,
    }
    assert (
        one(make, make.tally(**data), "demographic_parity_ratio", ">= 0.8", across="gender").status
        == "passed"
    )


def test_intersections_have_joined_names_and_empty_ones_are_noted(make) -> None:
    data = rows(300)
    data["age"] = [
        "old" if g == "male" else a for a, g in zip(data["age"], data["gender"], strict=True)
    ]
    verdict = one(
        make, make.tally(**data), "selection_rate_ratio", ">= 0.1", across=("gender", "age")
    )
    assert [group.name for group in verdict.groups] == [
        "female × old",
        "female × young",
        "male × old",
    ]
    assert "1 of 4 intersections have no rows" in verdict.notes


def test_intersections_of_one_name_are_different_groups(make) -> None:
    """Taken by name, the last group would have dropped out: 0 apart, and green."""
    tally = make.tally(
        prediction=[1] * 120 + [0] * 40,
        gender=["a"] * 40 + ["a × b"] * 40 + ["a"] * 40 + ["b"] * 40,
        region=["c"] * 40 + ["c"] * 40 + ["b × c"] * 40 + ["c"] * 40,
    )
    across = ("gender", "region")
    verdict = one(make, tally, "selection_rate", "<= 0.1", across=across, compare="difference")
    assert (verdict.status, verdict.value) == ("failed", 1.0)
    assert verdict.groups.names == ("'a' × 'b × c'", "'a' × 'c'", "'a × b' × 'c'", "'b' × 'c'")


def test_a_group_that_the_policy_names_and_nobody_has(make) -> None:
    tally = make.tally(**rows(300))
    roles = {"gender": Role("gender", map={"F": "female", "M": "male", "D": "diverse"})}
    verdict = one(make, tally, "selection_rate_ratio", ">= 0.1", across="gender", roles=roles)
    assert (verdict.status, verdict.conclusive) == ("passed", False)
    assert any("no rows for 'diverse'" in note for note in verdict.notes)
    share = one(make, tally, "group_representation", ">= 0.1", across="gender", roles=roles)
    assert (share.status, share.value) == ("failed", 0.0)
    assert [(g.name, g.n) for g in share.groups][-1] == ("diverse", 0)


def test_notes_of_an_axis_are_carried(make) -> None:
    tally = make.tally(**rows(200), notes={"age": "cut at its quartiles 25, 33, 42"})
    verdict = one(make, tally, "selection_rate_ratio", ">= 0.1", across="age")
    assert "age: cut at its quartiles 25, 33, 42" in verdict.notes
    assert one(make, tally, "accuracy").notes == ()


def test_data_metrics_need_no_prediction(make) -> None:
    data = {"target": [1] * 30 + [0] * 10 + [1] * 10 + [0] * 50, "gender": ["f"] * 40 + ["m"] * 60}
    tally = make.tally(**data)
    found = {
        "class_balance": one(make, tally, "class_balance"),
        "base_rate": one(make, tally, "base_rate", "<= 0.5"),
        "label_disparity": one(make, tally, "label_disparity", "<= 0.2", across="gender"),
        "group_representation": one(make, tally, "group_representation", ">= 0.2", across="gender"),
        "row_count": one(make, tally, "row_count", ">= 50"),
        "completeness": one(make, tally, "completeness", ">= 1.0"),
    }
    values = {name: verdict.value for name, verdict in found.items()}
    assert values == pytest.approx(
        {
            "class_balance": 40 / 60,
            "base_rate": 0.4,
            "label_disparity": 30 / 40 - 10 / 60,
            "group_representation": 0.4,
            "row_count": 100,
            "completeness": 1.0,
        }
    )
    assert found["row_count"].conclusive
    assert found["completeness"].conclusive, "nothing missing is a fact of the data, not a guess"


def test_row_count_of_the_smallest_group(make) -> None:
    tally = make.tally(gender=["f"] * 40 + ["m"] * 60)
    verdict = one(make, tally, "row_count", ">= 100", across="gender", compare="min")
    assert (verdict.value, verdict.status) == (40.0, "failed")
    assert verdict.interval.low < 40 < verdict.interval.high


def test_completeness_counts_over_its_roles(make) -> None:
    tally = make.tally(target=[1, None] * 10, gender=["f", "m", None, "m"] * 5, age=["o"] * 20)
    whole = one(make, tally, "completeness", ">= 0.9")
    assert whole.value == pytest.approx(1 - 15 / 60)
    assert "target: 10 of 20 missing" in whole.notes
    gender = one(make, tally, "completeness", ">= 0.7", of=("gender",))
    assert gender.value == 0.75
    assert gender.interval.low < 0.75 < gender.interval.high


def test_select_by_phase(make) -> None:
    policy = make.policy(
        make.control("accuracy"), make.control("row_count"), make.control("recall", phase="data")
    )
    assert [c.id for c in select(policy)] == ["accuracy", "row_count", "recall"]
    assert [c.id for c in select(policy, "data")] == ["row_count", "recall"]
    assert [c.id for c in select(policy, "model")] == ["accuracy"]


def test_binned_scores_say_how_far_off_they_are(make) -> None:
    chance = random.Random(3)
    score = [chance.random() for _ in range(900)]
    target = [int(chance.random() < s) for s in score]
    tally = make.tally(target=target, score=score)
    exact = one(make, tally, "roc_auc", ">= 0.6")
    loss = one(make, tally, "brier_score", "<= 0.6", judged=OLD)
    assert any("moved by at most" in note for note in loss.notes)
    stored = Tally.from_json(tally.for_evidence().to_json())
    assert not stored.scores[0].exact
    binned = one(make, stored, "roc_auc", ">= 0.6")
    assert binned.value != exact.value
    assert binned.value == pytest.approx(exact.value, abs=0.01)
    assert any("the exact value lies within" in note for note in binned.notes)
    near = one(make, stored, "roc_auc", f">= {binned.value - 1e-5}")
    assert not near.conclusive
    assert exact.interval.low == pytest.approx(binned.interval.low, abs=0.01)


def test_a_bound_wider_than_the_distance_settles_nothing(make) -> None:
    levels = (0.25, 0.75)
    cells = ((0, 0, 30_000), (0, 1, 10_000), (1, 0, 10_000), (1, 1, 30_000))
    axis = make.tally(target=[0, 1]).axes[0]
    table = ScoreTable(("target",), levels, cells, exact=False, width=0.5)
    tally = Tally(rows=80_000, axes=(axis,), scores=(table,), nulls={"target": 0, "score": 0})
    verdict = one(make, tally, "roc_auc", ">= 0.70")
    assert verdict.value == pytest.approx(0.75)
    assert verdict.interval.low > 0.73
    assert (verdict.status, verdict.conclusive) == ("passed", False)
    sure = one(make, replace(tally, scores=(replace(table, exact=True),)), "roc_auc", ">= 0.70")
    assert sure.conclusive


def test_scores_across_groups(make) -> None:
    chance = random.Random(5)
    target = [chance.choice([0, 1]) for _ in range(600)]
    score = [min(max(chance.gauss(0.4 + 0.2 * t, 0.2), 0), 1) for t in target]
    tally = make.tally(target=target, gender=["f", "m"] * 300, score=[round(s, 2) for s in score])
    verdict = one(make, tally, "roc_auc", "<= 0.2", across="gender", compare="difference")
    own = [g.value for g in verdict.groups]
    assert verdict.value == pytest.approx(abs(own[0] - own[1]))
    assert all(g.interval.low < g.value < g.interval.high for g in verdict.groups)


def test_many_labels_stay_small(make) -> None:
    """300 labels: 90,000 possible cells and 2,000 replicates of them would be 1.4 GB."""
    chance = random.Random(2)
    target = [chance.randrange(300) for _ in range(3000)]
    prediction = [t if chance.random() < 0.9 else chance.randrange(300) for t in target]
    tally = make.tally(target=target, prediction=prediction)
    verdict = one(make, tally, "balanced_accuracy")
    assert verdict.interval.low < verdict.interval.high
    assert 0.85 < verdict.value < 0.95


def test_labels_of_mixed_kinds_are_merged_only_if_zero_and_one() -> None:
    assert read_labels((False, True, 0, 1)).moved.tolist() == [0, 1, 0, 1]
    assert read_labels((True, 0)).levels == (0, 1)
    assert read_labels((False, True, 0, 2)).levels == (False, True, 0, 2)
    assert read_labels((False, True, "x")).levels == (False, True, "x")


@pytest.mark.parametrize(
    ("metric", "must", "fields"),
    [
        ("accuracy", ">= 0", {}),
        ("accuracy", "<= 1", {}),
        ("accuracy", "> -0.1", {}),
        ("accuracy", "!= 0.5", {}),
        ("matthews_correlation", ">= -1", {}),
        ("accuracy", ">= -1", {"across": ("gender",), "compare": "difference"}),
        ("accuracy", "<= 2", {"across": ("gender",), "compare": "ratio"}),
        ("accuracy", ">= -1", {"across": ("gender",), "compare": "between", "groups": ("f", "m")}),
        ("row_count", ">= 0", {}),
        ("row_count", ">= -3", {"across": ("gender",), "compare": "min"}),
    ],
)
def test_a_rule_that_cannot_fail_is_never_conclusive(make, metric, must, fields) -> None:
    labels = [1, 0] * 200
    tally = make.tally(
        target=labels, prediction=[1, *labels[1:-1], 1], gender=["f", "m", "m", "f"] * 100
    )
    policy = make.policy(make.control(metric, must, **fields), favorable=1)
    (verdict,) = judge(policy, tally)
    assert (verdict.status, verdict.light) == ("passed", "amber")
    assert "this rule cannot fail" in verdict.reason
    (before,) = judge(policy, tally, circumstances=Circumstances(rules=1))
    assert "cannot fail" not in before.reason, "as it was judged then"


def test_a_rule_that_cannot_pass_fails(make) -> None:
    policy = make.policy(make.control("accuracy", "> 1"))
    (verdict,) = judge(policy, make.tally(target=[1, 0] * 99, prediction=[1, 0] * 99))
    assert verdict.status == "failed"


@given(st.floats(-2, 2), st.sampled_from([0.0, 0.05, 0.8, 0.80005, 1.0]))
@example(1.3133746754600029e-12, 0.0)
@example(1.694114041694291e-12, 0.05)
def test_a_written_value_is_on_its_side_of_the_threshold(value: float, bound: float) -> None:
    """And the interval holds what it held, doing it twice changes nothing."""
    for operator in (">=", ">", "<=", "<", "==", "!="):
        must = Threshold(operator, bound)  # type: ignore[arg-type]
        for rounding in (ROUND_FLOOR, ROUND_CEILING, ROUND_HALF_EVEN):
            found = written(value, bound, rounding)
            assert must.holds(found) == must.holds(value)
            assert written(found, bound, rounding) == found
            assert abs(found - value) <= 1e-4
    low, high = written_interval(Interval(value, value), bound) or (1.0, 0.0)
    assert low - 1e-14 <= value <= high + 1e-14


def test_a_record_has_four_decimals_and_the_process_all(make: Any) -> None:
    tally = make.tally(target=[1, 0, 1] * 100, prediction=[1, 1, 1, 0, 0, 1] * 50)
    (verdict,) = judge(make.policy(make.control("accuracy"), favorable=1), tally)
    (told,) = as_recorded([verdict], rough=False)
    assert verdict.value == pytest.approx(2 / 3, abs=1e-12)
    assert told.value == 0.6667
    assert told.interval is not None
    assert verdict.interval is not None
    assert told.interval.low <= verdict.interval.low
    assert verdict.interval.high <= told.interval.high
    assert (told.status, told.conclusive) == (verdict.status, verdict.conclusive)
