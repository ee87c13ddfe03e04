"""Groups of runs, held against a plain loop over the rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest

from venturalitica.ledger import Index, Ledger, RunRow
from venturalitica.ledger.index.counts import groups
from venturalitica.ledger.index.counts.groups import find_groups, within
from venturalitica.ledger.index.queries import (
    JUDGED,
    KEYS,
    RANKS,
    Filters,
    Known,
    find_page,
    light_of,
)

COUNT = 40
FILTERS = (
    Filters(),
    Filters(light="red"),
    Filters(light="amber"),
    Filters(light="green", policy="loans"),
    Filters(name="nightly"),
    Filters(model="A"),
    Filters(commit="c1"),
    Filters(without="commit"),
    Filters(without="model"),
    Filters(without="experiment", light="green"),
    Filters(before=20),
    Filters(failing="accuracy"),
    Filters(search="nightly"),
    Filters(name="nowhere"),
)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def index(request: pytest.FixtureRequest, ledger: Ledger, statement: Any) -> Iterator[Index]:
    """Forty audits; some of them say no model, commit or experiment."""
    url = None
    if request.param == "PostgreSQL":
        url = request.getfixturevalue("postgresql").replace("postgresql:", "postgresql+psycopg:")
    rng = random.Random(7)
    for number in range(COUNT):
        made = statement(number)
        said = made["predicate"]
        light = rng.choice(["green", "green", "amber", "red"])
        (verdict,) = said["verdicts"]
        verdict |= {
            "status": "failed" if light == "red" else "passed",
            "conclusive": light == "green",
            "light": light,
        }
        said["light"] = light
        said["run"] |= {"name": rng.choice(["nightly", "by hand"])}
        said["model"] |= {"class": rng.choice(["A", "B", "'; DROP TABLE runs; --", "", None])}
        said["environment"] |= {"git": rng.choice([None, {"commit": rng.choice(["c1", "c2", ""])}])}
        run = {"tracker": "mlflow", "run_id": f"r{number}", "uri": "http://m", "extra": {}}
        said["trackers"] = [
            run | {"experiment_id": one} for one in rng.choice([(), ("1",), ("2",), ("1", "2")])
        ]
        ledger.append(made)
    with Index.open(ledger, url) as found:
        yield found


def knowledge(index: Index, seed: int) -> Known:
    rng = random.Random(seed)
    return Known(
        waiting=rng.sample(range(COUNT + 5), rng.randrange(6)),
        faults=dict.fromkeys(rng.sample(range(COUNT), rng.randrange(3)), "altered"),
        signers=rng.choice([None, {row.signer for row in index.runs()}, ()]),
        refuted=rng.choice(["", "", "", "the log does not verify"]),
        unread=rng.random() < 0.2,
    )


def fitting(index: Index, filters: Filters, known: Known) -> list[RunRow]:
    """By the list itself, which has tests of its own; the newest first."""
    return list(find_page(index, filters, waiting=known, limit=COUNT).rows)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("by", KEYS)
def test_they_are_what_a_loop_gives(index: Index, by: str, seed: int) -> None:
    known = knowledge(index, seed)
    for filters in FILTERS:
        expected: dict[str, list[RunRow]] = {}
        for row in fitting(index, filters, known):
            expected.setdefault(getattr(row, KEYS[by]) or "", []).append(row)
        page = find_groups(index, by, filters, waiting=known)
        assert page.older is None
        assert page.total == len(expected)
        assert {group.key for group in page.groups} == expected.keys()
        for group in page.groups:
            rows = expected[group.key]
            lights = [light_of(row, known) for row in rows]
            assert dict(group.lights) == {one: lights.count(one) for one in set(lights)}
            assert group.worst == min(lights, key=RANKS.__getitem__)
            assert (group.records, group.last) == (len(rows), rows[0].index)
            same = within(filters, by, group.key)
            if group.key and filters.without != by:
                assert [row.index for row in fitting(index, same, known)] == [
                    row.index for row in rows
                ]
        lasts = [group.last for group in page.groups]
        assert lasts == sorted(lasts, reverse=True)


def test_what_says_nothing_of_the_kind_is_found_by_that(index: Index) -> None:
    for by, column in KEYS.items():
        found = fitting(index, within(Filters(), by, ""), Known())
        assert found
        assert {getattr(row, column) or "" for row in found} == {""}


def test_they_are_sorted_and_come_a_page_at_a_time(index: Index) -> None:
    for sort, descending in product(("time", "light", "name"), (True, False)):
        asked = partial(find_groups, index, "model", Filters(), sort=sort, descending=descending)
        every = asked().groups
        pages = [
            group
            for offset in range(0, len(every), 2)
            for group in asked(offset=offset, limit=2).groups
        ]
        assert tuple(pages) == every
        of = {
            "time": lambda group: group.last,
            "light": lambda group: RANKS[group.worst],
            "name": lambda group: group.key,
        }[sort]
        keys = [of(group) for group in every]
        assert keys == sorted(keys, reverse=descending)


@pytest.mark.parametrize("by", KEYS)
def test_of_many_the_newest_are_grouped_and_the_rest_is_led_to(
    index: Index, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPED", 15)
    filters = Filters(kind="audit", before=COUNT)
    seen: list[int] = []
    while True:
        page = find_groups(index, by, filters)
        seen.append(sum(group.records for group in page.groups))
        if page.older is None:
            break
        filters = Filters(kind="audit", before=page.older)
    assert seen == [15, 15, 10]


def test_runs_of_other_kinds_are_in_none(index: Index) -> None:
    page = find_groups(index, "model", Filters())
    assert sum(group.records for group in page.groups) == len(
        [row for row in index.runs() if row.kind in JUDGED]
    )
    assert find_groups(index, "model", Filters(kind="approval")).groups == ()
