"""Metric name -> how it is counted and computed; a new family is joined by `register`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from venturalitica.metrics import agreement, data, rates, scores
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.spec import MetricSpec, by_name
from venturalitica.metrics.statistic import Statistic

STATISTICS: dict[str, Statistic] = {
    **agreement.STATISTICS,
    **rates.STATISTICS,
    **scores.STATISTICS,
    **data.STATISTICS,
}


def register(specs: Sequence[MetricSpec], statistics: Mapping[str, Statistic]) -> None:
    """Join a family: what its metrics mean, and how those are computed that are no compositions.

    Raises:
        ValueError: a name is described twice, or nothing computes it.
    """
    known = {**STATISTICS, **statistics}
    unknown = [part for spec in specs for part in spec.parts if part not in known]
    if unknown:
        raise ValueError(f"nothing computes {', '.join(unknown)}")
    CATALOG.update(by_name(tuple(CATALOG.values()), tuple(specs)))
    STATISTICS.update(statistics)
