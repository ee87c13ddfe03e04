from __future__ import annotations

import json
import sys

import pytest
from msgspec.structs import replace

from venturalitica.errors import TrackerError
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.layout import Claim, light_of, read_claims, snapshot_name, stake
from venturalitica.trackers.memory import MemoryRun
from venturalitica.trackers.publish import publish

worlds = sys.modules["tracker_worlds"]
parcel = worlds.parcel
RUN = RunRef("memory", "run")


def claim(number=1, **changes) -> Claim:
    return stake(parcel(number, **changes), [], at=1)


def test_a_claim_comes_back_from_its_tag():
    one = claim()
    assert read_claims({one.key: one.value()}) == {one.evidence_sha256: one}


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data | {"folder": "venturalitica/../../elsewhere"},
        lambda data: data | {"folder": "/etc"},
        lambda data: data | {"snapshot": "policy_snapshot/../../x"},
        lambda data: data | {"snapshot": "home/user/.ssh/id"},
        lambda data: data | {"metrics": "loss"},
        lambda data: data | {"tags": "mlflow"},
        lambda data: data | {"evidence_sha256": "0" * 64},
        lambda data: data | {"step": "0"},
        lambda data: data | {"format": 2},
        lambda data: data | {"more": 1},
        lambda data: {key: value for key, value in data.items() if key != "at"},
    ],
)
def test_a_claim_that_somebody_edited_is_not_followed(damage):
    one = claim()
    data = damage(json.loads(one.value()))
    assert read_claims({one.key: json.dumps(data)}) == {}


@pytest.mark.parametrize("value", ["", "no", "[]", "null", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_what_is_no_claim_is_ignored(value):
    assert read_claims({claim().key: value, "venturalitica.policy": "x"}) == {}


def test_an_edited_light_is_red():
    assert light_of([replace(claim(light="green"), light="gren")]) == "red"
    assert light_of([]) == "grey"


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("model_policy.yaml", "model_policy.yaml"),
        ("deep/er/model policy.yaml", "model policy.yaml"),
        ("política.yaml", "política.yaml"),
        ("", "model_policy.yaml"),
        ("..", "_x2e_."),
        ("a:b?.yaml", "a_x3a_b_x3f_.yaml"),
    ],
)
def test_the_name_of_a_snapshot(filename, name):
    assert snapshot_name(filename) == name


def test_a_snapshot_name_is_bounded():
    assert len(snapshot_name("é" * 300 + ".yaml")) <= 120


def test_capitals_do_not_make_another_file():
    """On some stores `Policy.yaml` and `policy.yaml` are one file."""
    one = claim(1, filename="policy.yaml")
    two = stake(parcel(2, policy=b"other", filename="Policy.yaml"), [one], at=2)
    assert two.snapshot.startswith(f"policy_snapshot/{two.policy_sha256[:12]}/")


class Elsewhere(MemoryRun):
    """A run seen from a machine that asks for its tags before another's claim arrives."""

    late = True

    def tags(self):
        if self.late:
            self.late = False
            return {}
        return super().tags()


def test_two_machines_that_claim_one_name_at_once_lose_nothing():
    run = Elsewhere()
    run.late = False
    one = parcel(1, policy=b"one")
    two = parcel(2, policy=b"two", light="green")
    publish(run, RUN, one)
    run.late = True
    publish(run, RUN, two)
    publish(run, RUN, one)
    held = set(run.artifacts.values())
    assert {one.evidence, two.evidence, b"one", b"two"} <= held
    claims = read_claims(run.tags())
    for item in (one, two):
        mine = claims[item.evidence_sha256]
        assert run.artifacts[mine.evidence] == item.evidence
        assert run.artifacts[mine.snapshot] == item.policy_bytes
        assert run.stored_tags[f"{mine.tags}.evidence_sha256"] == item.evidence_sha256
    assert run.stored_tags["venturalitica.light"] == "red"


class Breaking(MemoryRun):
    """A run whose store fails at the given call, once."""

    fails_at = ""

    def _fail(self, name):
        if self.fails_at == name:
            self.fails_at = ""
            raise TrackerError(f"{name} failed")

    def put_tags(self, tags):
        self._fail("first tags" if not self.stored_tags else "later tags")
        return super().put_tags(tags)

    def write(self, files):
        self._fail("write")
        super().write(files)

    def put_points(self, points, *, again):
        self._fail("points")
        return super().put_points(points, again=again)

    def put_inputs(self, data):
        self._fail("inputs")
        return super().put_inputs(data)


@pytest.mark.parametrize("step", ["first tags", "write", "points", "inputs", "later tags"])
def test_a_delivery_cut_short_is_finished_by_the_next(step):
    whole, run = MemoryRun(), Breaking()
    publish(whole, RUN, parcel())
    run.fails_at = step
    with pytest.raises(TrackerError, match=f"{step} failed"):
        publish(run, RUN, parcel())
    assert "venturalitica.evidence_sha256" not in run.stored_tags
    publish(run, RUN, parcel())
    assert run.artifacts == whole.artifacts
    assert set(run.stored_tags) == set(whole.stored_tags)
    assert len(run.points) == len(whole.points)
    assert run.description == whole.description


def test_what_a_tracker_gives_back_is_compared():
    class Forgetful(MemoryRun):
        def read(self, path):
            return super().read(path) + b"\n"

    run = Forgetful()
    with pytest.raises(TrackerError, match="does not have SHA-256"):
        publish(run, RUN, parcel())
    assert "venturalitica.evidence_sha256" not in run.stored_tags


@pytest.mark.parametrize(
    "path", ["venturalitica/evidence.json", "policy_snapshot/model_policy.yaml"]
)
@pytest.mark.parametrize("damage", ["altered", "gone"])
def test_a_damaged_copy_is_written_again(path, damage):
    run = MemoryRun()
    publish(run, RUN, parcel())
    good = dict(run.artifacts)
    if damage == "gone":
        del run.artifacts[path]
    else:
        run.artifacts[path] += b" "
    publish(run, RUN, parcel())
    assert run.artifacts == good


def test_edited_tags_are_set_right_by_the_next_delivery():
    run = MemoryRun()
    publish(run, RUN, parcel())
    good = dict(run.stored_tags)
    run.stored_tags.update({"venturalitica.light": "green", "venturalitica.control.accuracy": "?"})
    publish(run, RUN, parcel())
    assert run.stored_tags == good


def test_a_refused_key_is_named_and_costs_no_other(caplog):
    class Picky(MemoryRun):
        def put_points(self, points, *, again):
            bad = [point.key for point in points if point.key.endswith("ci_low")]
            super().put_points([p for p in points if p.key not in bad], again=again)
            return bad

    run = Picky()
    receipt = publish(run, RUN, parcel())
    assert len(run.points) == 6
    assert "refused by the tracker: venturalitica/accuracy/ci_low" in receipt.detail
    assert "the run refused 2 key(s)" in caplog.text
    assert run.stored_tags["venturalitica.evidence_sha256"] == parcel().evidence_sha256


def test_a_run_that_takes_no_claim_is_an_error():
    class Locked(MemoryRun):
        def put_tags(self, tags):
            return list(tags)

    with pytest.raises(TrackerError, match="locked or read-only"):
        publish(Locked(), RUN, parcel())
