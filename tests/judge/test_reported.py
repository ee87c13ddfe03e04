"""Values measured elsewhere: judged, noted, never green."""

from __future__ import annotations

import math

import numpy
import pytest

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.tally import Tally
from venturalitica.errors import BindingError
from venturalitica.judge import judge, unreported


def told(reported):
    return Circumstances(reported=reported)


def test_a_reported_value_is_judged_and_stays_amber(make) -> None:
    policy = make.policy(make.control("accuracy", ">= 0.9"), make.control("f1", ">= 0.95"))
    passed, failed = judge(
        policy, None, circumstances=told({"accuracy": 0.91, "f1": numpy.float64(0.91)})
    )
    assert (passed.status, passed.value, passed.light) == ("passed", 0.91, "amber")
    assert passed.interval is None
    assert not passed.conclusive
    assert any("reported, not measured" in note for note in passed.notes)
    assert (failed.status, failed.light) == ("failed", "red")


def test_a_value_may_be_given_by_control_id(make) -> None:
    control = make.control("recall", across="gender", compare="ratio", id="recall-parity")
    (verdict,) = judge(make.policy(control), None, circumstances=told({"recall-parity": 0.7}))
    assert verdict.value == 0.7
    with pytest.raises(BindingError, match="known: recall-parity"):
        judge(make.policy(control), None, circumstances=told({"recall": 0.7}))


def test_a_misspelt_name_is_refused(make) -> None:
    with pytest.raises(BindingError, match=r"'acuracy' is no control id.*did you mean 'accuracy'"):
        judge(make.policy(make.control("accuracy")), None, circumstances=told({"acuracy": 0.9}))


def test_an_id_that_is_another_metric_takes_the_value_alone(make) -> None:
    policy = make.policy(
        make.control("recall", id="accuracy"), make.control("accuracy", id="right")
    )
    first, second = judge(policy, None, circumstances=told({"accuracy": 0.9}))
    assert first.value == 0.9
    assert second.status == "not_evaluated"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_not_evaluated(value, make) -> None:
    (verdict,) = judge(
        make.policy(make.control("accuracy")), None, circumstances=told({"accuracy": value})
    )
    assert verdict.status == "not_evaluated"
    assert "no measurement" in verdict.reason


@pytest.mark.parametrize("value", ["0.9", True, None, [0.9]])
def test_what_is_no_number_is_an_error(value, make) -> None:
    (verdict,) = judge(
        make.policy(make.control("accuracy")), None, circumstances=told({"accuracy": value})
    )
    if value is None:
        assert verdict.status == "not_evaluated"
    else:
        assert verdict.status == "error"
        assert "expected a number" in verdict.reason


@pytest.mark.parametrize(("value", "said"), [(91, "91 % is 0.91"), (-0.2, "between 0 and 1")])
def test_an_impossible_value_is_not_evaluated(value, said, make) -> None:
    (verdict,) = judge(
        make.policy(make.control("accuracy")), None, circumstances=told({"accuracy": value})
    )
    assert verdict.status == "not_evaluated"
    assert said in verdict.reason


def test_a_reported_value_is_taken_even_where_rows_could_tell(make) -> None:
    """The same call gives the same verdict, whichever tables other controls need."""
    tally = make.tally(target=[1, 0] * 50, prediction=[1, 0] * 40 + [0, 1] * 10)
    policy = make.policy(make.control("accuracy"), make.control("roc_auc"), make.control("f1"))
    given = {"accuracy": 0.99, "roc_auc": 0.9}
    first, second, measured = judge(policy, tally, circumstances=told(given))
    assert (first.value, first.light) == (0.99, "amber")
    assert second.value == 0.9
    assert measured.value == 0.8
    assert measured.interval is not None
    assert [c.id for c in unreported(policy, policy.controls, given)] == ["f1"]
    assert unreported(policy, policy.controls, None) == policy.controls


def test_nothing_reported_for_a_control_without_data(make) -> None:
    policy = make.policy(make.control("accuracy"), make.control("row_count"))
    for tally in (None, Tally(rows=0, axes=())):
        first, second = judge(policy, tally, circumstances=told({"row_count": 500}))
        assert "no data was given" in first.reason
        assert second.value == 500
