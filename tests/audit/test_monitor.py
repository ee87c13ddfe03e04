"""`vl.monitor`: one record for a run, whatever happens inside."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import venturalitica as vl
from venturalitica.audit import run as runs
from venturalitica.audit.project import open_ledger
from venturalitica.audit.run import current_run
from venturalitica.ledger import Index
from venturalitica.ledger.index.pipelines import pipelines, trends
from venturalitica.ledger.records.vault import Vault

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def statements():
    """What is on record but for the beginnings of runs."""
    found = (entry.statement["predicate"] for entry in open_ledger(create=False).entries())
    return [said for said in found if said["kind"] != "begin"]


def test_a_run_is_recorded_with_its_surroundings_inputs_and_outputs(tmp_path, table):
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with vl.monitor("training", inputs=["in.csv", table], outputs=["model.bin"]) as run:
        (tmp_path / "model.bin").write_bytes(b"model")
    (record,) = statements()
    assert record["kind"] == "run"
    assert record["run"]["name"] == "training"
    assert record["run"]["id"] == run.id
    assert record["run"]["started_at"] < record["run"]["ended_at"]
    items = {item["name"]: item for item in record["data"]}
    key = Vault(open_ledger().home).key()
    for name, content in {"in.csv": b"a,b\n1,2\n", "model.bin": b"model"}.items():
        digest = hashlib.sha256(content).digest()
        assert items[name]["hmac_sha256"] == hmac.digest(key, digest, "sha256").hex()
        assert digest.hex() not in json.dumps(record)
    assert items["DataFrame"]["rows"] == len(table)
    assert record["exception"] is None
    assert run.entry is not None
    assert vl.verify().ok


def test_audits_inside_belong_to_the_run(policy, table):
    with vl.monitor("training", policy=policy) as run:
        vl.enforce(table, policy=policy, **ROLES)
    audit, record = statements()
    assert audit["run"]["id"] == record["run"]["id"] == run.id
    assert [item["evidence_sha256"] for item in record["audits"]] == [run.audits[0].evidence_sha256]
    assert record["verdicts"] == []
    assert run.light == record["light"] == "green"


def test_an_exception_is_recorded_and_goes_on_unchanged():
    error = ValueError("a row: 1, 2, 3")
    with pytest.raises(ValueError, match="a row") as caught, vl.monitor("training"):
        raise error
    assert caught.value is error
    (record,) = statements()
    assert record["exception"]["type"] == "builtins.ValueError"
    assert record["exception"]["where"].startswith("test_monitor.py:")
    assert "a row" not in str(record)
    assert record["light"] == "red"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_recorded_too(stop):
    with pytest.raises(stop), vl.monitor("training"):
        raise stop
    assert statements()[0]["exception"]["type"] == f"builtins.{stop.__name__}"


def test_a_policy_that_nothing_was_judged_under_is_not_green(policy):
    with vl.monitor("training", policy=policy):
        pass
    (record,) = statements()
    assert {verdict["status"] for verdict in record["verdicts"]} == {"not_evaluated"}
    assert record["light"] == "amber"


def test_leaving_with_a_blocking_control_unjudged_blocks(policy, table):
    """What blocks must be evaluated, or stop: whoever forgets to ask has not been let through."""
    text = policy.read_text()
    policy.write_text(text.replace('">= 0.50"', '">= 0.50"\n    on_fail: block'))
    with (
        pytest.raises(vl.ControlBlocked, match="accuracy: not evaluated"),
        vl.monitor("training", policy=policy) as run,
    ):
        pass
    assert by_name()["training", "run"]["light"] == run.light == "red"
    with vl.monitor("judged", policy=policy) as run:
        vl.enforce(table, policy=policy, **ROLES)
    assert run.light == "green"
    with pytest.raises(KeyError, match="mine"), vl.monitor("own", policy=policy):
        raise KeyError("mine")
    assert by_name()["own", "run"]["exception"]["type"] == "builtins.KeyError"


@pytest.fixture
def blocking(policy):
    text = policy.read_text()
    policy.write_text(text.replace('">= 0.50"', '">= 0.50"\n    on_fail: block'))
    return policy


def test_a_decorated_function_and_its_steps_block_too(blocking, table):
    @vl.monitor("plain", policy=blocking)
    def plain():
        return 1

    @vl.monitor("steps", policy=blocking)
    def steps():
        yield 1

    @vl.monitor("judged", policy=blocking)
    def judged():
        yield vl.enforce(table, policy=blocking, **ROLES).light

    with pytest.raises(vl.ControlBlocked):
        plain()
    stepping = steps()
    assert next(stepping) == 1
    with pytest.raises(vl.ControlBlocked):
        next(stepping)
    assert list(judged()) == ["green"]
    assert {by_name()[name, "run"]["light"] for name in ("plain", "steps")} == {"red"}
    for _ in steps():
        break  # an early end is recorded; nobody waits for an exception of it
    assert by_name()["steps", "run"]["light"] == "red"


def test_what_blocks_inside_goes_through_the_run_around_it_as_it_is(blocking):
    with (
        pytest.raises(vl.ControlBlocked, match="leave policy= out of") as caught,
        vl.monitor("outer", policy=blocking) as outer,
        vl.monitor("inner", policy=blocking) as inner,
    ):
        pass
    assert caught.value.audit[0].control == "accuracy"
    assert inner.entry.index < outer.entry.index
    record = by_name()["outer", "run"]
    assert record["exception"]["type"] == "venturalitica.errors.ControlBlocked"
    assert record["light"] == "red"


def test_what_a_worker_thread_or_a_run_of_its_own_judged_is_judged(blocking, table):
    def work():
        with vl.monitor("in a thread"):
            vl.enforce(table, policy=blocking, **ROLES)

    with vl.monitor("outer", policy=blocking) as run:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert run.light == "grey"  # it made no audit itself
    with vl.monitor("caught", policy=blocking), contextlib.suppress(vl.ControlBlocked):
        vl.enforce(table.assign(said=1 - table["label"]), policy=blocking, **ROLES)
    assert by_name()["caught", "audit"]["light"] == "red"


def test_only_the_data_judged_does_not_let_the_model_through(blocking, table):
    data = "\n  - id: rows\n    metric: row_count\n    must: '>= 1'\n"
    blocking.write_text(blocking.read_text().rstrip() + data)
    with (
        pytest.raises(vl.ControlBlocked, match="accuracy"),
        vl.monitor("training", policy=blocking) as run,
    ):
        vl.enforce(table, policy=blocking, phase="data", target="label")
    assert run.entry is not None
    with vl.monitor("only looks"):
        vl.enforce(table, policy=blocking, phase="data", target="label")


def test_a_fault_of_ours_on_leaving_breaks_nothing(blocking, table, monkeypatch, caplog):
    monkeypatch.setattr(runs.Run, "unjudged", lambda self: 1 / 0)
    with vl.monitor("training", policy=blocking) as run:
        pass
    assert run.light == "red"
    assert "could not be written" in caplog.text
    with pytest.raises(KeyError, match="mine"), vl.monitor("own", policy=blocking):
        raise KeyError("mine")


def test_only_what_was_judged_counts_as_judged(policy, table):
    """One control about the data must not stand for those about the model."""
    data = "\n  - id: rows\n    metric: row_count\n    must: '>= 1'\n"
    policy.write_text(policy.read_text().rstrip() + data)
    with vl.monitor("training", policy=policy) as run:
        vl.enforce(table, policy=policy, phase="data", target="label")
    record = by_name()["training", "run"]
    assert [verdict["control"] for verdict in record["verdicts"]] == ["accuracy", "parity"]
    assert run.light == record["light"] == "amber"


ROWS = "\n  - id: rows\n    metric: row_count\n    must: '>= 1'\n"


def test_data_before_and_model_after_are_the_whole_together(policy, table):
    policy.write_text(policy.read_text().rstrip() + ROWS)
    with vl.monitor("training", policy=policy) as run:
        data = vl.enforce(table, policy=policy, phase="data", target="label")
        model = vl.enforce(table, policy=policy, phase="model", **ROLES)
    assert [audit.light for audit in (data, model)] == ["amber", "amber"]
    assert by_name()["training", "run"]["light"] == run.light == "green"
    with Index.open(open_ledger()) as index:
        (pipeline,) = pipelines(index)
        (points,) = trends(index, [pipeline]).values()
    assert pipeline.light == "green"
    assert [point.light for point in points] == ["green"]


def test_what_another_policy_judged_is_no_substitute(policy, write_policy, table):
    policy.write_text(policy.read_text().rstrip() + ROWS)
    other = write_policy(policy.read_text().replace("0.50", "0.40"), "other.yaml")
    with vl.monitor("training") as run:
        vl.enforce(table, policy=policy, phase="data", target="label")
        vl.enforce(table, policy=other, phase="model", **ROLES)
    assert by_name()["training", "run"]["light"] == run.light == "amber"


def test_what_a_run_inside_judged_counts_for_those_around_it(policy, table):
    with vl.monitor("outer", policy=policy) as outer, vl.monitor("inner"):
        vl.enforce(table, policy=policy, **ROLES)
    assert by_name()["outer", "run"]["verdicts"] == []
    assert outer.light != "amber"


def test_a_monitor_without_anything_known_is_grey():
    with vl.monitor("training"):
        pass
    assert statements()[0]["light"] == "grey"


def test_nested_runs_know_their_parent(policy, table):
    with vl.monitor("outer") as outer, vl.monitor("inner") as inner:
        vl.enforce(table, policy=policy, **ROLES)
    audit, first, second = statements()
    assert audit["run"]["id"] == first["run"]["id"] == inner.id
    assert first["run"]["parent"] == outer.id
    assert second["run"]["id"] == outer.id
    assert current_run() is None


def test_decorated_functions_make_a_run_for_each_call(table):
    @vl.monitor("training")
    def train(value, *, twice=False):
        "The docstring."
        return value * (2 if twice else 1)

    assert train(2, twice=True) == 4
    assert train(3) == 3
    assert train.__doc__ == "The docstring."
    assert len({record["run"]["id"] for record in statements()}) == 2


def test_a_bare_decorator_takes_the_functions_name():
    @vl.monitor
    def prepare():
        return current_run().name

    assert prepare() == "prepare"


def test_coroutines_and_generators_are_covered_to_their_end():
    @vl.monitor("awaited")
    async def awaited():
        await asyncio.sleep(0)
        return current_run().name

    @vl.monitor("generated")
    def generated():
        yield current_run().name
        yield current_run().name

    assert asyncio.run(awaited()) == "awaited"
    assert list(generated()) == ["generated", "generated"]
    assert [record["run"]["name"] for record in statements()] == ["awaited", "generated"]


def test_worker_threads_belong_to_the_only_open_run(policy, table):
    with vl.monitor("training") as run, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: vl.enforce(table, policy=policy, **ROLES), range(4)))
    assert len(run.audits) == 4
    assert sorted(record["run"]["sequence"] for record in statements()) == [1, 2, 3, 4, 5]


def test_threads_with_runs_of_their_own_stay_apart(policy, table):
    met = threading.Barrier(3)

    def work(name):
        with vl.monitor(name) as run:
            met.wait(30)
            vl.enforce(table, policy=policy, **ROLES)
            met.wait(30)
        return run

    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(work, ["a", "b", "c"]))
    assert [len(run.audits) for run in runs] == [1, 1, 1]
    assert [run.audits[0].run_id for run in runs] == [run.id for run in runs]


def test_one_monitor_shared_by_threads():
    shared = vl.monitor("shared")
    met = threading.Barrier(2)

    def work(_):
        with shared as run:
            met.wait(30)
            seen = current_run()
            return run.id, seen.id if seen else None

    with ThreadPoolExecutor(2) as pool:
        for entered, seen in pool.map(work, range(2)):
            assert entered == seen
    assert len(statements()) == 2


def test_a_missing_input_is_an_error_before_anything_runs():
    with pytest.raises(vl.DataError, match=r"absent\.csv"), vl.monitor("t", inputs="absent.csv"):
        raise AssertionError("must not run")


def test_a_missing_output_is_recorded_as_missing():
    with vl.monitor("training", outputs="never.bin"):
        pass
    assert statements()[0]["data"][0]["method"] == "missing"


def test_folders_are_digested_file_by_file(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a").write_text("1")
    with vl.monitor("one", inputs=folder):
        pass
    (folder / "a").write_text("2")
    with vl.monitor("two", inputs=folder):
        pass
    first, second = (record["data"][0] for record in statements())
    assert first["method"] == "folder"
    assert first["hmac_sha256"] != second["hmac_sha256"]


def test_our_failure_never_hides_the_users_result(tmp_path, caplog):
    (tmp_path / "evidence").write_text("a file where the folder should be")
    with vl.monitor("training") as run:
        result = 42
    assert result == 42
    assert run.entry is None
    assert run.fault
    with pytest.raises(ValueError, match="theirs"), vl.monitor("training"):
        raise ValueError("theirs")
    assert "could not be written" in caplog.text


def by_name():
    return {
        (item["run"]["name"], item["kind"]): item
        for item in statements()  # of one name and kind, the last
    }


def test_an_async_generator_is_inside_while_it_steps(policy, table):
    @vl.monitor("steps")
    async def steps():
        for number in range(2):
            await asyncio.sleep(0)
            vl.enforce(table, policy=policy, **ROLES)
            try:
                yield number
            except KeyError:
                yield "caught"

    async def walk():
        made = steps()
        seen = [await anext(made)]
        assert current_run() is None
        seen.append(await made.athrow(KeyError()))
        return seen + [item async for item in made]

    assert asyncio.run(walk()) == [0, "caught", 1]
    assert len(by_name()["steps", "run"]["audits"]) == 2


def test_between_its_steps_a_generator_holds_nobody(policy, table):
    @vl.monitor("steps")
    def steps():
        vl.enforce(table, policy=policy, **ROLES)
        try:
            answer = yield 1
        except KeyError:
            answer = "caught"
        assert current_run().name == "steps"
        yield answer
        return "end"

    made = steps()
    assert next(made) == 1
    assert current_run() is None
    vl.enforce(table, policy=policy, **ROLES)
    assert made.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration, match="end"):
        next(made)
    record = by_name()["steps", "run"]
    assert len(record["audits"]) == 1
    assert record["exception"] is None


def test_leaving_a_generator_early_is_no_failure():
    @vl.monitor("left")
    def steps():
        yield from range(3)

    for _ in steps():
        break
    assert by_name()["left", "run"]["exception"] is None


def test_async_with_is_a_monitor_too(policy, table):
    async def train():
        async with vl.monitor("later") as run:
            vl.enforce(table, policy=policy, **ROLES)
        return run

    run = asyncio.run(train())
    assert run.light == "green"
    assert run.entry is not None


def test_tasks_and_threads_side_by_side_are_no_parents_of_each_other():
    together = threading.Barrier(2)

    async def task(name):
        async with vl.monitor(name):
            await asyncio.sleep(0.01)

    async def both():
        await asyncio.gather(task("a"), task("b"))

    def thread(name):
        if name == "d":
            together.wait(10)  # "c" is open by then
        with vl.monitor(name):
            if name == "c":
                together.wait(10)
            together.wait(10)

    asyncio.run(both())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(thread, ["c", "d"]))
    found = statements()
    assert sorted(item["run"]["name"] for item in found) == ["a", "b", "c", "d"]
    assert all(item["run"]["parent"] is None for item in found)


def test_after_the_block_the_light_is_that_of_the_record(policy):
    with vl.monitor("idle", policy=policy) as run:
        assert run.light == "grey"
    assert run.light == by_name()["idle", "run"]["light"] == "amber"
    with pytest.raises(ZeroDivisionError), vl.monitor("broken") as run:
        raise ZeroDivisionError
    assert run.light == "red"


def test_a_forked_child_leaves_the_record_of_the_run_to_its_parent(policy, table):
    """`sys.exit` in a child unwinds the parent's blocks a second time."""
    entered = vl.monitor("training")
    run = entered.__enter__()
    child = os.fork()
    if child == 0:
        try:
            entered.__exit__(SystemExit, SystemExit(3), None)
        finally:
            os._exit(0 if run.entry is None else 1)
    _, status = os.waitpid(child, 0)
    entered.__exit__(None, None, None)
    assert status == 0
    kinds = [entry.record.kind for entry in open_ledger().entries()]
    assert kinds == ["begin", "run"]
    assert run.entry is not None
