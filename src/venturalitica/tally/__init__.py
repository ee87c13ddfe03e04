"""Tallies out of data: one pass over exactly the columns that a policy needs.

    from venturalitica.tally import Need, build_tally

`binding` says which counts a control wants of which columns, `values` what a value of the data is
as a label, `engines` ask data frames and arrays, `groups` turns values into groups, `spelling`
refuses values that mislead, `scores` levels the scores, and `build` puts them together. Nothing
here opens a file or knows a metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venturalitica.metrics.catalog.spec import Need
    from venturalitica.tally.build import build_tally
    from venturalitica.tally.engines.narwhals import column_names, materialise
    from venturalitica.tally.values import RefusedValues, RoleError

__all__ = [
    "Need",
    "RefusedValues",
    "RoleError",
    "build_tally",
    "column_names",
    "materialise",
]

_HOMES = {
    "RefusedValues": "values",
    "RoleError": "values",
    "build_tally": "build",
    "column_names": "engines.narwhals",
    "materialise": "engines.narwhals",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
