"""A real MLflow server behind a proxy that fails in every way a server can.

For each fault: the script is delayed by two seconds at most, all its calls of ours and the end of
its interpreter taken together; its lights are amber and it is told why; when the server is back,
`venturalitica sync` delivers each parcel exactly once, byte for byte, and a second one changes
nothing, nor does one that has lost its receipts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture.proxy import Proxy
from torture.server import started_server
from torture.training_policy import AUDITS, POLICY
from torture.warm import Job, Warm
from venturalitica.core.record import BEGIN

WAIT = 2.0
SLACK = {"long": 0.75, "short": 10.0}
"""Seconds for the work itself, which varies with what else the machine does, besides twice what the
same calls took without a tracker. A short run only tells two seconds from the minutes for which
MLflow's client asks again by itself: a test must not depend on how busy its machine is."""

FAULTS = {
    "refused": "",
    "silent": "silent",
    "a byte a second": "drip",
    "a second for each answer": "late",
    "429, come back in an hour": "429",
    "500": "500",
    "502, a page": "502",
    "wrong credentials, 401": "401",
    "wrong credentials, 403": "403",
    "cut half way through an upload": "cut",
    "cut half way through an answer": "half",
}
HALF_WAY = 6
"""Requests that pass before a server fails half way through a delivery."""


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        world = World(Path(name))
        try:
            world.slack = SLACK["short" if short else "long"]
            return _short(world, chance, say) if short else _long(world, chance, say)
        finally:
            world.close()


def _short(world: World, chance: random.Random, say: Callable[[str], None]) -> dict[str, str]:
    delay = _fault(world, "silent", "silent", 0, say)
    _kill(world, chance.randint(1, 12), "after", say)
    return {"delay by a silent server": f"{delay:.2f} s", "kills": "1", "exactly once": "yes"}


def _long(world: World, chance: random.Random, say: Callable[[str], None]) -> dict[str, str]:
    delays = {}
    for name, fault in FAULTS.items():
        delays[name] = _fault(world, name, fault, 0, say)
    for name in ("cut half way through an upload", "500", "silent"):
        half = f"{name}, half way"
        delays[half] = _fault(world, half, FAULTS[name], HALF_WAY, say)
    delays["stopped (SIGSTOP)"] = _fault(world, "stopped", "stop", 0, say)
    delays["silent, 4 threads"] = _fault(world, "threads", "silent", 0, say, threads=4)
    # Killed before the next request, a script leaves what it leaves killed after this one.
    _kill(world, 1, "before", say)
    requests = _requests_of_a_delivery(world)
    for number in range(1, requests + 1):
        _kill(world, number, "after", say)
    _killed_before_the_receipt(world, say)
    _killed_beside_wandb(world, say)
    _server_killed(world, say)
    worst = max(delays, key=lambda name: delays[name])
    return {
        "faults of a server": str(len(delays)),
        "longest delay of a script, its end included": f"{delays[worst]:.2f} s ({worst})",
        "scripts killed, before a delivery and after each request": f"{requests + 3}",
        "parcels delivered exactly once": str(world.delivered),
    }


