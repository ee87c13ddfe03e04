"""Values that must not be counted as they are."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally
from venturalitica.tally.values import RefusedValues


def tally_of(*rules: Role, **columns: Any) -> Tally:
    groups = [role for role in columns if role not in ("target", "prediction")]
    needs = [Need(tuple(role for role in columns if role not in groups), tuple(groups))]
    roles = {rule.name: rule for rule in rules}
    return build_tally(None, needs=needs, binding=Binding({}, columns), roles=roles)


def reason(*rules: Role, **columns: Any) -> str:
    with pytest.raises(RefusedValues) as caught:
        tally_of(*rules, **columns)
    return str(caught.value)


def test_labels_of_target_and_prediction_that_are_nearly_equal() -> None:
    said = reason(target=["<=50K", ">50K"] * 5, prediction=["<=50K", ">50K."] * 5)
    assert '">50K" and ">50K."' in said
    assert 'target: {map: {">50K": ">50K", ">50K.": ">50K", "<=50K": "<=50K"}}' in said


def test_two_spellings_in_one_target() -> None:
    said = reason(target=["<=50K", ">50K", "<=50K.", ">50K."] * 5)
    assert '"<=50K" and "<=50K."' in said
    assert "1 more such" in said


@pytest.mark.parametrize(
    "values",
    [
        ["female", "Female", "male", "female "],
        ["Jos\u00e9", "Jose\u0301"],
        ["1", "1.0"],
        [1, "1"],
        [True, "True"],
        ["a", "A."],
        [True, 1],
    ],
)
def test_groups_that_are_nearly_equal(values: Any) -> None:
    assert "are spelt almost alike" in reason(sex=values * 5)


def test_numbers_that_are_cut_are_not_compared_with_each_other() -> None:
    assert tally_of(age=numpy.linspace(0, 1, 400)).axis("age").note  # type: ignore[union-attr]


def test_labels_that_are_declared_are_meant_so() -> None:
    role = Role("sex", labels=("female", "Female", "male"))
    axis = tally_of(role, sex=["female", "Female", "male"] * 5).axis("sex")
    assert axis is not None
    assert axis.levels == ("Female", "female", "male")


def test_a_map_with_both_spellings_makes_them_one() -> None:
    role = Role("target", favorable="yes", map={"yes": "yes", "Yes.": "yes", "no": "no"})
    tally = tally_of(role, target=["yes", "no"] * 5, prediction=["Yes.", "no"] * 5)
    assert [axis.levels for axis in tally.axes] == [("no", "yes")] * 2


def test_a_value_that_nearly_is_a_key_of_the_map() -> None:
    role = Role("sex", map={"female": "women", "male": "men"})
    said = reason(role, sex=["female", "male", "Female"])
    assert "has female, and the data Female" in said
    assert "Female: women" in said
    numbers = Role("sex", map={1: "women", 2: "men"})
    assert "quote the map's keys, or remove the quotes" in reason(numbers, sex=["1", "2"])


def test_a_map_that_makes_two_groups_of_almost_one_name() -> None:
    role = Role("sex", map={"f": "female", "F": "Female"})
    assert "makes the groups Female and female" in reason(role, sex=["f", "F"])


@pytest.mark.parametrize("left_over", [1, 7, True])
def test_a_number_that_an_encoder_left_among_texts(left_over: Any) -> None:
    said = reason(target=["<=50K", ">50K"] * 5, prediction=["<=50K", left_over] * 5)
    assert "did an encoder leave a number" in said
    reason(target=["<=50K", left_over] * 5, prediction=["<=50K", ">50K"] * 5)


def test_a_value_that_is_not_listed() -> None:
    """An encoder turned 1/2 into 0/1: both hold 1, and mean opposite things by it."""
    role = Role("target", favorable=1, labels=(1, 2))
    said = reason(role, target=[1, 2] * 10, prediction=[0, 1] * 10)
    assert "role 'prediction' holds what its 'labels'" in said
    assert "do not list: 0; listed: 1, 2" in said
    assert "1 other value;" in reason(role, target=[1] * 9 + [3], prediction=[1, 2] * 5)


def test_a_prediction_may_list_its_own_labels() -> None:
    own = Role("prediction", labels=(0, 1, 2))
    tally = tally_of(Role("target", labels=(1, 2)), own, target=[1, 2] * 5, prediction=[0, 1] * 5)
    assert tally.rows == 10


def test_booleans_are_listed_as_zero_and_one_too() -> None:
    role = Role("target", labels=(0, 1))
    assert tally_of(role, target=[True, False] * 5, prediction=[1, 0] * 5).rows == 10
    assert "do not list: " in reason(Role("target", labels=("0", "1")), target=[True, False] * 5)


def test_listed_numbers_are_not_cut() -> None:
    role = Role("code", labels=tuple(range(30)))
    axis = tally_of(role, code=list(range(30)) * 2).axis("code")
    assert axis is not None
    assert len(axis.levels) == 30
    assert axis.note == ""


@pytest.mark.parametrize("role", ["group", "target"])
@pytest.mark.parametrize("each", [1, 2])
def test_identifiers(role: str, each: int) -> None:
    """One row each, or more than fifty values of which half have fewer than three rows."""
    persons = [f"p{i}@example.org" for i in range(400)] * each
    said = reason(**{role: persons})
    assert f"role '{role}' looks like an identifier" in said
    assert "example.org" not in said


def test_ten_names_are_identifiers_and_nine_are_not() -> None:
    assert "looks like an identifier" in reason(group=[f"name {i}" for i in range(10)])
    assert tally_of(group=[f"name {i}" for i in range(9)]).rows == 9


def test_many_groups_of_some_rows_are_groups() -> None:
    assert tally_of(group=[f"postcode {i}" for i in range(400)] * 3).rows == 1200
    rare = [f"common {i}" for i in range(20)] * 9 + [f"rare {i}" for i in range(19)]
    assert tally_of(group=rare).rows == 199


def test_identifiers_of_a_map_are_counted_and_not_named() -> None:
    role = Role("group", map={"p0": "known"})
    axis = tally_of(role, group=[f"p{i}" for i in range(400)] + ["often"] * 5).axis("group")
    assert axis is not None
    assert axis.unmapped == {"often": 5, "(399 other values)": 399}


@pytest.mark.parametrize("role", ["group", "target", "prediction"])
@pytest.mark.parametrize("each", [1, 10, 200])
@pytest.mark.parametrize(
    "value",
    [
        "p{}@mail.example.org",
        " Ada <p{}@example.org> ",
        "6f1c2d3e-4b5a-4c6d-8e7f-00000000000{}",
        "+49 (151) 1234-567{}",
    ],
)
def test_addresses_are_identifiers_however_often_they_occur(
    role: str, each: int, value: str
) -> None:
    columns = {role: [value.format(i) for i in range(8)] * each}
    if role == "prediction":
        columns["target"] = ["yes", "no"] * 4 * each
    said = reason(**columns)
    assert f"role '{role}' looks like an identifier" in said
    for part in ("example", "6f1c2d3e", "1234"):
        assert part not in said


def test_most_values_must_be_addresses() -> None:
    assert "8 of its 9" in reason(group=[f"p{i}@example.org" for i in range(8)] * 9 + ["none"])
    plain = ["a@b", "@home", "R&D @ 3.5", "+5", "+1.5 %", "a", "b@1.2"]
    assert tally_of(group=plain * 10).rows == 70


def test_an_address_that_no_map_knows_is_counted_and_not_named() -> None:
    role = Role("group", map={"a": "known"})
    axis = tally_of(role, group=["a", "ada@example.org", "often"] * 20).axis("group")
    assert axis is not None
    assert axis.unmapped == {"often": 20, "(1 other value)": 20}
