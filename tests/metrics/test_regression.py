"""Metrics of amounts agree with scikit-learn, whatever the scale, the engine or the groups."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from venturalitica.audit.measure import Measured, Request, measure
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy import lint, parse_policy

REFERENCES: Mapping[str, Callable[[Any, Any], float]] = {
    "mean_absolute_error": metrics.mean_absolute_error,
    "root_mean_squared_error": metrics.root_mean_squared_error,
    "mean_squared_error": metrics.mean_squared_error,
    "r2_score": metrics.r2_score,
    "mean_absolute_percentage_error": metrics.mean_absolute_percentage_error,
    "median_absolute_error": metrics.median_absolute_error,
    "max_error": metrics.max_error,
    "mean_error": lambda target, said: float(numpy.mean(target - said)),
    "mean_pinball_loss": metrics.mean_pinball_loss,
    "mean_prediction": lambda target, said: float(numpy.mean(said)),
    "mean_target": lambda target, said: float(numpy.mean(target)),
}
MEDIAN = 1 / 128
"""How far from the exact median its bin's middle is, at most, in shares of it."""


def policy_of(*controls: str, min_cell: int = 0, nulls: str = "refuse") -> Any:
    lines = "".join(f"  - {{{control}}}\n" for control in controls)
    text = f'policy: amounts\nversion: "1"\ndisclosure: {{min_cell: {min_cell}}}\nnulls: {nulls}\n'
    return parse_policy(f"{text}controls:\n{lines}".encode())


ALONE = [f'id: {name}, metric: {name}, must: "<= 0.9"' for name in REFERENCES]
WHOLE = policy_of(*ALONE)
EVERY = policy_of(
    *ALONE,
    *(
        f'id: {name}-{how}, metric: {name}, across: group, compare: {how}, must: "<= 0.9"'
        for name in REFERENCES
        for how in ("min", "max", "difference", "ratio")
        if how != "ratio" or CATALOG[name].has_ratio
    ),
)


def measured(policy: Any, frame: Any) -> Measured:
    names = {name: name for name in ("target", "prediction", *policy.grouping_roles)}
    request = Request(policy=policy, source="test", frame=frame, bindings=names)
    return measure(request, fingerprint=False)


def values(frame: Any, policy: Any = EVERY) -> dict[str, Verdict]:
    return {verdict.control: verdict for verdict in measured(policy, frame).verdicts}


def table(count: int, mean: float, spread: float, seed: int = 0) -> dict[str, Any]:
    random = numpy.random.default_rng(seed)
    target = random.normal(mean, spread, count)
    return {
        "target": target,
        "prediction": target + random.normal(spread / 10, spread / 2, count),
        "group": random.choice(["a", "b", "c"], count),
    }


def near(name: str, value: float | None, expected: float) -> bool:
    assert value is not None
    off = MEDIAN if name == "median_absolute_error" else 1e-9
    return math.isclose(value, expected, rel_tol=off, abs_tol=1e-300)


COMPARE: Mapping[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "difference": lambda found: max(found) - min(found),
    "ratio": lambda found: min(found) / max(found),
}


def test_every_metric_of_amounts_has_a_reference() -> None:
    assert set(REFERENCES) == {name for name, spec in CATALOG.items() if spec.is_amount}


@pytest.mark.parametrize(
    ("mean", "spread", "count"),
    [(5.0, 1.0, 500), (250_000.0, 50_000.0, 300), (1e-5, 1e-7, 77), (-3.0, 1e6, 200)],
)
def test_values_are_scikit_learns_on_any_engine(mean: float, spread: float, count: int) -> None:
    rows = table(count, mean, spread)
    frames = [pandas.DataFrame(rows), polars.DataFrame(rows), pyarrow.table(rows), rows]
    tallies = [measured(EVERY, frame).tally for frame in (*frames, polars.LazyFrame(rows))]
    assert len({tally.sha256 for tally in tallies if tally}) == 1
    found = values(frames[0])
    target, said, groups = rows["target"], rows["prediction"], rows["group"]
    for name, reference in REFERENCES.items():
        assert near(name, found[name].value, reference(target, said)), name
        own = [reference(target[groups == g], said[groups == g]) for g in "abc"]
        by_name = {g.name: g.value for g in found[f"{name}-max"].groups}
        assert all(near(name, by_name[g], value) for g, value in zip("abc", own, strict=True))
        for how, compare in COMPARE.items():
            verdict = found.get(f"{name}-{how}")
            if verdict is None:
                continue
            if how == "ratio" and min(own) < 0:
                assert "below 0" in verdict.reason
            elif name != "median_absolute_error" or how in ("min", "max"):
                assert verdict.value is not None
                assert verdict.value == pytest.approx(compare(own), rel=MEDIAN, abs=1e-12)
                if name != "median_absolute_error":
                    assert math.isclose(verdict.value, compare(own), rel_tol=1e-6, abs_tol=1e-300)


