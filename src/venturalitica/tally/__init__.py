"""Tallies out of data: one pass over exactly the columns that a policy needs.

    from venturalitica.tally import Need, build_tally

A `Need` is data: roles to count by, and perhaps a number to make of each row. `binding` says from
which columns each is read, `values` what a value of the data is as a label, `engines` ask data
frames and arrays, `groups` turns values into levels, `spelling` refuses values that mislead, and
`build` puts them together. Nothing here opens a file or knows a metric.
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
    "Need": "metrics.catalog.spec",
    "RefusedValues": "tally.values",
    "RoleError": "tally.values",
    "build_tally": "tally.build",
    "column_names": "tally.engines.narwhals",
    "materialise": "tally.engines.narwhals",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"venturalitica.{_HOMES[name]}"), name)
