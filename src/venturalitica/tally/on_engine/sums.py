"""Exact sums of amounts by groups: floats as whole numbers of several units, which engines add up
without rounding, and histograms of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Any

import narwhals as nw
from msgspec.structs import replace

from venturalitica.core.amounts import GREATEST, LIMIT, STEPS, AmountTable, exact_text
from venturalitica.core.levels import NULL
from venturalitica.core.policy import WEIGHT
from venturalitica.metrics.catalog.spec import Number
from venturalitica.metrics.catalog.weights import WEIGHTS
from venturalitica.tally.amounts import refuse_large, refuse_weights
from venturalitica.tally.engines import queries
from venturalitica.tally.engines.traced import Plan, Traced, name
from venturalitica.tally.in_memory import Grouped
from venturalitica.tally.on_engine.keyed import Keyed, roles_of

_SUMS = 96
"""So many sums are asked for at once; Spark would not compile many more."""
_ZERO_BIN = -(1 << 20)
_WIDEST = 50


def amount_tables(
    number: Number, sets: Sequence[tuple[str, ...]], given: Grouped
) -> list[AmountTable]:
    """As `tally.in_memory.amount_tables`."""
    keyed, named = Keyed(number, roles_of(sets), given), ""
    if number == WEIGHTS:
        named = given.columns[WEIGHT]
        check_weights(keyed.frame, named, given.least)
    own = Plan(len(number.of))
    inputs = [nw.col(name(place)) for place in range(len(number.of))]
    usable = reduce(and_, (~one.is_null() & (one.abs() <= queries.GREATEST) for one in inputs))
    frame = keyed.frame.with_columns(
        nw.when(usable).then(nw.lit(1)).otherwise(nw.lit(0)).alias("usable")
    )
    usable = nw.col("usable") == 1
    frame = frame.with_columns(
        nw.when(usable).then(one).otherwise(nw.lit(0.0)).alias(name(place))
        for place, one in enumerate(inputs)
    )
    sizes = {f"most{place}": one.abs().max() for place, one in enumerate(inputs)}
    facts = queries.one_row(frame, {"rows": nw.len(), **sizes})
    for place, role in enumerate(number.of):
        if (facts[f"most{place}"] or 0.0) > LIMIT:
            refuse_large(role)
    quantities = dict(number.sums(*own.inputs)) if number.sums else {}
    binned: Traced | None = number.compute(*own.inputs) if number.binned else None
    frame = own.computed(frame)
    if binned is not None:
        frame = _with_bins(frame.with_columns(binned.column.alias("part")), usable)
    summed_of = [t for n, terms in quantities.items() if not n.startswith(GREATEST) for t in terms]
    terms = list(dict.fromkeys(term.place for term in summed_of))
    besides = ["usable", *(["bin"] if binned is not None else [])]
    greatest = [terms[0].place for n, terms in quantities.items() if n.startswith(GREATEST)]
    kept = [*keyed.columns, *besides, *map(name, dict.fromkeys([*terms, *greatest]))]
    frame = frame.select(kept)
    slices = _slices(frame, terms, int(facts["rows"]), usable)
    return [
        replace(
            _amount_table(
                number,
                roles,
                quantities,
                slices,
                _asked(keyed, frame, roles, besides, slices, greatest),
            ),
            column=named,
        )
        for roles in sets
    ]


def _slices(
    frame: Any, terms: Sequence[int], rows: int, usable: nw.Expr
) -> dict[int, tuple[int, ...]]:
    """For each term the exponents of the units in which its size is counted, largest first.

    A term is cut into pieces of so few bits that no sum of all rows leaves 63, from its greatest
    value down to the last bit that its least one can have.
    """
    if not terms:
        return {}
    asked = {}
    for place in terms:
        size = nw.col(name(place)).abs()
        asked[f"most{place}"] = nw.when(usable).then(size).max()
        asked[f"least{place}"] = nw.when(usable & (size > 0.0)).then(size).min()
    facts: dict[str, Any] = {}
    every = list(asked)
    for start in range(0, len(every), _SUMS):
        part = every[start : start + _SUMS]
        facts |= queries.one_row(frame, {one: asked[one] for one in part})
    width = min(_WIDEST, 62 - rows.bit_length())
    found: dict[int, tuple[int, ...]] = {}
    for place in terms:
        most, least = facts[f"most{place}"], facts[f"least{place}"]
        if not most:
            found[place] = ()
            continue
        top, bottom = math.frexp(most)[1], max(math.frexp(least)[1] - 53, -1074)
        units = [top - width * index for index in range(1, 2 + (top - bottom) // width)]
        found[place] = tuple(max(unit, -1074) for unit in units)
    return found


def _sliced(frame: Any, slices: Mapping[int, Sequence[int]], usable: nw.Expr) -> Any:
    """The whole numbers of each term's units, the larger ones taken off before the smaller."""
    frame = frame.with_columns(
        nw.when(usable).then(nw.col(name(place)).abs()).otherwise(nw.lit(0.0)).alias(f"rest{place}")
        for place in slices
    )
    for index in range(max(map(len, slices.values()), default=0)):
        units = {place: own[index] for place, own in slices.items() if index < len(own)}
        frame = frame.with_columns(
            _times(nw.col(f"rest{place}"), -unit).floor().alias(f"whole{place}")
            for place, unit in units.items()
        )
        frame = frame.with_columns(
            *(
                (nw.col(f"rest{p}") - _times(nw.col(f"whole{p}"), unit)).alias(f"rest{p}")
                for p, unit in units.items()
            ),
            *(
                nw.when(nw.col(name(p)) < 0.0)
                .then(nw.lit(0.0) - nw.col(f"whole{p}"))
                .otherwise(nw.col(f"whole{p}"))
                .cast(nw.Int64)
                .alias(f"slice{p}_{index}")
                for p in units
            ),
        )
    return frame


