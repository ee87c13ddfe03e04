"""What keys mean together: spelling of roles, ranges, and hints."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from venturalitica.errors import slip
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy.describe import OTHER_NAMES, metric_hint


def _policy(control: str, roles: str = "{}") -> str:
    return (
        f'policy: a\nversion: "1"\nroles: {roles}\ncontrols:\n  - id: x\n'
        f"{textwrap.indent(textwrap.dedent(control).strip(), '    ')}\n"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gendr", "gender"),
        ("gneder", "gender"),
        ("genders", "gender"),
        ("Gender", "gender"),
        ("GENDER", "gender"),
        ("agee", "age"),
        ("aeg", "age"),
        ("marital_staus", "marital_status"),
        ("maritalstatus", "marital_status"),
        ("ethnícity", "ethnicity"),
        ("wage", None),
        ("sage", None),
        ("sex", None),
        ("sender_group", None),
        ("race", None),
        ("region", None),
        ("marriage", None),
    ],
)
def test_slips(name: str, meant: str | None) -> None:
    assert slip(name, ["gender", "age", "marital_status", "ethnicity", "set"]) == meant


@pytest.mark.parametrize(
    ("name", "meant"), [("aabaa", "baaaa"), ("cbbcc", "cbbac"), ("abcdea", "aebcda")]
)
def test_slips_among_letters_that_repeat(name: str, meant: str) -> None:
    assert slip(name, [meant]) == meant
    assert slip(meant, [name]) == name


def test_an_undeclared_role_is_the_callers(lint_text: Any) -> None:
    text = _policy(
        'metric: demographic_parity_ratio\nacross: wealth\nmust: ">= 0.8"', "{gender: {}}"
    )
    assert lint_text(text).policy.controls[0].across == ("wealth",)


def test_declaring_a_similar_role_makes_it_one(lint_text: Any) -> None:
    control = 'metric: demographic_parity_ratio\nacross: [gender, genders]\nmust: ">= 0.8"'
    assert not lint_text(_policy(control, "{gender: {}}")).ok
    assert lint_text(_policy(control, "{gender: {}, genders: {}}")).ok


def test_groups_of_bins_and_intersections_are_known(lint_text: Any) -> None:
    roles = "{age: {bins: [25, 60]}, sex: {map: {1: m, 2: f}}}"
    control = 'metric: recall\ncompare: between\nmust: ">= 0"\nacross: {}\ngroups: {}'
    right = (
        ("age", '["under 25", "60 and over"]'),
        ("[sex, age]", '["f × under 25", "m × 25 to under 60"]'),
        ("[sex, wealth]", "[anything, else]"),
    )
    for across, groups in right:
        assert lint_text(_policy(control.format(across, groups), roles)).ok
    wrong = lint_text(_policy(control.format("age", '["under 26", "60 and over"]'), roles))
    assert "unknown group 'under 26'; did you mean 'under 25'?" in wrong.errors[0].message


@pytest.mark.parametrize(
    ("metric", "compare", "expected"),
    [
        ("accuracy", None, (0, 1)),
        ("matthews_correlation", None, (-1, 1)),
        ("matthews_correlation", "difference", (0, 2)),
        ("matthews_correlation", "between", (-2, 2)),
        ("recall", "ratio", (0, 1)),
        ("recall", "min", (0, 1)),
        ("log_loss", "difference", (0, float("inf"))),
        ("demographic_parity_difference", None, (0, 1)),
    ],
)
def test_ranges(metric: str, compare: Any, expected: tuple[float, float]) -> None:
    assert CATALOG[metric].range_of(compare) == expected


def test_bounds_of_the_range_itself_are_allowed(lint_text: Any) -> None:
    for must in (">= 0", "<= 1", "== 1", "> 1"):
        assert lint_text(_policy(f'metric: accuracy\nmust: "{must}"')).ok


def test_every_metric_of_the_catalog_can_be_used(lint_text: Any) -> None:
    """No metric is refused in the very form in which it exists."""
    for name, spec in CATALOG.items():
        across = "\nacross: gender" if spec.needs_across else ""
        across += "\nof: gender\nagainst: last-green" if spec.drift else ""
        result = lint_text(_policy(f'metric: {name}\nmust: ">= 0.5"{across}', "{gender: {}}"))
        assert result.ok, result.errors
        if spec.comparable and not spec.needs_across:
            control = f'metric: {name}\nmust: ">= 0.5"\nacross: gender\ncompare: min'
            assert lint_text(_policy(control, "{gender: {}}")).ok


@pytest.mark.parametrize(
    ("control", "roles", "hint"),
    [
        ('metric: accuracy\nmust: "== 0.9"', "{}", "asks a measured value to be exact"),
        ('metric: accuracy\nmust: ">= 0.9"', "{gender: {}}", "role 'gender': no control uses it"),
        ('metric: recall\nmust: ">= 0.9"', "{}", "recall needs the favorable label"),
        ('metric: recall\nmust: ">= 0.9"', "{target: {favorable: no}}", 'no is the text "no"'),
        (
            'metric: completeness\nof: [wealth, wealt]\nmust: ">= 0.9"',
            "{}",
            "the roles 'wealth' and 'wealt' are nearly the same",
        ),
    ],
)
def test_hints(lint_text: Any, control: str, roles: str, hint: str) -> None:
    result = lint_text(_policy(control, roles))
    assert result.ok
    assert len(result.hints) == 1
    assert hint in result.hints[0].message
    assert result.hints[0].line > 0


@pytest.mark.parametrize(
    ("metric", "must", "compare", "fault"),
    [
        ("accuracy", ">= 0", "", "cannot fail"),
        ("accuracy", "<= 1", "", "cannot fail"),
        ("accuracy", "<= 1.0", "across: g\ncompare: min", "cannot fail"),
        ("accuracy", "!= 0.5", "", "cannot fail"),
        ("accuracy", ">= 0.0000000000001", "", "cannot fail"),
        ("roc_auc", "!= 0.5", "", "cannot fail"),
        ("matthews_correlation", ">= -1", "", "cannot fail"),
        ("matthews_correlation", "<= 2", "across: g\ncompare: difference", "cannot fail"),
        ("accuracy", ">= -1", "across: g\ncompare: between\ngroups: [a, b]", "cannot fail"),
        ("accuracy", "<= 1", "across: g\ncompare: ratio", "cannot fail"),
        ("row_count", "<= 1", "across: g\ncompare: ratio", "cannot fail"),
        ("demographic_parity_difference", ">= 0", "across: g", "cannot fail"),
        ("demographic_parity_ratio", "<= 1", "across: g", "cannot fail"),
        ("row_count", ">= 0", "", "cannot fail"),
        ("row_count", "!= 10.5", "", "cannot fail"),
        ("log_loss", ">= 0", "", "cannot fail"),
        ("accuracy", "> 1", "", "cannot pass"),
        ("accuracy", ">= 1 surely", "", "no interval of an estimate"),
        ("accuracy", "== 0.9 surely", "", "no interval of an estimate"),
        ("accuracy", "< 0", "", "cannot pass"),
        ("row_count", "< 0", "", "cannot pass"),
        ("row_count", "== 10.5", "", "cannot pass"),
        ("matthews_correlation", "> 1", "", "cannot pass"),
        ("accuracy", "> 0", "", ""),
        ("accuracy", "!= 1", "", ""),
        ("accuracy", "< 1", "", ""),
        ("accuracy", "== 1", "", ""),
        ("row_count", "!= 10", "", ""),
        ("row_count", "> 0", "", ""),
        ("log_loss", "<= 1000000", "", ""),
        ("matthews_correlation", ">= 0", "", ""),
    ],
)
def test_a_rule_that_decides_nothing_is_a_fault(
    lint_text: Any, metric: str, must: str, compare: str, fault: str
) -> None:
    result = lint_text(
        _policy(f'metric: {metric}\nmust: "{must}"\n{compare}'.rstrip(), "{target: {favorable: 1}}")
    )
    assert result.ok, "it can be read"
    assert [fault in problem.message and problem.line > 0 for problem in result.faults] == (
        [True] if fault else []
    )


def test_hostile_numbers_of_names_do_not_hurt(lint_text: Any) -> None:
    """Thousands of nearly equal names; the suite's timeout would stop a hang."""
    declared = ", ".join(f"{'a' * 90}{n:04d}: {{}}" for n in range(200))
    used = ", ".join(f"{'a' * 89}b{n:04d}" for n in range(3000))
    assert not lint_text(
        _policy(f'metric: completeness\nof: [{used}]\nmust: ">= 0"', f"{{{declared}}}")
    ).ok


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("f1_score", "f1"),
        ("Accuracy-Score", "accuracy"),
        ("MCC", "matthews_correlation"),
        ("disparate impact", "demographic_parity_ratio"),
        ("demographic_parity", "demographic_parity_ratio"),
        ("acuracy", "accuracy"),
        ("zzz", None),
    ],
)
def test_the_names_that_others_use_are_hints(written: str, meant: str | None) -> None:
    hint = metric_hint(written)
    assert (f"'{meant}'" in hint) if meant else hint == ""
    assert set(OTHER_NAMES.values()) <= set(CATALOG)
    assert CATALOG.keys().isdisjoint(OTHER_NAMES)


def test_a_blank_within_an_operator(lint_text: Any) -> None:
    (problem,) = lint_text(_policy('metric: accuracy\nmust: "> = 0.8"')).errors
    assert """'> =' is no operator; did you mean must: ">= 0.8"?""" in str(problem)


@pytest.mark.parametrize(
    ("control", "roles", "said"),
    [
        ("metric: accuracy\nmust: '>= 0.5'", "{weight: {bins: [1]}}", "weight is no grouping role"),
        ("metric: accuracy\nmust: '>= 0.5'", "{weight: {labels: [1]}}", "weight takes numbers"),
        (
            "metric: accuracy\nacross: weight\ncompare: min\nmust: '>= 0.5'",
            "{}",
            "weight is what rows count for",
        ),
    ],
)
def test_weights_group_nothing(control: str, roles: str, said: str, lint_text: Any) -> None:
    assert any(said in str(problem) for problem in lint_text(_policy(control, roles)).errors)
