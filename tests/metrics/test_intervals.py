"""Resampling: reproducible, fair to empty cells, and equal to a row bootstrap."""

from __future__ import annotations

import numpy
import pytest

from venturalitica.core.verdict import Interval
from venturalitica.metrics.intervals import (
    REPLICATES,
    Resampling,
    holding,
    percentile_interval,
    undefined_replicates,
)


def test_equal_cells_and_seed_give_equal_replicates() -> None:
    cells = numpy.array([5, 0, 7, 100])
    first = Resampling(cells, "tally|table").each(lambda drawn: drawn)
    again = Resampling(cells, "tally|table").each(lambda drawn: drawn)
    other = Resampling(cells, "tally|other").each(lambda drawn: drawn)
    assert first.shape == (REPLICATES, 4)
    assert (first == again).all()
    assert (first != other).any()


def test_every_replicate_keeps_the_rows_and_the_empty_cells() -> None:
    drawn = Resampling(numpy.array([0, 3, 0, 9, 0]), "x").each(lambda d: d)
    assert (drawn.sum(axis=1) == 12).all()
    assert (drawn[:, [0, 2, 4]] == 0).all()


def test_batches_give_the_same_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = numpy.arange(1, 30)
    whole = Resampling(cells, "x").each(lambda drawn: drawn.sum(axis=1) * drawn[:, 3])
    monkeypatch.setattr("venturalitica.metrics.intervals._KEPT", 29 * 170)
    parts = Resampling(cells, "x").each(lambda drawn: drawn.sum(axis=1) * drawn[:, 3])
    assert (whole == parts).all()


def test_replicates_are_drawn_once_for_all_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    resampling = Resampling(numpy.array([4, 5, 6]), "x")
    first = resampling.each(lambda drawn: drawn)
    monkeypatch.setattr(Resampling, "_draw", lambda *_: pytest.fail("drawn again"))
    assert (resampling.each(lambda drawn: drawn) == first).all()


@pytest.mark.parametrize("rows", [10**3, 10**8])
def test_interval_of_a_share_is_the_textbook_one(rows: int) -> None:
    cells = numpy.array([rows * 3 // 10, rows * 7 // 10])
    shares = Resampling(cells, "x").each(lambda drawn: drawn[:, 1] / rows)
    interval = percentile_interval(shares, 0.025)
    error = (0.3 * 0.7 / rows) ** 0.5
    assert interval is not None
    assert interval.low == pytest.approx(0.7 - 1.96 * error, abs=0.2 * error)
    assert interval.high == pytest.approx(0.7 + 1.96 * error, abs=0.2 * error)


def test_percentiles_are_those_of_numpy() -> None:
    values = numpy.random.default_rng(1).normal(size=REPLICATES)
    interval = percentile_interval(values, 0.025)
    assert interval == pytest.approx(tuple(numpy.percentile(values, [2.5, 97.5])), abs=1e-12)


def test_undefined_replicates_are_left_out_and_counted() -> None:
    values = numpy.arange(100.0)
    with_holes = numpy.concatenate([values, [numpy.nan] * 7])
    assert percentile_interval(with_holes, 0.025) == percentile_interval(values, 0.025)
    assert undefined_replicates(with_holes) == 7
    assert percentile_interval(numpy.full(5, numpy.nan), 0.025) is None


def test_constant_replicates_have_no_width() -> None:
    assert percentile_interval(numpy.full(REPLICATES, 1 / 3), 0.025) == Interval(1 / 3, 1 / 3)


def test_an_interval_is_stretched_to_hold_its_value() -> None:
    assert holding(Interval(0.01, 0.2), 0.0) == Interval(0.0, 0.2)
    assert holding(Interval(0.0, 0.2), 0.1) == Interval(0.0, 0.2)
