"""Rows that a control needs to be conclusive: held against an enumeration, and against judging."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest

from venturalitica.core.levels import CUT, WHOLE
from venturalitica.core.policy import Policy, Role, SmallGroups
from venturalitica.judge import judge
from venturalitica.judge.plan import POWER, Rate, plan, plan_rates
from venturalitica.metrics.ends import rate_ends


def exact_power(rate: float, bound: float, rows: int) -> float:
    """How often Clopper and Pearson's lower end of `rows` rows is above the bound, enumerated."""
    hits = numpy.arange(rows + 1)
    low, _ = rate_ends(hits.astype(float), numpy.full(rows + 1, float(rows)), 0.025)
    chances = [
        math.exp(
            math.lgamma(rows + 1)
            - math.lgamma(k + 1)
            - math.lgamma(rows - k + 1)
            + k * math.log(rate)
            + (rows - k) * math.log(1 - rate)
        )
        for k in hits.tolist()
    ]
    return float(numpy.array(chances)[low >= bound].sum())


@pytest.mark.parametrize(("rate", "bound"), [(0.85, 0.80), (0.6, 0.5), (0.99, 0.95)])
def test_a_rate_needs_what_an_enumeration_says(make, rate, bound) -> None:
    policy = make.policy(make.control("accuracy", f">= {bound}"))
    (planned,) = plan_rates(policy, {"accuracy": {"": Rate(rate)}})
    assert planned.value == pytest.approx(rate)
    assert planned.met
    assert planned.rows is not None
    assert exact_power(rate, bound, planned.rows) > POWER - 0.08
    assert exact_power(rate, bound, int(planned.rows * 0.7)) < POWER


def test_a_share_of_a_part_of_the_rows_needs_more_of_them(make) -> None:
    policy = make.policy(make.control("recall", ">= 0.8"), favorable=1)
    rows = {}
    for of in (1.0, 0.25):
        (planned,) = plan_rates(policy, {"recall": {"": Rate(0.9, of=of)}})
        assert planned.rows is not None
        rows[of] = planned.rows
    assert rows[0.25] == pytest.approx(4 * rows[1.0], rel=0.25)


def parity(make: Any, must: str = ">= 0.8") -> Policy:
    made: Policy = make.policy(
        make.control("selection_rate", must, across="group", compare="ratio"), favorable=1
    )
    return made


def test_groups_have_their_part_of_the_rows(make) -> None:
    rates = {"a": Rate(0.6, rows=30), "b": Rate(0.62, rows=70)}
    (planned,) = plan_rates(parity(make), {"selection_rate": rates})
    assert planned.rows is not None
    assert planned.power is not None
    assert planned.power >= POWER
    sizes = dict(planned.groups)
    assert sum(sizes.values()) == pytest.approx(planned.rows, abs=2)
    assert sizes["a"] == pytest.approx(0.3 * planned.rows, abs=1)
    rare = {"a": Rate(0.6, rows=5), "b": Rate(0.62, rows=95)}
    (more,) = plan_rates(parity(make), {"selection_rate": rare})
    assert more.rows is not None
    assert more.rows > 2 * planned.rows, "the smaller group decides"


def test_a_failure_is_planned_too(make) -> None:
    rates = {"a": Rate(0.3), "b": Rate(0.6)}
    (planned,) = plan_rates(parity(make), {"selection_rate": rates})
    assert planned.met is False
    assert planned.rows is not None


