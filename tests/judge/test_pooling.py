"""`small_groups`: groups under a size are judged as one, or left out, and counted either way."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from msgspec.structs import replace

from venturalitica.core.policy import SmallGroups
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge
from venturalitica.policy import parse_policy

SIZES = {"a": 400, "b": 300, "c": 20, "d": 12, "e": 9, "f": 2}


def people(sizes: dict[str, int] = SIZES) -> dict[str, list[Any]]:
    chance = random.Random(3)
    race = [name for name, size in sizes.items() for _ in range(size)]
    target = [chance.randint(0, 1) for _ in race]
    score = [round(chance.random() * 0.6 + 0.3 * t, 2) for t in target]
    return {"race": race, "target": target, "prediction": [int(s > 0.5) for s in score]}


def renamed(data: dict[str, list[Any]], names: dict[str, str]) -> dict[str, list[Any]]:
    return data | {"race": [names.get(race, race) for race in data["race"]]}


def only(data: dict[str, list[Any]], *races: str) -> dict[str, list[Any]]:
    kept = [place for place, race in enumerate(data["race"]) if race in races]
    return {role: [values[place] for place in kept] for role, values in data.items()}


def one(make: Any, data: dict[str, list[Any]], control: Any, least: int = 5) -> Verdict:
    policy = make.policy(control, favorable=1, min_cell=least)
    (verdict,) = judge(policy, make.tally(**data))
    return verdict


def said(verdict: Verdict) -> str:
    return " ".join([verdict.reason, *verdict.notes])


@pytest.mark.parametrize(
    ("metric", "compare"),
    [
        ("selection_rate", "ratio"),
        ("recall", "difference"),
        ("accuracy", "min"),
        ("f1_macro", "difference"),
        ("group_representation", None),
    ],
)
@pytest.mark.parametrize("least", [0, 5])
def test_a_pool_is_judged_as_one_group(make, metric, compare, least) -> None:
    data = people()
    control = make.control(metric, ">= 0.01", across="race", compare=compare)
    pooled = one(make, data, replace(control, small_groups=SmallGroups("pool", 30)), least)
    name = "other (4 groups, 43 rows)"
    merged = one(make, renamed(data, dict.fromkeys("cdef", name)), control, least)
    assert [group.name for group in pooled.groups] == ["a", "b", name]
    assert pooled.groups == merged.groups
    assert (pooled.value, pooled.n) == (merged.value, 743)
    assert pooled.conclusive == merged.conclusive
    assert f"'{name}' is 'c', 'd', 'e', 'f': fewer than 30 rows each" in said(pooled)


def test_without_a_rule_each_is_shown_and_the_smallest_is_kept_back(make) -> None:
    control = make.control("selection_rate", ">= 0.01", across="race", compare="ratio")
    verdict = one(make, people(), control)
    assert [group.name for group in verdict.groups] == ["a", "b", "c", "d"]
    assert not verdict.conclusive
    assert "'e', 'f'" in said(verdict)


def test_a_pool_names_no_size_of_a_small_group(make) -> None:
    control = make.control("selection_rate", ">= 0.01", across="race", compare="ratio")
    rule = replace(control, small_groups=SmallGroups("pool", 10))
    verdict = one(make, people(), rule)
    assert [group.name for group in verdict.groups][2:] == ["c", "d", "other (2 groups, 11 rows)"]
    assert "n=2" not in json.dumps(verdict.to_json())
    # One that is small alone is pooled with the next, which hides how few it has.
    alone = one(make, people({"a": 400, "b": 300, "f": 2}), rule)
    assert [group.name for group in alone.groups] == ["a", "other (2 groups, 302 rows)"]
    assert "'b', 'f': fewer than 10 rows each, or kept back with such" in said(alone)


def test_a_pool_that_rests_on_few_rows_is_kept_back(make) -> None:
    data = people({"a": 400, "b": 300, "c": 4, "d": 3})
    small = [place for place, race in enumerate(data["race"]) if race in "cd"]
    for order, place in enumerate(small):
        data["target"][place] = int(order in (0, 5))
    control = make.control("recall", ">= 0.01", across="race", compare="ratio")
    verdict = one(make, data, replace(control, small_groups=SmallGroups("pool", 30)))
    assert "other" not in " ".join(group.name for group in verdict.groups)
    assert not verdict.conclusive


@pytest.mark.parametrize("below", [5, 15, 30])
def test_excluded_groups_are_counted(make, below) -> None:
    control = make.control("selection_rate", ">= 0.01", across="race", compare="ratio")
    rule = replace(control, small_groups=SmallGroups("exclude", below))
    verdict = one(make, people(), rule)
    kept = [name for name, size in SIZES.items() if size >= max(below, 12)]
    assert [group.name for group in verdict.groups] == kept
    alone = one(make, only(people(), *kept), control)
    assert (verdict.value, verdict.interval) == (alone.value, alone.interval)
    gone = sum(size for name, size in SIZES.items() if name not in kept)
    assert f"{gone} of 743 rows are left out in all" in said(verdict)
    assert verdict.conclusive is False, "more than one row in a hundred"


def test_few_excluded_rows_leave_a_verdict_conclusive(make) -> None:
    data = people({"a": 4000, "b": 3000, "c": 20, "d": 6})
    control = make.control("selection_rate", ">= 0.01", across="race", compare="ratio")
    verdict = one(make, data, replace(control, small_groups=SmallGroups("exclude", 30)))
    assert verdict.conclusive
    assert "left out: 'c' (n=20), 'd' (n=6), fewer than 30 rows each" in said(verdict)
    assert "26 of 7,026 rows are left out in all" in said(verdict)


@pytest.mark.parametrize("how", ["pool", "exclude"])
def test_where_one_is_left_there_is_nothing_to_compare(make, how) -> None:
    control = make.control("selection_rate", ">= 0.01", across="race", compare="ratio")
    verdict = one(make, people(), replace(control, small_groups=SmallGroups(how, 10_000)))
    if how == "exclude":
        verdict_of = one(make, people(), replace(control, small_groups=SmallGroups(how, 350)))
        assert verdict_of.status == "not_evaluated"
    assert verdict.status == "not_evaluated"
    assert "nothing is left to compare: groups of fewer than 10,000 rows" in verdict.reason


def test_scores_are_pooled_alike(make) -> None:
    data = people()
    score = [
        0.2 + 0.5 * p + 0.1 * t for p, t in zip(data["prediction"], data["target"], strict=True)
    ]
    control = make.control("brier_score", "<= 0.9", across="race", compare="max")
    name = "other (4 groups, 43 rows)"
    found = []
    for rows, rule in (
        (data, SmallGroups("pool", 30)),
        (renamed(data, dict.fromkeys("cdef", name)), None),
    ):
        policy = make.policy(replace(control, small_groups=rule), favorable=1, min_cell=5)
        (verdict,) = judge(policy, make.tally(score=score, **rows))
        found.append((verdict.value, [group.name for group in verdict.groups]))
    assert found[0] == found[1]


def test_who_has_the_data_sees_each_group(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    import pandas

    import venturalitica as vl

    (tmp_path / "model_policy.yaml").write_text(
        """\
