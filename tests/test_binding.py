from __future__ import annotations

import re
from typing import Any

import numpy
import pytest

from venturalitica.core.policy import Role
from venturalitica.errors import BindingError
from venturalitica.tally.binding import Binding, bind, together

ROLES = {
    "target": Role("target", favorable=1),
    "gender": Role("gender"),
    "age": Role("age", column="Attribute13"),
}
COLUMNS = ["Attribute9", "Attribute13", "class"]


def test_keywords_and_default_columns() -> None:
    binding = bind(
        ROLES, {"gender": "Attribute9"}, COLUMNS, wanted=("target", "gender", "age", "age")
    )
    assert binding.columns == {"gender": "Attribute9", "age": "Attribute13"}
    assert list(binding.unbound) == ["target"]
    assert binding.names == {"gender": "Attribute9", "age": "Attribute13"}


def test_a_keyword_wins_over_the_policy() -> None:
    binding = bind(ROLES, {"age": "class"}, COLUMNS, wanted=("age",))
    assert binding.columns == {"age": "class"}


def test_an_array_is_named_after_its_role() -> None:
    values = numpy.array([1, 2])
    binding = bind(ROLES, {"gender": values, "score": [0.1, 0.2]}, None, wanted=("gender",))
    assert binding.arrays["gender"] is values
    assert binding.names == {"gender": "gender", "score": "score"}
    assert binding.unbound == {}


def test_a_role_that_nobody_wants_stays_out() -> None:
    assert bind(ROLES, {}, COLUMNS, wanted=()) == Binding()


def test_none_is_not_given() -> None:
    assert bind(ROLES, {"age": None}, COLUMNS, wanted=("age",)).columns == {"age": "Attribute13"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gendr": "Attribute9"}, "'gendr' is no role of the policy; did you mean 'gender'?"),
        ({"gender": "Atribute9"}, "there is no column 'Atribute9'; did you mean 'Attribute9'?"),
        ({"gender": "Atribute9"}, "columns: Attribute9, Attribute13, class"),
        ({"gender": 9}, 'gender=9: expected the name of a column .text, "9" for a column number'),
        ({"gender": 9.5}, "gender=float: expected the name of a column"),
        ({"gender": b"Attribute9"}, "gender=bytes: expected"),
        ({"gender": {"a": 1}}, "gender=dict: expected"),
        ({"gender": {1, 2}}, "gender=set: expected"),
        ({"target": "class", "prediction": "class"}, "both bound to column 'class'"),
        ({"target": "class", "score": "class"}, "both bound to column 'class'"),
    ],
)
def test_what_the_caller_passed_and_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BindingError, match=message.replace("?", r"\?")):
        bind(ROLES, given, COLUMNS, wanted=())


def test_all_that_is_wrong_is_told_at_once() -> None:
    given = {"gendr": "x", "gender": "Atribute9", "age": 9, "target": "clas"}
    with pytest.raises(BindingError) as caught:
        bind(ROLES, given, COLUMNS, wanted=())
    said = str(caught.value)
    for part in ("did you mean 'gender'?", "did you mean 'Attribute9'?", "age=9:", "'class'?"):
        assert part in said
    assert said.count("(columns: ") == 1


def test_a_label_array_is_not_compared_with_itself() -> None:
    labels = numpy.array([0, 1])
    with pytest.raises(BindingError, match="both bound to the same array"):
        bind(ROLES, {"target": labels, "prediction": labels}, None, wanted=())


def test_a_column_name_without_a_table() -> None:
    with pytest.raises(BindingError, match="there is no table with named columns"):
        bind(ROLES, {"gender": "Attribute9"}, None, wanted=())


@pytest.mark.parametrize(
    ("columns", "role", "message"),
    [
        (["Attribute9", "class"], "age", "reads it from column 'Attribute13'.*did you mean"),
        (COLUMNS, "gender", "pass gender=<column>"),
        (None, "age", "pass age=<array"),
        (COLUMNS, "prediction", "pass prediction=<column>"),
    ],
)
def test_the_reason_of_an_unbound_role(columns: list[str] | None, role: str, message: str) -> None:
    binding = bind(ROLES, {}, columns, wanted=(role,))
    assert re.search(message, together(binding.unbound.values()))
    assert re.search(message, binding.unbound[role])
    assert set(binding.unbound) == {role}


def test_a_default_column_does_not_make_target_and_prediction_one() -> None:
    roles = {"target": Role("target", column="class"), "prediction": Role("prediction")}
    with pytest.raises(BindingError, match="both bound"):
        bind(roles, {"prediction": "class"}, COLUMNS, wanted=("target", "prediction"))


def test_long_lists_of_columns_are_shortened() -> None:
    with pytest.raises(BindingError, match="and 70 more"):
        bind(ROLES, {"gender": "zzz"}, [f"c{i}" for i in range(100)], wanted=())
