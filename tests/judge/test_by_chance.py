"""What exactly equal groups would show by chance, beside a comparison that fails or is unsure."""

from __future__ import annotations

import random
from typing import Any

import numpy
import pytest

from venturalitica.core.circumstances import UNNAMED, Circumstances
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge
from venturalitica.judge.pen import as_recorded
from venturalitica.reports.html.interval_chart import interval_bar
from venturalitica.reports.sentences import chance_sentence


def people(sizes: list[int], rate: float = 0.5) -> dict[str, list[Any]]:
    chance = random.Random(5)
    group = [f"g{place}" for place, size in enumerate(sizes) for _ in range(size)]
    target = [int(chance.random() < 0.6) for _ in group]
    return {
        "group": group,
        "target": target,
        "prediction": [int(chance.random() < rate) for _ in group],
    }


def one(make: Any, data: dict[str, list[Any]], metric: str, must: str, **fields: Any) -> Verdict:
    control = make.control(metric, must, across="group", **fields)
    (verdict,) = judge(make.policy(control, favorable=1), make.tally(**data))
    return verdict


SIZES = [90, 70, 150, 40, 200, 60]


@pytest.mark.parametrize(
    ("compare", "must"), [("ratio", ">= 0.95"), ("difference", "<= 0.02"), ("min", ">= 0.49")]
)
def test_it_is_what_a_simulation_of_equal_groups_gives(make, compare, must) -> None:
    data = people(SIZES)
    verdict = one(make, data, "selection_rate", must, compare=compare)
    rate = sum(data["prediction"]) / len(data["prediction"])
    drawn = numpy.random.default_rng(1).binomial(SIZES, rate, (20_000, len(SIZES))) / SIZES
    least, most = drawn.min(axis=1), drawn.max(axis=1)
    shown = {"ratio": least / most, "difference": most - least, "min": least}[compare]
    expected = numpy.quantile(shown, (0.5, 0.05, 0.95))
    assert verdict.by_chance == pytest.approx(tuple(expected), abs=0.02)
    bound = "at most" if must.startswith("<") else "at least"
    assert "exactly equal groups would show" in verdict.reason
    assert f"95 % of the time {bound}" in verdict.reason


def test_a_part_of_the_rows_counts_where_the_rate_is_of_those(make) -> None:
    data = people(SIZES)
    few = [place for place, group in enumerate(data["group"]) if group == "g4"]
    for place in few:
        data["target"][place] = int(place in few[:3])
    verdict = one(make, data, "recall", ">= 0.95", compare="min")
    assert verdict.by_chance is not None
    assert verdict.by_chance.typical < 0.34, "one group has three rows with the favorable label"


@pytest.mark.parametrize(
    ("metric", "fields"),
    [
        ("equalized_odds_difference", {}),
        ("f1_macro", {"compare": "difference"}),
        ("cohen_kappa", {"compare": "difference"}),
        ("accuracy", {"compare": "between", "groups": ("g0", "g1")}),
    ],
)
def test_other_comparisons_have_one_too(make, metric, fields) -> None:
    verdict = one(make, people(SIZES), metric, "<= 0.001", **fields)
    low, high = verdict.by_chance.low, verdict.by_chance.high
    assert low < verdict.by_chance.typical < high
    assert verdict == one(make, people(SIZES), metric, "<= 0.001", **fields), "again the same"


def test_who_passes_for_sure_needs_none(make) -> None:
    data = people([4000, 4000])
    assert one(make, data, "selection_rate", ">= 0.5", compare="ratio").by_chance is None
    assert one(make, data, "group_representation", ">= 0.49").by_chance is None
    assert one(make, data, "selection_rate", "!= 0.9", compare="ratio").by_chance is None


def test_the_record_and_its_page_show_it(make) -> None:
    verdict = one(make, people(SIZES), "selection_rate", ">= 0.95", compare="ratio")
    (written,) = as_recorded([verdict], rough=False)
    assert Verdict.from_json(written.to_json()) == written
    assert written.by_chance == pytest.approx(verdict.by_chance, abs=1e-4)
    bar = str(interval_bar(written))
    assert "vl-chance" in bar
    assert "equal groups" in bar
    assert chance_sentence(written).startswith("Grey: what exactly equal groups of these sizes")
    bare = {key: value for key, value in written.to_json().items() if key != "by_chance"}
    assert Verdict.from_json(bare).by_chance is None, "as in records of before"
    assert "vl-chance" not in str(interval_bar(Verdict.from_json(bare)))


def test_records_of_before_say_what_they_said(make) -> None:
    control = make.control("selection_rate", ">= 0.95", across="group", compare="ratio")
    before = Circumstances(intervals=UNNAMED)
    tally = make.tally(**people(SIZES))
    (verdict,) = judge(make.policy(control, favorable=1), tally, circumstances=before)
    assert verdict.by_chance is None
    assert "would" not in verdict.reason


def test_the_sentence_says_how_many_rows_would_settle_it(make) -> None:
    verdict = one(make, people([300, 300]), "selection_rate", ">= 0.93", compare="ratio")
    assert not verdict.conclusive
    assert "rows in place of 600 would settle it" in verdict.reason


def test_no_rows_settle_what_is_never_conclusive(make) -> None:
    labels = ["a", "b", "c"] * 100
    predictions = [label if place % 4 else "a" for place, label in enumerate(labels)]
    control = make.control("f1_macro", ">= 0.8")
    (verdict,) = judge(make.policy(control), make.tally(target=labels, prediction=predictions))
    assert not verdict.conclusive
    assert "would put its interval on one side" in verdict.reason
    assert "settle it" not in verdict.reason
