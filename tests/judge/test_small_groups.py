"""A group or a denominator of fewer than `min_cell` rows enters no value and no light."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances, Share
from venturalitica.core.tally import Axis, Tally
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge
from venturalitica.judge.conclude import training_words

LEAST = 5


def people(**more: Any) -> dict[str, list[Any]]:
    """400 rows of two genders, and four who are neither."""
    gender: list[Any] = ["f", "m"] * 200 + ["other"] * 4
    target: list[Any] = [1, 1, 0, 0] * 101
    prediction: list[Any] = [1, 0, 0, 1] * 101
    return {"target": target, "prediction": prediction, "gender": gender, **more}


def judged(make: Any, tally: Tally, *controls: Any, rules: int = 3, least: int = LEAST) -> Any:
    policy = make.policy(*controls, favorable=1, min_cell=least)
    return judge(policy, tally, circumstances=Circumstances(rules=rules))


def parity(make: Any, across: Any = "gender", **fields: Any) -> Any:
    return make.control("demographic_parity_difference", "<= 1.0", across=across, **fields)


def words(verdict: Verdict) -> str:
    return " ".join([verdict.reason, *verdict.notes])


def test_a_group_of_four_is_named_and_not_judged(make: Any) -> None:
    data = people()
    (verdict,) = judged(make, make.tally(**data), parity(make))
    (all_of_them,) = judged(make, make.tally(**data), parity(make), least=0)
    assert [group.name for group in all_of_them.groups] == ["f", "m", "other"]
    # One that is kept back alone would have the rows that are missing to the whole.
    assert verdict.value is None
    assert verdict.groups == ()
    assert "'f', 'm', 'other'" in words(verdict) or "'other'" in words(verdict)
    assert verdict.light == "amber"


def test_of_several_the_smallest_are_kept_back_and_the_rest_judged(make: Any) -> None:
    data = people()
    for name, count in (("x", 3), ("y", 20)):
        data["gender"] += [name] * count
        data["target"] += ([1, 0] * count)[:count]
        data["prediction"] += ([1, 1, 0] * count)[:count]
    (verdict,) = judged(make, make.tally(**data), parity(make))
    assert [group.name for group in verdict.groups] == ["f", "m", "y"]
    whole = {name: list(values) for name, values in data.items()}
    kept = [place for place, name in enumerate(data["gender"]) if name not in ("x", "other")]
    part = {name: [values[place] for place in kept] for name, values in whole.items()}
    (alone,) = judged(make, make.tally(**part), parity(make), least=0)
    assert verdict.value == alone.value
    assert verdict.interval == alone.interval
    assert verdict.n == alone.n
    assert (verdict.status, verdict.conclusive, verdict.light) == ("passed", False, "amber")
    assert "2 groups are not judged: 'other', 'x'" in words(verdict)


def test_a_denominator_of_four_is_kept_back_too(make: Any) -> None:
    data = people()
    data["gender"] = ["f"] * 200 + ["m"] * 200 + ["x"] * 40 + ["y"] * 40
    data["target"] = [1, 0] * 200 + [1] * 4 + [0] * 36 + [1] * 3 + [0] * 37
    data["prediction"] = [1, 0, 1, 1] * 120
    control = make.control("equal_opportunity_difference", "<= 1.0", across="gender")
    (verdict,) = judged(make, make.tally(**data), control)
    assert [group.name for group in verdict.groups] == ["f", "m"]
    assert "'x', 'y'" in words(verdict)
    # The same groups elsewhere: their labels would tell.
    both = judged(make, make.tally(**data), control, parity(make, id="parity"))
    assert [[group.name for group in one.groups] for one in both] == [["f", "m"], ["f", "m"]]


def test_a_value_of_four_rows_is_not_shown(make: Any) -> None:
    target = [1] * 4 + [0] * 96
    tally = make.tally(target=target, prediction=[1, 0] * 50)
    (verdict,) = judged(make, tally, make.control("recall"))
    assert (verdict.value, verdict.status) == (None, "not_evaluated")
    assert "fewer than 5 rows" in verdict.reason
    assert "4" not in verdict.reason.replace("fewer than 5", "")


def test_a_named_group_that_is_small_is_not_compared(make: Any) -> None:
    data = people()
    data["gender"][:3] = ["x"] * 3
    control = make.control(
        "selection_rate", "<= 1.0", across="gender", compare="between", groups=("f", "other")
    )
    (verdict,) = judged(make, make.tally(**data), control)
    assert (verdict.status, verdict.value) == ("not_evaluated", None)
    assert "'other'" in verdict.reason


@pytest.mark.parametrize("nulls", ["refuse", "drop"])
def test_a_few_missing_values_are_not_counted_out(make: Any, nulls: Any) -> None:
    """The rows of a group would else differ by how many lack a prediction."""
    target, prediction = [1, 0] * 100, [1, 0, 0, 1] * 50
    tally = make.tally(
        target=target, prediction=[None] * 3 + prediction[3:], gender=["f", "m"] * 100
    )
    one, other = judged(
        make, tally, parity(make, nulls=nulls), make.control("accuracy", nulls=nulls)
    )
    assert (one.n, other.n) == (200, 200)
    assert [group.n for group in one.groups] == ([100, 100] if nulls == "drop" else [])
    assert "fewer than 5 of 200 rows" in words(one)
    assert "3 rows" not in words(other)


def test_rows_that_are_left_out_are_not_told_by_what_is_left(make: Any) -> None:
    """Six lack a target, four a prediction: 90 rows and the six would tell the four."""
    found = []
    for few in (1, 4):
        target = [None] * 6 + [1, 0] * 47
        prediction = [1] * 6 + [None] * few + [1, 0, 0, 1] * 30
        data = {"target": target, "prediction": prediction[:100], "gender": ["f", "m"] * 50}
        found.append(
            judged(
                make,
                make.tally(**data),
                make.control("accuracy", nulls="drop"),
                make.control("base_rate", nulls="drop", id="base"),
                make.control("accuracy", nulls="drop", id="by", across="gender", compare="min"),
                make.control("base_rate", nulls="drop", id="few", across="gender", compare="min"),
            )
        )
    for right, base, by, few_each in found:
        assert (right.n, base.n, by.n) == (100, 94, 100)
        # Three of each gender lack a target.
        assert [group.n for group in (*by.groups, *few_each.groups)] == [50, 50, 50, 50]
        assert "some of 100 rows cannot be used: 6 rows have no target" in words(right)


def test_losses_of_a_group_are_told_where_none_of_any_is_few(make: Any) -> None:
    target: list[Any] = [None] * 12 + [1, 0] * 94
    for women in (6, 8):
        gender = ["f"] * women + ["m"] * (12 - women) + ["f", "m"] * 94
        tally = make.tally(target=target, gender=gender)
        control = make.control("base_rate", nulls="drop", across="gender", compare="min")
        (verdict,) = judged(make, tally, control)
        told = [94, 94] if women == 6 else [94 + women, 94 + 12 - women]
        assert [group.n for group in verdict.groups] == told


@pytest.mark.parametrize(("least", "named"), [(5, True), (10, False)])
def test_unmapped_values_are_named_from_the_policy_s_least(
    make: Any, least: int, named: bool
) -> None:
    gender: list[Any] = [None] * 12 + ["f", "m"] * 60
    tally = make.tally(gender=gender, target=[1, 0] * 66)
    tally = replace(
        tally,
        axes=tuple(
            replace(axis, nulls=0, unmapped={"Q7": 6, "(2 other values)": 6})
            if axis.role == "gender"
            else axis
            for axis in tally.axes
        ),
    )
    control = make.control("base_rate", nulls="drop", across="gender", compare="min")
    (verdict,) = judged(make, tally, control, least=least)
    assert ("'Q7'" in words(verdict)) is named


def test_an_intersection_that_is_kept_back_is_not_called_empty(make: Any) -> None:
    gender = ["f"] * 60 + ["m"] * 60 + ["x"] * 9 + ["y"] * 2
    age = ["old", "young"] * 60 + ["old"] * 4 + ["young"] * 5 + ["old"] * 2
    tally = make.tally(gender=gender, age=age, target=[1] * 131)
    control = make.control("row_count", across=("gender", "age"), compare="min")
    (verdict,) = judged(make, tally, control)
    assert "2 groups are not judged: 'x × old', 'y × old'" in words(verdict)
    assert "1 of 8 intersections have no rows" in words(verdict)


def test_few_rows_without_a_group_are_a_group_of_few(make: Any) -> None:
    """The groups that are shown and all rows together would tell how many they are."""
    gender = ["f", "m", "x"] * 60 + [None] * 3
    target = [1, 1, 0, 0, 1, 0] * 30 + [1, 0, 1]
    tally = make.tally(target=target, prediction=target, gender=gender)
    (verdict,) = judged(make, tally, parity(make, nulls="drop"))
    assert [group.name for group in verdict.groups] == ["m", "x"]
    assert "1 group is not judged: 'f'" in words(verdict)
    assert "fewer than 5 of 183 rows cannot be used" in words(verdict)
    (many,) = judged(make, make.tally(gender=gender + [None] * 3), parity_of_rows(make))
    assert [group.name for group in many.groups] == ["f", "m", "x"]
    assert "6 rows have no gender" in words(many)


def parity_of_rows(make: Any) -> Any:
    return make.control("group_representation", ">= 0.0", across="gender", nulls="drop")


def test_few_missing_values_count_as_the_most_that_there_may_be(make: Any) -> None:
    found = []
    for missing in (1, 4):
        gender = [None] * missing + ["f", "m"] * 98 + ["f"] * (4 - missing)
        control = make.control("completeness", ">= 0.97", of=("gender",))
        found += judged(make, make.tally(gender=gender, target=[1] * 200), control)
    one, other = found
    assert one == other
    assert one.value == pytest.approx(0.98)
    assert not one.conclusive
    assert "gender: at most 4 of 200 missing" in words(one)


@pytest.mark.parametrize("unmapped", [3, 4])
def test_missing_values_are_not_counted_where_a_part_of_them_is_few(
    make: Any, unmapped: int
) -> None:
    """Two without a group and a few of none that the map names: the sum would tell each."""
    gender: list[Any] = ["f", "m", "x"] * 60 + [None] * 2 + ["q"] * unmapped
    axis = Axis("gender", "gender", ("f", "m", "x"), 2, {"q": unmapped})
    tally = make.tally(gender=[None if one == "q" else one for one in gender])
    tally = replace(tally, axes=(axis,), nulls={"gender": 2 + unmapped})
    (verdict,) = judged(make, tally, make.control("completeness", ">= 0.5", of=("gender",)))
    assert (verdict.status, verdict.value, verdict.n) == ("not_evaluated", None, 182 + unmapped)
    assert "how many rows have no gender is not told" in verdict.reason
    assert verdict.notes == ()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_copies_and_training_rows_are_one(count: int) -> None:
    told = Share(count / 200, 0.0, 200).told(LEAST)
    assert told == Share(0.02, 0.02, 200, few=True)
    assert told.clear is False
    assert Share(count / 30, 0.0, 30).told(LEAST).clear is None
    assert Share.from_json(told.to_json()) == told


def test_nearly_all_are_at_least_so_many() -> None:
    assert (
        Share(0.99, 0.0, 200).told(LEAST).share == Share(0.985, 0.0, 200).told(LEAST).share == 0.98
    )
    for rows in range(LEAST + 1, 40):
        ways: dict[Share, set[int]] = {}
        for found in range(LEAST, rows + 1):
            ways.setdefault(Share(round(found / rows, 6), 0.0, rows).told(LEAST), set()).add(found)
        nearly = {told: founds for told, founds in ways.items() if told.most}
        assert len(nearly) == 1
        for told, founds in nearly.items():
            assert len(founds) > 1, "it tells how many were not trained on"
            assert round(told.share * rows) == min(founds)
            assert told.clear is True
            assert training_words(told).startswith("at least ")
            assert Share.from_json(told.to_json()) == told
        assert {*range(max(LEAST, rows - LEAST + 1), rows)} <= set().union(*nearly.values())
    assert Share(0.83, 0.17, 6).told(LEAST).clear is True
    # Of few different values chance may explain nearly all.
    assert Share(0.99, 0.95, 200).told(LEAST).clear is None
    for share in (Share(0.0, 0.0, 200), Share(0.025, 0.0, 200), Share(1.0, 0.0, 200)):
        assert share.told(LEAST) == share
    assert Share(0.01, 0.0, 200).told(0) == Share(0.01, 0.0, 200)


def test_a_phase_alone_keeps_back_what_the_whole_does(make: Any) -> None:
    data = people()
    data["gender"] = ["f"] * 200 + ["m"] * 160 + ["x"] * 40 + ["other"] * 4
    rows = make.control("group_representation", ">= 0.0", across="gender", id="rows")
    policy = make.policy(parity(make), rows, favorable=1, min_cell=LEAST)
    whole = judge(policy, make.tally(**data))
    alone = judge(policy, make.tally(**data), controls=[rows])
    assert [group.name for group in alone[0].groups] == [group.name for group in whole[1].groups]


@pytest.mark.parametrize("rules", [1, 2])
def test_under_earlier_rules_all_are_shown(make: Any, rules: int) -> None:
    (verdict,) = judged(make, make.tally(**people()), parity(make), rules=rules)
    assert [group.name for group in verdict.groups] == ["f", "m", "other"]


def test_scores_keep_back_the_same_groups(make: Any) -> None:
    data = people()
    data["gender"][:3] = ["x"] * 3
    rows = len(data["gender"])
    tally = make.tally(**data, score=[place % 10 / 10 for place in range(rows)])
    control = make.control("roc_auc", ">= 0.0", across="gender", compare="min")
    area, rate = judged(make, tally, control, parity(make, id="parity"))
    assert [group.name for group in area.groups] == ["f", "m"]
    assert [group.name for group in rate.groups] == ["f", "m"]


def test_what_is_kept_judges_to_the_same(make: Any) -> None:
    data = people()
    data["gender"][:3] = ["x"] * 3
    tally = make.tally(**data)
    again = Tally.from_json(tally.for_evidence().to_json())
    assert judged(make, tally, parity(make)) == judged(make, again, parity(make))
