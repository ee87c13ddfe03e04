"""`vl.monitor` without `policy=`: the project's own policy, as `vl.wrap` finds it."""

from __future__ import annotations

from typing import Any

import pytest

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit.project import open_ledger
from venturalitica.trackers.memory import MemoryTracker

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def records():
    """What is on record but for the beginnings of runs."""
    found = (entry.statement["predicate"] for entry in open_ledger(create=False).entries())
    return [said for said in found if said["kind"] != "begin"]


@pytest.fixture
def tracker(monkeypatch):
    one = MemoryTracker()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
    return one


def test_unwrapped_training_has_the_policy_in_its_record_and_at_the_tracker(
    tracker, policy, caplog
):
    with tracker.start_run("training") as place, vl.monitor("training") as run:
        pass  # a fit of a model that nobody wrapped
    (record,) = records()
    assert record["policy"]["sha256"] == vl.read_policy(policy).sha256
    assert tracker.runs[place.run_id].artifacts["policy_snapshot/model_policy.yaml"] == (
        policy.read_bytes()
    )
    assert run.light == record["light"] == "amber"
    (line,) = [line for line in caplog.messages if "not judged" in line]
    assert line.startswith("training: amber: 2 of 2 controls of loan v1.0")
    assert "accuracy, parity" in line


def test_the_light_that_is_told_is_that_of_the_record(policy, caplog):
    with pytest.raises(KeyError), vl.monitor("training"):
        raise KeyError("mine")
    (record,) = records()
    assert record["light"] == "red"
    (line,) = [line for line in caplog.messages if "not judged" in line]
    assert line.startswith("training: red: 2 of 2 controls")


def test_it_is_found_in_the_project_root_too(policy, tmp_path, monkeypatch):
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    with vl.monitor("training") as run:
        pass
    assert run.policy.name == "loan"
    (inner / "model_policy.yaml").write_text(policy.read_text().replace("loan", "nearer"))
    with vl.monitor("training") as run:
        pass
    assert run.policy.name == "nearer"


@pytest.mark.parametrize("way", ["decorator", "steps"])
def test_decorated_functions_have_it_too(way, policy):
    @vl.monitor
    def train():
        return 1

    @vl.monitor
    def steps():
        yield 1

    train() if way == "decorator" else list(steps())
    assert records()[0]["policy"]["name"] == "loan"


def test_it_is_green_where_all_was_judged(policy, table):
    with vl.monitor("training") as run:
        vl.enforce(table, **ROLES)
    assert run.light == records()[-1]["light"] == "green"
    assert records()[-1]["verdicts"] == []


def test_a_blocking_control_that_nobody_judged_is_red_and_stops_no_script(policy, caplog):
    """Nobody named the policy: a script that ran before goes on. The record is red all the same."""
    text = policy.read_text()
    policy.write_text(text.replace('">= 0.50"', '">= 0.50"\n    on_fail: block'))
    with vl.monitor("training") as run:
        pass
    assert run.light == records()[0]["light"] == "red"
    assert "training: red: 2 of 2 controls" in caplog.text
    with pytest.raises(vl.ControlBlocked), vl.monitor("training", policy="model_policy.yaml"):
        pass


def test_many_controls_are_one_line(policy, caplog):
    rules = "".join(
        f"  - {{id: c{n}, metric: accuracy, must: '>= 0.{n}'}}\n" for n in range(11, 61)
    )
    policy.write_text(f'policy: many\nversion: "1"\ncontrols:\n{rules}')
    with vl.monitor("outer"), vl.monitor("inner"):
        pass
    (line,) = [line for line in caplog.messages if "not judged" in line]
    assert line.startswith("outer: ")
    assert "and 42 more" in line
    assert len(line) < 400


def test_it_gives_way_to_a_policy_that_was_named_inside(policy, write_policy, table):
    """As `vl.wrap(policy=...)` does: a default holds where nothing is named."""
    other = write_policy(policy.read_text().replace("loan", "strict"), "strict.yaml")
    with vl.monitor("training") as run, vl.monitor("inside"):
        vl.enforce(table, policy=other, **ROLES)
    assert run.policy is None
    assert [record["policy"] for record in records()[1:]] == [None, None]
    with vl.monitor("both") as run:
        vl.enforce(table, policy=other, **ROLES)
        vl.enforce(table, **ROLES)
    assert run.policy.name == "loan"
    assert run.light == "green"


def test_a_policy_that_cannot_be_read_is_refused_before_anything_runs(policy):
    policy.write_text('policy: p\nversion: "1"\ncontrols:\n  - {id: a, metric: acuracy}\n')
    with pytest.raises(vl.PolicyError, match=r"model_policy\.yaml:4"), vl.monitor("training"):
        raise AssertionError("must not run")


def test_without_any_policy_it_says_so_once(caplog, write_policy, table):
    for name in ("first", "second"):
        with vl.monitor(name), vl.monitor("inside"):
            pass
    (line,) = [line for line in caplog.messages if "without a policy" in line]
    assert line.startswith("first: ")
    assert "venturalitica init" in line


def test_a_policy_named_inside_is_a_policy(caplog, write_policy, table):
    path = write_policy(name="elsewhere.yaml")
    with vl.monitor("outer"), vl.monitor("inner"):
        vl.enforce(table, policy=path, **ROLES)
    assert "without a policy" not in caplog.text
