"""The distributions of a data set's columns and of a policy's roles: what a baseline tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from venturalitica.core.drift import Distribution, DriftTable, told
from venturalitica.core.levels import rule_of
from venturalitica.core.policy import Role
from venturalitica.tally.binding import Binding
from venturalitica.tally.drift import Asked, drift_tables
from venturalitica.tally.rows import sources_of

UNTOLD = "fewer than {0} rows of it may be told"


def baseline_of(
    data: Any,
    columns: Sequence[str],
    binding: Binding,
    roles: Mapping[str, Role],
    least: int,
) -> tuple[int, tuple[Distribution, ...], dict[str, str]]:
    """How many rows, the distributions that may be told, and of each column left out why.

    A number of more than 20 different values is cut at its deciles, any other value has a cell of
    its own; no cell holds from 1 to `least` - 1 rows. So few missing values are counted in the
    largest cell, since the rows of the others would tell their number.

    Args:
        data: any table.
        columns: those that are looked at.
        binding: the roles that are looked at besides.
        roles: how the policy reads them.
    """
    sources = sources_of(binding)
    asked = [
        *(Asked("", name, ("column", name)) for name in columns),
        *(Asked("", role, source, None, replace(rule_of(role, roles), name=role))
          for role, source in sources.items()),
    ]  # fmt: skip
    found: list[Distribution] = []
    left_out: dict[str, str] = {}
    rows = 0
    for table in drift_tables(data, binding, roles, asked, least):
        rows = max(rows, sum(table.counts) + table.missing)
        safe = None if table.why else told(_whole(table, least), least)
        if safe is None:
            left_out[table.name] = table.why or UNTOLD.format(max(least, 1))
        elif sum(count > 0 for count in safe.counts) < 2:
            left_out[table.name] = "it has no two levels that may be told"
        else:
            found.append(safe)
    return rows, tuple(found), left_out


def _whole(table: DriftTable, least: int) -> Distribution:
    if not 0 < table.missing < least:
        return table.current
    counts = list(table.counts)
    counts[counts.index(max(counts))] += table.missing
    return replace(table.current, counts=tuple(counts))