@pytest.mark.parametrize("model", [LinearRegression(), RandomForestRegressor(20, random_state=0)])
def test_values_of_real_regressors_are_scikit_learns(model: Any) -> None:
    X, y = load_diabetes(return_X_y=True)
    X, held, y, target = train_test_split(X, y, random_state=1)
    said = model.fit(X, y).predict(held)
    group = numpy.where(held[:, 1] > 0, "a", "b")
    found = values({"target": target, "prediction": said, "group": group})
    for name, reference in REFERENCES.items():
        assert near(name, found[name].value, reference(target, said)), name


finite = st.floats(-1e12, 1e12, allow_subnormal=False).map(lambda x: 0.0 if abs(x) < 1e-30 else x)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=30))
def test_any_amounts_agree_with_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    target, said = (numpy.array(column) for column in zip(*pairs, strict=True))
    found = values({"target": target, "prediction": said}, WHOLE)
    exact = [(Fraction(t), Fraction(t) - Fraction(p)) for t, p in pairs]
    for name, reference in REFERENCES.items():
        if name in ("r2_score", "mean_error"):
            continue  # of sums that cancel scikit-learn's own digits are lost: exactly below
        expected = reference(target, said)
        size = 1e-9 * max(1e-9, *numpy.abs(target), *numpy.abs(said))
        cancels = name in ("mean_prediction", "mean_target")
        ok = near(name, found[name].value, expected)
        assert ok or (cancels and abs(found[name].value or 0.0 - expected) <= size), name
    mean = sum((e for _, e in exact), Fraction(0)) / len(exact)
    slack = 1e-9 * max(1.0, *numpy.abs(target - said))
    assert found["mean_error"].value == pytest.approx(float(mean), rel=1e-9, abs=slack)
    middle = sum((t for t, _ in exact), Fraction(0)) / len(exact)
    spread = sum(((t - middle) ** 2 for t, _ in exact), Fraction(0))
    assume(spread)
    rounded = sum(
        (Fraction(float(t - p)) ** 2 for t, p in zip(target, said, strict=True)), Fraction(0)
    )
    r2 = float(1 - rounded / spread)
    assert found["r2_score"].value == pytest.approx(r2, rel=1e-9, abs=1e-9)


def test_a_mean_far_above_the_spread_costs_no_digit() -> None:
    """scikit-learn rounds the mean of the targets, which moves its R² by 5e-9 here: the same rows
    without the mean have the exact one."""
    random = numpy.random.default_rng(3)
    steps = random.integers(-8_000, 8_000, (2, 1_000)) * 2.0**-23  # about 1e-3, exact at 1e9
    rows = {"target": 1e9 + steps[0], "prediction": 1e9 + steps[0] / 1 + steps[1] * 0.5}
    rows["prediction"] = numpy.round(rows["prediction"] * 2**23) / 2**23
    near_zero = (rows["target"] - 1e9, rows["prediction"] - 1e9)
    found = values({**rows, "group": ["a", "b"] * 500})
    for name in ("r2_score", "mean_squared_error", "mean_error", "mean_absolute_error"):
        expected = REFERENCES[name](*near_zero)
        assert found[name].value == pytest.approx(expected, rel=1e-9), name
    shifted = values(
        {"target": near_zero[0], "prediction": near_zero[1], "group": ["a", "b"] * 500}
    )
    assert found["r2_score"].interval == pytest.approx(shifted["r2_score"].interval, rel=1e-9)


def test_the_edges_of_r2_are_scikit_learns() -> None:
    for target, said in (
        ([3.0, 3.0, 3.0], [3.0, 3.0, 3.0]),
        ([3.0, 3.0, 3.0], [3.0, 2.0, 3.0]),
        ([1.0, 2.0], [2.0, 1.0]),
    ):
        found = values({"target": target, "prediction": said, "group": ["a"] * len(target)})
        assert found["r2_score"].value == metrics.r2_score(target, said)
        assert not found["r2_score"].conclusive
    alone = values({"target": [1.0], "prediction": [1.0], "group": ["a"]})["r2_score"]
    assert alone.status == "not_evaluated"
    assert "fewer than two rows" in alone.reason


@pytest.mark.parametrize("zeros", [1, 3, 40])
def test_a_target_of_zero_counts_as_scikit_learns_epsilon(zeros: int) -> None:
    rows = table(40, 10.0, 1.0)
    rows["target"][:zeros] = 0.0
    rows["target"][-1] = 1e-20
    found = values(rows)["mean_absolute_percentage_error"]
    expected = metrics.mean_absolute_percentage_error(rows["target"], rows["prediction"])
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert ("the value hangs on it" in " ".join(found.notes)) == (zeros < 40)


