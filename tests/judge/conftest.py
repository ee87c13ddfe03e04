"""Tallies counted by hand, in the plainest way: independent of the tally room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from venturalitica.core.levels import NULL
from venturalitica.core.policy import Control, Policy, Role, Threshold
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.core.verdict import Label

LABELS = ("target", "prediction")


def _order(value: Label) -> tuple[int, Any]:
    return (0 if isinstance(value, bool) else 2 if isinstance(value, str) else 1, value)


def _levels(values: Sequence[Any]) -> tuple[Label, ...]:
    distinct = {(isinstance(v, bool), v): v for v in values if v is not None}
    return tuple(sorted(distinct.values(), key=_order))


def _index(levels: Sequence[Label], value: Any) -> int:
    if value is None:
        return NULL
    kinds = [type(level) is bool for level in levels]
    for place, level in enumerate(levels):
        if level == value and kinds[place] == isinstance(value, bool):
            return place
    return NULL


def tally_of(
    *,
    score: Sequence[float | None] | None = None,
    unmapped: Mapping[str, Mapping[str, int]] | None = None,
    notes: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[Label]] | None = None,
    **columns: Sequence[Any],
) -> Tally:
    """A tally of one joint table over all columns; None is missing."""
    rows = len(score) if not columns and score is not None else len(next(iter(columns.values())))
    shared = _levels([v for role in LABELS for v in columns.get(role, ())])
    own = {role: shared if role in LABELS else _levels(v) for role, v in columns.items()}
    own |= {role: tuple(given) for role, given in (levels or {}).items()}
    places = {role: [_index(own[role], v) for v in values] for role, values in columns.items()}
    axes = tuple(
        Axis(
            role,
            f"{role}_column",
            own[role],
            nulls=sum(v is None for v in columns[role]),
            unmapped=(unmapped or {}).get(role, {}),
            note=(notes or {}).get(role, ""),
        )
        for role in columns
    )
    counted = Counter(zip(*places.values(), strict=True)) if columns else Counter()
    tables = (Table(tuple(columns), tuple((*key, n) for key, n in sorted(counted.items()))),)
    scores: tuple[ScoreTable, ...] = ()
    nulls = {role: sum(v is None for v in values) for role, values in columns.items()}
    if score is not None:
        nulls["score"] = sum(s is None for s in score)
        scores = (_score_table(score, places),)
    return Tally(rows=rows, axes=axes, tables=tables if columns else (), scores=scores, nulls=nulls)


def _score_table(score: Sequence[float | None], places: Mapping[str, Sequence[int]]) -> ScoreTable:
    roles = tuple(role for role in places if role != "prediction")
    distinct = sorted({float(s) for s in score if s is not None})
    level = {s: i for i, s in enumerate(distinct)}
    keys = zip(
        *(places[role] for role in roles),
        [NULL if s is None else level[float(s)] for s in score],
        strict=True,
    )
    return ScoreTable(
        roles, tuple(distinct), tuple((*key, n) for key, n in sorted(Counter(keys).items()))
    )


def control_of(metric: str, must: str = ">= 0.5", **fields: Any) -> Control:
    operator, bound, *surely = must.split()
    across = fields.pop("across", ())
    return Control(
        id=fields.pop("id", metric),
        metric=metric,
        must=Threshold(operator, float(bound), surely=bool(surely)),  # type: ignore[arg-type]
        across=(across,) if isinstance(across, str) else tuple(across),
        **fields,
    )


def policy_of(
    *controls: Control, favorable: Any = None, min_cell: int = 0, **roles: Role
) -> Policy:
    """Small groups are shown unless a test says otherwise: figures are what most are about."""
    target = {"target": Role("target", favorable=favorable)}
    return Policy(
        name="test",
        version="1",
        controls=controls,
        bytes=b"policy: test",
        min_cell=min_cell,
        roles=target | roles,
    )


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    return SimpleNamespace(tally=tally_of, control=control_of, policy=policy_of)
