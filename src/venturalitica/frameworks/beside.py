"""What is known beside the rows that a model is asked about: arguments of `predict`, labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from venturalitica.core.verdict import Label
from venturalitica.frameworks.alignment import one_column


class Unanswered(Exception):
    """The model does not give what a control needs; the message is the reason for people."""


class Beside(Struct, frozen=True):
    """What a question to a model comes with.

    `params` are further arguments of its `predict`; a row of each belongs to a row of X. `y` are
    labels, shape (n,), that tell which there are where the model itself does not say: those of its
    training, or the true ones of the rows.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    y: Any = None

    def labels(self) -> list[Label] | None:
        """The labels there are, each once and in their order; None where nobody can say."""
        import numpy as np

        from venturalitica.tally.values import canonical

        column = one_column(self.y)
        if column is None:
            return None
        try:
            kinds = np.unique(column) if column.dtype != object else dict.fromkeys(column.tolist())
            return sorted(one for one in map(canonical, kinds) if one is not None)
        except TypeError:  # numbers and text have no order, and rows of lists are no labels
            return None

    def taken_by(self, method: Callable[..., Any]) -> dict[str, Any]:
        """Those of `params` that a method names, or all where it takes any name."""
        named, takes_any = parameters_of(method)
        return {name: value for name, value in self.params.items() if takes_any or name in named}


NOTHING = Beside()


def parameters_of(method: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Names that a method takes, and whether it takes any other name too."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return frozenset(), True
    named = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return frozenset(named), any(p.kind is p.VAR_KEYWORD for p in parameters)


def required(method: Any) -> list[str]:
    """Names that a method cannot be called without, but for its first parameter."""
    try:
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in kinds]
