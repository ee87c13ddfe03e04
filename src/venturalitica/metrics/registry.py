"""Metric name -> how it is counted and computed; `register` joins more in one process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec

from venturalitica.metrics.catalog import CATALOG, FAMILIES
from venturalitica.metrics.catalog.spec import MetricSpec, by_name
from venturalitica.metrics.statistic import Statistic


def register(specs: Sequence[MetricSpec], statistics: Mapping[str, Statistic]) -> None:
    """Join metrics in this process: what each means, and how those that are no compositions are
    computed.

    Raises:
        ValueError: a name is described twice, or nothing computes it.
    """
    _check_computed(specs, {**STATISTICS, **statistics})
    CATALOG.update(by_name(tuple(CATALOG.values()), tuple(specs)))
    STATISTICS.update(statistics)


def _check_computed(specs: Iterable[MetricSpec], known: Mapping[str, Statistic]) -> None:
    unknown = [part for spec in specs for part in spec.parts if part not in known]
    if unknown:
        raise ValueError(f"nothing computes {', '.join(unknown)}")


STATISTICS: dict[str, Statistic] = {}
for _file in (f"venturalitica.metrics.{family}" for family in FAMILIES):
    if find_spec(_file):  # a family of compositions has none
        STATISTICS |= import_module(_file).STATISTICS
_check_computed(CATALOG.values(), STATISTICS)