def test_the_median_says_between_which_numbers_it_lies() -> None:
    for count in (201, 200):
        rows = table(count, 100.0, 10.0, seed=count)
        found = values(rows)["median_absolute_error"]
        exact = numpy.median(numpy.abs(rows["target"] - rows["prediction"]))
        [note] = [note for note in found.notes if note.startswith("the exact median lies from ")]
        low, _, high = note.removeprefix("the exact median lies from ").partition(" to ")
        assert float(low) <= exact <= float(high)
        assert float(low) <= found.value <= float(high)  # type: ignore[operator]
        assert float(high) - float(low) <= exact / 32
    perfect = {"target": [1.0] * 40, "prediction": [1.0] * 40, "group": ["a", "b"] * 20}
    assert values(perfect)["median_absolute_error"].value == 0.0


def test_intervals_are_students_or_wider_where_amounts_are_skewed() -> None:
    rows = table(160, 5.0, 1.0, seed=5)
    rows["prediction"] = rows["target"] - numpy.random.default_rng(1).lognormal(0, 1, 160)
    errors = rows["target"] - rows["prediction"]
    found = values(rows)
    named = {"mean_error": errors, "mean_absolute_error": errors, "mean_target": rows["target"]}
    for name, sample in named.items():
        low, high = stats.ttest_1samp(sample, 0.0).confidence_interval(0.975)
        interval = found[name].interval
        assert interval is not None
        if name == "mean_target":
            assert interval.low == pytest.approx(low, abs=0.03 * (high - low))
            assert interval.high == pytest.approx(high, abs=0.03 * (high - low))
        else:
            assert interval.low <= low + 1e-9
            assert high + 0.2 * (high - low) < interval.high < high + 2 * (high - low)
    again = {v.control: v.interval for v in measured(EVERY, pandas.DataFrame(rows)[::-1]).verdicts}
    assert again == {name: verdict.interval for name, verdict in found.items()}


