"""Rows that count by a weight: shares of sums of weights, with ends of the rows they are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincinv
from sklearn import metrics as sklearn

from venturalitica.audit.measure import Request, measure
from venturalitica.core.tally import Tally
from venturalitica.core.verdict import Verdict
from venturalitica.errors import BindingError, DataError
from venturalitica.judge import judge
from venturalitica.judge.plan import Rate, plan, plan_rates
from venturalitica.judge.weights import can_weigh
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.ends import ALPHA, rate_ends
from venturalitica.metrics.weights import effective, unsteady
from venturalitica.policy import lint, parse_policy

ROLES = "roles: {target: {favorable: 1, labels: [0, 1]}, gender: {labels: [f, m]}}"
WEIGHABLE = {name: spec for name, spec in CATALOG.items() if can_weigh(spec)}
BOUND = {"target": "y", "prediction": "p", "gender": "sex"}


def policy_of(*controls: str, roles: str = ROLES, min_cell: int = 5) -> Any:
    lines = [f"  - {{id: c{place}, {control}}}" for place, control in enumerate(controls)]
    head = f'policy: weights\nversion: "1"\ndisclosure: {{min_cell: {min_cell}}}\n{roles}\n'
    return parse_policy((head + "controls:\n" + "\n".join(lines) + "\n").encode())


EVERY = policy_of(
    *(
        f'metric: {name}, across: gender, must: ">= 0.4"'
        for name, spec in WEIGHABLE.items()
        if spec.needs_across
    ),
    *(
        f'metric: {name}, must: ">= 0.4"'
        for name, spec in WEIGHABLE.items()
        if not spec.needs_across
    ),
    *(
        f'metric: {name}, across: gender, compare: {compare}, must: ">= 0.4"'
        for name, spec in WEIGHABLE.items()
        if not spec.needs_across
        for compare in ("difference", "ratio", "min", "max")
    ),
)


def drawn(size: int, seed: int) -> dict[str, Any]:
    random = numpy.random.default_rng(seed)
    target = random.integers(0, 2, size)
    return {
        "y": target,
        "p": numpy.where(random.random(size) < 0.7, target, 1 - target),
        "sex": random.choice(["f", "m"], size),
        "w": random.lognormal(0.0, 0.7, size),
    }


def audited(
    rows: Any, *, policy: Any = EVERY, weight: Any = "w", bound: Any = BOUND, **more: Any
) -> Any:
    bindings = {**bound, **({} if weight is None else {"weight": weight})}
    request = Request(policy=policy, source="test", frame=rows, bindings=bindings, **more)
    return measure(request, fingerprint=False)


def only(*controls: str, rows: Any = None, roles: str = ROLES, **more: Any) -> Verdict:
    rows = drawn(900, 1) if rows is None else rows
    return audited(rows, policy=policy_of(*controls, roles=roles), **more).verdicts[0]


def test_the_metrics_that_can_be_weighted() -> None:
    assert {"accuracy", "f1", "balanced_accuracy", "equalized_odds_ratio"} <= set(WEIGHABLE)
    assert not {"roc_auc", "cohen_kappa", "row_count", "class_balance"} & set(WEIGHABLE)


@settings(max_examples=6, deadline=None)
@given(
    st.integers(20, 700),
    st.integers(0, 2**32),
    st.sampled_from([1.0, 0.1, 3.0, 1e-9, 7.3e40, 1]),
)
def test_equal_weights_give_exactly_the_unweighted_answer(
    size: int, seed: int, weight: float
) -> None:
    rows = drawn(size, seed)
    rows["w"] = numpy.full(size, weight)
    plain, weighed = audited(rows, weight=None).verdicts, audited(rows).verdicts
    for one, other in zip(plain, weighed, strict=True):
        assert (other.status, other.value, other.interval) == (one.status, one.value, one.interval)
        assert (other.groups, other.n) == (one.groups, one.n)
        assert other.conclusive == one.conclusive


@settings(max_examples=4, deadline=None)
@given(st.integers(60, 700), st.integers(0, 2**32), st.floats(1e-20, 1e20))
def test_a_constant_changes_nothing(size: int, seed: int, constant: float) -> None:
    rows = drawn(size, seed)
    first = audited(rows).verdicts
    for factor, near in ((2.0**30, 0.0), (constant, 1e-9)):
        for one, other in zip(
            first, audited(rows | {"w": rows["w"] * factor}).verdicts, strict=True
        ):
            assert one.status == other.status
            if one.value is None:
                continue
            assert one.value == pytest.approx(other.value, abs=near, rel=0)
            assert one.interval == pytest.approx(other.interval, abs=near, rel=0)


PLAIN = {
    "accuracy": sklearn.accuracy_score,
    "balanced_accuracy": sklearn.balanced_accuracy_score,
    "precision": sklearn.precision_score,
    "recall": sklearn.recall_score,
    "f1": sklearn.f1_score,
    "recall_macro": lambda *a, **k: sklearn.recall_score(*a, average="macro", **k),
    "recall_weighted": lambda *a, **k: sklearn.recall_score(*a, average="weighted", **k),
    "specificity": lambda *a, **k: sklearn.recall_score(*a, pos_label=0, **k),
}


@pytest.mark.parametrize("metric", PLAIN)
@pytest.mark.parametrize("seed", range(2))
def test_values_are_those_of_scikit_learn(metric: str, seed: int) -> None:
    rows = drawn(500, seed)
    rows["w"][::7] = 0.0
    found = only(f'metric: {metric}, must: ">= 0.1"', rows=rows)
    right = PLAIN[metric](rows["y"], rows["p"], sample_weight=rows["w"])
    assert found.value == pytest.approx(right, abs=1e-12)
    groups = only(
        f'metric: {metric}, across: gender, compare: min, must: ">= 0.1"', rows=rows
    ).groups
    for group in groups:
        own = rows["sex"] == group.name
        right = PLAIN[metric](rows["y"][own], rows["p"][own], sample_weight=rows["w"][own])
        assert group.value == pytest.approx(right, abs=1e-12)


def korn_graubard(events: Any, weights: Any) -> tuple[float, float]:
    """Row by row, as the paper has it; at half of the error, since the size is estimated."""
    share = numpy.average(events, weights=weights)
    variance = ((weights * (events - share)) ** 2).sum() / weights.sum() ** 2
    size = share * (1 - share) / variance if variance else weights.sum() ** 2 / (weights**2).sum()
    size = min(size, int((weights > 0).sum()))
    k = share * size
    low = betaincinv(k, size - k + 1, 0.0125) if k > 0 else 0.0
    return low, betaincinv(k + 1, size - k, 0.9875) if k < size else 1.0


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_the_one_of_korn_and_graubard(seed: int) -> None:
    rows = drawn(60 + 90 * seed, seed)
    rows["w"][::5] = 0.0
    recall = only('metric: recall, must: ">= 0.1"', rows=rows)
    own = rows["y"] == 1
    ends = korn_graubard(rows["p"][own] == 1, rows["w"][own])
    assert recall.interval == pytest.approx(ends, abs=1e-9)
    accuracy = only('metric: accuracy, must: ">= 0.1"', rows=rows)
    ends = korn_graubard(rows["p"] == rows["y"], rows["w"])
    assert accuracy.interval == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("said", [0, 1])
def test_of_none_or_all_the_rows_are_worth_what_their_weights_are(said: int) -> None:
    rows = drawn(400, 3)
    rows["p"] = numpy.full(400, said)
    rows["y"] = numpy.arange(400) % 2
    found = only('metric: selection_rate, must: ">= 0.5"', rows=rows)
    size = rows["w"].sum() ** 2 / (rows["w"] ** 2).sum()
    edge = 0.0125 ** (1 / size)
    assert found.value == said
    assert found.interval == pytest.approx((edge, 1.0) if said else (0.0, 1 - edge), abs=1e-9)


def test_a_verdict_says_by_what_it_is_weighted_and_what_that_is_worth() -> None:
    rows = drawn(900, 1)
    found = only('metric: accuracy, must: ">= 0.1"', rows=rows)
    assert "; weighted by w" in found.reason
    [note] = [note for note in found.notes if "effective size" in note]
    events, weights = rows["y"] == rows["p"], rows["w"]
    share = numpy.average(events, weights=weights)
    size = share * (1 - share) * weights.sum() ** 2 / ((weights * (events - share)) ** 2).sum()
    assert f"{size:,.1f} rows" in note
    count = only('metric: row_count, must: ">= 10"', 'metric: accuracy, must: ">= 0.1"', rows=rows)
    assert count.value == 900
    assert "not weighted by w" in " ".join(count.notes)


@pytest.mark.parametrize("metric", ["cohen_kappa", "f1_macro"])
def test_what_has_no_weighted_form_is_not_evaluated(metric: str) -> None:
    found = only(f'metric: {metric}, must: ">= 0.1"')
    assert found.status == "not_evaluated"
    assert f"{metric} has no weighted form" in found.reason
    assert only(f'metric: {metric}, must: ">= 0.1"', weight=None).status == "passed"


def test_scores_and_errors_have_none_even_where_nothing_else_is_asked() -> None:
    rows = drawn(300, 2) | {"s": numpy.linspace(0, 1, 300)}
    for metric, bound in (
        ("roc_auc", {"target": "y", "score": "s"}),
        ("mean_error", {"target": "s", "prediction": "w"}),
    ):
        weight = "w" if metric == "roc_auc" else "p"
        found = only(
            f'metric: {metric}, must: ">= -9"'
            if metric == "mean_error"
            else f'metric: {metric}, must: ">= 0.1"',
            rows=rows,
            bound=bound,
            weight=weight,
        )
        assert found.status == "not_evaluated"
        assert "no weighted form" in found.reason


def test_less_than_three_hundred_rows_of_a_group_settle_nothing() -> None:
    rows = drawn(1_500, 5)
    rows["sex"] = numpy.where(numpy.arange(1_500) < 290, "f", "m")
    control = 'metric: accuracy, across: gender, compare: min, must: ">= 0.1"'
    found = only(control, rows=rows)
    assert found.status == "passed"
    assert not found.conclusive
    assert any("fewer than 300 rows of weight above 0 in 'f'" in note for note in found.notes)
    rows["sex"] = numpy.where(numpy.arange(1_500) < 310, "f", "m")
    assert only(control, rows=rows).conclusive
    rows["w"][:20] = 0.0
    assert not only(control, rows=rows).conclusive


def test_a_policy_that_names_weights_has_no_value_without_them() -> None:
    roles = ROLES.replace("target", "weight: {column: w}, target")
    control = 'metric: accuracy, must: ">= 0.1"'
    rows = drawn(400, 1)
    assert "weighted by w" in only(control, rows=rows, roles=roles, weight=None).reason
    del rows["w"]
    with pytest.raises(BindingError, match=r"role 'weight'.* no column 'w'"):
        only(control, rows=rows, roles=roles, weight=None)
    found = only(control, rows=rows, roles=roles, weight=None, lenient=True)
    assert found.status == "not_evaluated"
    assert "role 'weight'" in found.reason
    tally = audited(rows, weight=None).tally
    [bare] = judge(policy_of(control, roles=roles), tally)
    assert bare.status == "not_evaluated"
    assert "the role 'weight' is not bound" in bare.reason


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (numpy.nan, "have no weight"),
        (numpy.inf, "have an infinite weight"),
        (-0.1, "have a weight below 0"),
        (1e80, "have a weight above 1e\\+75"),
        (1e-80, "have a weight above 0 and below 1e-75"),
    ],
)
@pytest.mark.parametrize(("many", "told"), [(3, "fewer than 5"), (17, "17"), (397, "some")])
def test_weights_that_are_none_are_refused(wrong: float, said: str, many: int, told: str) -> None:
    rows = drawn(400, 1)
    rows["w"][:many] = wrong
    control = 'metric: accuracy, must: ">= 0.1"'
    with pytest.raises(DataError, match=rf"^{told} of 400 rows {said} \(column 'w'\): "):
        only(control, rows=rows)
    found = only(control, rows=rows, lenient=True)
    assert found.status == "error"


def test_text_and_zeros_alone_are_refused() -> None:
    control = 'metric: accuracy, must: ">= 0.1"'
    for wrong, said in (
        (numpy.zeros(400), "all 400 rows have the weight 0"),
        (numpy.array(["a", "b"] * 200), "column 'w' is bound to weight and does not hold numbers"),
    ):
        with pytest.raises(DataError, match=said):
            only(control, rows=drawn(400, 1) | {"w": wrong})
    rows = drawn(400, 1)
    with pytest.raises(BindingError, match="rows would count by their label"):
        only(control, rows=rows, weight="y")


def test_every_engine_and_every_way_to_part_the_rows_gives_one_tally() -> None:
    rows = drawn(700, 8)
    whole = audited(rows)
    for made in (pandas.DataFrame, polars.DataFrame, polars.LazyFrame, pyarrow.table):
        other = audited(made(rows))
        assert other.tally.sha256 == whole.tally.sha256
        assert other.verdicts == whole.verdicts
    parts = [audited({name: own[at::3] for name, own in rows.items()}).tally for at in range(3)]
    merged = Tally.merge(parts, EVERY.roles)
    assert merged.sha256 == whole.tally.sha256
    assert judge(EVERY, merged) == judge(EVERY, whole.tally)
    assert judge(EVERY, Tally.from_json(whole.tally.to_json())) == judge(EVERY, whole.tally)
    other = audited({**rows, "v": rows["w"]}, weight="v").tally
    with pytest.raises(DataError, match="weights from v"):
        Tally.merge([whole.tally, other], EVERY.roles)


def test_a_tally_without_weights_is_what_it_was() -> None:
    tally = audited(drawn(50, 1), weight=None).tally
    assert "amounts" not in tally.to_json()
    assert "weight" not in tally.nulls


def test_a_value_of_one_persons_weight_is_not_shown() -> None:
    rows = drawn(900, 1)
    rows["sex"] = numpy.where(numpy.arange(900) < 100, "f", "m")
    control = 'metric: selection_rate, across: gender, compare: min, must: ">= 0.1"'
    assert only(control, rows=rows).status == "passed"
    heavy = rows | {"w": rows["w"].copy()}
    heavy["w"][0] = 1e9
    light = rows | {"w": rows["w"].copy()}
    light["w"][4:100] = 0.0
    for few in (heavy, light):
        found = only(control, rows=few)
        assert found.status == "not_evaluated"
        assert "f" not in [group.name for group in found.groups]


def test_few_rows_of_very_unequal_weights_settle_nothing() -> None:
    rows = drawn(2_000, 5)
    rows["y"] = numpy.where(numpy.arange(2_000) < 40, 0, 1)
    control = 'metric: base_rate, must: ">= 0.5"'
    assert only(control, rows=rows).conclusive
    rows["w"] = numpy.random.default_rng(2).lognormal(0.0, 1.6, 2_000)
    found = only(control, rows=rows)
    assert found.status == "passed"
    assert not found.conclusive
    assert any("weights differ too much" in note for note in found.notes)


@pytest.mark.parametrize("related", [0.0, 0.7])
@pytest.mark.parametrize("kind", ["exponential", "lognormal", "few"])
def test_ends_that_may_be_conclusive_hold(kind: str, related: float) -> None:
    """900 samples of 400 rows, with weights that are related to the outcome or not."""
    random = numpy.random.default_rng(11)
    draw: Callable[[Any], Any] = {
        "exponential": lambda size: random.exponential(1.0, size),
        "lognormal": lambda size: random.lognormal(0.0, 0.8, size),
        "few": lambda size: numpy.where(random.random(size) < 0.2, 5.0, 1.0),
    }[kind]

    def chance(weights: Any) -> Any:
        return 1 / (1 + numpy.exp(1.2 - related * numpy.log(weights)))

    every = draw(1_000_000)
    truth = numpy.average(chance(every), weights=every)
    weights = draw((900, 400))
    events = random.random(weights.shape) < chance(weights)
    squares, rows = weights**2, numpy.full(900, 400.0)
    share = effective(
        ((weights * events).sum(axis=1), weights.sum(axis=1)),
        ((squares * events).sum(axis=1), squares.sum(axis=1)),
        rows,
    )
    low, high = rate_ends(*share, ALPHA)
    settles = ~unsteady(share, weights.sum(axis=1), squares.sum(axis=1), rows)
    missed = ((low > truth) | (high < truth)) & settles
    assert settles.mean() > 0.5
    assert missed.mean() <= 0.07 + 2 * (0.07 * 0.93 / 900) ** 0.5


def test_weights_that_nobody_bound_by_another_role_change_nothing() -> None:
    controls = ('metric: completeness, of: [weight, target], must: ">= 1"', "metric: accuracy")
    policy = policy_of(controls[0], f'{controls[1]}, must: ">= 0.1"')
    rows = drawn(300, 2)
    rows["w"][:30] = numpy.nan
    plain = audited(rows, policy=policy, weight=None, lenient=True).verdicts
    assert [verdict.status for verdict in plain] == ["not_evaluated", "passed"]
    rows = drawn(300, 2)
    assert [v.status for v in audited(rows, policy=policy).verdicts] == ["passed", "passed"]


def test_the_catalog_knows_what_has_no_weighted_form() -> None:
    """What lint warns of is what is never evaluated: each metric that is made of no shares, but for
    those that are about the rows themselves."""
    of_rows = {"class_balance", "group_representation", "completeness", "row_count"}
    of_rows |= {name for name, spec in CATALOG.items() if spec.drift}
    without = {name for name, spec in CATALOG.items() if spec.has_no_weighted_form}
    assert without == {name for name, spec in CATALOG.items() if not can_weigh(spec)} - of_rows


def test_lint_warns_of_what_weights_leave_without_a_value() -> None:
    text = (
        "policy: p\nversion: '1'\nroles:\n  target: {favorable: 1}\n  weight: {column: w}\n"
        "controls:\n  - {id: a, metric: accuracy, must: '>= 0.5'}\n"
        "  - {id: b, metric: roc_auc, must: '>= 0.5'}\n"
    )
    [hint] = lint(text.encode()).hints
    assert hint.line == 8
    assert "roc_auc has no weighted form" in hint.message


def test_rows_with_weights_are_not_planned_as_if_they_had_none() -> None:
    policy = policy_of('metric: accuracy, must: ">= 0.65"', 'metric: f1_macro, must: ">= 0.5"')
    rows = drawn(900, 1)
    weighted, averaged = plan(policy, audited(rows, policy=policy).tally)
    assert weighted.rows is None
    assert "rows have weights" in weighted.why
    assert "has no weighted form" in averaged.why
    without = plan(policy, audited(rows, policy=policy, weight=None).tally)
    assert all(one.rows for one in without)
    named = policy_of(
        'metric: accuracy, must: ">= 0.65"',
        'metric: completeness, must: ">= 0.5"',
        roles=ROLES.replace("gender:", "weight: {column: w}, gender:"),
    )
    given, itself = plan_rates(named, {"c0": {"": Rate(0.8)}, "c1": {"": Rate(0.8)}})
    assert "rows have weights" in given.why
    assert "weights" not in itself.why, "about the rows themselves"
