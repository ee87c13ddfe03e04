"""The policy that `init` writes lints clean, as it is and with its comments taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from venturalitica.policy.template import (
    ColumnFacts,
    guess_of,
    is_sensitive,
    policy_template,
    quartiles,
)

LOANS = (
    ColumnFacts("Attribute9", "text", 4, ("A91", "A92", "A93", "A94")),
    ColumnFacts("Attribute13", "number", 53, (), 19, 75),
    ColumnFacts("Attribute8", "number", 4, (1, 2, 3, 4), 1, 4),
    ColumnFacts("telephone", "boolean", 2, (False, True)),
    ColumnFacts("constant", "text", 1, ("x",)),
    ColumnFacts("when", "other", 0),
    ColumnFacts("name", "text", 900),
    ColumnFacts("class", "number", 2, (1, 2), 1, 2),
)
HOSTILE = (
    ColumnFacts("score", "number", 30, (), 0.0, 1.0),
    ColumnFacts("model", "text", 2, ("no", "yes")),
    ColumnFacts("Age: years # old", "number", 90, (), -1e300, 1e300),
    ColumnFacts("age_years_old", "number", 90, (), 0.1, 0.2),
    ColumnFacts("a\nb: !!x", "text", 3, ("", "\n- id: x", "a: b")),
    ColumnFacts("género", "text", 3, ("010", "1.0", "null")),
    ColumnFacts("性別", "text", 2, ("男 ", "女\u2028")),
    ColumnFacts("🙂", "text", 2, ('"', "'")),
    ColumnFacts("", "boolean", 2, (False, True)),
    ColumnFacts("long", "text", 2, ("x" * 300, "y" * 300)),
    ColumnFacts("labels", "text", 3, ("yes", "#x", "\x1b[31m")),
)
CASES: Sequence[tuple[Sequence[ColumnFacts], str | None]] = (
    ((), None),
    (LOANS, None),
    (LOANS, "class"),
    (LOANS, "name"),
    (HOSTILE, None),
    (HOSTILE, "labels"),
    (tuple(ColumnFacts(f"c{n}", "text", 2, ("a", "b")) for n in range(100)), "c7"),
)


@pytest.mark.parametrize(("columns", "target"), CASES)
def test_it_lints_clean(columns: Any, target: str | None, lint_text: Any) -> None:
    result = lint_text(policy_template(name="my: project", columns=columns, target=target))
    assert result.errors == ()
    assert result.hints == ()
    assert result.policy.name == "my: project"
    assert [control.id for control in result.policy.controls] == ["accuracy"]
    assert set(result.policy.roles) <= {"target"}, "no grouping role is chosen for the user"
    assert result.policy.role("target").favorable is None, "the favorable label is never guessed"
    assert result.policy.role("target").column == target


def _uncommented(text: str) -> str:
    """Every commented key and list item made real; of several favorable labels and columns one."""
    lines, seen = [], set()
    for line in text.splitlines():
        real = re.sub(r"^(\s*)# (?=(- id:|\w+:|  \S))", r"\1", line)
        key = real.strip().partition(":")[0]
        if line.startswith("#") or (
            real != line and key in ("favorable", "target") and key in seen
        ):
            continue
        if real != line or not line.strip().startswith("#"):
            lines.append(real)
            seen.add(key)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("columns", "target"), [((), None), (LOANS, "class"), (HOSTILE, "labels")])
def test_its_comments_lint_clean_too(columns: Any, target: str | None, lint_text: Any) -> None:
    text = _uncommented(policy_template(columns=columns, target=target))
    result = lint_text(text)
    assert result.errors == (), text
    assert len(result.policy.controls) == 4
    assert result.policy.role("target").favorable is not None
    assert len(result.policy.roles) > 2


def test_the_users_labels_and_groups_are_offered() -> None:
    text = policy_template(columns=LOANS, target="class")
    assert "    # favorable: 1\n    # favorable: 2\n" in text
    assert "  # attribute9:  # 4 values: A91, A92, A93, A94\n" in text
    assert "  # attribute13:  # numbers from 19 to 75\n" in text
    assert "constant" not in text
    assert "# name" not in text


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="no column 'klass'"):
        policy_template(columns=LOANS, target="klass")


ORDERED = (
    ColumnFacts("usage", "text", 2, ("a", "b")),
    ColumnFacts("average_message", "text", 2, ("a", "b")),
    ColumnFacts("Attribute9", "text", 2, ("female", "male")),
    ColumnFacts("amount", "number", 90, (), 0.0, 900.5, (0.5, 1.5, 12.3456)),
    ColumnFacts("account", "number", 900, (), 1, 900, (225.0, 450.0, 675.0)),
    ColumnFacts("months", "number", 33, (), 4, 72, (12.0, 18.0, 24.0)),
    ColumnFacts("age of debt", "number", 90, (), 0.0, 900.0, (0.0, 0.0, 12.3456)),
    ColumnFacts("applicantAge", "number", 53, (), 19, 75, (27.0, 33.0, 42.0)),
    ColumnFacts("GÉNERO", "text", 2, ("a", "b")),
    ColumnFacts("foreign_worker", "text", 2, ("no", "yes")),
)


def test_columns_that_the_law_may_protect_come_first() -> None:
    text = policy_template(columns=ORDERED)
    names = re.findall(r"^  # (\w+):  # ", text, re.MULTILINE)
    assert names == [
        "attribute9", "age_of_debt", "applicantage", "género", "foreign_worker",
        "usage", "average_message", "months",
    ]  # fmt: skip
    assert "across: attribute9" in text
    assert "First those that the law may protect" in text


def test_what_was_measured_is_not_offered_as_a_group_of_people(lint_text: Any) -> None:
    cells = tuple(
        ColumnFacts(name, "number", 450, (), 6.98, 28.11, (11.7, 13.37, 15.78))
        for name in ("mean radius", "mean texture")
    )
    text = policy_template(columns=(*cells, LOANS[-1]), target="class")
    assert "radius" not in text
    assert "No column looks as if it grouped people" in text
    assert lint_text(text).errors == ()


def test_they_are_offered_however_many_columns_there_are() -> None:
    many = tuple(ColumnFacts(f"c{n}", "text", 2, ("a", "b")) for n in range(100))
    text = policy_template(columns=(*many, ColumnFacts("Race", "text", 2, ("a", "b"))))
    assert "  # race:  # 2 values" in text


@pytest.mark.parametrize(
    "name",
    ["sex", "Gender", "AGE", "age_years", "personAge", "race", "ethnicity", "Nationality",
     "marital-status", "disability", "religion", "Geschlecht", "Alter", "edad", "età", "性別",
     "is_foreign_worker", "date.of.birth.dob", "citizenship_status", "age2"],
)  # fmt: skip
def test_names_that_are_known(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name",
    ["average", "usage", "message", "trace", "sexton", "mileage", "amount", "x", "", "percentage",
     "page", "brace", "wage", "image", "Essex"],
)  # fmt: skip
def test_names_that_only_hold_such_letters(name: str) -> None:
    assert not is_sensitive(name)


def test_bins_are_at_the_quartiles() -> None:
    text = policy_template(columns=ORDERED)
    assert "#   bins: [27, 33, 42]  # at the quartiles" in text
    assert "#   bins: [12.3]  # at the quartiles" in text, (
        "quartiles at the least value part nothing"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(100), (25, 50, 75)),
        ([1, None, float("nan"), "x", 2, float("inf"), 3, 4], (2, 3, 4)),
        ([], ()),
        ([None, "x"], ()),
        ([5], (5, 5, 5)),
    ],
)
def test_quartiles_are_values_that_occur(values: Any, expected: Any) -> None:
    assert quartiles(values) == expected


PRICES = (
    ColumnFacts("town", "text", 2, ("east", "west")),
    ColumnFacts("price", "number", 900, (), 1.0, 9.0, (2.0, 3.0, 4.0), (1.23456, 2.0006)),
    ColumnFacts("rate", "number", 3, (0.5, 1, 2), 0.5, 2.0, (0.5, 1.0, 2.0), (1e-7, 123_456.0)),
)


@pytest.mark.parametrize(
    ("target", "bounds"), [("price", ["1.23", "2"]), ("rate", ["1e-07", "123000"])]
)
def test_a_target_of_amounts_gets_a_policy_of_regression(
    target: str, bounds: list[str], lint_text: Any
) -> None:
    text = policy_template(columns=PRICES, target=target)
    for one, controls in ((text, 2), (_uncommented(text), 5)):
        result = lint_text(one)
        assert result.errors == (), one
        assert result.hints == () or one is not text
        assert len(result.policy.controls) == controls
        mean, root, *_ = result.policy.controls
        assert (mean.metric, root.metric) == ("mean_absolute_error", "root_mean_squared_error")
        assert [str(mean.must), str(root.must)] == [f"<= {bound}" for bound in bounds]
    assert "favorable" not in text


def test_the_guess_is_that_of_scikit_learns_dummy() -> None:
    random = numpy.random.default_rng(4)
    for target in (random.normal(50.0, 9.0, 300), random.integers(0, 90, 300), [1e75, -1e75, 0.0]):
        X = numpy.zeros((len(target), 1))
        said = DummyRegressor().fit(X, target).predict(X)
        expected = mean_absolute_error(target, said), root_mean_squared_error(target, said)
        values = [*numpy.asarray(target).tolist(), None, float("nan"), float("inf")]
        assert guess_of(values) == pytest.approx(expected)
    assert guess_of([None, "x"]) is None
    assert guess_of([1e300, 1.0]) is None


def test_a_few_whole_numbers_are_labels(lint_text: Any) -> None:
    grades = ColumnFacts("grade", "number", 5, (1, 2, 3, 4, 5), 1, 5, (2, 3, 4), (1.0, 1.0))
    result = lint_text(policy_template(columns=(grades,), target="grade"))
    assert [control.metric for control in result.policy.controls] == ["accuracy"]