def _times(value: nw.Expr, power: int) -> nw.Expr:
    """Times a power of two, which no float may be able to hold itself."""
    while abs(power) > 1000:
        step = 1000 if power > 0 else -1000
        value, power = value * (2.0**step), power - step
    return value * (2.0**power)


def _with_bins(frame: Any, usable: nw.Expr) -> Any:
    """The number of the bin of `part`, 0 or more: `core.amounts.bin_of` without logarithms."""
    part, power = nw.col("part"), nw.col("power")
    facts = queries.one_row(
        frame,
        {
            "most": nw.when(usable).then(part).max(),
            "least": nw.when(usable & (part > 0.0)).then(part).min(),
        },
    )
    frame = frame.with_columns(
        nw.lit(0).cast(nw.Int64).alias("power"), (part > 0.0).cast(nw.Int64).alias("positive")
    )
    if facts["least"]:
        powers = [math.frexp(facts[end])[1] for end in ("most", "least")]
        reach = (1 + max(map(abs, powers))).bit_length()
        steps = [2**place for place in reversed(range(reach))]
        for step in steps:
            is_large = part >= 2.0**step if step < 1024 else part > queries.GREATEST
            frame = _shifted(frame, is_large, -step)
        for step in steps:
            frame = _shifted(frame, part < 2.0 ** (1 - step), step)
    place = power * STEPS + ((part * float(STEPS)).floor().cast(nw.Int64) - STEPS)
    is_positive = nw.col("positive") == 1
    return frame.with_columns(
        nw.when(is_positive).then(place).otherwise(nw.lit(_ZERO_BIN)).alias("bin")
    )


def _shifted(frame: Any, condition: nw.Expr, step: int) -> Any:
    part, power = nw.col("part"), nw.col("power")
    return frame.with_columns(
        nw.when(condition).then(_times(part, step)).otherwise(part).alias("part"),
        nw.when(condition).then(power - step).otherwise(power).alias("power"),
    )


def _low(place: int) -> float:
    """The lower end of the bin that has this number."""
    if place == _ZERO_BIN:
        return 0.0
    power, step = divmod(place, STEPS)
    return math.ldexp((STEPS + step) / STEPS, power)


def _asked(
    keyed: Keyed,
    frame: Any,
    roles: Sequence[str],
    besides: Sequence[str],
    slices: Mapping[int, Sequence[int]],
    greatest: Sequence[int],
) -> dict[tuple[int, ...], dict[str, Any]]:
    """`(level per role ..., usable, bin)` -> rows and each sum; a query for some terms at once."""
    cells: dict[tuple[int, ...], dict[str, Any]] = {}
    usable = nw.col("usable") == 1
    rows = {"rows": nw.len()} | {
        f"greatest{place}": nw.when(usable).then(nw.col(name(place))).max() for place in greatest
    }
    _add(cells, keyed, frame, roles, besides, rows)
    for part in _parts(slices):
        narrow = frame.select([*keyed.columns, *besides, *map(name, part)])
        sums = {
            f"sum{place}_{index}": nw.col(f"slice{place}_{index}").sum()
            for place, units in part.items()
            for index in range(len(units))
        }
        _add(cells, keyed, _sliced(narrow, part, usable), roles, besides, sums)
    return cells


