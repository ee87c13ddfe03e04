from __future__ import annotations

from typing import Any

import numpy
import pytest

from tests.tally.dense import dense
from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally
from venturalitica.tally.labels import is_plain_number


def tally_of(target: Any, prediction: Any, *rules: Role) -> Tally:
    binding = Binding({}, {"target": target, "prediction": prediction})
    needs = [Need(("target", "prediction"))]
    return build_tally(None, needs=needs, binding=binding, roles={r.name: r for r in rules})


def test_both_axes_share_one_list_of_levels() -> None:
    tally = tally_of(["bad", "good"], ["good", "ugly"])
    assert [axis.levels for axis in tally.axes] == [("bad", "good", "ugly")] * 2
    assert dense(tally, ("target", "prediction"))[:3, :3].tolist() == [
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
    ]


def test_integers_and_floats_are_one_label() -> None:
    tally = tally_of(numpy.array([1, 2]), numpy.array([1.0, 2.0], dtype=numpy.float32))
    assert dense(tally, ("target", "prediction"))[:-1, :-1].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("target", "prediction", "levels"),
    [([True, False], [1, 0], (False, True)), ([1, 0], [True, False], (0, 1))],
)
def test_booleans_and_zero_one_are_read_as_the_target(
    target: Any, prediction: Any, levels: tuple[Any, ...]
) -> None:
    tally = tally_of(target, prediction)
    found = tally.axis("prediction")
    assert found is not None
    assert found.levels == levels
    assert [type(level) for level in found.levels] == [type(level) for level in levels]
    assert "is read as the target's" in found.note
    assert dense(tally, ("target", "prediction"))[:-1, :-1].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("target", "prediction"), [([1, 2], ["1", "2"]), ([True, False], [1, 2]), (["a"], [True])]
)
def test_labels_that_can_never_be_equal_are_refused(target: Any, prediction: Any) -> None:
    target, prediction = target * 2, prediction * (4 // len(prediction))
    with pytest.raises(DataError, match="can never be equal") as caught:
        tally_of(target, prediction[: len(target)])
    assert "target holds" in str(caught.value)


def test_missing_labels_are_counted_apart() -> None:
    tally = tally_of([0, 1, None, None], [0, None, 1, None])
    assert dense(tally, ("target", "prediction")).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    assert tally.nulls == {"target": 2, "prediction": 2}


def test_a_prediction_that_is_wholly_missing() -> None:
    tally = tally_of([0, 1], [None, float("nan")])
    assert dense(tally, ("target", "prediction")).tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_a_map_of_the_target_reads_the_prediction_too() -> None:
    role = Role("target", map={1: "good", 2: "bad"}, favorable="good")
    tally = tally_of([1, 2, 1] + [1] * 4, [1, 1, 3] + [3] * 4, role)
    prediction = tally.axis("prediction")
    assert prediction is not None
    assert prediction.levels == ("bad", "good")
    assert prediction.unmapped == {"3": 5}
    assert dense(tally, ("target", "prediction")).tolist() == [[0, 1, 0], [0, 1, 5], [0, 0, 0]]


def test_maps_of_their_own_meet_in_one_list() -> None:
    target = Role("target", map={1: "good", 2: "bad", 3: "ugly"})
    prediction = Role("prediction", map={"g": "good", "b": "bad"})
    tally = tally_of([1, 2, 3], ["g", "b", "b"], target, prediction)
    assert [axis.levels for axis in tally.axes] == [("bad", "good", "ugly")] * 2
    assert dense(tally, ("target", "prediction"))[:3, :3].tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
    ]


def test_bins_make_labels_of_a_measured_target() -> None:
    role = Role("target", bins=(0.5,))
    tally = tally_of([0.1, 0.9, 0.4], [0.2, 0.7, 0.6], role)
    axis = tally.axis("target")
    assert axis is not None
    assert axis.levels == ("under 0.5", "0.5 and over")
    assert dense(tally, ("target", "prediction")).trace() == 2


@pytest.mark.parametrize(
    ("target", "prediction", "right"),
    [
        ([101, 102, 103], ["101", "102", "other"], 2),
        (["101", "102", "other"], [101.0, 102.0, 102.0], 2),
        ([11, 11, 10], ["11", "007", "10"], 2),
    ],
)
def test_codes_that_were_typed_apart_are_typed_together(
    target: Any, prediction: Any, right: int
) -> None:
    tally = tally_of(target, prediction)
    assert dense(tally, ("target", "prediction")).trace() == right
    axis = tally.axis("prediction")
    assert axis is not None
    assert all(isinstance(level, str) for level in axis.levels)
    assert "all are read as text" in axis.note


@pytest.mark.parametrize(
    ("target", "prediction"),
    [([0, 1], ["no", "yes"]), ([7, 10], ["007", "010"]), ([1, 2], ["1", "2"])],
)
def test_columns_that_share_no_code_stay_apart(target: Any, prediction: Any) -> None:
    with pytest.raises(DataError, match="can never be equal"):
        tally_of(target, prediction)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1.2e-105", "2.5e-005", "1e-05", "1.0E10"])
def test_plain_numbers(text: str) -> None:
    assert is_plain_number(text)
    assert float(text) is not None


@pytest.mark.parametrize("text", ["007", "1E5", "+1", "", "1,5", "0x1F", "1234567890123456", "1_0"])
def test_codes(text: str) -> None:
    assert not is_plain_number(text)
