"""What a metric is, in words and plain values: no numpy here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Phase = Literal["data", "model"]
Comparison = Literal["difference", "ratio", "min", "max", "between"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One metric of the catalog.

    `needs` are the label roles it is computed from; `needs_favorable` says whether one label must
    be named the favorable one; `needs_across` whether it exists only between groups. `low` and
    `high` bound its values (`inf` where there is no bound), `ideal` is the best one or None where
    that depends on the use. A named composition is `compare` over the groups' values of `base`.
    `comparable` says whether a control may put it `across` groups with a `compare` of its own.
    `raised_by_chance` says whether noise alone makes its value larger: its percentile interval then
    lies too high. `undefined` says when there is no value: such a control is `not_evaluated`,
    never 0.
    """

    name: str
    title: str
    family: str
    definition: str
    formula: str
    undefined: str
    source: str
    needs: tuple[str, ...] = ("target", "prediction")
    needs_favorable: bool = False
    needs_across: bool = False
    phase: Phase = "model"
    low: float = 0.0
    high: float = 1.0
    ideal: float | None = 1.0
    unit: str = "share"
    base: str | None = None
    compare: Comparison | None = None
    comparable: bool = True
    raised_by_chance: bool = False

    @property
    def whole(self) -> bool:
        """Whether its values are counts."""
        return self.unit == "rows"

    @property
    def needs_score(self) -> bool:
        """Whether it is computed from a score."""
        return "score" in self.needs


class Needs(NamedTuple):
    """What a control needs of the data.

    `labels`: label roles that are counted (`target`, `prediction`); `groups`: grouping roles they
    are counted by; `score`: whether by score too; `nulls`: roles that must be bound only so that
    their missing values are counted.
    """

    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    score: bool = False
    nulls: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that must be bound, each once."""
        score = ("score",) if self.score else ()
        return tuple(dict.fromkeys((*self.labels, *score, *self.groups, *self.nulls)))


def by_name(*families: tuple[MetricSpec, ...]) -> dict[str, MetricSpec]:
    """One mapping of several families; a name given twice is a ValueError."""
    catalog: dict[str, MetricSpec] = {}
    for spec in (spec for family in families for spec in family):
        if spec.name in catalog:
            raise ValueError(f"the metric {spec.name} is described twice")
        catalog[spec.name] = spec
    return catalog
