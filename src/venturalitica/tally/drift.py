"""Rows of single columns by cell: on the grid of a reference, or on one of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.drift import MOST_LEVELS, Distribution, DriftTable, placed
from venturalitica.core.labels import identity
from venturalitica.core.levels import NULL, rule_of
from venturalitica.core.policy import LABEL_ROLES, ONE_LIST, Role
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, VenturaliticaError
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally import on_engine
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally
from venturalitica.tally.engines.arrays import Codes
from venturalitica.tally.rows import Rows, Slot, Source, sources_of
from venturalitica.tally.values import refuse_identifiers, text_of

PLAIN_LEVELS = 20
"""A number of more different values is cut into a grid."""
BINS = 10
"""Bins of a grid, of as equal size as the values allow: the usual number for a stability index."""


class Asked(Struct, frozen=True):
    """One column or role that a control compares with a reference.

    `known` is the reference's distribution of it, None where there is none: it is counted on a
    grid of its own then. `rule` is how a role's values are read; a column has none.
    """

    against: str
    name: str
    source: Source
    known: Distribution | None = None
    rule: Role | None = None


def drift_tables(
    data: Any, binding: Binding, roles: Mapping[str, Role], asked: Sequence[Asked], least: int
) -> tuple[DriftTable, ...]:
    """Count each beside its reference; one that cannot be counted says why.

    Args:
        data: any table, or None where the binding holds arrays alone.
        binding: where roles are read from.
        asked: what is compared; a column's source names it in the data.
    """
    return tuple(_table(data, binding, roles, one, least) for one in asked)


def _table(
    data: Any, binding: Binding, roles: Mapping[str, Role], asked: Asked, least: int
) -> DriftTable:
    known, is_role = asked.known, asked.rule is not None
    bare = DriftTable(asked.against, asked.name, is_role)
    try:
        if known is not None and (why := _other_axis(known, asked.rule)):
            return replace(bare, why=why)
        counted = _counted(data, binding, roles, asked, least)
        found, missing = on_grid(counted, asked, known)
    except VenturaliticaError as error:
        return replace(bare, why=str(error))
    except Exception as error:  # noqa: BLE001 - see below
        # A boundary: a column of a kind that no engine groups by costs its control alone.
        return replace(bare, why=f"'{asked.name}' could not be counted ({type(error).__name__})")
    reference = known.counts if known else ()
    return replace(
        bare,
        cuts=found.cuts,
        levels=found.levels,
        reference=reference,
        counts=found.counts,
        missing=missing,
    )


def _other_axis(known: Distribution, rule: Role | None) -> str:
    """Why the reference's cells are not those by which the policy reads the role; "" else."""
    if rule is None:
        return ""
    what = f"the reference has '{known.name}' in other groups than the policy makes"
    if rule.bins is not None:
        cut = bool(known.cuts) and set(known.cuts) <= set(map(float, rule.bins))
        named = set(map(str, known.levels)) <= set(rule.groups)
        return "" if cut or (not known.cuts and named) else f"{what}: make a new reference"
    if rule.reads or rule.as_text:
        groups = set(rule.groups)
        strange = [one for one in known.levels if groups and str(one) not in groups]
        return f"{what}: make a new reference" if known.cuts or strange else ""
    return ""


class Counted(Struct, frozen=True):
    """A column as it was counted: `values` and their rows, by the `cuts` where these are given;
    `numeric`: the values are numbers that could be cut."""

    values: Sequence[tuple[Label, int]]
    missing: int
    cuts: tuple[float, ...] = ()
    numeric: bool = False

    def grid_wanted(self, known: Distribution | None) -> bool:
        """Whether a grid of its own is made of it."""
        return known is None and self.numeric and len(self.values) > PLAIN_LEVELS


def _counted(
    data: Any, binding: Binding, roles: Mapping[str, Role], asked: Asked, least: int
) -> Counted:
    rule, known = asked.rule, asked.known
    if rule is not None and (rule.reads or rule.as_text):
        by_names = rule.bins is None or (known is not None and not known.cuts)
        if by_names:
            return _by_rule(data, binding, roles, asked.name, least)
    own = _alone(binding, asked)
    rows = Rows(data, own)
    cuts = _cuts(asked)
    if cuts:
        if not rows.is_cuttable(asked.source):
            raise DataError(f"'{asked.name}' does not hold numbers, as its reference does")
        return _of_codes(*_one(rows, Slot(asked.source, cuts)), cuts)
    numeric = rows.is_cuttable(asked.source)
    many = rows.seen([asked.source]).get(asked.source, 0)
    if numeric and rows.is_lazy and known is None and many > PLAIN_LEVELS:
        cuts = tuple(map(float, on_engine.quantiles(rows, asked.source, BINS)))
        return _of_codes(*_one(rows, Slot(asked.source, cuts)), cuts)
    if not numeric and many > MOST_LEVELS:
        raise DataError(_too_many(asked.name, many))
    found = _of_codes(*_one(rows, Slot(asked.source)), ())
    return replace(found, numeric=numeric)