def _parts(slices: Mapping[int, Sequence[int]]) -> Iterator[dict[int, Sequence[int]]]:
    part: dict[int, Sequence[int]] = {}
    for place, units in slices.items():
        if part and sum(map(len, part.values())) + len(units) > _SUMS:
            yield part
            part = {}
        part[place] = units
    if any(part.values()):
        yield part


def _add(
    cells: dict[tuple[int, ...], dict[str, Any]],
    keyed: Keyed,
    frame: Any,
    roles: Sequence[str],
    besides: Sequence[str],
    asked: Mapping[str, nw.Expr],
) -> None:
    """Several combinations of keys may be one cell: values that a map gives one name."""
    found = keyed.grouped(frame, roles, besides, asked)
    keys = [*keyed.places(found, roles), *(found[one].to_numpy() for one in besides)]
    sums = {one: found[one].to_list() for one in asked}
    for row, key in enumerate(zip(*(column.tolist() for column in keys), strict=True)):
        own = cells.setdefault(tuple(map(int, key)), {})
        for one, values in sums.items():
            if one.startswith("greatest"):
                own[one] = max(own.get(one, 0.0), values[row] or 0.0)
            else:
                own[one] = own.get(one, 0) + int(values[row] or 0)


def _amount_table(
    number: Number,
    roles: Sequence[str],
    quantities: Mapping[str, Sequence[Traced]],
    slices: Mapping[int, Sequence[int]],
    cells: Mapping[tuple[int, ...], Mapping[str, Any]],
) -> AmountTable:
    lows = {}
    for key in cells:
        if key[len(roles)]:
            lows[key] = _low(key[-1]) if number.binned else 0.0
    bins = tuple(sorted(set(lows.values()))) if number.binned else (0.0,)
    rows: dict[tuple[int, ...], int] = {}
    sums: dict[tuple[int, ...], tuple[str, ...]] = {}
    for key, own in cells.items():
        levels = key[: len(roles)]
        if key not in lows:
            cell = (*levels, NULL)
            sums[cell] = ()
        else:
            cell = (*levels, bins.index(lows[key]))
            sums[cell] = tuple(
                _total(name, terms, slices, own) for name, terms in quantities.items()
            )
        rows[cell] = rows.get(cell, 0) + own["rows"]
    ordered = sorted(rows)
    return AmountTable(
        number.name,
        tuple(roles),
        tuple(quantities),
        tuple((*cell, rows[cell]) for cell in ordered),
        tuple(sums[cell] for cell in ordered),
        bins,
    )


def _total(
    name: str,
    terms: Sequence[Traced],
    slices: Mapping[int, Sequence[int]],
    own: Mapping[str, Any],
) -> str:
    if name.startswith(GREATEST):
        numerator, denominator = float(own[f"greatest{terms[0].place}"]).as_integer_ratio()
        return exact_text(numerator, 1 - denominator.bit_length())
    mantissa, exponent = 0, 0
    for term in terms:
        for index, unit in enumerate(slices[term.place]):
            part = own[f"sum{term.place}_{index}"]
            if unit < exponent:
                mantissa, exponent = mantissa << (exponent - unit), unit
            mantissa += part << (unit - exponent)
    return exact_text(mantissa, exponent)


def check_weights(frame: Any, column: str, least: int) -> None:
    """As `tally.amounts.check_weights`, of weights that are the first input of a plan."""
    weight = nw.col(name(0))
    size = weight.abs()
    wrong = [
        weight.is_null(),
        size > queries.GREATEST,
        weight < 0.0,
        size > LIMIT,
        (size > 0.0) & (size < 1 / LIMIT),
    ]
    asked = {f"wrong{place}": one.cast(nw.Int64).sum() for place, one in enumerate(wrong)}
    facts = queries.one_row(frame, {"rows": nw.len(), "most": size.max(), **asked})
    counts = [int(facts[one] or 0) for one in asked]
    refuse_weights(counts, int(facts["rows"]), column, least, any_counts=bool(facts["most"]))
