"""Each metric says how few rows stand behind its value: of a class of a handful none is shown."""

from __future__ import annotations

import numpy
import pytest

from tests.attacker import BEHIND
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.registry import STATISTICS
from venturalitica.metrics.statistic import Counts, rarest_label

OF_ALL_ROWS = {name for name, classes in BEHIND.items() if not classes} | {
    "brier_score", "log_loss", "expected_calibration_error"
}  # fmt: skip
"""Metrics that no class stands behind alone. Whoever adds one here says that it tells of nobody."""


def counts(few: int, name: str) -> Counts:
    """Two groups of 100 rows: in the first, `few` have the favorable target, and all are right."""
    rows = numpy.array([few, 100 - few, 50, 50])
    labels = numpy.array([1, 0, 1, 0])
    spec = CATALOG[name]
    return Counts(
        indices=numpy.repeat(labels[:, None], len(spec.labels), axis=1),
        group=numpy.array([0, 0, 1, 1]),
        counts=rows,
        size=2,
        favorable=1,
        level=labels if spec.number else None,
        values=numpy.array([0.25, 0.75]) if spec.number else None,
    )


@pytest.mark.parametrize("few", [3, 97])
@pytest.mark.parametrize("name", sorted(n for n in STATISTICS if not CATALOG[n].is_amount))
def test_every_metric_knows_the_fewest_rows_behind_it(name: str, few: int) -> None:
    statistic, counted = STATISTICS[name], counts(few, name)
    if statistic.fewest is None:
        fewest = rarest_label(counted)
    else:
        measured = statistic.shape.lay(counted).measured
        fewest = statistic.fewest(
            *([measured] if counted.values is None else [measured, counted.values])
        )
    least = numpy.minimum(counted.rows, fewest)
    if not CATALOG[name].labels or name in OF_ALL_ROWS:
        assert least.tolist() == [100, 100]
        return
    own: dict[tuple[str, bool | None], int]
    own = {("target", True): few, ("target", False): 100 - few, ("prediction", True): few}
    sides = BEHIND.get(name, (("target", None),))
    expected = min(own.get(side, min(few, 100 - few)) for side in sides)
    assert least.tolist() == [expected, 50]


def test_a_class_without_rows_is_no_part() -> None:
    assert rarest_label(counts(0, "f1_macro")).tolist() == [100, 50]