def people(rows: int) -> dict[str, list[Any]]:
    target = [1, 1, 1, 0] * rows
    return {
        "target": target,
        "prediction": [1, 0, 1, 0, 1, 1, 1, 1] * (rows // 2),
        "group": ["a", "b", "b", "a", "b"] * (rows * 4 // 5),
    }


def test_at_the_rates_of_a_run(make) -> None:
    controls = [
        make.control("accuracy", ">= 0.7"),
        make.control("equalized_odds_difference", "<= 0.9", across="group"),
        make.control("f1", ">= 0.5"),
        make.control("group_representation", ">= 0.2", across="group"),
        make.control("row_count", ">= 50"),
        make.control("roc_auc", ">= 0.1"),
        make.control("recall", ">= 0.1", across="other", compare="min"),
    ]
    tally = make.tally(**people(50))
    found = {one.control.id: one for one in plan(make.policy(*controls, favorable=1), tally)}
    for name in ("accuracy", "equalized_odds_difference", "f1", "group_representation"):
        assert found[name].rows, found[name].why
        assert found[name].now == 200
    assert {name for name, _ in found["group_representation"].groups} == {"a", "b"}
    assert "the number of rows itself" in found["row_count"].why
    assert found["roc_auc"].why
    assert "no counts by other" in found["recall"].why
    assert found["accuracy"] == plan(make.policy(controls[0], favorable=1), tally)[0], "seeded"


def test_where_there_is_no_number_it_says_why(make) -> None:
    policy = make.policy(
        make.control("accuracy", ">= 0.8"),
        make.control("f1", ">= 0.8"),
        make.control("recall", ">= 0.8"),
        make.control("specificity", ">= 0.8", across="group", compare="min"),
        favorable=1,
    )
    rates = {"accuracy": {"": Rate(0.8)}, "f1": {"": Rate(0.9)}, "specificity": {"": Rate(0.9)}}
    accuracy, f1, recall, specificity = plan_rates(policy, rates)
    assert "no number of rows settles it" in accuracy.why
    assert "plan it --from a run" in f1.why
    assert "no rate is given" in recall.why
    assert "by group" in specificity.why
    assert {one.rows for one in (accuracy, f1, recall, specificity)} == {None}


def mixed(rows: dict[str, int]) -> dict[str, list[Any]]:
    """Groups of these sizes, of which the first chooses a half and the others two fifths."""
    groups = [name for name, size in rows.items() for _ in range(size)]
    chosen = [int(place % 10 < 5 - (name != "a")) for place, name in enumerate(groups)]
    return {"prediction": chosen, "group": groups}


SIZES = {"a": 400, "b": 300, "c": 20}


@pytest.mark.parametrize(
    ("sizes", "fields", "why"),
    [
        (SIZES, {"compare": "between", "groups": ("a", "b")}, "20 rows of 720 are left out"),
        (SIZES | {"c": 4, "d": 3}, {}, "2 groups are not judged: 'c', 'd'"),
        (SIZES, {"must": ">= 0"}, "this rule cannot fail"),
    ],
)
def test_what_no_number_of_rows_settles_gets_none(make, sizes, fields, why) -> None:
    asked = {"must": "<= 0.9", "across": "group", "compare": "difference"} | fields
    policy = make.policy(make.control("selection_rate", **asked), favorable=1, min_cell=5)
    tally = make.tally(**mixed(sizes))
    (planned,) = plan(policy, tally)
    assert why in planned.why
    assert planned.rows is None
    (verdict,) = judge(policy, tally)
    assert not verdict.conclusive
    assert any(why in note for note in verdict.notes)


def test_groups_that_are_cut_or_lack_rows_are_not_planned(make) -> None:
    control = make.control("selection_rate", "<= 0.9", across="group", compare="difference")
    cut = make.tally(notes={"group": f"40 {WHOLE}: {CUT}1, 2, 3"}, **mixed(SIZES))
    (planned,) = plan(make.policy(control, favorable=1), cut)
    assert "cut at their quartiles" in planned.why
    named = Role("group", map={name: name for name in "abcz"})
    (planned,) = plan(make.policy(control, favorable=1, group=named), make.tally(**mixed(SIZES)))
    assert "groups without rows: z" in planned.why


@pytest.mark.parametrize("how", ["pool", "exclude"])
def test_groups_are_small_by_the_rows_that_are_planned(make, how) -> None:
    """Two groups of 20 and 10 are one here, and two of their own in a hundred times the rows."""
    data = mixed({"a": 400, "b": 300, "c": 20, "d": 10})
    ask = {"must": "<= 0.2", "across": "group", "compare": "difference"}
    alone = make.control("selection_rate", **ask)
    small = make.control("selection_rate", small_groups=SmallGroups(how, 30), **ask)
    (planned,), (each,) = (
        plan(make.policy(one, favorable=1, min_cell=5), make.tally(**data))
        for one in (small, alone)
    )
    assert planned.rows == each.rows
    assert planned.groups == each.groups
    assert dict(planned.groups)["d"] >= 30


def test_few_rows_left_out_keep_no_plan_from_being_conclusive(make) -> None:
    ask = {"must": "<= 0.9", "across": "group", "compare": "difference"}
    tally = make.tally(**mixed({"a": 4000, "b": 3000, "c": 20}))
    rows = []
    for small in (None, SmallGroups("exclude", 30)):
        control = make.control("selection_rate", small_groups=small, **ask)
        (planned,) = plan(make.policy(control, favorable=1, min_cell=5), tally)
        assert planned.rows
        rows.append(planned.rows)
    assert rows[0] > 10 * rows[1], "ten rows of 'c' are one in 350"


def test_kept_back_groups_that_are_pooled_stay_one(make) -> None:
    control = make.control(
        "selection_rate",
        "<= 0.9",
        across="group",
        compare="difference",
        small_groups=SmallGroups("pool", 30),
    )
    tally = make.tally(**mixed({"a": 400, "b": 300, "c": 4, "d": 3}))
    (planned,) = plan(make.policy(control, favorable=1, min_cell=5), tally)
    assert [name for name, _ in planned.groups] == ["a", "b", "other (2 groups, 7 rows)"]
    assert planned.rows
