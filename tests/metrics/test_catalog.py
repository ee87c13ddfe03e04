"""The catalog: complete, consistent, light, and the same as the documentation."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from venturalitica.core.policy import COMPARES, LABEL_ROLES, Control, Threshold
from venturalitica.metrics.catalog import CATALOG, misuse_of, needs, phase_of, roles_needed
from venturalitica.metrics.catalog.spec import by_name
from venturalitica.metrics.intervals import COMPARISONS
from venturalitica.metrics.registry import STATISTICS

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def control(metric: str, **fields) -> Control:
    return Control(id="c", metric=metric, must=Threshold(">=", 0.5), **fields)


@pytest.mark.parametrize("name", CATALOG)
def test_every_metric_is_described_and_can_be_computed(name: str) -> None:
    spec = CATALOG[name]
    assert spec.name == name
    for words in (
        spec.title,
        spec.definition,
        spec.formula,
        spec.undefined,
        spec.source,
        spec.unit,
    ):
        assert words.strip()
    assert spec.low < spec.high
    assert spec.ideal is None or spec.low <= spec.ideal <= spec.high
    assert set(spec.needs) <= set(LABEL_ROLES)
    assert set(spec.parts) <= set(STATISTICS)
    if spec.base:
        assert spec.compare in COMPARISONS
        assert spec.needs_across
        assert not spec.comparable


def test_nothing_is_computed_that_is_not_described() -> None:
    assert set(STATISTICS) <= set(CATALOG)
    assert set(COMPARISONS) == set(COMPARES)


@pytest.mark.parametrize("name", CATALOG)
def test_the_document_shows_every_metric(name: str) -> None:
    spec = CATALOG[name]
    text = DOCUMENT.read_text()
    entry = text.partition(f"### `{name}`\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert entry, f"docs/metrics.md has no entry for {name}"
    for said in (spec.title, spec.definition, spec.formula, spec.undefined, spec.source):
        assert said in entry, f"docs/metrics.md: {name}: {said!r}"
    high = "no upper bound" if math.isinf(spec.high) else f"{spec.high:g}"
    assert f"{spec.low:g} to {high}" in entry
    assert f"Ideal: {'depends on the use' if spec.ideal is None else f'{spec.ideal:g}'}" in entry


def test_the_document_shows_no_metric_that_does_not_exist() -> None:
    shown = [line[5:-1] for line in DOCUMENT.read_text().splitlines() if line.startswith("### `")]
    assert shown == list(CATALOG)


def test_the_catalog_needs_no_numpy() -> None:
    code = (
        "import sys, venturalitica.metrics.catalog as c; "
        "assert len(c.CATALOG) > 40; "
        "assert not {'numpy', 'pandas', 'pydantic', 'rfc8785'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_is_described_once() -> None:
    spec = CATALOG["accuracy"]
    with pytest.raises(ValueError, match="accuracy is described twice"):
        by_name((spec,), (spec,))


def test_data_metrics_need_no_model() -> None:
    data = {name for name, spec in CATALOG.items() if spec.phase == "data"}
    assert data == {
        "base_rate", "class_balance", "group_representation", "label_disparity", "completeness",
        "row_count", "mean_target", "population_stability_index", "jensen_shannon_distance",
        "kolmogorov_smirnov_distance", "chi_square_distance",
    }  # fmt: skip
    assert all({"prediction", "score"}.isdisjoint(CATALOG[name].needs) for name in data)
    assert "data" in {spec.family for spec in CATALOG.values()}


def test_needs_say_what_to_bind() -> None:
    parity = control("demographic_parity_ratio", across=("gender", "age"))
    assert roles_needed(CATALOG[parity.metric], parity) == (
        ("prediction",),
        ("gender", "age"),
        None,
        (),
    )
    area = control("roc_auc")
    assert roles_needed(CATALOG["roc_auc"], area).roles == ("target", "score")
    moved = control("chi_square_distance", of=("gender", "score"), against="last-green")
    assert needs([moved])[0].roles == ("gender", "score")
    assert phase_of(moved) == "model"
    complete = control("completeness", of=("gender",))
    assert needs([complete, control("nonsense")])[0].roles == ("gender",)
    assert needs([control("nonsense")])[0].roles == ()


def test_a_control_may_set_its_own_phase() -> None:
    assert phase_of(control("completeness")) == "data"
    assert phase_of(control("completeness", phase="model")) == "model"
    assert phase_of(control("unknown")) == "model"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (control("acuracy"), "did you mean 'accuracy'"),
        (control("recall", across=("gender",)), "say how they become one: compare:"),
        (control("recall", compare="ratio"), "add across"),
        (control("demographic_parity_ratio"), "add across"),
        (
            control("demographic_parity_ratio", across=("g",), compare="difference"),
            "is a comparison by its definition",
        ),
        (control("recall", across=("g",), compare="between"), "two different groups"),
        (control("recall", across=("g",), compare="between", groups=("a", "a")), "two different"),
        (
            control("recall", across=("g",), compare="ratio", groups=("a", "b")),
            "belongs to compare: between",
        ),
        (control("completeness", across=("g",), compare="min"), "cannot be computed by group"),
        (control("cohen_kappa", across=("g",), compare="ratio"), "can be negative"),
        (control("accuracy", across=("target",), compare="ratio"), "label role"),
        (control("accuracy", across=("g", "g"), compare="ratio"), "twice"),
    ],
)
def test_a_control_that_cannot_be_computed_is_explained(wrong: Control, said: str) -> None:
    assert said in misuse_of(wrong)


def test_a_control_that_can_be_computed_has_no_misuse_of() -> None:
    assert misuse_of(control("recall", across=("g",), compare="between", groups=("a", "b"))) == ""
    assert misuse_of(control("equalized_odds_ratio", across=("g", "h"))) == ""
    assert misuse_of(control("cohen_kappa", across=("g",), compare="difference")) == ""
