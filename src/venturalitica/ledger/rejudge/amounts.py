"""Are the sums of amounts in a record's tally such as a count gives?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from venturalitica.core.amounts import GREATEST, AmountTable, bin_of, exact_value
from venturalitica.core.levels import NULL
from venturalitica.core.policy import WEIGHT
from venturalitica.metrics.catalog.weights import ROWS, SQUARES, SUM

_UNDERFLOW = Fraction(1, 1 << 1_000)
"""The squares of numbers near the smallest float are 0."""


def amounts_fault(table: AmountTable) -> str:
    """What contradicts itself in it; "" where nothing does.

    Raises:
        ValueError: a sum is no exact text.
    """
    if not all(isinstance(name, str) for name in table.names):
        return "a sum has no name"
    finite = all(low >= 0 and math.isfinite(low) for low in table.bins)
    if not finite or not all(low < high for low, high in pairwise(table.bins)):
        return "the bins of its amounts are not ascending numbers"
    if any(bin_of(low) != low for low in table.bins):
        return "a bin of its amounts begins elsewhere"
    if len(table.sums) != len(table.cells):
        return "a cell of amounts has no sums"
    for cell, own in zip(table.cells, table.sums, strict=True):
        if len(own) != (0 if cell[-2] == NULL else len(table.names)):
            return "a cell lacks sums of its amounts"
        values = {name: exact_value(text) for name, text in zip(table.names, own, strict=False)}
        for total, squares in (("e", "e2"), ("x", "x2"), ("t", "t2"), ("s", "s2")):
            # Cauchy and Schwarz: no rows have such a sum and such squares, but for their underflow.
            held = {total, squares} <= values.keys()
            if held and values[total] ** 2 > cell[-1] * (values[squares] + cell[-1] * _UNDERFLOW):
                return f"the sums {total} and {squares} are of no rows"
        if any(value < 0 for name, value in values.items() if name.startswith(GREATEST)):
            return "a greatest amount is below 0"
        if table.number == WEIGHT and (fault := _weights_fault(values, cell[-1])):
            return fault
    return ""


def _weights_fault(values: Mapping[str, Fraction], count: int) -> str:
    if not {SUM, SQUARES, ROWS} <= values.keys():
        return "a cell of weights lacks their sums"
    weights, squares, positive = (values[name] for name in (SUM, SQUARES, ROWS))
    if positive.denominator != 1 or not 0 <= positive <= count:
        return "more rows have a weight above 0 than there are"
    if not (weights > 0 and squares > 0 if positive else weights == squares == 0):
        return "its weights are none of rows that have one"
    # Cauchy and Schwarz, and the square of a sum of what is above 0.
    if not weights**2 <= positive * squares <= positive * weights**2:
        return "its weights and their squares are of no rows"
    return ""
