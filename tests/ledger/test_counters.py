"""Counters of the index, held against a GROUP BY after whatever was put in and taken away."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.pool import StaticPool

from tests.indexes import Database
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.link import Link
from venturalitica.core.record import BEGIN, KINDS, Statement
from venturalitica.ledger import Index, Ledger, RunRow
from venturalitica.ledger.index.catch_up import _Batch, _forget_pruned
from venturalitica.ledger.index.counts.answers import choices, gaps, lights_of
from venturalitica.ledger.index.counts.kept import are_as_counted
from venturalitica.ledger.index.counts.policies import policy_counts
from venturalitica.ledger.index.queries import (
    EVERY,
    JUDGED,
    RANKS,
    Filters,
    Known,
    find_page,
    light_of,
)
from venturalitica.ledger.index.rows import Outline
from venturalitica.ledger.index.tables import (
    GROUPED,
    engine_of,
    make_again,
    prepare,
    run_counts,
    runs,
    verdict_counts,
    verdicts,
)
from venturalitica.ledger.records.placement import Draft

LIGHTS = ("green", "amber", "red", "grey", "purple")
DAYS = 30


def entry(statement: Any, rng: random.Random, number: int) -> dict[str, Any]:
    """Any kind of record: with a policy or without, of few names, of odd lights."""
    kind = rng.choice(["audit", "audit", "run", KINDS[BEGIN]])
    made = dict(statement(number, kind=kind))
    made["predicateType"] = next(uri for uri, name in KINDS.items() if name == kind)
    predicate = made["predicate"] = dict(made["predicate"])
    predicate["run"] = predicate["run"] | {"name": rng.choice(["a", "b", ""])}
    predicate["model"] = rng.choice([{}, {"class": "X"}, {"class": "Ünï 'x'"}])
    predicate["light"] = rng.choice(LIGHTS)
    found = rng.sample(["accuracy", "parity", "recall"], rng.randrange(4))
    verdict = predicate["verdicts"][0]
    predicate["verdicts"] = [verdict | {"control": control} for control in found]
    policy = predicate["policy"]
    predicate["policy"] = rng.choice([None, policy, policy | {"version": "2"}])
    return made


def hold(index: Index, rng: random.Random) -> None:
    """Counters are what the GROUP BYs are, and so is all that is answered by them."""
    columns = [runs.c[name] for name in GROUPED]
    seen = (runs.c.entry, runs.c.appended_at)
    ends = [one(column) for column in seen for one in (func.min, func.max)]
    by_hand = select(*columns, func.count(), *ends).group_by(*columns)
    own = [run_counts.c[name] for name in GROUPED]
    kept = ("count", "first", "last", "first_seen", "last_seen")
    counted = select(*own, *(run_counts.c[name] for name in kept))
    of_verdicts = select(verdicts.c.control, func.count()).group_by(verdicts.c.control)
    with index.connect() as connection:
        assert sorted(map(repr, connection.execute(counted))) == sorted(
            map(repr, connection.execute(by_hand))
        )
        assert {*map(tuple, connection.execute(select(verdict_counts)))} == {
            *map(tuple, connection.execute(of_verdicts))
        }
        assert are_as_counted(connection)
    rows = index.runs()
    known = knowledge(rows, rng)
    judged = [row for row in rows if row.kind in JUDGED]
    told = [row for row in rows if row.kind in JUDGED or row.index in known.begun]
    lights = [light_of(row, known) for row in told]
    assert dict(lights_of(index, known)) == {
        light: lights.count(light) for light in RANKS if light in lights
    }
    assert gaps(index) == (rows[0].index + 1 - len(rows) if rows else 0)
    assert {*choices(index).names} == {row.name for row in judged} - {""}
    assert {*choices(index).kinds} == {row.kind for row in rows}
    for light in (None, *RANKS):
        for name in (None, "a"):
            page = find_page(index, Filters(light=light, name=name), waiting=known)
            fitting = [
                row.index
                for row in told
                if light in (None, light_of(row, known)) and name in (None, row.name)
            ]
            assert ([row.index for row in page.rows], page.total) == (fitting[:50], len(fitting))
    ended = [r for r in rows if r.kind != KINDS[BEGIN] or r.index in known.begun]
    assert find_page(index, Filters(kind=EVERY), waiting=known).total == len(ended)
    for text_ in policy_counts(index, known):
        of_it = [
            row
            for row in judged
            if (row.policy_version or "", row.policy_sha256 or "") == (text_.version, text_.sha256)
        ]
        assert text_.records == len(of_it) == sum(text_.lights.values())
        assert text_.audits == sum(row.kind == "audit" for row in of_it)
        found = [light_of(row, known) for row in of_it]
        assert text_.lights == {light: found.count(light) for light in found}
        assert (text_.first, text_.last) == (of_it[-1].index, of_it[0].index)


def knowledge(rows: tuple[RunRow, ...], rng: random.Random) -> Known:
    """Something is known of some of them, and of entries that are not there any more."""
    places = [row.index for row in rows] + [0, 99]
    begun = [row.index for row in rows if row.kind == KINDS[BEGIN]]
    return Known(
        waiting=rng.sample(places, rng.randrange(3)),
        faults=dict.fromkeys(rng.sample(places, rng.randrange(2)), "altered"),
        signers=rng.choice([None, [row.signer for row in rows], []]),
        refuted=rng.choice(["", "", "", "the log does not verify"]),
        begun=dict.fromkeys(rng.sample(begun, rng.randrange(len(begun) + 1)), "stopped"),
    )


def outline(made: dict[str, Any], rng: random.Random, index: int) -> Outline:
    at = f"2026-01-{1 + index % DAYS:02}T00:00:00.000000Z"
    link = Link(origin="o", index=index, previous=None, appended_at=at, checkpoint_key="k")
    payload = Draft(made).payload(link)
    line = b"%d " % index + payload
    signer = rng.choice(["mine", "yours"])
    return Outline(index, line, sha256_hex(line), Statement.read(payload), signer)


@pytest.mark.parametrize("seed", range(6))
def test_they_are_what_a_group_by_gives(
    database: Database, ledger: Ledger, statement: Any, seed: int
) -> None:
    if database.url is None:
        at_random(create_engine("sqlite://", poolclass=StaticPool), ledger, statement, seed)
    elif seed < 2:
        at_random(engine_of(ledger.home, database.url), ledger, statement, seed)


def at_random(engine: Engine, ledger: Ledger, statement: Any, seed: int) -> None:
    """Entries are put in, some are pruned, the index is made again: in any order."""
    rng = random.Random(seed)
    kept: list[Outline] = []
    size = 0
    with engine.begin() as connection:
        prepare(connection)
    with Index(ledger, engine) as index:
        hold(index, rng)
        for _ in range(10):
            new = [outline(entry(statement, rng, n), rng, n) for n in range(size, size + 4)]
            start = rng.randrange(size + 1)
            gone = [range(start, rng.randrange(start, size + 1))] if rng.random() < 0.4 else []
            again = rng.random() < 0.3
            with engine.begin() as connection:
                if again:
                    make_again(connection)
                put = [*kept, *new] if again else new
                batch = _Batch(put[-1])
                for one in put:
                    batch.add(one)
                batch.insert(connection)
                _forget_pruned(connection, gone)
            size += 4
            left = [*kept, *new]
            kept = [one for one in left if not any(one.index in some for some in gone)]
            hold(index, rng)


@pytest.mark.parametrize("table", ["run_counts", "verdict_counts"])
def test_counters_that_do_not_fit_the_rows_are_made_again(
    database: Database, ledger: Ledger, statement: Any, table: str
) -> None:
    ledger.append(statement(0))
    with database.open(ledger) as index, index.connect() as connection:
        assert find_page(index, Filters()).total == 1
    database.edit(ledger, f"UPDATE {table} SET count = 7")
    with database.open(ledger) as index:
        assert find_page(index, Filters()).total == 1
        with index.connect() as connection:
            query = select(verdict_counts.c.count)
            assert connection.execute(query).scalars().all() == [1]


EDITS = (
    "UPDATE run_counts SET light = 'green'",
    "UPDATE run_counts SET name = 'another', kind = 'run'",
    "UPDATE run_counts SET last_seen = '2099'",
    "UPDATE verdict_counts SET control = 'another'",
    "UPDATE run_counts SET light = 'green'; UPDATE meta SET value = '' WHERE key = 'counters'",
    "DELETE FROM meta WHERE key = 'counters'",
)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_keeps_the_sums_is_seen(
    database: Database, ledger: Ledger, statement: Any, edit: str
) -> None:
    lit(ledger, statement)
    with database.open(ledger) as index:
        before = numbers(index)
        database.edit(ledger, *edit.split("; "))
        index.refresh()
        assert numbers(index) == before


def lit(ledger: Ledger, statement: Any) -> None:
    for number, light in enumerate(("red", "red", "green")):
        made = dict(statement(number))
        made["predicate"] = made["predicate"] | {"light": light}
        ledger.append(made)


def numbers(index: Index) -> tuple[Any, ...]:
    return lights_of(index), choices(index), policy_counts(index), find_page(index, Filters()).total
