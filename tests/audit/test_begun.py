"""A monitor says that it was entered: a killed run is on record, and is not called dead before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from venturalitica.audit.project import open_ledger
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Outbox, verify_ledger
from venturalitica.ledger.index.begun import unended
from venturalitica.ledger.index.counts.answers import lights_of
from venturalitica.ledger.index.pipelines import pipelines, trends
from venturalitica.ledger.index.queries import (
    EVERY,
    Filters,
    Known,
    find_page,
    light_of,
)
from venturalitica.ledger.lifecycle.begun import (
    NO_END,
    STOPPED,
    UNDER_WAY,
    sign_of_life,
    state_of,
)
from venturalitica.review.record_page import known_here

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}

KILLED = """
import sys, time
import venturalitica as vl
with vl.monitor(sys.argv[1]) as run:
    print(run.id, flush=True)
    time.sleep(60)
"""


def kinds() -> list[str]:
    return [entry.record.kind for entry in open_ledger(create=False).entries()]


def begin_of(name: str = "training") -> subprocess.Popen[str]:
    """A process of its own inside `vl.monitor(name)`; its run's id is the first line it says."""
    return subprocess.Popen([sys.executable, "-c", KILLED, name], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def killed() -> str:
    """The id of a run whose process was killed inside it."""
    process = begin_of()
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return run_id


def step(name: str = "run ends"):
    return next((one for one in verify_ledger(open_ledger().home).steps if one.name == name), None)


def test_it_is_on_disk_before_the_body_runs(policy):
    with vl.monitor("training", policy=policy) as run:
        (entry,) = open_ledger(create=False).entries()
        said = entry.record.predicate
        assert (entry.record.kind, said["run"]["id"]) == ("begin", run.id)
        assert said["run"]["name"] == "training"
        assert said["run"]["source"] == "monitor"
        assert said["policy"]["name"] == "loan"
        assert "verdicts" not in said
        assert "rows" not in said
        assert len(entry.envelope) < 3000
        assert state_of(open_ledger().home, run.id) == UNDER_WAY
    assert kinds() == ["begin", "run"]
    assert vl.verify().ok
    assert not sign_of_life(open_ledger().home, run.id).exists()


def test_a_run_that_ended_is_one_row(policy, table):
    with vl.monitor("outer", policy=policy), vl.monitor("inner"):
        vl.enforce(table, policy=policy, **ROLES)
    with pytest.raises(ZeroDivisionError), vl.monitor("outer"):
        raise ZeroDivisionError
    ledger = open_ledger()
    with Index.open(ledger) as index:
        known = known_here(ledger)
        assert known.begun == {}
        for kind in (None, EVERY):
            found = find_page(index, Filters(kind=kind), waiting=known).rows
            assert sorted(row.kind for row in found) == ["audit", "run", "run", "run"]
        assert {one.begun for one in pipelines(index, known)} == {()}
    assert step().ok
    assert step().detail == "of 3 that began each has its end"


def test_a_killed_run_is_begun_and_not_ended(killed):
    ledger = open_ledger()
    assert kinds() == ["begin"]
    assert state_of(ledger.home, killed) == STOPPED
    known = known_here(ledger)
    assert known.begun == {0: STOPPED}
    with Index.open(ledger) as index:
        (row,) = find_page(index, Filters(), waiting=known).rows
        assert (row.kind, row.name, light_of(row, known)) == ("begin", "training", "amber")
        assert find_page(index, Filters(light="amber"), waiting=known).total == 1
        assert find_page(index, Filters(light="grey"), waiting=known).total == 0
        assert lights_of(index, known) == (("amber", 1),)
        (card,) = pipelines(index, known)
        assert (card.name, card.light, card.last) == ("training", "amber", 0)
        (point,) = trends(index, [card], known)[card.key]
        assert (point.light, point.margin) == ("amber", None)
    found = step()
    assert (found.ok, found.index) == (None, 0)
    assert "entry 0, 'training': did not end" in found.detail
    assert vl.verify().ok
    assert Outbox(ledger).waiting() == []


def test_the_next_run_takes_its_place(killed, policy, table):
    with vl.monitor("training"):
        vl.enforce(table, policy=policy, **ROLES)
    ledger = open_ledger()
    with Index.open(ledger) as index:
        known = known_here(ledger)
        (card,) = pipelines(index, known)
        assert (card.policy, card.light, card.begun) == ("loan", "green", (0,))
        first, last = trends(index, [card], known)[card.key]
        assert (first.light, last.light) == ("amber", "green")
        assert find_page(index, Filters(light="amber"), waiting=known).total == 1


def test_a_run_that_was_killed_after_a_green_audit_is_amber(policy, table):
    child = os.fork()
    if child == 0:
        with vl.monitor("training"):
            vl.enforce(table, policy=policy, **ROLES)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    ledger = open_ledger()
    assert kinds() == ["begin", "audit"]
    with Index.open(ledger) as index:
        known = known_here(ledger)
        (card,) = pipelines(index, known)
        assert (card.policy, card.light, card.worst) == ("loan", "amber", 0)


def test_a_run_under_way_is_not_called_dead(policy, table):
    with vl.monitor("training"):
        vl.enforce(table, policy=policy, **ROLES)
    process = begin_of()
    try:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        ledger = open_ledger()
        known = known_here(ledger)
        assert list(known.begun.values()) == [UNDER_WAY]
        with Index.open(ledger) as index:
            found = find_page(index, Filters(), waiting=known).rows
            assert [light_of(row, known) for row in found] == ["grey", "green", "green"]
            (card,) = pipelines(index, known)
            assert card.light == "green"
        assert step().ok
        assert "under way" in step().detail
    finally:
        process.kill()
        process.communicate()
    assert state_of(ledger.home, run_id) == STOPPED
    assert step().ok is None


def test_a_worker_that_outlives_its_parent_keeps_no_run_alive():
    """A fork has copies of all descriptors, and a lock lives as long as any of them.

    The worker says the id: only where it runs has it let go of what it was born with.
    """
    script = KILLED.replace(
        "    print", "    import os\n    if os.fork(): time.sleep(60)\n    print"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "training"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        assert state_of(open_ledger().home, run_id) == UNDER_WAY
        process.kill()
        process.wait()
        assert state_of(open_ledger().home, run_id) == STOPPED
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_forked_child_ends_no_run_of_its_parent():
    with vl.monitor("training") as run:
        child = os.fork()
        if child == 0:
            run.sign_of_life.take_down()
            os._exit(0)
        os.waitpid(child, 0)
        assert state_of(open_ledger().home, run.id) == UNDER_WAY


@pytest.mark.parametrize("change", ["gone", "elsewhere", "empty"])
def test_without_a_sign_of_this_machine_nothing_is_known(killed, change):
    home = open_ledger().home
    sign = sign_of_life(home, killed)
    if change == "gone":
        sign.unlink()
    else:
        sign.write_text("another-machine" if change == "elsewhere" else "")
    assert state_of(home, killed) == NO_END
    assert known_here(open_ledger()).begun == {0: NO_END}
    assert NO_END in step().detail


def test_without_locks_too(monkeypatch):
    monkeypatch.setenv("VENTURALITICA_LOCKS", "0")
    with vl.monitor("training") as run:
        assert run.sign_of_life is None
        assert known_here(open_ledger()).begun == {0: NO_END}
    assert known_here(open_ledger()).begun == {}


def test_an_id_that_is_a_path_is_not_followed(tmp_path):
    (tmp_path / "running").mkdir()
    assert state_of(tmp_path, "../running") == NO_END
    assert state_of(tmp_path, "") == NO_END


def test_many_at_once():
    def work(number: int) -> None:
        with vl.monitor(f"run-{number % 3}"):
            barrier.wait()

    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kinds()) == ["begin"] * 8 + ["run"] * 8
    assert step().detail == "of 8 that began each has its end"


def test_where_it_cannot_be_written_the_body_runs(monkeypatch, caplog):
    def full(*_: object, **__: object) -> None:
        raise EvidenceError("the disk is full")

    ran = []
    with monkeypatch.context() as patched:
        patched.setattr("venturalitica.ledger.ledger.Ledger.append", full)
        with vl.monitor("training") as run:
            ran.append(run.begun)
    assert ran == [None]
    assert "that run 'training' began could not be recorded: the disk is full" in caplog.text
    assert run.light == "red"


def test_the_first_audit_inside_tells_of_a_new_key(policy, table, monkeypatch, tmp_path):
    vl.enforce(table, policy=policy, **ROLES)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "other"))
    with vl.monitor("training") as run:
        lights = [vl.enforce(table, policy=policy, **ROLES).light for _ in range(2)]
    assert lights == ["amber", "green"]
    assert run.light == "amber"


