"""Every policy text on record: how many were judged by it, and how that went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, or_, select

from venturalitica.core.verdict import LIGHTS
from venturalitica.ledger.index.counts.answers import apart
from venturalitica.ledger.index.queries import JUDGED, Waiting, known_of, rank
from venturalitica.ledger.index.tables import run_counts, runs

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

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
    """Every policy text on record, by the counters: the first used first."""
    known = known_of(waiting)
    number = rank(known.as_recorded, of=run_counts)
    grouped = select(
        *_named(run_counts),
        run_counts.c.kind,
        number,
        func.sum(run_counts.c.count),
        func.min(run_counts.c.first),
        func.max(run_counts.c.last),
        func.min(run_counts.c.first_seen),
        func.max(run_counts.c.last_seen),
    ).where(
        or_(run_counts.c.policy_name.is_not(None), run_counts.c.policy_sha256.is_not(None)),
        run_counts.c.kind.in_(JUDGED),
    )
    found: dict[tuple[str, ...], PolicyCount] = {}
    with index.connect() as connection:
        for row in connection.execute(
            grouped.group_by(*_named(run_counts), run_counts.c.kind, number)
        ):
            _add(found, tuple(row))
        for *names, one, count in apart(connection, known, *_named(runs), begun=False):
            before = found.get(key := _key(names))
            if before is not None:
                moved = {LIGHTS[one]: before.lights.get(LIGHTS[one], 0) + count}
                found[key] = replace(before, lights={**before.lights, **moved})
    kept = (replace(item, lights=_used(item.lights)) for item in found.values())
    return tuple(sorted(kept, key=lambda item: item.first))


def _named(of: Table) -> tuple[Column[Any], ...]:
    return of.c.policy_name, of.c.policy_version, of.c.policy_sha256


def _key(names: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(name or "" for name in names)


def _used(lights: Mapping[str, int]) -> dict[str, int]:
    return {light: count for light, count in lights.items() if count}


def _add(found: dict[tuple[str, ...], PolicyCount], row: tuple[Any, ...]) -> None:
    *names, kind, number, summed, first, last, first_seen, last_seen = row
    key, count = _key(names), int(summed)
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
