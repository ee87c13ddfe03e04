from __future__ import annotations

from typing import Any

import numpy
import pytest
from sklearn.metrics import roc_auc_score

from tests.tally.dense import dense_scores
from venturalitica.core.scores import EVIDENCE_CELLS, EXACT_LIMIT, FINE_CELLS, Grid
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally

NEEDS = [Need(("target",), number=SCORE)]


def scored(target: Any, score: Any, **groups: Any) -> Tally:
    binding = Binding({}, {"target": target, "score": score, **groups})
    needs = [*NEEDS, *(Need(("target",), (name,), number=SCORE) for name in groups)]
    return build_tally(None, needs=needs, binding=binding)


def auc_of(tally: Tally, table: Any) -> float:
    counts = dense_scores(table, ("target",), tally)[:-1, :-1].astype(float)
    below = numpy.cumsum(counts[0]) - counts[0] / 2
    return float((counts[1] * below).sum() / counts[0].sum() / counts[1].sum())


def test_scores_are_kept_exactly_and_counted() -> None:
    tally = scored([0, 1, 1, None], [0.25, 0.5, None, 0.25], group=["a", "b", "b", "b"])
    (table,) = tally.scores
    assert table.roles == ("target", "group")
    assert table.scores == (0.25, 0.5)
    assert table.exact
    assert dense_scores(table, ("target",), tally).tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert dense_scores(table, (), tally).tolist() == [2, 1, 1]
    assert dense_scores(table, ("group", "target"), tally).shape == (3, 3, 3)
    assert tally.nulls["score"] == 1


def test_a_table_without_the_role() -> None:
    tally = scored([0, 1], [0.25, 0.5])
    with pytest.raises(DataError, match="holds target and not group"):
        dense_scores(tally.scores[0], ("group",), tally)


def test_minus_zero_is_zero() -> None:
    assert scored([0, 1], [-0.0, 0.0]).scores[0].scores == (0.0,)


def test_small_floats_are_widened_exactly() -> None:
    narrow = numpy.array([0.1, 0.7], dtype=numpy.float32)
    assert scored([0, 1], narrow).scores[0].scores == tuple(narrow.astype(float).tolist())


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (["0.5", "0.7"], "score= is bound to score and does not hold numbers"),
        ([True, False], "does not hold numbers"),
        ([0.5, float("inf")], "infinite"),
        (["2020-01-01", None], "does not hold numbers"),
    ],
)
def test_what_is_no_score(score: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        scored([0, 1], score)


def test_a_text_column_is_no_score(engine: Any) -> None:
    binding = Binding({"target": "y", "score": "s"})
    with pytest.raises(DataError, match="column 's' is bound to score"):
        build_tally(engine({"y": [0, 1], "s": ["a", "b"]}), needs=NEEDS, binding=binding)


def test_no_score_at_all() -> None:
    tally = scored([0, 1], [None, float("nan")])
    assert tally.scores[0].scores == ()
    assert dense_scores(tally.scores[0], ("target",), tally).tolist() == [[1], [1], [0]]
    assert tally.for_evidence() is tally


def many_scores(low: float, high: float) -> tuple[Any, Any, Tally]:
    generator = numpy.random.default_rng(5)
    target = generator.integers(0, 2, 200_000)
    score = numpy.clip(generator.beta(2, 2, 200_000) + 0.1 * target, 0, 1) * (high - low) + low
    return target, score, scored(target, score)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-40.0, 12.0)])
def test_beyond_the_limit_scores_are_on_a_fine_grid(low: float, high: float) -> None:
    target, score, tally = many_scores(low, high)
    (table,) = tally.scores
    assert numpy.unique(score).size > EXACT_LIMIT
    assert not table.exact
    assert table.width == pytest.approx((high - low) / FINE_CELLS, rel=1e-2)
    assert len(table.scores) <= FINE_CELLS + 2
    assert auc_of(tally, table) == pytest.approx(roc_auc_score(target, score), abs=1e-4)
    moved = numpy.abs(numpy.sort(score)[[0, -1]] - numpy.array(table.scores)[[0, -1]])
    assert moved.max() <= table.width / 2 + 1e-12


def test_the_evidence_form_is_coarse_small_and_stable() -> None:
    target, score, tally = many_scores(0.0, 1.0)
    kept = tally.for_evidence()
    assert kept.sha256 == tally.sha256
    assert kept.for_evidence() is kept
    assert Tally.from_json(kept.to_json()) == kept
    assert Tally.from_json(kept.to_json()).sha256 == tally.sha256
    (table,) = kept.scores
    assert len(table.scores) <= EVIDENCE_CELLS + 2
    assert table.width == 1 / EVIDENCE_CELLS
    assert auc_of(kept, table) == pytest.approx(roc_auc_score(target, score), abs=2e-3)
    assert sum(cell[-1] for cell in table.cells) == 200_000


def test_scores_that_single_out_rows_are_never_kept() -> None:
    score = numpy.random.default_rng(0).random(100)
    tally = scored([0, 1] * 50, score)
    assert tally.scores[0].exact
    (kept,) = tally.for_evidence().scores
    assert not kept.exact
    assert not set(kept.scores) & set(score.tolist())


def test_shared_scores_are_kept_exactly() -> None:
    tally = scored([0, 1] * 50, [0.1, 0.2] * 50)
    assert tally.for_evidence() is tally


def test_one_score_outside_the_unit_interval() -> None:
    tally = scored([0, 1], [7.5, 7.5])
    assert tally.for_evidence().scores[0].scores == (7.5,)


def test_the_grid_keeps_its_ends_and_the_edges_of_calibration_bins() -> None:
    grid = Grid(0.0, 1.0, EVIDENCE_CELLS)
    scores = numpy.array([0.0, 1e-12, 0.3, numpy.nextafter(0.3, 0), 1 - 1e-12, 1.0])
    levels = grid.place(scores)
    assert levels.tolist() == [0, 1, 145, 144, 480, 481]
    centres = grid.centres(levels)
    assert centres[[0, -1]].tolist() == [0.0, 1.0]
    assert numpy.abs(centres - scores).max() <= grid.width / 2 + 1e-12
    for bins in (5, 10, 15, 20):
        assert FINE_CELLS % bins == EVIDENCE_CELLS % bins == 0
        assert numpy.array_equal(
            numpy.floor(centres[1:-1] * bins), numpy.floor(scores[1:-1] * bins)
        )


def test_a_table_of_too_many_cells_goes_to_the_coarse_grid(monkeypatch: Any) -> None:
    monkeypatch.setattr("venturalitica.core.scores.SCORE_CELLS", 50)
    generator = numpy.random.default_rng(0)
    tally = scored(generator.integers(0, 2, 500), generator.random(500))
    (table,) = tally.scores
    assert not table.exact
    assert table.width == 1 / EVIDENCE_CELLS
    assert sum(cell[-1] for cell in table.cells) == 500


def test_groups_cost_exactness_before_they_cost_size(monkeypatch: Any) -> None:
    monkeypatch.setattr("venturalitica.core.scores.SCORE_CELLS", 4_000)
    generator = numpy.random.default_rng(0)
    scores, target = generator.random(5_000), generator.integers(0, 2, 5_000)
    (table,) = scored(target, scores).scores
    assert table.width == 1 / 3_840
    assert len(table.cells) <= 4_000