policy: p
version: '1'
roles: {target: {favorable: 1}}
small_groups: {pool: 30}
controls:
  - {id: parity, metric: selection_rate, across: race, compare: ratio, must: '>= 0.1'}
"""
    )
    frame = pandas.DataFrame(people())
    audit = vl.enforce(frame, race="race", target="target", prediction="prediction")
    assert [group.name for group in audit["parity"].groups][2:] == ["other (4 groups, 43 rows)"]
    assert {group.name: group.n for group in audit.kept_back["parity"]} == {
        name: size for name, size in SIZES.items() if name in "cdef"
    }


def test_the_policy_gives_the_default() -> None:
    policy = parse_policy(
        b"""\
policy: p
version: '1'
small_groups: {pool: 30}
controls:
  - {id: a, metric: accuracy, must: '>= 0.5'}
  - {id: b, metric: recall, across: race, compare: min, must: '>= 0.5'}
  - {id: c, metric: recall, across: race, compare: min, must: '>= 0.5', small_groups: {exclude: 9}}
  - {id: d, metric: recall, across: race, compare: min, must: '>= 0.5', small_groups: {pool: 0}}
  - {id: e, metric: accuracy, across: race, compare: between, groups: [x, y], must: '>= -0.5'}
"""
    )
    pool, exclude = SmallGroups("pool", 30), SmallGroups("exclude", 9)
    assert [c.small_groups for c in policy.controls] == [None, pool, exclude, None, None]


@pytest.mark.parametrize("how", ["pool", "exclude"])
def test_a_group_that_is_asked_for_is_not_said_to_have_no_rows(make, how) -> None:
    control = make.control("selection_rate", "<= 0.9", across="race", compare="between")
    asked = replace(control, groups=("a", "c"), small_groups=SmallGroups(how, 30))
    verdict = one(make, people({"a": 400, "b": 300, "c": 20}), asked)
    assert verdict.status == "not_evaluated"
    assert verdict.reason.startswith("'c': not judged alone, groups of fewer than 30 rows")
    assert "no row" not in said(verdict)