class World:
    """The server, the proxy before it, and a warm interpreter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "server").mkdir()
        self.warm = Warm("torture.trainings", folder=folder)
        try:
            self.server = started_server(folder / "server")
        except RuntimeError:
            self.warm.close()
            raise
        self.proxy = Proxy(self.server.url)
        self.slack = SLACK["long"]
        self.delivered = 0
        self.jobs = 0

    def close(self) -> None:
        self.warm.close()
        self.proxy.close()
        self.server.stop()

    def place(self) -> Path:
        self.jobs += 1
        return self.folder / f"{self.jobs:03d}"

    def start(self, call: str, folder: Path, *, home: str = "evidence", **arguments: Any) -> Job:
        environment = {
            "MLFLOW_TRACKING_URI": self.proxy.url,
            "VENTURALITICA_CONFIG": str(self.folder / "config"),
            "VENTURALITICA_HOME": str(folder / home),
            "VENTURALITICA_TRACKER_WAIT": str(arguments.pop("wait", WAIT)),
        }
        where = f"torture.trainings:{call}"
        return self.warm.start(where, folder, environment=environment, **arguments)

    def command(self, folder: Path, line: str) -> tuple[int | None, dict[str, Any]]:
        (folder / "out.txt").unlink(missing_ok=True)
        job = self.start("command", folder, line=line).wait()
        text = job.output()
        return job.status, json.loads(text[text.index("{") :]) if "{" in text else {}

    def look(self, folder: Path, run_id: str) -> dict[str, Any]:
        job = self.start("look", folder, uri=self.server.url, run_id=run_id).wait()
        assert job.status == 0, job.output()
        seen: dict[str, Any] = json.loads((folder / "seen.json").read_text())
        return seen


def _fault(
    world: World, name: str, fault: str, after: int, say: Callable[[str], None], threads: int = 0
) -> float:
    """One script under one fault, and all that must hold afterwards; the seconds of its delay."""
    folder = world.place()
    job = world.start("train", folder, threads=threads)
    job.wait_for("ready")
    _begin_fault(world, fault, after)
    (folder / "go").touch()
    job.wait()
    told = json.loads((folder / "told.json").read_text())
    text = job.output()
    _end_fault(world, fault)
    assert job.status == 0, f"{name}: {text}"
    delay = _delay(world, name, told, job)
    assert "venturalitica sync" in text, f"{name}: nobody was told\n{text}"
    assert "amber" in told["lights"], f"{name}: {told['lights']}"
    assert "red" not in told["lights"], f"{name}: {told['lights']}"
    parcels = (AUDITS + 1) * max(1, threads)
    waiting = _delivered_once(world, folder, told["runs"], parcels, at_least=1)
    say(f"{name}: {delay:.2f} s of delay, {waiting} of {parcels} parcels waited")
    return delay


def _delay(world: World, name: str, told: dict[str, Any], job: Job) -> float:
    """Seconds that calls of ours took longer than without a tracker, and the script's end."""
    delay: float = told["with"] - told["without"] + job.ended - told["end"]
    allowed = WAIT + world.slack + 2 * told["without"]
    assert delay <= allowed, f"{name}: the script was delayed by {delay:.2f} s\n{job.output()}"
    return delay


def _begin_fault(world: World, fault: str, after: int) -> None:
    if fault == "stop":
        os.killpg(world.server.process.pid, signal.SIGSTOP)
    elif fault:
        world.proxy.order(fault, after=after)
    else:
        world.proxy.refuse()


def _end_fault(world: World, fault: str) -> None:
    world.proxy.order("")
    if fault == "stop":
        os.killpg(world.server.process.pid, signal.SIGCONT)
    elif not fault and not world.proxy.listening:
        world.proxy.come_back()


def _requests_of_a_delivery(world: World) -> int:
    """How many requests one delivery makes when all is well."""
    folder = world.place()
    job = world.start("train_once", folder, wait=60)
    job.wait_for("ready")
    before = world.proxy.requests
    (folder / "go").touch()
    assert job.wait().status == 0, job.output()
    (run_id,) = json.loads((folder / "told.json").read_text())["runs"]
    total = world.proxy.requests - before
    _delivered_once(world, folder, [run_id], 1, at_least=0)
    return total


def _kill(world: World, number: int, phase: str, say: Callable[[str], None]) -> None:
    """`kill -9` of a script when its request of that number arrives, or when it was answered."""
    folder = world.place()
    job = world.start("train_once", folder, wait=60)
    job.wait_for("ready")
    last = world.proxy.requests + number

    def hook(request: int, when: str) -> None:
        if request == last and when == phase:
            job.kill()

    world.proxy.hook = hook
    (folder / "go").touch()
    job.wait()
    world.proxy.hook = None
    assert job.status == -signal.SIGKILL, f"{phase} {number}: {job.status} {job.output()}"
    _killed(world, folder, f"killed {phase} request {number} of a delivery", say)


def _killed_before_the_receipt(world: World, say: Callable[[str], None]) -> None:
    folder = world.place()
    job = world.start("train_once", folder, wait=60, dies_at_receipt=True)
    job.wait_for("ready")
    (folder / "go").touch()
    assert job.wait().status == -signal.SIGKILL, job.output()
    _killed(world, folder, "killed after the delivery, before its receipt", say)


def _killed(world: World, folder: Path, name: str, say: Callable[[str], None]) -> None:
    (run_id,) = json.loads((folder / "told.json").read_text())["runs"]
    _delivered_once(world, folder, [run_id], 1, at_least=1)
    say(f"{name}: delivered once")


def _killed_beside_wandb(world: World, say: Callable[[str], None]) -> None:
    """An offline W&B run takes nothing more once its script is dead: `sync` says what to do."""
    folder = world.place()
    assert world.start("train_wandb", folder).wait().status == -signal.SIGKILL
    (run_folder,) = (folder / "wandb").glob("offline-run-*")
    status, said = world.command(folder, "sync --json")
    (parcel,) = said["parcels"]
    assert status == 1, said
    assert f"'wandb sync {run_folder}', then 'venturalitica sync'" in parcel["detail"], parcel
    say("killed beside an offline W&B run: 'sync' says what to do")


