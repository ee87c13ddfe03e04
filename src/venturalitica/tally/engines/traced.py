"""Arithmetic over columns as steps that any engine can compute, each once.

What a metric sums of each row is written for arrays. Called with `Traced` values it leaves a plan:
every product, sum and comparison as one step, equal ones as the same. The engine computes them one
after another in columns of their own; nested into one expression they would grow exponentially.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import narwhals as nw

Operand: TypeAlias = "Traced | float"
_Key = tuple[str, tuple["int | float", ...], tuple[bool, ...]]


class Plan:
    """The steps that were asked for; the first `inputs` are columns that are there already."""

    def __init__(self, inputs: int) -> None:
        self._steps: list[_Key] = [("input", (place,), (False,)) for place in range(inputs)]
        self._depth: list[int] = [0] * inputs
        self._known: dict[_Key, int] = {}
        self.inputs = tuple(Traced(self, place) for place in range(inputs))

    def add(self, step: str, *operands: Operand) -> Traced:
        """The column of that step, a new one unless it was asked for before."""
        is_column = tuple(isinstance(one, Traced) for one in operands)
        parts = tuple(one.place if isinstance(one, Traced) else float(one) for one in operands)
        key = (step, parts, is_column)
        if key not in self._known:
            self._known[key] = len(self._steps)
            self._steps.append(key)
            depths = [self._depth[one.place] for one in operands if isinstance(one, Traced)]
            self._depth.append(1 + max(depths))
        return Traced(self, self._known[key])

    def computed(self, frame: Any) -> Any:
        """The lazy frame, whose inputs are named as `name` has it, with a column for each step."""
        for depth in range(1, max(self._depth, default=0) + 1):
            frame = frame.with_columns(
                _STEPS[step](*map(_operand, parts, are_columns)).alias(name(place))
                for place, (step, parts, are_columns) in enumerate(self._steps)
                if self._depth[place] == depth
            )
        return frame


def name(place: int) -> str:
    """What the column of a step is called."""
    return f"step{place}"


class Traced:
    """One column of floats of a `Plan`; a comparison gives 1.0 and 0.0."""

    __slots__ = ("place", "plan")

    def __init__(self, plan: Plan, place: int) -> None:
        self.plan, self.place = plan, place

    @property
    def column(self) -> nw.Expr:
        return nw.col(name(self.place))

    def __add__(self, other: Operand) -> Traced:
        return self.plan.add("+", self, other)

    def __radd__(self, other: Operand) -> Traced:
        return self.plan.add("+", other, self)

    def __sub__(self, other: Operand) -> Traced:
        return self.plan.add("-", self, other)

    def __rsub__(self, other: Operand) -> Traced:
        return self.plan.add("-", other, self)

    def __mul__(self, other: Operand) -> Traced:
        return self.plan.add("*", self, other)

    def __rmul__(self, other: Operand) -> Traced:
        return self.plan.add("*", other, self)

    def __truediv__(self, other: Operand) -> Traced:
        return self.plan.add("/", self, other)

    def __rtruediv__(self, other: Operand) -> Traced:
        return self.plan.add("/", other, self)

    def __abs__(self) -> Traced:
        return self.plan.add("abs", self)

    def __gt__(self, other: Operand) -> Traced:
        return self.plan.add(">", self, other)

    def __ge__(self, other: Operand) -> Traced:
        return self.plan.add(">=", self, other)

    def __lt__(self, other: Operand) -> Traced:
        return self.plan.add("<", self, other)

    def __le__(self, other: Operand) -> Traced:
        return self.plan.add("<=", self, other)


def _operand(part: int | float, is_column: bool) -> nw.Expr:
    return nw.col(name(int(part))) if is_column else nw.lit(float(part), nw.Float64)


def _compared(compare: Callable[[nw.Expr, nw.Expr], nw.Expr]) -> Callable[..., nw.Expr]:
    def step(one: nw.Expr, other: nw.Expr) -> nw.Expr:
        return chosen([(compare(one, other), nw.lit(1.0, nw.Float64))], nw.lit(0.0, nw.Float64))

    return step


def chosen(cases: Sequence[tuple[nw.Expr, nw.Expr]], otherwise: nw.Expr) -> nw.Expr:
    """The value of the first case that holds."""
    found = otherwise
    for condition, value in reversed(cases):
        found = nw.when(condition).then(value).otherwise(found)
    return found


_STEPS: dict[str, Callable[..., nw.Expr]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other,
    "abs": lambda one: one.abs(),
    ">": _compared(lambda one, other: one > other),
    ">=": _compared(lambda one, other: one >= other),
    "<": _compared(lambda one, other: one < other),
    "<=": _compared(lambda one, other: one <= other),
}
