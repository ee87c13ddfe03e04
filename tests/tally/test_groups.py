from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tally.dense import dense
from venturalitica.core.policy import Role, bin_names
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally
from venturalitica.tally.groups import quartile_cuts, unmapped_counts, weighted_quartile_cuts


def group_axis(values: Any, role: Role | None = None) -> Any:
    binding = Binding({}, {"group": values})
    needs = [Need((), ("group",))]
    tally = build_tally(None, needs=needs, binding=binding, roles={"group": role or Role("group")})
    return tally.axis("group"), dense(tally, ("group",)).tolist()


def test_bins_are_closed_on_the_left() -> None:
    axis, counts = group_axis([24.999, 25, 59, 60, None], Role("group", bins=(25, 60)))
    assert axis.levels == ("under 25", "25 to under 60", "60 and over")
    assert counts == [1, 2, 1, 1]
    assert axis.nulls == 1


def test_names_of_bins() -> None:
    assert bin_names((40.0,)) == ("under 40", "40 and over")
    assert bin_names((-1.5, 0.25)) == ("under -1.5", "-1.5 to under 0.25", "0.25 and over")


def test_an_empty_bin_is_no_group() -> None:
    axis, counts = group_axis([1, 70], Role("group", bins=(25, 60)))
    assert axis.levels == ("under 25", "60 and over")
    assert counts == [1, 1, 0]


def test_bins_over_text_are_refused(engine: Any) -> None:
    data = engine({"g": ["young", "old"], "y": [0, 1]})
    binding = Binding({"target": "y", "age": "g"})
    with pytest.raises(DataError, match="role 'age' has bins, and its data holds text"):
        build_tally(
            data,
            needs=[Need(("target",), ("age",))],
            binding=binding,
            roles={"age": Role("age", bins=(25,))},
        )


def test_a_map_merges_and_counts_what_it_lacks() -> None:
    role = Role("group", map={1: "male", 2: "female", 3: "male"})
    axis, counts = group_axis([1, 2.0, 3, *[4] * 5, None, 5], role)
    assert axis.levels == ("female", "male")
    assert counts == [1, 2, 7]
    assert axis.nulls == 1
    assert axis.unmapped == {"4": 5, "(1 other value)": 1}


def test_a_map_of_booleans_is_not_a_map_of_numbers() -> None:
    with pytest.raises(DataError, match="quote the map's keys"):
        group_axis([True, False], Role("group", map={1: "yes", 0: "no"}))


def test_unmapped_values_are_named_up_to_a_bound() -> None:
    found = unmapped_counts(
        [(f"value {i:02}", 1) for i in range(30)] + [("often", 9), ("x" * 99, 5)]
    )
    assert list(found)[:2] == ["often", "x" * 80 + "…"]
    assert found["(30 other values)"] == 30
    many = unmapped_counts([(f"value {i:02}", 9) for i in range(30)])
    assert len(many) == 21
    assert many["(10 other values)"] == 90


def test_plain_groups_are_in_the_order_of_their_values() -> None:
    axis, _ = group_axis([10, 2, True, "b", "a", 0.5])
    assert axis.levels == ("True", "0.5", "2", "10", "a", "b")


def test_twenty_numbers_are_groups_and_twenty_one_are_quartiles() -> None:
    few, _ = group_axis(list(range(20)))
    assert few.levels == tuple(str(value) for value in range(20))
    assert few.note == ""
    many, counts = group_axis([*range(21), None])
    assert many.levels == ("under 5", "5 to under 10", "10 to under 15", "15 and over")
    assert counts == [5, 5, 5, 6, 1]
    assert "'group' has more than 20 different whole numbers and no bins" in many.note
    assert "quartiles 5, 10, 15" in many.note


def test_long_fractions_are_shortened_in_names_and_exact_in_the_note() -> None:
    numbers = [0.123456789 + index for index in range(40)]
    axis, _ = group_axis(numbers)
    assert axis.levels[0] == "under 9.123"
    assert repr(numbers[9]) in axis.note
    close, _ = group_axis([1.00001 + index / 1e9 for index in range(40)])
    assert len(set(close.levels)) == 4


def test_text_is_never_cut_into_quartiles() -> None:
    axis, _ = group_axis([f"{i:02}" for i in range(30)] * 2)
    assert len(axis.levels) == 30


@given(st.lists(st.integers(-50, 50), min_size=1).filter(lambda values: len(set(values)) > 1))
def test_quartiles_of_numbers_and_of_weights_are_one(values: list[int]) -> None:
    different, weights = numpy.unique(values, return_counts=True)
    cuts = quartile_cuts(numpy.array(values))
    assert cuts == weighted_quartile_cuts(different.tolist(), weights.tolist())
    inverted = numpy.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")
    lowest = min(values)
    assert set(cuts) == {cut for cut in inverted if cut > lowest} or (
        set(inverted) == {lowest} and cuts == (different[1],)
    )


def test_a_column_that_is_mostly_one_number_still_has_two_groups() -> None:
    axis, counts = group_axis([0] * 100 + list(range(1, 22)))
    assert axis.levels == ("under 1", "1 and over")
    assert counts == [100, 21, 0]


def test_the_same_quartiles_where_a_sample_did_not_show_them() -> None:
    """The first rows hold few values, so the cut is made after counting, not before."""
    sorted_rows = numpy.sort(numpy.random.default_rng(3).integers(0, 40, 500))
    cut_after, _ = group_axis([*sorted_rows.tolist(), None])
    cut_before, _ = group_axis(sorted_rows.astype(float))
    assert cut_after.levels == cut_before.levels


@pytest.mark.parametrize("role", ["target", "group"])
def test_too_many_values_are_refused(role: str) -> None:
    values = [f"name {i}" for i in range(1_001)]
    binding = Binding({}, {role: values})
    with pytest.raises(DataError, match="more than 1,000 different values"):
        build_tally(None, needs=[Need(("target",)), Need((), ("group",))], binding=binding)


def test_a_score_bound_as_a_label_is_refused(engine: Any) -> None:
    scores = numpy.random.default_rng(0).random(1_500).tolist()
    data = engine({"y": [0, 1] * 750, "p": scores})
    binding = Binding({"target": "y", "prediction": "p"})
    with pytest.raises(DataError, match=r"'prediction' has more than 1,000 .* looks like a score"):
        build_tally(data, needs=[Need(("target", "prediction"))], binding=binding)


ZIPS = [10_000 + 7 * index for index in range(30)] * 10


@pytest.mark.parametrize("values", [ZIPS, [float(code) for code in ZIPS], numpy.array(ZIPS)])
def test_codes_as_text_are_groups_of_their_own(values: Any) -> None:
    codes, counts = group_axis(values, Role("group", as_text=True))
    assert codes.levels == tuple(map(str, sorted(set(ZIPS))))
    assert codes.note == ""
    assert counts[:-1] == [10] * 30 or counts == [10] * 30
    cut, _ = group_axis(values)
    assert "whole numbers and no bins" in cut.note
    assert cut.levels[0].startswith("under ")
    halves, _ = group_axis([value + 0.5 for value in values])
    assert "different values and no bins" in halves.note


def test_codes_of_one_row_each_are_identifiers() -> None:
    with pytest.raises(DataError, match="looks like an identifier"):
        group_axis(list(range(10_000, 10_300)), Role("group", as_text=True))