def _server_killed(world: World, say: Callable[[str], None]) -> None:
    """The server dies half way and another process of it, on the same database, comes back."""
    folder = world.place()
    job = world.start("train", folder)
    job.wait_for("ready")
    last = world.proxy.requests + HALF_WAY

    def hook(request: int, when: str) -> None:
        if request == last and when == "before":
            os.killpg(world.server.process.pid, signal.SIGKILL)

    world.proxy.hook = hook
    (folder / "go").touch()
    assert job.wait().status == 0, job.output()
    world.proxy.hook = None
    told = json.loads((folder / "told.json").read_text())
    delay = _delay(world, "the server killed", told, job)
    world.server.stop()
    world.server = started_server(world.folder / "server")
    world.proxy.upstream = world.server.url
    _delivered_once(world, folder, told["runs"], AUDITS + 1, at_least=1)
    say(f"the server killed half way, and another one later: {delay:.2f} s of delay")


def _delivered_once(
    world: World, folder: Path, runs: list[str], parcels: int, *, at_least: int
) -> int:
    """`sync` brings what waits; nothing is there twice, then nor ever. How many waited."""
    status, said = world.command(folder, "sync --json")
    assert (status, said["waiting"]) == (0, 0), said
    assert at_least <= said["delivered"] <= parcels, said
    seen = [world.look(folder, run_id) for run_id in runs]
    _all_there_once(folder, seen, parcels)
    status, again = world.command(folder, "sync --json")
    assert (status, again["parcels"]) == (0, [])
    (folder / "evidence" / "receipts.jsonl").unlink()
    status, again = world.command(folder, "sync --json")
    assert (status, again["delivered"]) == (0, parcels), again
    assert [world.look(folder, run_id) for run_id in runs] == seen, "a repeat changed the run"
    world.delivered += parcels
    return int(said["delivered"])


def _all_there_once(folder: Path, seen: list[dict[str, Any]], parcels: int) -> None:
    lines = (folder / "evidence" / "log" / "entries.jsonl").read_bytes().splitlines()
    log = [line for line in lines if not _is_beginning(line)]
    assert len(log) == parcels
    kept = [line for one in seen for line in _envelopes(one)]
    assert sorted(kept) == sorted(log), "what the runs hold is not the log, line for line"
    for one in seen:
        _one_run(one)


def _is_beginning(line: bytes) -> bool:
    """That a run began is in the log alone: no run of a tracker is told."""
    payload = json.loads(base64.b64decode(json.loads(line)["payload"]))
    return payload["predicateType"] == BEGIN


def _envelopes(seen: dict[str, Any]) -> list[bytes]:
    """The log line in each evidence file of a run, exactly."""
    bundles = [path for path in seen["files"] if re.search(r"(evidence|run)\.json$", path)]
    content = [json.loads(base64.b64decode(seen["files"][path])) for path in bundles]
    return [bundle["envelope"].encode() for bundle in content]


def _one_run(seen: dict[str, Any]) -> None:
    """Claims, tags, points and inputs of a run agree with the files that it holds."""
    digests = {hashlib.sha256(line).hexdigest() for line in _envelopes(seen)}
    claims = [key for key in seen["tags"] if re.fullmatch(r"venturalitica\.\w+\.\w{12}", key)]
    assert {key[-12:] for key in claims} == {digest[:12] for digest in digests}
    audits = [key for key in claims if key.startswith("venturalitica.audit.")]
    confirmed = {v for k, v in seen["tags"].items() if k.endswith(".evidence_sha256")}
    assert confirmed == digests
    reports = [base64.b64decode(v) for path, v in seen["files"].items() if path.endswith(".html")]
    assert len(reports) == len(digests)
    assert all(page.rstrip().endswith(b"</html>") for page in reports), "half a report"
    snapshots = [v for path, v in seen["files"].items() if path.startswith("policy_snapshot/")]
    assert [base64.b64decode(one) for one in snapshots] == [POLICY.encode()] * bool(audits)
    for key in {key for key, *_ in seen["points"]}:
        steps = sorted(step for name, step, *_ in seen["points"] if name == key)
        assert steps == list(range(len(audits))), f"{key} was logged at steps {steps}"
    assert bool(seen["points"]) == bool(audits)
    assert len(seen["inputs"]) == bool(audits)
