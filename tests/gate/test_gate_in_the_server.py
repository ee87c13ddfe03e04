"""Whoever asks MLflow's server, in whatever way: no unproven version becomes `champion`."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from venturalitica.ledger import verify_ledger

if TYPE_CHECKING:
    from tests.gate.world import World

ALIAS = "registered-models/alias"
STAGE = "model-versions/transition-stage"


def test_a_proven_version_passes_and_the_rest_is_none_of_the_gates(world: World) -> None:
    shelf = world.shelf
    assert world.set_alias(shelf["green"].version).status == 200
    assert world.champion() == shelf["green"].version
    assert world.set_alias(shelf["other"].version).status == 200
    assert world.champion() == shelf["other"].version
    assert world.set_alias(shelf["bare"].version, alias="candidate").status == 200
    run = {"run_id": shelf["other"].run, "key": "team", "value": "risk"}
    assert world.api("POST", "runs/set-tag", run).status == 200
    assert world.put("0/elsewhere/artifacts/notes.txt").status == 200
    assert world.drop_alias().status == 200
    assert world.champion() is None


def test_each_decision_is_signed_into_the_servers_own_log(world: World) -> None:
    shelf = world.shelf
    before = len(world.decisions())
    world.set_alias(shelf["red"].version)
    world.set_alias(shelf["green"].version)
    world.set_alias(shelf["bare"].version, alias="candidate")
    refused, allowed = world.decisions()[before:]
    for one, kind in ((refused, "red"), (allowed, "green")):
        assert (one.decision.name, one.decision.version) == ("credit", shelf[kind].version)
        assert (one.alias, one.mode) == ("champion", "enforce")
        file = (world.folder / "gate.yaml").read_bytes()
        assert one.settings == hashlib.sha256(file).hexdigest()
        policy = (world.folder / "policy.yaml").read_bytes()
        assert one.decision.policy_sha256 == hashlib.sha256(policy).hexdigest()
    assert (refused.decision.allowed, refused.decision.control) == (False, "accuracy")
    assert (allowed.decision.allowed, allowed.decision.rule) == (True, "allowed")
    assert verify_ledger(world.folder / "evidence").ok


@pytest.mark.parametrize(
    ("kind", "rule", "said"), [("red", "control", "accuracy"), ("bare", "no-evidence", "judgement")]
)
def test_a_refusal_says_why(world: World, kind: str, rule: str, said: str) -> None:
    answer = world.set_alias(world.shelf[kind].version)
    assert answer.status == 403
    assert answer.json["error_code"] == "PERMISSION_DENIED"
    assert f"[gate: {rule}" in answer.json["message"]
    assert said in answer.json["message"]
    assert world.champion() is None


def _spelled(version: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    said = {"name": "credit", "alias": "champion", "version": version}
    twice = f'{{"name":"x","name":"credit","alias":"y","alias":"champion","version":"{version}"}}'
    plain = json.dumps(said).encode()
    form = f"name=credit&alias=champion&version={version}"
    escaped = json.dumps(said).replace("e", "\\u0065")
    api = f"/api/2.0/mlflow/{ALIAS}"
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    return {
        "the page's address": ("POST", f"/ajax-api/2.0/mlflow/{ALIAS}", {"said": said}),
        "an encoded path": ("POST", "/api/2.0/mlflow/registered%2Dmodels/%61lias", {"said": said}),
        "an encoded slash": ("POST", "/api/2.0/mlflow/registered-models%2Falias", {"said": said}),
        "a slash at the end": ("POST", f"{api}/", {"said": said}),
        "two slashes": ("POST", f"//api//2.0/mlflow//{ALIAS}", {"said": said}),
        "dots": ("POST", f"/api/2.0/x/../mlflow/{ALIAS}", {"said": said}),
        "a newer version of the interface": ("POST", f"/api/3.0/mlflow/{ALIAS}", {"said": said}),
        "keys twice": ("POST", api, {"body": twice.encode()}),
        "escaped letters": ("POST", api, {"body": escaped.encode()}),
        "a number": ("POST", api, {"said": {**said, "version": int(version)}}),
        "zeros before": ("POST", api, {"said": {**said, "version": f"0{version}"}}),
        "a blank before": ("POST", api, {"said": {**said, "version": f" {version}"}}),
        "capitals": ("POST", api, {"said": {**said, "alias": "Champion"}}),
        "a blank after": ("POST", api, {"said": {**said, "alias": "champion "}}),
        "text for JSON": ("POST", api, {"body": plain, "headers": {"Content-Type": "text/plain"}}),
        "a charset": (
            "POST",
            api,
            {"body": plain, "headers": {"Content-Type": "application/json; charset=utf-8"}},
        ),
        "UTF-16": ("POST", api, {"body": json.dumps(said).encode("utf-16")}),
        "a mark before": ("POST", api, {"body": b"\xef\xbb\xbf" + plain}),
        "gzip": (
            "POST",
            api,
            {"body": gzip.compress(plain), "headers": {"Content-Encoding": "gzip"}},
        ),
        "chunks": ("POST", api, {"body": plain, "chunked": True}),
        "a form": ("POST", api, {"body": form.encode(), "headers": form_type}),
        "a query": ("POST", f"{api}?{form}", {"body": b""}),
        "a query beside JSON": ("POST", f"{api}?{form}", {"said": {**said, "alias": "harmless"}}),
        "a method beside": (
            "GET",
            f"{api}?{form}",
            {"said": said, "headers": {"X-HTTP-Method-Override": "POST"}},
        ),
        "PUT": ("PUT", api, {"said": said}),
        "PATCH": ("PATCH", api, {"said": said}),
        "a list": ("POST", api, {"said": [said]}),
        "no JSON": ("POST", api, {"body": plain[:-1]}),
        "sixteen megabytes": ("POST", api, {"said": {**said, "more": "x" * (1 << 24)}}),
    }


@pytest.mark.parametrize("how", list(_spelled("1")))
def test_no_spelling_of_the_request_passes(world: World, how: str) -> None:
    method, path, said = _spelled(world.shelf["bare"].version)[how]
    world.ask(method, path, **said)
    for alias in ("champion", "Champion"):
        assert world.champion(alias=alias) is None, how


def test_stages_are_guarded_like_aliases(world: World) -> None:
    def ask(version: str, stage: str) -> int:
        said = {"name": "credit", "version": version, "stage": stage}
        return world.api("POST", STAGE, {**said, "archive_existing_versions": False}).status

    shelf = world.shelf
    for stage in ("Production", "production", "PRODUCTION"):
        assert ask(shelf["red"].version, stage) == 403
    assert ask(shelf["red"].version, "Staging") == 200
    assert ask(shelf["green"].version, "Production") == 200
    assert ask(shelf["green"].version, "Archived") == 200


def test_what_belongs_to_a_champion_stays_as_it_is(world: World) -> None:
    green = world.shelf["green"]
    assert world.set_alias(green.version).status == 200
    own = f"0/models/{green.model}/artifacts"
    evidence = f"0/{green.run}/artifacts/venturalitica/evidence.json"
    before = {one: world.artifact(one).read_bytes() for one in (f"{own}/MLmodel", evidence)}
    writes = [
        *before,
        f"{own}/new.py",
        f"0/{green.run}/artifacts/policy_snapshot/policy.yaml",
        f"0/{green.run}/artifacts/venturalitica/deep/er.json",
        f"0/models/{green.model}/./artifacts/MLmodel",
        f"0/models/{green.model}%2Fartifacts%2FMLmodel",
        f"0/models/x/../{green.model}/artifacts/MLmodel",
        f"0//models/{green.model}//artifacts/MLmodel",
    ]
    for place in writes:
        assert world.put(place).status in (400, 403), place
        again = world.ask(
            "PUT", f"/ajax-api/2.0/mlflow-artifacts/artifacts/{place}", body=b"other bytes"
        )
        assert again.status in (400, 403), place
    for place in (own, f"{own}/MLmodel", f"0/models/{green.model}", "0/models", "0"):
        world.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{place}")
    uploads = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={green.run}&path="
    for path in ("venturalitica/evidence.json", "policy_snapshot/policy.yaml"):
        assert world.ask("POST", uploads + path, body=b"{}").status == 403
    assert {one: world.artifact(one).read_bytes() for one in before} == before
    assert not world.artifact(f"{own}/new.py").exists()

    light = {"run_id": green.run, "key": "venturalitica.light"}
    batch = {"run_id": green.run, "tags": [{"key": "venturalitica.light", "value": "x"}]}
    metric = {"run_id": green.run, "key": "venturalitica/accuracy", "value": 1, "timestamp": 1}
    version = {"name": "credit", "version": green.version, "key": "venturalitica.light"}
    attempts = [
        ("POST", "runs/set-tag", {**light, "value": "green"}),
        ("POST", "runs/delete-tag", light),
        ("POST", "runs/log-batch", batch),
        ("POST", "runs/log-metric", metric),
        ("POST", "runs/delete", {"run_id": green.run}),
        ("POST", "experiments/delete", {"experiment_id": "0"}),
        ("DELETE", f"logged-models/{green.model}", None),
        ("POST", "model-versions/set-tag", {**version, "value": "x"}),
        ("DELETE", "model-versions/delete-tag", version),
        ("POST", "model-versions/set-tag", {**version, "version": f"0{green.version}"}),
        ("POST", "registered-models/set-tag", {**version, "value": "x"}),
    ]
    for method, path, said in attempts:
        assert world.api(method, path, said).status == 403, path
    assert world.api("GET", f"runs/get?run_id={green.run}").json["run"]["info"]["run_id"]


def test_swapped_and_added_files_are_refused_and_the_right_ones_pass_again(world: World) -> None:
    green = world.shelf["green"]
    own = world.artifact(f"0/models/{green.model}/artifacts")
    before = (own / "requirements.txt").read_bytes()
    assert world.set_alias(green.version).status == 200
    world.drop_alias()
    assert world.put(f"0/models/{green.model}/artifacts/requirements.txt").status == 200
    assert "[gate: other-files" in world.set_alias(green.version).json["message"]
    (own / "requirements.txt").write_bytes(before)
    (own / "code.py").write_text("import os")
    assert "[gate: other-files" in world.set_alias(green.version).json["message"]
    (own / "code.py").unlink()
    assert world.set_alias(green.version).status == 200


def test_evidence_of_another_run_is_not_evidence(world: World) -> None:
    red, green = world.shelf["red"], world.shelf["green"]
    evidence = world.artifact(f"0/{green.run}/artifacts/venturalitica/evidence.json").read_bytes()
    place = world.artifact(f"0/{red.run}/artifacts/venturalitica/evidence.json")
    before = place.read_bytes()
    try:
        assert (
            world.put(f"0/{red.run}/artifacts/venturalitica/evidence.json", evidence).status == 200
        )
        assert world.set_alias(red.version).status == 403
    finally:
        place.write_bytes(before)
    bare = world.shelf["bare"].model
    said = {"name": "credit", "source": f"models:/{bare}", "model_id": bare, "run_id": green.run}
    made = world.api("POST", "model-versions/create", said)
    assert made.status == 200
    assert world.set_alias(made.json["model_version"]["version"]).status == 403
    assert world.champion() is None


def test_no_name_is_slipped_under_the_gate(world: World) -> None:
    bare = world.shelf["bare"]
    assert world.api("POST", "registered-models/create", {"name": "trojan"}).status == 200
    said = {"name": "trojan", "source": f"models:/{bare.model}", "model_id": bare.model}
    assert world.api("POST", "model-versions/create", said).status == 200
    assert world.set_alias("1", name="trojan").status == 200
    for name in ("credit-2", "Credit-2"):
        moved = world.api("POST", "registered-models/rename", {"name": "trojan", "new_name": name})
        assert moved.status == 403
        assert world.champion(name) is None
    assert world.set_alias(world.shelf["green"].version).status == 200
    moved = world.api("POST", "registered-models/rename", {"name": "credit", "new_name": "free"})
    assert moved.status == 403
    assert world.champion() == world.shelf["green"].version
    both = {"name": "credit'\""}
    assert world.api("POST", "registered-models/create", both).status == 403
    assert world.api("DELETE", "registered-models/delete", {"name": "trojan"}).status == 200


@pytest.mark.parametrize("broken", ["", "gate: [", 'gate: "1"\n', None])
def test_a_broken_gate_file_refuses_what_may_be_protected_and_nothing_else(
    world: World, broken: str | None
) -> None:
    file = world.folder / "gate.yaml"
    green = world.shelf["green"]
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    answer = world.set_alias(green.version)
    assert answer.status == 403
    assert "[gate: broken-gate" in answer.json["message"]
    assert world.decisions()[-1].decision.rule == "broken-gate"
    assert str(world.folder) not in answer.body
    assert world.set_alias(green.version, name="credit", alias="anything").status == 403
    tag = {"run_id": green.run, "key": "venturalitica.note", "value": "x"}
    assert world.api("POST", "runs/set-tag", {**tag, "key": "team"}).status == 200
    assert world.put("0/elsewhere/artifacts/more.txt").status == 200


def test_observe_says_what_it_would_refuse_and_lets_it_pass(world: World) -> None:
    file = world.folder / "gate.yaml"
    file.write_text(file.read_text().replace("enforce", "observe"))
    assert world.set_alias(world.shelf["bare"].version).status == 200
    assert world.champion() == world.shelf["bare"].version


def test_another_policy_is_judged_by_the_published_tally(world: World) -> None:
    file = world.folder / "policy.yaml"
    before = file.read_text()
    try:
        file.write_text(before.replace(">= 0.50", "<= 0.10"))
        answer = world.set_alias(world.shelf["green"].version)
        assert answer.status == 403
        assert "[gate: control; control 'accuracy']" in answer.json["message"]
        file.write_text(before.replace(">= 0.50", ">= 0.40"))
        assert world.set_alias(world.shelf["green"].version).status == 200
        assert world.decisions()[-1].decision.anew
    finally:
        file.write_text(before)


def test_an_alias_set_while_files_are_being_written_is_not_set(world: World) -> None:
    green = world.shelf["green"]
    place = f"0/models/{green.model}/artifacts/requirements.txt"
    before = world.artifact(place).read_bytes()
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Any:
        yield b"first half"
        begun.set()
        go_on.wait(30)
        yield b"second half"

    answers = []

    def upload() -> None:
        host = world.url.removeprefix("http://")
        client = http.client.HTTPConnection(host, timeout=60)
        client.request(
            "PUT",
            f"/api/2.0/mlflow-artifacts/artifacts/{place}",
            slowly(),
            encode_chunked=True,
            headers={"Transfer-Encoding": "chunked"},
        )
        answers.append(client.getresponse().status)
        client.close()

    thread = threading.Thread(target=upload)
    thread.start()
    try:
        assert begun.wait(30)
        # The server knows of it once it has announced the write; the client is ahead of it.
        writes = next(world.folder.rglob("writes"))
        until = time.monotonic() + 30
        while not any(writes.iterdir()) and time.monotonic() < until:
            time.sleep(0.01)
        refused = world.set_alias(green.version)
        assert refused.status == 403
        assert "[gate: busy" in refused.json["message"]
    finally:
        go_on.set()
        thread.join(60)
    assert answers == [200]
    assert world.set_alias(green.version).status == 403
    world.artifact(place).write_bytes(before)
    assert world.set_alias(green.version).status == 200
