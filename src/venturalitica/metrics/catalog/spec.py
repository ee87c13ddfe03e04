"""What a metric is, in words and plain values: no numpy here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from venturalitica.core.policy import ONE_LIST, Compare, Phase


def _itself(values: Any) -> Any:
    return values


class Number(Struct, frozen=True):
    """A number that each row has, counted by its levels beside the labels and groups.

    `compute` makes it of the values of the roles `of`, float arrays of shape (n,), missing ones
    NaN. `name` says in evidence which number a table counts. `expected` says what a column must
    hold. `probability`: it lies in [0, 1], and what rounding took out of that by a hair is put
    back.

    Of amounts sums are kept in place of levels. `sums` gives, of the same values without missing
    ones, each quantity by its name as arrays whose total it is, each exact: what rounds here is
    lost. One named `max ...` is not summed, its greatest value is kept. `binned` says that
    `compute` gives what a histogram is kept of, 0 or more.
    """

    name: str
    of: tuple[str, ...]
    compute: Callable[..., Any] = _itself
    expected: str = "a number"
    probability: bool = False
    sums: Callable[..., Mapping[str, tuple[Any, ...]]] | None = None
    binned: bool = False

    @property
    def is_amount(self) -> bool:
        """Whether exact sums or a histogram of it are kept, and no levels."""
        return self.sums is not None or self.binned


SCORE = Number(
    "score", ("score",), expected="the probability of the favorable label", probability=True
)


class MetricSpec(Struct, frozen=True, kw_only=True):
    """One metric of the catalog.

    `needs` are the label roles it is computed from, of any name; each has its own labels, except
    that target and prediction share theirs. `needs_favorable` says whether one label of these two
    must be named the favorable one; `needs_across` whether it exists only between groups. `low` and
    `high` bound its values (`inf` where there is no bound), `ideal` is the best one or None where
    that depends on the use. A named composition is `compare` over the groups' values of `base`, or
    the worst such comparison of several `bases`. `comparable` says whether a control may put it
    `across` groups with a `compare` of its own. `raised_by_chance` says whether noise alone makes
    its value larger: its percentile interval then lies too high; `census`, that it is a fact of
    the very rows and no estimate. `undefined` says when there is no value: such a control is
    `not_evaluated`, never 0. `of_one_row`: the value is one row's own, and shown nowhere unless the
    policy says `min_cell: 0`. `signed_ratio`: a ratio of groups has a meaning where all their
    values are above zero, although they need not be. `no_weights`: of its counts none can be a sum
    of weights; nor of any that is about a `number`.

    `number` is what is counted beside the labels; roles that it is made of are not counted as
    labels. `of_nulls` says that missing values are all that is counted, of the roles that `of` of a
    control lists. `drift`: it compares the rows of single columns with those of a reference, which
    a control names; `ordered`, that their cells must have an order.
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
    bases: tuple[str, ...] = ()
    compare: Compare | None = None
    comparable: bool = True
    raised_by_chance: bool = False
    census: bool = False
    number: Number | None = None
    of_nulls: bool = False
    of_one_row: bool = False
    signed_ratio: bool = False
    no_weights: bool = False
    drift: bool = False
    ordered: bool = False

    @property
    def has_levels(self) -> bool:
        """Whether it is computed from levels of a number, which evidence may keep more coarsely."""
        return self.number is not None and not self.number.is_amount

    @property
    def has_no_weighted_form(self) -> bool:
        """Whether there is no value where rows have weights."""
        return self.no_weights or self.number is not None

    @property
    def has_ratio(self) -> bool:
        """Whether the smallest group's value divided by the largest has a meaning."""
        return self.low >= 0 or self.signed_ratio

    @property
    def is_amount(self) -> bool:
        """Whether it is computed from exact sums of amounts."""
        return self.number is not None and self.number.is_amount

    def range_of(self, compare: str | None) -> tuple[float, float]:
        """The least and greatest value that a control on it can have, infinite without a bound.

        `low` and `high` bound one group's value, unless it is itself a composition; comparing
        groups gives a range of its own.
        """
        low, high = self.low, self.high
        if compare is None or self.compare:
            return low, high
        width = high - low
        ranges = {"difference": (0.0, width), "between": (-width, width), "ratio": (0.0, 1.0)}
        return ranges.get(compare, (low, high))

    def whole_of(self, compare: str | None) -> bool:
        """Whether the values of a control on it are counts."""
        return self.unit == "rows" and compare != "ratio"

    @property
    def labels(self) -> tuple[str, ...]:
        """The label roles that are counted by their levels."""
        made_of = self.number.of if self.number else ()
        return tuple(role for role in self.needs if role not in made_of)

    @property
    def compares_labels(self) -> bool:
        """Whether it takes target or prediction as a label: amounts give it no value."""
        return not set(ONE_LIST).isdisjoint(self.labels)

    @property
    def parts(self) -> tuple[str, ...]:
        """The metrics that are computed for it."""
        return self.bases or (self.base or self.name,)


class Need(NamedTuple):
    """What is to be counted: rows by `labels` and `groups` together, and by a number too.

    `labels`: label roles (`target`, `prediction`); `groups`: grouping roles; `nulls`: roles that
    must be bound only so that their missing values, or they alone, are counted. With all empty only
    the number of rows is wanted.
    """

    labels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    number: Number | None = None
    nulls: tuple[str, ...] = ()

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of the table, labels first, each once; a number is no axis."""
        return tuple(dict.fromkeys((*self.labels, *self.groups)))

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that must be bound, each once."""
        number = self.number.of if self.number else ()
        return tuple(dict.fromkeys((*self.labels, *number, *self.groups, *self.nulls)))


def by_name(*families: tuple[MetricSpec, ...]) -> dict[str, MetricSpec]:
    """One mapping of several families; ValueError where a name is given twice."""
    catalog: dict[str, MetricSpec] = {}
    for spec in (spec for family in families for spec in family):
        if spec.name in catalog:
            raise ValueError(f"the metric {spec.name} is described twice")
        if spec.needs_favorable and set(ONE_LIST).isdisjoint(spec.labels):
            raise ValueError(f"{spec.name} needs the favorable label of target or prediction")
        catalog[spec.name] = spec
    return catalog
