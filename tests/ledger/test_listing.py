"""Pages of the index, held against a plain loop over the records of the log."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.indexes import Database
from venturalitica.ledger import Index, Ledger, RunRow, load_signer
from venturalitica.ledger.index import queries, search
from venturalitica.ledger.index.counts.answers import choices
from venturalitica.ledger.index.counts.policies import policy_counts
from venturalitica.ledger.index.cross_check import Held
from venturalitica.ledger.index.pipelines import pipelines, trends
from venturalitica.ledger.index.queries import (
    JUDGED,
    RANKS,
    SORTS,
    Filters,
    Known,
    find_page,
    light_of,
    verdicts_of,
)

WAITING = {0, 4, 11, 17}
NAMES, POLICIES, MODELS = ("nightly", "by hand", "100%_odd"), ("loans", "fraud", None), ("A", "B")
OTHERS = {3: "Nightly", 9: "_n", 12: "Ünder", 14: "zebra", 20: "a\\b"}


def audit(statement: Any, number: int, rng: random.Random) -> dict[str, Any]:
    made = statement(number)
    predicate = made["predicate"]
    (verdict,) = predicate["verdicts"]
    outcome = rng.choice(["passed", "unsure", "failed", "not_evaluated"])
    verdict |= {
        "control": rng.choice(["accuracy", "parity"]),
        "status": "passed" if outcome == "unsure" else outcome,
        "value": None if outcome == "not_evaluated" else 0.7 + rng.choice([-1, 1]) * rng.random(),
        "conclusive": outcome == "passed",
    }
    light = {"passed": "green", "failed": "red"}.get(outcome, "amber")
    verdict["light"] = predicate["light"] = light
    predicate["run"] |= {
        "name": OTHERS.get(number) or rng.choice(NAMES),
        "id": f"{number // 2:032x}",
    }
    policy = rng.choice(POLICIES)
    version = rng.choice(["1", "2"])
    predicate["policy"] = policy and predicate["policy"] | {"name": policy, "version": version}
    predicate["model"] |= {"class": rng.choice(MODELS)}
    predicate["environment"] |= {"git": {"commit": f"{number:02x}" + "c" * 38}}
    predicate["trackers"] = [{"tracker": "mlflow", "run_id": f"tracked{number}"}]
    return dict(made)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, statement: Any) -> Ledger:
    folder = tmp_path_factory.mktemp("listing")
    rng = random.Random(7)
    ledger = Ledger.open(folder / "home", signer=load_signer(None, folder / "config"))
    for number in range(24):
        ledger.append(audit(statement, number, rng))
    other = {"predicateType": "urn:example:other"}
    ledger.append(statement(30, kind="other") | other)
    return ledger


@pytest.fixture
def index(database: Database, ledger: Ledger) -> Iterator[Index]:
    """In each database: search, counts and order are alike."""
    with database.open(ledger) as index:
        yield index


TEENS = {1, *range(10, 20)}


def _is_loans_2(row: RunRow) -> bool:
    return (row.policy_name, row.policy_version) == ("loans", "2")


def entries(rows: Any) -> list[int]:
    return [row.index for row in rows]


def expected(index: Index, fits: Any) -> list[int]:
    rows = [row for row in index.runs() if row.kind in JUDGED]
    return [row.index for row in rows if fits(row)]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, lambda row: True),
        ({"name": "100%_odd"}, lambda row: row.name == "100%_odd"),
        ({"policy": "loans", "version": "2"}, lambda row: _is_loans_2(row)),
        ({"model": "A"}, lambda row: row.model_class == "A"),
        ({"search": "NIGHT"}, lambda row: row.name.lower() == "nightly"),
        ({"search": "% odd"}, lambda row: row.name == "100%_odd"),
        ({"search": "_"}, lambda row: "_" in row.name),
        ({"search": "07ccc"}, lambda row: row.index == 7),
        ({"search": "tracked1"}, lambda row: row.index in TEENS),
        ({"search": "0" * 31 + "3"}, lambda row: row.index in (6, 7)),
        ({"search": "loans tracked1"}, lambda r: r.policy_name == "loans" and r.index in TEENS),
        ({"search": "nowhere"}, lambda row: False),
        ({"kind": "run"}, lambda row: row.kind == "run"),
        ({"failing": "parity"}, lambda row: row.light == "red" and row.margin_control == "parity"),
    ],
)  # fmt: skip
def test_filters_find_what_a_loop_finds(index: Index, filters: Any, fits: Any) -> None:
    found = find_page(index, Filters(**filters), limit=100)
    assert entries(found.rows) == expected(index, fits)
    assert found.total == len(found.rows)


@pytest.mark.parametrize("light", RANKS)
def test_a_record_that_waits_is_amber_at_best(index: Index, light: Any) -> None:
    found = find_page(index, Filters(light=light), waiting=WAITING, limit=100)
    assert entries(found.rows) == expected(index, lambda row: light_of(row, WAITING) == light)
    lights = [row.light for row in index.runs() if row.index in WAITING]
    assert "green" in lights, "the test would say nothing"


@pytest.mark.parametrize("light", RANKS)
def test_while_receipts_are_unread_no_record_is_green(index: Index, light: Any) -> None:
    known = Known(unread=True)
    found = find_page(index, Filters(light=light), waiting=known, limit=100)
    assert entries(found.rows) == expected(index, lambda row: light_of(row, known) == light)
    assert (light == "green") <= (not found.rows)
    assert known.as_recorded == known


def test_of_an_outbox_of_years_nothing_is_lost(index: Index) -> None:
    found = find_page(index, Filters(light="amber"), waiting=range(100_000), limit=100)
    assert entries(found.rows) == expected(index, lambda row: row.light != "red")


def test_since_and_until_are_the_logs_own_times(index: Index) -> None:
    at = {row.index: row.appended_at for row in index.runs()}
    found = find_page(index, Filters(since=at[5], until=at[9]), limit=100)
    assert entries(found.rows) == [i for i in range(23, -1, -1) if at[5] <= at[i] < at[9]]


def test_every_kind_is_listed_when_asked_for(index: Index) -> None:
    assert find_page(index, Filters(kind="all")).total == 25
    assert find_page(index, Filters()).total == 24
    (row,) = find_page(index, Filters(kind="urn:example:other")).rows
    assert (row.light, row.margin) == ("grey", None)


@pytest.mark.parametrize(("sort", "descending"), list(product(SORTS, [True, False])))
def test_pages_follow_each_other_whatever_they_are_sorted_by(
    index: Index, sort: str, descending: bool
) -> None:
    def page(offset: int, limit: int) -> list[RunRow]:
        found = find_page(
            index,
            Filters(),
            waiting=WAITING,
            sort=sort,
            descending=descending,
            offset=offset,
            limit=limit,
        )
        assert found.total == 24
        return list(found.rows)

    together = [row for offset in range(0, 30, 5) for row in page(offset, 5)]
    assert together == page(0, 100)
    assert sorted(entries(together)) == list(range(24))
    keys: dict[str, Any] = {
        "time": lambda row: row.index,
        "light": lambda row: RANKS[light_of(row, WAITING)],
        "name": lambda row: row.name,
        "policy": lambda row: (row.policy_name, row.policy_version),
        "model": lambda row: row.model_class,
        "margin": lambda row: row.margin,
    }
    key = keys[sort]
    known = [row for row in together if sort not in ("policy", "margin") or _known(row, sort)]
    assert together[: len(known)] == known, "what has none comes last"
    assert [key(row) for row in known] == sorted(map(key, known), reverse=descending)


def _known(row: RunRow, sort: str) -> bool:
    return (row.policy_name if sort == "policy" else row.margin) is not None


def test_beyond_the_last_page_the_total_is_still_known(index: Index) -> None:
    found = find_page(index, Filters(name="nightly"), offset=1000)
    assert found.rows == ()
    assert found.total == len(expected(index, lambda row: row.name == "nightly")) > 0


def test_verdicts_come_for_a_page_at_once(index: Index) -> None:
    found = verdicts_of(index, [3, 99, 5, 3])
    assert found == {3: index.verdicts(3), 99: (), 5: index.verdicts(5)}
    assert verdicts_of(index, []) == {}


def test_what_there_is_to_choose_from(index: Index) -> None:
    found = choices(index)
    rows = [row for row in index.runs() if row.kind in JUDGED]
    assert set(found.names) == {row.name for row in rows}
    assert set(found.policies) == {"loans", "fraud"}
    assert set(found.models) == {"A", "B"}
    assert set(found.kinds) == {"audit", "urn:example:other"}
    assert {"accuracy", "parity"} <= set(found.controls)
    assert choices(index, limit=1).names == found.names[:1]


def test_policies_are_counted_as_a_loop_counts_them(index: Index) -> None:
    rows = [row for row in index.runs(newest_first=False) if row.policy_name and row.kind in JUDGED]
    counted = policy_counts(index)
    assert sum(item.records for item in counted) == len(rows)
    for item in counted:
        own = [r for r in rows if (r.policy_name, r.policy_version) == (item.name, item.version)]
        assert (item.records, item.audits) == (len(own), len(own))
        assert (item.first, item.last) == (own[0].index, own[-1].index)
        assert (item.first_seen, item.last_seen) == (own[0].appended_at, own[-1].appended_at)
        assert item.lights == {light: sum(r.light == light for r in own) for light in item.lights}


def test_pipelines_are_what_a_loop_finds(index: Index) -> None:
    """Two records a run: the last run's light is the worse of those of the pipeline, and of those
    of the run that name no policy."""
    rows = [row for row in index.runs(newest_first=False) if row.kind in JUDGED]
    found = pipelines(index, WAITING)
    assert [RANKS[item.light] for item in found] == sorted(RANKS[item.light] for item in found)
    for item in found:
        at = {item.experiment, "" if item.untracked else item.experiment}
        own = [r for r in rows if (r.policy_name, r.name) == item.key[:2] and r.experiment in at]
        assert (item.last, item.records) == (own[-1].index, len(own))
        last_run = [
            row
            for row in rows
            if row.run_id == item.run_id == own[-1].run_id
            and row.name == item.name
            and row.policy_name in (item.policy, None)
        ]
        lights = [light_of(row, WAITING) for row in last_run]
        assert RANKS[item.light] == min(RANKS[light] for light in lights)
        (worst,) = [row for row in last_run if row.index == item.worst]
        assert light_of(worst, WAITING) == item.light
        _check_trend(own, trends(index, found, WAITING)[item.key])


def _check_trend(own: list[RunRow], line: Any) -> None:
    runs = list(dict.fromkeys(row.run_id for row in own))
    assert [point.row.run_id for point in line] == runs
    for point, run in zip(line, runs, strict=True):
        margins = [row.margin for row in own if row.run_id == run and row.margin is not None]
        assert point.margin == min(margins, default=None)


def test_a_trend_is_of_the_last_runs(index: Index) -> None:
    (first, *_) = pipelines(index)
    whole = trends(index, [first])[first.key]
    assert trends(index, [first], limit=2)[first.key] == whole[-2:]


@pytest.fixture
def own_ledger(ledger: Ledger, tmp_path: Any) -> Ledger:
    import shutil

    shutil.copytree(ledger.home, tmp_path / "home")
    return Ledger.open(tmp_path / "home")


def run_of(statement: Any, number: int, light: str, **changes: Any) -> dict[str, Any]:
    run = statement(number)["predicate"]["run"] | {"id": "f" * 32, "name": "crashing"}
    changes |= {"light": light, "verdicts": [], "kind": "run", "run": run}
    return dict(statement(number, **changes) | {"predicateType": "urn:venturalitica:run:v1"})


def test_a_run_that_ended_badly_after_its_audit_is_red(
    statement: Any, tmp_path: Any, database: Database
) -> None:
    own = Ledger.open(tmp_path / "home", signer=load_signer(None, tmp_path / "config"))
    passed = statement(
        0, run=statement(0)["predicate"]["run"] | {"id": "f" * 32, "name": "crashing"}
    )
    own.append(passed)
    with database.open(own) as index:
        (before,) = pipelines(index)
    assert before.light == "green"
    own.append(run_of(statement, 1, "red", policy=None, exception={"type": "ValueError"}))
    with database.open(own) as index:
        (after,) = pipelines(index)
    assert (after.policy, after.light, after.worst, after.last) == ("loans", "red", 1, 0)
    # The next one crashes before anything is judged: it is told apart, and not hidden.
    crashed = run_of(statement, 2, "red", policy=None, exception={"type": "OSError"})
    crashed["predicate"]["run"]["id"] = "e" * 32
    own.append(crashed)
    with database.open(own) as index:
        assert {(item.policy, item.light) for item in pipelines(index)} == {
            ("loans", "red"),
            (None, "red"),
        }


def test_a_light_that_its_verdicts_do_not_bear_out_is_red(
    statement: Any, tmp_path: Any, database: Database
) -> None:
    own = Ledger.open(tmp_path / "home", signer=load_signer(None, tmp_path / "config"))
    lying = statement(0)
    lying["predicate"]["verdicts"][0]["status"] = "failed"
    assert lying["predicate"]["light"] == "green"
    own.append(lying)
    own.append(statement(1, verdicts=[{}]))
    with database.open(own) as index:
        assert [row.light for row in index.runs()] == ["red", "red"]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE verdicts SET light = 'green' WHERE entry = 3",
        "UPDATE verdicts SET value = 0.99 WHERE entry = 3",
        "UPDATE runs SET margin = 0.5, margin_control = 'x' WHERE entry = 3",
        "UPDATE runs SET revision = 'beef' WHERE entry = 3",
        "UPDATE runs SET signer = 'beef' WHERE entry = 3",
    ],
)
def test_an_edited_row_or_verdict_is_told_from_the_log(
    own_ledger: Ledger, edit: str, database: Database
) -> None:
    def held() -> bool:
        with database.open(own_ledger) as index:
            rows = find_page(index, Filters()).rows
            return Held().are_recorded(own_ledger, None, rows, verdicts_of(index, entries(rows)))

    assert held()
    (edited,) = database.edit(own_ledger, edit)
    assert edited
    assert not held()


def test_chosen_lines_are_those_of_the_log(ledger: Ledger) -> None:
    every = dict(ledger.lines())
    assert list(ledger.chosen([7, 3, 99, -1])) == [(7, every[7]), (3, every[3])]


def one_of(statement: Any, number: int, light: str, **changes: Any) -> dict[str, Any]:
    run = statement(number)["predicate"]["run"] | {"id": f"{number:032x}", "name": "training"}
    return dict(statement(number, light=light, run=run, **changes))


MLFLOW = {"tracker": "mlflow", "uri": "http://one:5000", "run_id": "1" * 32, "experiment_id": "1"}
WANDB = {
    "tracker": "wandb", "uri": "https://api.wandb.ai", "run_id": "1a2b3c4d",
    "experiment_name": "credit", "extra": {"entity": "acme", "project": "credit", "folder": "/x"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MLFLOW, MLFLOW | {"experiment_id": "2"}),
        (MLFLOW, MLFLOW | {"uri": "http://two:5000"}),
        (MLFLOW, WANDB),
        (MLFLOW, None),
        (WANDB, WANDB | {"extra": {"entity": "acme", "project": "other"}}),
        (WANDB, WANDB | {"extra": {"entity": "others", "project": "credit"}}),
    ],
)
def test_runs_of_two_experiments_are_two_pipelines(
    tmp_path: Any,
    statement: Any,
    one: dict[str, Any],
    other: dict[str, Any] | None,
    database: Database,
) -> None:
    """Under one policy and one name: the red one must not hide behind the green one."""
    ledger = Ledger.open(tmp_path, signer=load_signer(None, tmp_path / "config"))
    ledger.append(one_of(statement, 1, "red", trackers=[one]))
    ledger.append(one_of(statement, 2, "green", trackers=[other] if other else []))
    with database.open(ledger) as index:
        red, green = pipelines(index)
        assert [(item.light, item.records) for item in (red, green)] == [("red", 1), ("green", 1)]
        assert (red.policy, red.name) == (green.policy, green.name)
        lines = trends(index, [red, green])
        assert [point.light for point in lines[red.key]] == ["red"]
        assert [point.light for point in lines[green.key]] == ["green"]
        assert find_page(index, Filters(experiment=red.experiment)).total == 1


def test_runs_from_before_there_was_a_tracker_belong_to_its_one_experiment(
    tmp_path: Any, statement: Any, database: Database
) -> None:
    ledger = Ledger.open(tmp_path, signer=load_signer(None, tmp_path / "config"))
    ledger.append(one_of(statement, 1, "red", trackers=[]))
    ledger.append(one_of(statement, 2, "green", trackers=[MLFLOW]))
    with database.open(ledger) as index:
        (one,) = pipelines(index)
        assert (one.light, one.records) == ("green", 2)
        assert [point.light for point in trends(index, [one])[one.key]] == ["red", "green"]
    ledger.append(one_of(statement, 3, "green", trackers=[]))
    with database.open(ledger) as index:
        assert [item.records for item in pipelines(index)] == [2, 1]  # nobody knows whose it is
    ledger.append(one_of(statement, 4, "green", trackers=[WANDB]))
    with database.open(ledger) as index:
        assert len(pipelines(index)) == 3


@pytest.mark.parametrize(
    "again",
    [
        MLFLOW | {"run_id": "2" * 32, "run_name": "another"},
        MLFLOW | {"run_id": "2" * 32, "experiment_name": "renamed since"},
    ],
)
def test_runs_of_one_experiment_are_one_pipeline(
    tmp_path: Any, statement: Any, again: dict[str, Any], database: Database
) -> None:
    ledger = Ledger.open(tmp_path, signer=load_signer(None, tmp_path / "config"))
    ledger.append(one_of(statement, 1, "red", trackers=[MLFLOW]))
    ledger.append(one_of(statement, 2, "green", trackers=[again]))
    with database.open(ledger) as index:
        (one,) = pipelines(index)
        assert (one.light, one.records) == ("green", 2)
        assert one.experiment == "mlflow 1 at http://one:5000"


@pytest.mark.parametrize("word", ["NIGHT", "07CCC", "TRACKED1", "ünd", "zz", "\\", "%", "Loans"])
def test_words_are_found_however_they_are_written(index: Index, word: str) -> None:
    def fits(row: RunRow) -> bool:
        ours = [row.name, row.policy_name or "", row.model_class or ""]
        begins = (row.run_id, row.revision or "", row.evidence_sha256, row.trackers[0]["run_id"])
        return any(word.casefold() in one.casefold() for one in ours) or any(
            one.startswith(word.lower()) for one in begins
        )

    found = find_page(index, Filters(search=word), limit=100)
    assert entries(found.rows) == expected(index, fits)
    assert found.total == len(found.rows)
    assert found.rows or word in ("zz",)


@pytest.mark.parametrize("most", [1, 7, 23, 24, 100])
def test_what_is_counted_row_by_row_is_bounded(
    index: Index, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_COUNTED", most)
    found = find_page(index, Filters(until="2099"), limit=1)
    assert (found.total, found.more) == ((most, True) if most < 24 else (24, False))
    assert find_page(index, Filters(), limit=1).total == 24


@pytest.mark.parametrize("word", ["night", "forest", "loans", "tracked1", "mlflow", "07ccc"])
def test_a_word_that_many_runs_say_is_found_as_a_rare_one_is(
    index: Index, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = find_page(index, Filters(search=word), limit=100)
    monkeypatch.setattr(search, "MANY", 0)
    assert find_page(index, Filters(search=word), limit=100) == rare
    # A page says as many as all of them together, and has its part of them.
    some = find_page(index, Filters(search=word), offset=1, limit=2)
    assert (some.rows, some.total, some.more) == (rare.rows[1:3], rare.total, False)