@pytest.mark.parametrize(
    "name", ["mean_absolute_error", "root_mean_squared_error", "r2_score", "median_absolute_error"]
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(name: str) -> None:
    random, held = numpy.random.default_rng(11), 0
    whole = random.normal(0.0, 1.0, (2, 200_000))
    truth = REFERENCES[name](whole[0] + whole[1], whole[0])
    policy = policy_of(f'id: c, metric: {name}, must: "<= 0.9"')
    for _ in range(200):
        model, noise = random.normal(0.0, 1.0, (2, 120))
        [verdict] = measured(policy, {"target": model + noise, "prediction": model}).verdicts
        assert verdict.interval is not None
        held += verdict.interval.low <= truth <= verdict.interval.high
    assert held >= 186


def test_few_rows_conclude_nothing() -> None:
    policy = policy_of('id: c, metric: mean_absolute_error, must: "<= 100"')
    assert not measured(policy, table(99, 5.0, 1.0)).verdicts[0].conclusive
    assert measured(policy, table(100, 5.0, 1.0)).verdicts[0].conclusive
    alike = {"target": numpy.arange(200.0), "prediction": numpy.arange(200.0) + 1}
    [same] = measured(policy, alike).verdicts
    assert not same.conclusive
    assert "no row differs from another" in same.reason
    ranks = policy_of('id: c, metric: median_absolute_error, must: "<= 100"')
    assert measured(ranks, table(30, 5.0, 1.0)).verdicts[0].conclusive


def test_one_row_that_is_most_of_the_sum_concludes_nothing() -> None:
    rows = table(200, 5.0, 1.0)
    rows["prediction"][0] = 1e6
    for name in ("mean_absolute_error", "root_mean_squared_error", "mean_squared_error"):
        policy = policy_of(f'id: c, metric: {name}, must: "<= 1e20"')
        [verdict] = measured(policy, rows).verdicts
        assert (verdict.status, verdict.conclusive) == ("passed", False)
        assert "the interval is Student's" in " ".join(verdict.notes)
        assert "the value hangs on it" in verdict.reason


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("role", ["target", "prediction"])
def test_rows_without_a_finite_number_follow_nulls(role: str, bad: float) -> None:
    rows = table(60, 5.0, 1.0)
    control = 'id: c, metric: mean_absolute_error, must: "<= 9"'
    rows[role][:7] = bad
    for frame in (rows, pandas.DataFrame(rows), polars.DataFrame(rows), pyarrow.table(rows)):
        [refused] = measured(policy_of(control), frame).verdicts
        assert refused.status == "not_evaluated"
        assert "7 rows have no finite target and prediction" in refused.reason
        [dropped] = measured(policy_of(control, nulls="drop"), frame).verdicts
        expected = metrics.mean_absolute_error(rows["target"][7:], rows["prediction"][7:])
        assert dropped.value == pytest.approx(expected, rel=1e-9)
        assert dropped.n == 53


def test_what_is_no_number_is_refused_by_name() -> None:
    policy = policy_of('id: c, metric: mean_absolute_error, must: "<= 9"')
    for bad in (["x"] * 60, [True, False] * 30):
        with pytest.raises(Exception, match="bound to target and does not hold numbers"):
            measured(policy, {**table(60, 5.0, 1.0), "target": bad})
    with pytest.raises(Exception, match="beyond 1e"):
        measured(policy, {**table(60, 5.0, 1.0), "target": [1e80] * 60})


def test_the_greatest_error_is_shown_to_nobody() -> None:
    rows, control = table(60, 5.0, 1.0), 'id: c, metric: max_error, must: "<= 9"'
    [withheld] = measured(policy_of(control, min_cell=5), rows).verdicts
    assert (withheld.status, withheld.value, withheld.groups) == ("not_evaluated", None, ())
    assert "min_cell: 0" in withheld.reason
    [shown] = measured(policy_of(control), rows).verdicts
    assert shown.value == metrics.max_error(rows["target"], rows["prediction"])
    assert (shown.status, shown.conclusive) == ("passed", False)
    beside = policy_of(
        'id: c, metric: max_error, across: group, compare: max, must: "<= 9"',
        'id: d, metric: mean_absolute_error, across: group, compare: max, must: "<= 9"',
        min_cell=5,
    )
    assert [v.status for v in measured(beside, rows).verdicts] == ["not_evaluated", "passed"]


def test_a_policy_is_told_what_will_never_be_shown() -> None:
    text = 'policy: a\nversion: "1"\n{}controls:\n  - {{id: c, metric: max_error, must: "<= 9"}}\n'
    [hint] = lint(text.format("").encode()).hints
    assert (hint.line, "it will never be evaluated" in hint.message) == (4, True)
    assert lint(text.format("disclosure: {min_cell: 0}\n").encode()).hints == ()


def test_small_groups_are_kept_back() -> None:
    rows = table(200, 5.0, 1.0)
    rows["group"] = ["a"] * 100 + ["b"] * 50 + ["c"] * 47 + ["d"] * 3
    policy = policy_of(
        'id: c, metric: mean_absolute_error, across: group, compare: max, must: "<= 9"', min_cell=5
    )
    found = measured(policy, rows)
    [verdict] = found.verdicts
    assert [group.name for group in verdict.groups] == ["a", "b"]
    assert not verdict.conclusive
    few = measured(policy_of('id: c, metric: mean_error, must: "<= 9"', min_cell=5), table(4, 5, 1))
    assert (few.verdicts[0].status, few.verdicts[0].value) == ("not_evaluated", None)


def test_the_stored_tally_gives_the_same_verdicts() -> None:
    found = measured(EVERY, table(300, 50.0, 3.0))
    assert found.tally is not None
    kept = Tally.from_json(found.tally.for_evidence().to_json())
    assert kept == found.tally
    assert judge(EVERY, kept, circumstances=found.circumstances) == found.verdicts


def test_nothing_is_summed_that_no_control_asks_for() -> None:
    labels = parse_policy(
        b'policy: a\nversion: "1"\ncontrols: [{id: c, metric: accuracy, must: ">= 0.1"}]\n'
    )
    found = measured(labels, {"target": [0, 1] * 20, "prediction": [0, 1] * 20})
    assert found.tally is not None
    assert found.tally.amounts == ()
    assert "amounts" not in found.tally.to_json()
    one = measured(policy_of('id: c, metric: mean_target, must: "<= 9"'), table(60, 5.0, 1.0))
    assert one.tally is not None
    assert [(table.number, table.names) for table in one.tally.amounts] == [
        ("target", ("x", "x2", "x3"))
    ]


def test_integers_and_other_numbers_are_amounts() -> None:
    target = [1, 2, 3, 40] * 10
    control = policy_of('id: c, metric: mean_absolute_error, must: "<= 90"')
    frames = [
        pandas.DataFrame({"target": target, "prediction": pandas.array([2] * 40, dtype="Int64")}),
        polars.DataFrame({"target": target, "prediction": [2] * 40}),
        pandas.DataFrame(
            {"target": numpy.array(target, "f4"), "prediction": numpy.array([2] * 40, "i1")}
        ),
    ]
    for frame in frames:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            [verdict] = measured(control, frame).verdicts
        assert verdict.value == 10.0
