"""Whoever reads all that a record says, and knows every total, cannot tell how few a group has."""

from __future__ import annotations

from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.attacker import Attacker
from venturalitica.core.tally import Tally
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG

A = ["x", "y", "z", "u", None]
B = ["n", "s", "w", None]

CELLS = st.dictionaries(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from(A[:4]), st.sampled_from(B[:3])),
    st.integers(1, 9),
    min_size=3,
    max_size=14,
)
LARGER = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(A[:3]), st.sampled_from(B[:2])),
    st.integers(1, 40),
    min_size=3,
    max_size=20,
)
NAMELESS = st.dictionaries(
    st.sampled_from([(1, 1, None, "n"), (0, 0, "x", None), (1, 0, None, None), (0, 1, "y", None)]),
    st.integers(1, 6),
    max_size=2,
)
METRICS = st.sampled_from(
    [
        "selection_rate",
        "recall",
        "accuracy",
        "group_representation",
        "precision",
        "f1",
        "f1_macro",
        "recall_macro",
        "precision_weighted",
        "matthews_correlation",
        "cohen_kappa",
    ]
)
ACROSS = st.sampled_from([("a",), ("b",), ("a", "b")])
ACROSS_OR_NOT = st.sampled_from([(), ("a",), ("b",), ("a", "b")])
OF_LABELS = st.sampled_from(
    [name for name, spec in CATALOG.items() if spec.labels and not spec.base and not spec.number]
)
THRESHOLDS = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
CONTROLS = st.lists(st.tuples(METRICS, ACROSS, THRESHOLDS), min_size=1, max_size=4)


def tally_of(make: Any, cells: dict[tuple[Any, ...], int]) -> Tally:
    rows = [row for row, count in cells.items() for _ in range(count)]
    columns = dict(zip(("target", "prediction", "a", "b"), zip(*rows, strict=True), strict=True))
    tally: Tally = make.tally(**{role: list(values) for role, values in columns.items()})
    return tally


def published(make: Any, tally: Tally, asked: list[Any], nulls: Any, least: int) -> Attacker:
    controls = [
        make.control(
            metric,
            f">= {bound}",
            id=f"c{number}",
            across=across,
            compare="min" if across and CATALOG[metric].comparable else None,
            nulls=nulls,
        )
        for number, (metric, across, bound) in enumerate(asked)
    ]
    controls.append(make.control("completeness", ">= 0.0", id="whole"))
    verdicts = judge(make.policy(*controls, favorable=1, min_cell=least), tally)
    return Attacker(
        tally, [verdict.to_json() for verdict in verdicts], tally.axes_json(least), least=least
    )


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(CELLS, NAMELESS, CONTROLS, st.sampled_from(["drop", "refuse"]), st.sampled_from([3, 5]))
@example(
    {(0, 1, "u", "n"): 2, (1, 0, "u", "s"): 5, (1, 1, "z", "w"): 9},
    {},
    [("group_representation", ("a",), 0.2), ("f1", ("a", "b"), 0.5)],
    "drop",
    3,
)
@example(
    {
        (0, 0, "x", "n"): 5,
        (1, 1, "x", "s"): 6,
        (0, 1, "x", "n"): 7,
        (0, 1, "z", "n"): 1,
        (0, 1, "u", "w"): 3,
        (1, 0, "x", "w"): 6,
        (1, 1, "x", "w"): 4,
        (0, 1, "x", "w"): 8,
    },
    {(0, 1, "y", None): 4},
    [("precision", ("a", "b"), 0.2), ("selection_rate", ("a",), 1.0), ("f1", ("a",), 0.8)],
    "refuse",
    3,
)
def test_no_size_follows_from_what_was_published(
    make: Any, cells: Any, nameless: Any, asked: Any, nulls: Any, least: int
) -> None:
    attacker = published(make, tally_of(make, {**cells, **nameless}), asked, nulls, least)
    assert attacker.given_away() == []
    assert attacker.outcomes_given_away() == []


@settings(max_examples=150, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    LARGER,
    st.lists(st.tuples(OF_LABELS, ACROSS_OR_NOT, THRESHOLDS), min_size=1, max_size=4),
    st.sampled_from([3, 5]),
)
def test_no_value_rests_on_a_class_of_few(make: Any, cells: Any, asked: Any, least: int) -> None:
    """Of one good woman alone the F1 of women tells whether she was found, as their recall does."""
    tally = tally_of(make, cells)
    assert published(make, tally, asked, "refuse", least).few_behind(1) == []