def test_an_end_that_is_of_another_run_is_a_fault():
    with vl.monitor("training") as run:
        pass
    ledger = open_ledger()
    ends = [entry for entry in ledger.entries() if entry.record.kind == "run"]
    said = {name: value for name, value in ends[0].record.predicate.items() if name != "log"}
    with vl.monitor("second"):
        for change in ({"name": "other"}, {}):
            begun = [one for one in ledger.entries() if one.record.kind == "begin"][-1]
            forged = dict(said) | {"run": dict(begun.record.predicate["run"]) | change}
            forged["run"]["ended_at"] = said["run"]["ended_at"]
            if change:
                ledger.append(dict(ends[0].statement) | {"predicate": forged})
    found = step()
    assert found.ok is False
    assert "its run's name is 'other'" in found.detail
    assert run.id


def test_what_began_before_a_pruning_may_have_ended_in_it(killed):
    ledger = open_ledger()
    with Index.open(ledger) as index:
        assert unended(index) == {0: killed}
        index.pruned_to = lambda: 1  # type: ignore[method-assign]
        assert unended(index) == {}


def test_nothing_is_listed_of_what_nobody_asked_about(killed):
    with Index.open(open_ledger()) as index:
        assert find_page(index, Filters()).total == 0
        assert find_page(index, Filters(kind="begin")).total == 0
        assert find_page(index, Filters(kind="begin"), waiting=Known(begun={0: STOPPED})).total == 1
    assert Path(open_ledger().home / "running" / killed).exists()
