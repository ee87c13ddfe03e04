"""A family of metrics is joined from outside: neither `judge` nor `tally` knows any by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from venturalitica.audit.measure import Measured, Request, measure
from venturalitica.core.tally import EXACT_LIMIT, Tally
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.registry import STATISTICS, register
from venturalitica.metrics.statistic import Statistic
from venturalitica.policy import parse_policy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-metric.md"

POLICY = b"""
policy: prices
version: "1"
controls:
  - {id: error, metric: mean_absolute_error, must: "<= 12"}
  - {id: worst, metric: mean_absolute_error, across: town, compare: max, must: "<= 12"}
  - {id: apart, metric: mean_absolute_error, across: town, compare: difference, must: "<= 1"}
"""


@pytest.fixture(autouse=True)
def own_families() -> Iterator[None]:
    """What a test registers is gone after it."""
    kept = [(known, dict(known)) for known in (CATALOG, STATISTICS)]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)  # type: ignore[arg-type]


@pytest.fixture
def regression() -> None:
    """The worked example of the page, word for word."""
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(block, names)


def prices(count: int) -> pandas.DataFrame:
    random = numpy.random.default_rng(4)
    target = random.normal(200.0, 50.0, count)
    town = random.choice(["east", "west"], count)
    wide = numpy.where(town == "east", 12.0, 9.0)
    return pandas.DataFrame(
        {"town": town, "target": target, "prediction": target + random.normal(0.0, wide)}
    )


def measured(frame: pandas.DataFrame, policy: bytes = POLICY) -> Measured:
    bindings = {name: name for name in frame.columns}
    request = Request(policy=parse_policy(policy), source="test", frame=frame, bindings=bindings)
    return measure(request, fingerprint=False)


@pytest.mark.usefixtures("regression")
def test_the_page_adds_a_metric_that_a_policy_can_name() -> None:
    frame = prices(2_000)
    whole, worst, apart = measured(frame).verdicts
    errors = (frame["target"] - frame["prediction"]).abs()
    by_town = errors.groupby(frame["town"]).mean()
    assert whole.value == pytest.approx(errors.mean())
    assert worst.value == pytest.approx(by_town.max())
    assert apart.value == pytest.approx(by_town.max() - by_town.min())
    assert {group.name: group.value for group in worst.groups} == pytest.approx(by_town.to_dict())
    assert whole.interval is not None
    spread = errors.std() / len(errors) ** 0.5
    assert whole.interval.low == pytest.approx(errors.mean() - 1.96 * spread, abs=spread / 3)
    assert whole.interval.high == pytest.approx(errors.mean() + 1.96 * spread, abs=spread / 3)
    assert (whole.status, whole.conclusive) == ("passed", True)
    assert (apart.status, apart.conclusive) == ("failed", True)


@pytest.mark.usefixtures("regression")
def test_what_evidence_keeps_of_a_new_number_gives_the_same_verdict() -> None:
    found = measured(prices(2_000))
    assert found.tally is not None
    kept = Tally.from_json(found.tally.to_json())
    assert kept == found.tally
    assert {table.number for table in kept.scores} == {"absolute error"}
    policy = parse_policy(POLICY)
    assert judge(policy, kept, circumstances=found.circumstances) == found.verdicts
    for coarse, fine in zip(judge(policy, kept.for_evidence()), found.verdicts, strict=True):
        assert coarse.value == pytest.approx(fine.value, rel=0.02)
        assert coarse.status == fine.status


@pytest.mark.usefixtures("regression")
def test_a_new_number_on_a_grid_says_how_far_off_it_is() -> None:
    frame = prices(EXACT_LIMIT + 5_000)
    whole = measured(frame).verdicts[0]
    assert any(note.startswith("absolute errors were cut into cells") for note in whole.notes)
    exact = (frame["target"] - frame["prediction"]).abs().mean()
    assert whole.value == pytest.approx(exact, abs=0.01)


@pytest.mark.usefixtures("regression")
def test_missing_values_of_a_new_number_are_refused_or_dropped() -> None:
    frame = prices(300)
    frame.loc[:2, "prediction"] = None
    refused = measured(frame).verdicts[0]
    assert (refused.status, refused.n) == ("not_evaluated", 297)
    assert "3 rows have no absolute error" in refused.reason
    dropped = measured(frame, POLICY.replace(b"version", b"nulls: drop\nversion")).verdicts[0]
    assert (dropped.status, dropped.n) == ("passed", 297)
    assert dropped.value == pytest.approx((frame["target"] - frame["prediction"]).abs().mean())


def stability(labels: Floats) -> Floats:
    """How far each group's labels are from those of all rows: `(..., G, K)` to `(..., G)`.

    The population stability index: Σ_k (p_k − q_k) ln(p_k / q_k).
    """
    shares = labels / labels.sum(axis=-1, keepdims=True)
    together = labels.sum(axis=-2, keepdims=True)
    whole = together / together.sum(axis=-1, keepdims=True)
    index: Floats = ((shares - whole) * numpy.log(shares / whole)).sum(axis=-1)
    return index


def test_a_statistic_of_drift_is_counted_from_labels_alone() -> None:
    spec = MetricSpec(
        name="population_stability",
        title="Population stability index",
        family="drift",
        definition="How far the target's labels of the group that moved most are from those of "
        "all rows.",
        formula="max_g Σ_k (p_gk − q_k) ln(p_gk / q_k)",
        undefined="a group lacks a label",
        source="Siddiqi, Credit Risk Scorecards (2006)",
        needs=("target",),
        needs_across=True,
        phase="data",
        high=float("inf"),
        ideal=0.0,
        unit="nats",
        compare="max",
        comparable=False,
    )
    labels = STATISTICS["class_balance"].shape
    register([spec], {"population_stability": Statistic(labels, stability)})
    policy = b"""
policy: drift
version: "1"
controls:
  - {id: drift, metric: population_stability, across: month, must: "<= 0.1"}
"""
    frame = pandas.DataFrame(
        {"month": ["may"] * 400 + ["june"] * 400, "target": [0, 1] * 200 + [0, 0, 0, 1] * 100}
    )
    (verdict,) = measured(frame, policy).verdicts
    shares, whole = numpy.array([[0.5, 0.5], [0.75, 0.25]]), numpy.array([0.625, 0.375])
    by_month = ((shares - whole) * numpy.log(shares / whole)).sum(axis=1)
    assert verdict.value == pytest.approx(by_month.max())
    assert verdict.interval is not None
    assert verdict.interval.low < verdict.interval.high
    assert {group.name: group.value for group in verdict.groups} == {
        "may": pytest.approx(by_month[0]),
        "june": pytest.approx(by_month[1]),
    }


def test_a_family_is_joined_whole_or_not_at_all() -> None:
    spec = CATALOG["accuracy"]
    before = dict(CATALOG), dict(STATISTICS)
    with pytest.raises(ValueError, match="accuracy is described twice"):
        register([spec], {})
    with pytest.raises(ValueError, match="nothing computes closeness"):
        register([MetricSpec(**_but(spec, name="closeness"))], {})
    assert before == (CATALOG, STATISTICS)


def _but(spec: MetricSpec, **changed: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in MetricSpec.__slots__} | changed


@pytest.mark.parametrize("room", ["judge", "tally"])
def test_a_room_knows_no_metric_and_no_family(room: str) -> None:
    families = {spec.family for spec in CATALOG.values()} - {"data"}  # which is a phase, too
    for path in (ROOT / "src" / "venturalitica" / room).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not {*CATALOG, *families} & {text for text in texts if isinstance(text, str)}, path
        assert not {*CATALOG} & names, path
