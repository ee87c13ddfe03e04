from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.policy import Threshold
from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Interval, Verdict
from venturalitica.metrics.catalog import CATALOG
from venturalitica.reports.sentences import (
    conclusive_sentence,
    consequence_sentence,
    definition,
    metric_words,
    must_signs,
    rule_sentence,
    run_sentence,
    status_words,
    summary_sentence,
)


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (0.8239936858, None, "0.824"),
        (0.7996, 0.80, "0.7996"),
        (0.79996, 0.80, "0.79996"),
        (0.8, 0.80, "0.800"),
        (0.24 / 0.30, 0.80, "0.800"),
        (0.0001, None, "0.0001"),
        (0.0, None, "0.000"),
        (-0.0, None, "0.000"),
        (1.0, None, "1.000"),
        (-0.125, None, "-0.125"),
        (300.0, None, "300"),
        (1234567.0, None, "1,234,567"),
        (1234.56, None, "1,234.6"),
        (0.0525, None, "0.052"),
        (0.0525 + 1e-17, None, "0.052"),
        (0.91 - 0.8575, None, "0.052"),
        (1e300, None, "1e+300"),
        (None, None, "–"),
    ],
)
def test_numbers(value, beside, shown) -> None:
    assert format_number(value, beside=beside) == shown


@example(1000.75, 1000.75, ">")
@given(
    st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-9),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    st.sampled_from([">=", ">", "<=", "<"]),
)
def test_a_number_is_never_rounded_across_its_threshold(value, bound, operator) -> None:
    shown = float(format_number(value, beside=bound).replace(",", ""))
    threshold = Threshold(operator, bound)
    assert threshold.holds(shown) == threshold.holds(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_shown(value) -> None:
    assert float(format_number(value).replace(",", "")) == pytest.approx(value, rel=1e-3, abs=1e-3)


def test_interval_keeps_its_side_of_the_threshold() -> None:
    assert format_interval(Interval(0.7999, 0.80004), beside=0.8) == "0.7999 – 0.80004"
    assert format_interval(None) == ""


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("roc_auc", "ROC AUC"),
        ("f1", "F1"),
        ("demographic_parity_ratio", "Demographic parity ratio"),
        ("cohen_kappa", "Cohen's kappa"),
        ("", ""),
    ],
)
def test_metric_words(metric: str, words: str) -> None:
    assert metric_words(metric) == words


def made(**changes) -> Verdict:
    base = Verdict(
        control="c",
        status="passed",
        reason="because",
        metric="accuracy",
        must=">= 0.70",
        operator=">=",
        threshold=0.7,
        value=0.75,
        interval=Interval(0.71, 0.79),
        conclusive=True,
        n=300,
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Accuracy must be at least 0.70."),
        ({"must": "", "operator": "<", "threshold": 0.725}, "Accuracy must be less than 0.725."),
        (
            {"metric": "demographic_parity_ratio", "across": ("gender",), "compare": "ratio"},
            "Demographic parity ratio across gender must be at least 0.70.",
        ),
        (
            {"metric": "recall", "across": ("gender", "age"), "compare": "min"},
            "Recall across gender × age (the lowest group) must be at least 0.70.",
        ),
        (
            {"metric": "recall", "across": ("gender",), "compare": "difference"},
            "Recall across gender (the highest group minus the lowest) must be at least 0.70.",
        ),
    ],
)
def test_rule_sentence(changes, sentence) -> None:
    assert rule_sentence(made(**changes)) == sentence


@pytest.mark.parametrize(
    ("must", "operator", "threshold", "signs"),
    [
        (">= 0.7", ">=", 0.7, "≥ 0.70"),
        ("<= 0.1", "<=", 0.1, "≤ 0.10"),
        ("!= 1", "!=", 1.0, "≠ 1.00"),
        ("> 1000", ">", 1000.0, "> 1,000"),
        ("< 0.0625", "<", 0.0625, "< 0.0625"),
        ("~ 3", "", None, "~ 3"),
    ],
)
def test_must_signs(must, operator, threshold, signs) -> None:
    assert must_signs(made(must=must, operator=operator, threshold=threshold)) == signs


def test_definition_comes_from_the_catalog() -> None:
    assert definition("accuracy") == CATALOG["accuracy"].definition
    assert definition("no_such_metric") == ""


def test_status_words_never_call_an_inconclusive_pass_a_pass() -> None:
    assert status_words(made()) == "Passed"
    assert status_words(made(conclusive=False)) == "Passed, not conclusive"
    assert status_words(made(status="not_evaluated", conclusive=False)) == "Not evaluated"
    assert status_words(made(status="nonsense")) == "Error"


def test_conclusive_sentence() -> None:
    assert conclusive_sentence(made()).startswith("Conclusive:")
    across = made(conclusive=False, interval=Interval(0.6, 0.8))
    assert conclusive_sentence(across) == (
        "Not conclusive: it passes, but the interval reaches across the threshold."
    )
    assert "it fails" in conclusive_sentence(replace(across, status="failed"))
    assert "no interval" in conclusive_sentence(made(conclusive=False, interval=None))
    assert "see the notes" in conclusive_sentence(made(conclusive=False))
    assert conclusive_sentence(made(value=None)) == ""


def test_summary_sentence(verdicts) -> None:
    assert summary_sentence(verdicts) == (
        "Of 6 controls: 2 failed, 1 not evaluated, 1 passed without being conclusive and 2 passed."
    )
    assert summary_sentence([]) == "No control was judged."
    assert summary_sentence([made()]) == "The one control passed, conclusively."
    assert summary_sentence([made(), made()]) == "All of 2 controls passed, each conclusively."
    assert summary_sentence([made(status="error")]) == "Of 1 control: 1 error."


def test_consequence_names_what_blocks() -> None:
    blocked = made(control="gender-parity", status="not_evaluated", on_fail="block")
    assert consequence_sentence([blocked, made()]) == "The policy blocks the run: gender-parity."
    assert "not for a stop" in consequence_sentence([made(status="failed")])
    assert consequence_sentence([made(on_fail="block")]) == ""


def test_run_sentence() -> None:
    assert run_sentence(["amber", "green", "green"], failed=False) == (
        "Of 3 audits inside: 1 amber and 2 green."
    )
    assert run_sentence([], failed=True) == (
        "The run ended with an exception. No audit was made inside this run."
    )
    assert run_sentence(["odd"], failed=False) == "Of 1 audit inside: no light recorded."
