"""Every policy text on record: how many were judged by it, and how that went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, or_, select

from venturalitica.core.verdict import LIGHTS
from venturalitica.ledger.index.queries import JUDGED, Waiting, rank
from venturalitica.ledger.index.tables import runs

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index


class PolicyCount(Struct, frozen=True, kw_only=True):
    """One policy text as the records name it: how many were judged by it, and with what light."""

    name: str
    version: str
    sha256: str
    first: int
    last: int
    first_seen: str
    last_seen: str
    records: int
    audits: int
    lights: Mapping[str, int]


def policy_counts(index: Index, waiting: Waiting = ()) -> tuple[PolicyCount, ...]:
    """Every policy text on record, by GROUP BY: the first used first."""
    number = rank(waiting)
    named = [runs.c.policy_name, runs.c.policy_version, runs.c.policy_sha256]
    grouped = select(
        *named,
        runs.c.kind,
        number,
        func.count(),
        func.min(runs.c.entry),
        func.max(runs.c.entry),
        func.min(runs.c.appended_at),
        func.max(runs.c.appended_at),
    ).where(
        or_(runs.c.policy_name.is_not(None), runs.c.policy_sha256.is_not(None)),
        runs.c.kind.in_(JUDGED),
    )
    found: dict[tuple[str, ...], PolicyCount] = {}
    with index.connect() as connection:
        for row in connection.execute(grouped.group_by(*named, runs.c.kind, number)):
            _add(found, tuple(row))
    return tuple(sorted(found.values(), key=lambda item: item.first))


def _add(found: dict[tuple[str, ...], PolicyCount], row: tuple[Any, ...]) -> None:
    name, version, sha256, kind, number, count, first, last, first_seen, last_seen = row
    key = (name or "", version or "", sha256 or "")
    one = PolicyCount(
        name=key[0],
        version=key[1],
        sha256=key[2],
        first=first,
        last=last,
        first_seen=first_seen,
        last_seen=last_seen,
        records=count,
        audits=count if kind == "audit" else 0,
        lights={LIGHTS[number]: count},
    )
    before = found.get(key)
    found[key] = one if before is None else _sum(before, one)


def _sum(a: PolicyCount, b: PolicyCount) -> PolicyCount:
    lights = dict(a.lights)
    for light, count in b.lights.items():
        lights[light] = lights.get(light, 0) + count
    return replace(
        a,
        first=min(a.first, b.first),
        last=max(a.last, b.last),
        first_seen=min(a.first_seen, b.first_seen),
        last_seen=max(a.last_seen, b.last_seen),
        records=a.records + b.records,
        audits=a.audits + b.audits,
        lights=lights,
    )
