"""Attacks on what stands at a tracker's run, by somebody who may write there.

Each changes the files and tags of a run, as `Tracker.fetch` gives them, and names the step that
must say so: failed, or not checked and why.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import asdict

from torture.attacks import World, record
from venturalitica.audit.parcel import parcel
from venturalitica.cli.app import run as command_line
from venturalitica.core.verification import Step
from venturalitica.ledger import Ledger, verify_bundle
from venturalitica.review.tracker_run import agreement
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.memory import MemoryTracker

Files = dict[str, bytes]
RUN_ID = "run id"
"""Not a file of the run: which one it is."""
EVIDENCE, REPORT = "venturalitica/evidence.json", "venturalitica/report.html"
SNAPSHOT = "policy_snapshot/model_policy.yaml"


@dataclass(frozen=True)
class RunAttack:
    """`step` must end as `ok`: False, or None with a reason.

    A refusal names the first step that failed: `step`, where no `first` is said.
    """

    name: str
    step: str
    ok: bool | None
    play: Callable[[Files, Files], None]
    first: str = ""


def _put(path: str, data: bytes) -> Callable[[Files, Files], None]:
    def play(files: Files, other: Files) -> None:
        assert files[path] != data
        files[path] = data

    return play


def _remove(*paths: str) -> Callable[[Files, Files], None]:
    def play(files: Files, other: Files) -> None:
        for path in [path for path in files if path.startswith(paths)]:
            del files[path]

    return play


def _from_another_run(files: Files, other: Files) -> None:
    files[EVIDENCE] = other[EVIDENCE]


def _beside(files: Files, other: Files) -> None:
    files["venturalitica/audits/000000000000/evidence.json"] = other[EVIDENCE]


def _all_of_another_run(files: Files, other: Files) -> None:
    for path in [path for path in files if path != RUN_ID]:
        del files[path]
    files.update({path: data for path, data in other.items() if path != RUN_ID})


def _flip(files: Files, other: Files) -> None:
    altered = bytearray(files[EVIDENCE])
    altered[altered.index(b"payload") + 60] ^= 1
    files[EVIDENCE] = bytes(altered)


def _brighter_report(files: Files, other: Files) -> None:
    files[REPORT] = files[REPORT].replace(b"0.75", b"0.95")


RUN_ATTACKS = {
    item.name: item
    for item in (
        RunAttack("edit-the-light", "tags", False, _put("tags/venturalitica.light", b"red")),
        RunAttack("edit-the-policy-tag", "tags", False, _put("tags/venturalitica.policy", b"x")),
        RunAttack(
            "edit-a-verdict-tag",
            "tags",
            False,
            _put("tags/venturalitica.control.accuracy", b"failed"),
        ),
        RunAttack(
            "name-other-evidence",
            "evidence",
            False,
            _put("tags/venturalitica.evidence_sha256", b"0" * 64),
        ),
        RunAttack("remove-the-tags", "tags", None, _remove("tags/")),
        RunAttack("replace-the-policy", "policy_snapshot", False, _put(SNAPSHOT, b"policy: x\n")),
        RunAttack("remove-the-policy", "policy_snapshot", False, _remove(SNAPSHOT)),
        RunAttack("replace-the-evidence", "evidence", False, _from_another_run, first="run"),
        RunAttack("add-evidence-of-another-run", "run", False, _beside),
        RunAttack("copy-all-of-another-run", "run", False, _all_of_another_run),
        RunAttack("change-the-evidence", "signatures", False, _flip),
        RunAttack("edit-the-report", "report", None, _brighter_report),
    )
}


def at_a_run_in_memory(world: World) -> str:
    """Play all against what the in-memory tracker keeps."""
    for attack in RUN_ATTACKS.values():
        files, other = delivered_in_memory(world)
        assert all(step.ok is not False for step in steps_of(files))
        attack.play(files, other)
        assert told(attack, steps_of(files)), attack.name
    return str(len(RUN_ATTACKS))


def delivered_in_memory(world: World) -> tuple[Files, Files]:
    """What two runs hold, each with a record of its own."""
    tracker = MemoryTracker()
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        home = shutil.copytree(world.home, Path(folder) / "home")
        for number in range(2):
            with tracker.start_run() as run:
                ledger = Ledger.open(home, signer=world.ours)
                one = parcel(ledger, _made_in(ledger, run, number))
                tracker.deliver(run, one)
                tracker.deliver_page(run, one)
            kept.append(tracker.fetch(run.run_id) | {RUN_ID: run.run_id.encode()})
    return kept[0], kept[1]


def _made_in(ledger: Ledger, run: RunRef, number: int) -> int:
    """The place of a record that names the run; it is the first audit of a monitored one."""
    made = record(80 + number, trackers=[asdict(run)])
    made["predicate"]["run"]["sequence"] = 1
    return ledger.append(made).index


def steps_of(files: Files) -> list[Step]:
    """What `verify --run` says of these files."""
    run = RunRef("memory", files[RUN_ID].decode())
    files = {path: data for path, data in files.items() if path != RUN_ID}
    bundles = [data for path, data in files.items() if path.endswith(".json")]
    return [
        *(step for data in bundles for step in verify_bundle(data).steps),
        *agreement(files, run),
    ]


def told(attack: RunAttack, steps: list[Step]) -> bool:
    return any(step.name == attack.step and step.ok is attack.ok for step in steps)


def at_a_run_of_mlflow(world: World, folder: Path) -> str:
    """Play all at real runs, in an SQLite store with files, through `verify --run`."""
    import mlflow

    folder.mkdir()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    try:
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("x", artifact_location=str(folder / "files"))
        for attack in RUN_ATTACKS.values():
            _at_mlflow(world, client, experiment, attack)
    finally:
        mlflow.set_tracking_uri(before)
    return str(len(RUN_ATTACKS))


def _at_mlflow(world: World, client: object, experiment: str, attack: RunAttack) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # One log for both runs: two copies of it that went on apart would be a fault of their own.
        home = shutil.copytree(world.home, Path(folder) / "home")
        ledger = Ledger.open(home, signer=world.ours)
        one, other = (delivered(ledger, client, experiment, index) for index in (0, 2))
    status, text = _verified(one.run_id)
    assert status == 0, text
    before, theirs = _fetched(one.run_id), _fetched(other.run_id)
    after = dict(before)
    attack.play(after, theirs)
    _make_so(client, one.run_id, before, after)
    status, text = _verified(one.run_id)
    word = "FAILED" if attack.ok is False else "not checked"
    assert any(attack.step in line and word in line for line in text.splitlines()), (
        attack.name,
        text,
    )
    assert status == (1 if attack.ok is False else 0), (attack.name, status, text)
    if attack.ok is False:
        refusal = text.splitlines()[-1]
        named = re.compile(rf"(  |: ){attack.first or attack.step}( \(entry \d+\))?: ")
        assert refusal.startswith("NOT VERIFIED"), (attack.name, text)
        assert named.search(refusal), (attack.name, refusal)


def delivered(ledger: Ledger, client: object, experiment: str, index: int) -> RunRef:
    from venturalitica.trackers import tracker

    made = client.create_run(experiment)  # type: ignore[attr-defined]
    run = RunRef("mlflow", made.info.run_id, experiment_id=experiment)
    one = parcel(ledger, _made_in(ledger, run, index))
    tracker("mlflow").deliver(run, one)
    tracker("mlflow").deliver_page(run, one)
    return run


def _fetched(run_id: str) -> Files:
    from venturalitica.trackers import tracker

    return tracker("mlflow").fetch(run_id)


def _make_so(client: object, run_id: str, before: Files, after: Files) -> None:
    """Bring the run from one state to the other, as somebody with write access would."""
    root = Path(client.get_run(run_id).info.artifact_uri)  # type: ignore[attr-defined]
    for path in before.keys() - after.keys():
        if path.startswith("tags/"):
            client.delete_tag(run_id, path[5:])  # type: ignore[attr-defined]
        else:
            (root / path).unlink()
    for path, data in after.items():
        if before.get(path) == data:
            continue
        if path.startswith("tags/"):
            client.set_tag(run_id, path[5:], data.decode())  # type: ignore[attr-defined]
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)


def _verified(run_id: str) -> tuple[int, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = command_line(["verify", "--run", run_id])
    return status, out.getvalue()