def _too_many(name: str, many: int) -> str:
    return (
        f"'{name}' has {many:,} different values or more: at most {MOST_LEVELS:,} can be compared"
    )


def _cuts(asked: Asked) -> tuple[float, ...]:
    if asked.known is not None:
        return asked.known.cuts
    bins = asked.rule.bins if asked.rule is not None else None
    return tuple(map(float, bins or ()))


def _alone(binding: Binding, asked: Asked) -> Binding:
    kind, name = asked.source
    if kind == "array":
        return Binding(arrays={name: binding.arrays[name]})
    return Binding(columns={asked.name: name})


def _one(rows: Rows, slot: Slot) -> tuple[Codes, Any]:
    cells = rows.count([slot])
    return cells.columns[0], cells.counts


def _of_codes(codes: Codes, counts: Any, cuts: tuple[float, ...]) -> Counted:
    by_code: dict[int, int] = {}
    for code, count in zip(codes.codes.tolist(), counts.tolist(), strict=True):
        by_code[code] = by_code.get(code, 0) + count
    missing = by_code.pop(NULL, 0)
    return Counted([(codes.values[at], rows) for at, rows in by_code.items()], missing, cuts)


def _by_rule(
    data: Any, binding: Binding, roles: Mapping[str, Role], role: str, least: int
) -> Counted:
    """By the names that the policy's own rule gives its groups or labels."""
    sources = sources_of(binding)
    labels = (role,) if role in ONE_LIST else ()
    need = Need(labels, () if labels else (role,))
    kind, name = sources[role]
    own = (
        Binding(arrays={role: binding.arrays[role]})
        if kind == "array"
        else Binding(columns={role: name})
    )
    frame = None if kind == "array" else data
    rules = {role: replace(rule_of(role, roles), name=role)}
    tally = build_tally(frame, needs=[need], binding=own, roles=rules, least=least)
    axis = tally.axis(role)
    assert axis is not None
    by_level = {cell[0]: cell[-1] for cell in tally.table((role,)).cells}
    missing = by_level.pop(NULL, 0)
    return Counted([(axis.levels[at], count) for at, count in by_level.items()], missing)


def on_grid(counted: Counted, asked: Asked, known: Distribution | None) -> tuple[Distribution, int]:
    """The rows on the grid of the reference, else on one of their own; and how many have none.

    Raises:
        DataError: there is nothing that a grid could be made of.
    """
    role = asked.rule is not None
    if counted.cuts:
        return _binned(asked.name, role, counted), counted.missing
    if role and asked.name not in LABEL_ROLES and not counted.grid_wanted(known):
        # As the axis of such a role names its groups.
        named = [(text_of(value), rows) for value, rows in counted.values]
        counted = replace(counted, values=named)
    if known is not None:
        counts = placed(counted.values, known.levels)
        return Distribution(asked.name, role, (), known.levels, counts), counted.missing
    if counted.grid_wanted(known):
        cuts = grid_of([(float(value), rows) for value, rows in counted.values])
        places = [(int(numpy.searchsorted(cuts, float(v), side="right")), n)
                  for v, n in counted.values]  # fmt: skip
        return _binned(asked.name, role, Counted(places, 0, cuts)), counted.missing
    values = sorted(counted.values, key=lambda pair: identity(pair[0]))
    refuse_identifiers(asked.name, [value for value, _ in values], [n for _, n in values])
    if len(values) > MOST_LEVELS:
        raise DataError(_too_many(asked.name, len(values)))
    levels = tuple(value for value, _ in values)
    return (
        Distribution(asked.name, role, (), levels, placed(values, levels)),
        counted.missing,
    )


def _binned(name: str, role: bool, counted: Counted) -> Distribution:
    found = [0] * (len(counted.cuts) + 1)
    for place, rows in counted.values:
        found[int(place)] += rows
    return Distribution(name, role, counted.cuts, (), tuple(found))


def grid_of(values: Sequence[tuple[float, int]], bins: int = BINS) -> tuple[float, ...]:
    """Cut points at the quantiles of the values and their rows: values of the data, as quartiles
    are found, the smallest value at or below which a share of i / bins of the rows lies."""
    ordered = sorted(values)
    below = numpy.cumsum([rows for _, rows in ordered])
    ranks = [ceil(at * int(below[-1]) / bins) for at in range(1, bins)]
    found = {ordered[int(numpy.searchsorted(below, rank))][0] for rank in ranks}
    return tuple(sorted(value for value in found - {ordered[0][0]} if isfinite(value)))
