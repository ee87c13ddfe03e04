"""Names, files and contents made to harm whoever reads them.

Nothing is written or read outside the folders that are ours, nothing acts on the terminal, nothing
is unpickled, nothing waits for ever or takes all memory. Each refusal is a typed error.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pandas as pd

import venturalitica as vl
from torture.attacks import World, build, record
from torture.hostile_files import KINDS, giants, other_files, places, soon, swapped
from torture.parsers import POLICY
from torture.run_attacks import delivered
from venturalitica.audit.parcel import parcel
from venturalitica.cli.app import run as command_line
from venturalitica.cli.reading import csv_reader as csv_files
from venturalitica.cli.reading.data_files import find_files
from venturalitica.errors import DataError, PolicyError, TrackerError, VenturaliticaError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.policy import parse_policy
from venturalitica.trackers.layout import read_claims, snapshot_name
from venturalitica.trackers.memory import MemoryTracker

NAMES = [
    "../../outside",
    "../" * 40 + "etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    "~/outside",
    "a\0b",
    "a\r\nSet-Cookie: x=1",
    "C:\\Windows\\win.ini",
    "\\\\host\\share",
    "..\\..\\outside",
    "CON",
    "x" * 5000,
    "é" * 200,
    "\x1b[2J\x1b[1;31mred\x07",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\u202egpj.exe",
    "evid\u0435nce",
    "／etc／passwd",
    "a\u2028b",
    "\ufeffname",
    "-rf",
    "$(touch outside)",
    "`touch outside`",
    "<script>alert(1)</script>",
    "%2e%2e%2f",
    "name\n",
    "[red]markup[/red]",
]

ODD: list[Any] = ["\x1b[2J", 1, "x", [], {"a": 1}, [1], {}, -1, None, True, "\ud800x", 1.5]
"""What a field of a signed record may hold."""

CANARY = "unpickled"


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    figures: dict[str, str] = {}
    chosen = random.Random(seed).sample(NAMES, 10 if short else len(NAMES))
    odd = ODD[:: 4 if short else 1]
    with sandbox() as folder:
        world = build(folder / "world", entries=5)
        attempts: tuple[tuple[str, Callable[[Path], str]], ...] = (
            ("names in records, to the terminal and to a run", lambda at: names(world, at, chosen)),
            ("names of files", lambda at: file_names(at, chosen)),
            ("names that a run lists", lambda at: listed_names(at)),
            ("names in the tags of a run", lambda at: claimed_names(world)),
            ("strangers in the place of a ledger's files", lambda at: places(world, at)),
            ("strangers in the place of other files", lambda at: other_files(world, at)),
            ("a file that changes while it is hashed", swapped),
            ("pickles", lambda at: pickles(world, at)),
            ("bombs", lambda at: bombs(at, short=short)),
            ("giants", lambda at: giants(world, at, short=short)),
            ("records that say anything", lambda at: odd_records(world, at, odd)),
            ("strangers at a run of MLflow", lambda at: at_mlflow(world, at)),
        )
        for number, (what, attempt) in enumerate(attempts[: -1 if short else None]):
            at = folder / f"part{number}"
            at.mkdir()
            before = outside(folder, at)
            figures[what] = attempt(at)
            written = outside(folder, at) - before
            assert not written, f"{what}: written outside: {sorted(written)}"
            shutil.rmtree(at)
            say(f"{what}: {figures[what]}")
    return figures


@contextlib.contextmanager
def sandbox() -> Iterator[Path]:
    """A folder of its own, which is the user's home, working folder and everything."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        (folder / "cwd").mkdir()
        variables = {
            "HOME": str(folder),
            "VENTURALITICA_HOME": str(folder / "cwd" / ".venturalitica"),
            "VENTURALITICA_CONFIG": str(folder / "config"),
            "TERM": "dumb",
            "MLFLOW_DISABLE_TELEMETRY": "true",  # which MLflow would keep in the home folder
        }
        before = Path.cwd()
        os.chdir(folder / "cwd")
        try:
            with mock.patch.dict(os.environ, variables):
                yield folder
        finally:
            os.chdir(before)


def outside(folder: Path, at: Path) -> set[str]:
    """Every name in the sandbox beside the part's own folder and what is ours by right."""
    ours = (folder / "cwd" / ".venturalitica", folder / "config", at)
    return {
        str(path)
        for path in folder.rglob("*")
        if not any(path == place or place in path.parents for place in ours)
    }


def printed(*arguments: str) -> tuple[int, str]:
    """Status and all output of a command; it may hold nothing that acts on a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = command_line(arguments)
    text = out.getvalue() + err.getvalue()
    odd = [character for character in text if not character.isprintable() and character != "\n"]
    assert not odd, (arguments, odd[:5])
    assert status != 70, (arguments, text[-500:])
    return status, text


# --- Names ----------------------------------------------------------------------------------------


def names(world: World, at: Path, chosen: list[str]) -> str:
    """Each name as run, policy, file, model, data, role and group name of one signed record."""
    home = at / ".venturalitica"
    tracker = MemoryTracker()
    for name in chosen:
        ledger = Ledger.open(home, signer=world.ours)
        entry = ledger.append(named(name))
        with tracker.start_run(name) as run:
            tracker.deliver(run, parcel(ledger, entry.index))
        for path in tracker.runs[run.run_id].artifacts:
            harmless(path)
        for path, data in tracker.runs[run.run_id].artifacts.items():
            if path.endswith(".html"):
                assert b"<script>alert" not in data
                assert b"\x1b" not in data
    found = verify_ledger(home)
    assert found.ok, found.fault
    with mock.patch.dict(os.environ, {"VENTURALITICA_HOME": str(home)}):
        for command in (
            ("runs", "list", "--limit", "100"),
            ("runs", "list", "--json"),
            ("runs", "show", "last", "--details"),
            ("verify",),
            ("doctor",),
            ("sync",),
            ("reindex",),
            *(("runs", "show", str(index)) for index in range(len(chosen))),
            *(("runs", "show", name) for name in chosen),
            *(("verify", name) for name in chosen),
            *(("verify", "--run", name) for name in chosen if len(name) != 32),
            *(("policy", "lint", name) for name in chosen),
            *(("check", name) for name in chosen if name not in ("", ".", "..")),
            *(("verify", "--keys", name) for name in chosen),
            *(("runs", "list", "--name", name) for name in chosen),
        ):
            printed(*(item for item in command if "\0" not in item))
    return f"{len(chosen)} names"


def named(name: str) -> dict[str, Any]:
    """A record whose every free text is `name`."""
    statement = record(7)
    predicate = statement["predicate"]
    predicate["run"]["name"] = name
    predicate["policy"] |= {"name": name, "title": name, "filename": name, "version": name}
    predicate["model"]["class"] = name
    predicate["data"][0] |= {"name": name, "context": name}
    predicate["bindings"] = {name: name}
    predicate["verdicts"][0] |= {"reason": name, "title": name}
    predicate["environment"] = {"python": name, "git": {"commit": name}, "packages": {name: name}}
    return statement


def harmless(path: str) -> None:
    """Whether a path can be given to any store without leading elsewhere."""
    parts = path.split("/")
    assert parts[0] in ("venturalitica", "policy_snapshot"), path
    assert not {"", ".", ".."} & set(parts), path
    assert path.isprintable(), path
    assert not set(path) & set('\\:*?"<>|'), path
    assert all(len(part.encode()) <= 255 for part in parts), path


def file_names(at: Path, chosen: list[str]) -> str:
    """Policy files of every name that a file can have: judged, recorded, and shown."""
    table = pd.DataFrame({"label": [0, 1] * 50, "said": [0, 1] * 50})
    policy = b'policy: p\nversion: "1"\ncontrols:\n  - {id: a, metric: accuracy, must: ">= 0.5"}\n'
    count = 0
    for name in chosen:
        harmless(f"policy_snapshot/{snapshot_name(name)}")
        path = at / f"x{name}.yaml"
        if "/" in name or "\0" in name or len(path.name.encode()) > 255:
            continue
        path.write_bytes(policy)
        audit = vl.enforce(table, policy=path, target="label", prediction="said")
        assert audit.passed
        printed("policy", "lint", str(path))
        printed("policy", "show", str(path))
        data = at / f"x{name}.csv"
        table.to_csv(data, index=False)
        options = ("--target", "label", "--prediction", "said")
        printed("check", str(data), "--policy", str(path), *options)
        bundle = at / "bundles" / f"x{name}.json"
        bundle.parent.mkdir(exist_ok=True)
        bundle.write_bytes(b"{}")
        count += 1
    status, _ = printed("verify", str(at / "bundles"))
    assert status == 1
    printed("verify")
    printed("runs", "show", "last", "--details")
    return f"{count} files"


def listed_names(at: Path) -> str:
    """What a lying server lists is not fetched, and nothing is written where it says."""
    from venturalitica.trackers.mlflow.run import RunShelf
    from venturalitica.trackers.wandb import tracker as opening

    bad = [
        f"venturalitica/{name}" for name in ("../../outside", "..", "", "a\0b", "a\\..\\b", "\x1b")
    ]
    bad += [
        "/etc/passwd",
        "venturalitica",
        "other/evidence.json",
        "venturalitica/" + "d/" * 30 + "x",
    ]
    for path in bad:
        shelf = object.__new__(RunShelf)
        with (
            mock.patch.object(RunShelf, "tags", return_value={}),
            mock.patch.object(RunShelf, "read", _never),
            mock.patch.object(RunShelf, "_list", lambda self, folder, path=path: {path: 1}),
        ):
            refused(TrackerError, shelf.everything)
    for path in bad:
        file = SimpleNamespace(name=path, size=1, download=_never)
        run = SimpleNamespace(summary={}, files=lambda file=file: [file])
        api = SimpleNamespace(Api=lambda run=run, **_: SimpleNamespace(run=lambda _: run))
        with (
            mock.patch.object(opening, "library", return_value=api),
            mock.patch("venturalitica.trackers.wandb.health.require_login"),
            contextlib.suppress(TrackerError),
        ):
            assert opening.fetch("x", "https://example.org") == {}
    endless = object.__new__(RunShelf)
    with (
        mock.patch.object(RunShelf, "tags", return_value={}),
        mock.patch.object(RunShelf, "_list", lambda self, folder: {f"{folder}/loop": None}),
    ):
        refused(TrackerError, endless.everything)
    return f"{2 * len(bad) + 1} listings"


def _never(*_: Any, **__: Any) -> Any:
    raise AssertionError("it was fetched")


def claimed_names(world: World) -> str:
    """A claim (a tag that anybody may edit) with a path that leads elsewhere is none."""
    tracker = MemoryTracker()
    with tracker.start_run() as run:
        tracker.deliver(run, parcel(Ledger.open(world.home), 0))
    tags = tracker.runs[run.run_id].stored_tags
    key = next(key for key in tags if key.startswith("venturalitica.audit."))
    claim = json.loads(tags[key])
    count = 0
    for field in ("folder", "snapshot", "tags", "metrics"):
        for name in NAMES:
            for path in (name, f"venturalitica/{name}", f"policy_snapshot/{name}"):
                found = read_claims({key: json.dumps(claim | {field: path})})
                for kept in found.values():
                    for place in (kept.evidence, kept.report, kept.snapshot):
                        assert ".." not in place.split("/"), place
                        assert not place.startswith("/"), place
                        assert place.isprintable(), place
                count += 1
    return f"{count} claims"


# --- Contents -------------------------------------------------------------------------------------


class Canary:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sung")


def pickles(world: World, at: Path) -> str:
    """A pickle in the place of everything: no command that reads evidence ever loads it."""
    song = at / CANARY
    data = pickle.dumps(Canary(song))
    pickle.loads(data)
    assert song.exists()
    song.unlink()
    home = at / ".venturalitica"
    count = 0
    for place in ("log/entries.jsonl", "log/checkpoint", "receipts.jsonl", "index.db", "vault"):
        shutil.copytree(world.home, home)
        path = home / place
        if place == "vault":
            reference = Vault(home).keep(Pair.of("a name"))
            path = path / f"{reference['vault']}.json"
        path.write_bytes(data)
        for cache in ("hashes.bin", "offsets.bin"):
            (home / "cache" / cache).write_bytes(data)
        (home / "keys" / f"{'0' * 64}.pem").write_bytes(data)
        count += commands(at, home, data)
        shutil.rmtree(home)
    assert not song.exists(), "a pickle was loaded"
    return f"{count} commands, none loaded"


def commands(at: Path, home: Path, data: bytes) -> int:
    """Every command that reads, on a ledger and on files that hold a pickle."""
    files = {}
    for name in (
        "evidence.json",
        "model.pkl",
        "p.yaml",
        "p.json",
        "d.csv",
        "d.csv.gz",
        "d.parquet",
    ):
        files[name] = at / "files" / name
        files[name].parent.mkdir(exist_ok=True)
        files[name].write_bytes(data)
    files["d.arrow"] = at / "files" / "d.arrow"
    files["d.arrow"].write_bytes(arrow_that_asks_for_a_pickle(data))
    asked = [
        ("verify",),
        ("verify", str(at / "files")),
        ("verify", str(files["evidence.json"])),
        ("verify", str(files["model.pkl"])),
        ("verify", "--keys", str(files["model.pkl"])),
        ("runs", "list"),
        ("runs", "show", "last"),
        ("sync",),
        ("doctor",),
        ("reindex",),
        ("policy", "lint", str(files["p.yaml"])),
        ("policy", "lint", str(files["p.json"])),
        *(("check", str(files[name])) for name in files if name.startswith("d.")),
        ("check", str(files["model.pkl"])),
    ]
    with mock.patch.dict(os.environ, {"VENTURALITICA_HOME": str(home)}):
        for command in asked:
            printed(*command)
    return len(asked)


def arrow_that_asks_for_a_pickle(data: bytes) -> bytes:
    """An Arrow file whose column claims a Python type that old readers made from a pickle."""
    import pyarrow as pa

    kind = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": data,
    }
    schema = pa.schema([pa.field("label", pa.int64(), metadata=kind)])
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table({"label": pa.array([0, 1])}, schema=schema))
    return sink.getvalue()


def bombs(at: Path, *, short: bool) -> str:
    """What grows when it is read: gzip, YAML anchors, nesting, numbers without end."""
    packed = at / "d.csv.gz"
    always = csv_files.UNPACKED_ALWAYS
    with mock.patch.object(csv_files, "UNPACKED_ALWAYS", always >> 6 if short else always):
        with gzip.open(packed, "wb", compresslevel=9) as stream:
            for _ in range(1 + csv_files.UNPACKED_ALWAYS // 1_048_576):
                stream.write(b"1,2\n" * 262_144)
        refused(DataError, lambda: csv_files.read_csv(find_files([packed]), None))
    packed.write_bytes(packed.read_bytes()[:500] + b"\0" * 500)
    refused(DataError, lambda: csv_files.read_csv(find_files([packed]), None))
    laughs = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    )
    policies = [
        laughs,
        POLICY + laughs,
        b"a: " + b"[" * 5000,
        b"{" * 5000,
        b"a:\n" + b"".join(b" " * n + b"- \n" for n in range(500)),
        b'{"a":' * 5000,
        POLICY.replace(b">= 0.70", b">= " + b"9" * 5000),
        POLICY.replace(b'">= 0.70"', b"9" * 100_000),
        POLICY.replace(b"favorable: 1", b"favorable: " + b"9" * 100_000),
        POLICY.replace(b">= 0.70", b">= .nan"),
        POLICY.replace(b">= 0.70", b">= 1e999"),
        POLICY.replace(b"credit", b'"\\ud800"'),
        POLICY.replace(b"credit", b'"\\0"'),
        POLICY.replace(b"policy: credit", b"policy: !!python/object/apply:os.system [id]"),
        POLICY.replace(b"[25, 60]", b"[25, 1e400]"),
        b"&a [*a]",
        b"? " * 3000,
    ]
    for policy in policies:
        refused(PolicyError, partial(parse_policy, policy))
    return f"{len(policies) + 2} refused"


def odd_records(world: World, at: Path, odd: list[Any]) -> str:
    """Records that somebody signed and that say anything at all: shown, or a typed error."""
    home = at / ".venturalitica"
    ledger = Ledger.open(home, signer=world.ours)
    fields = [name for name in record(0)["predicate"] if name != "log"]
    for field in fields:
        for value in odd:
            statement = record(0)
            statement["predicate"][field] = value
            with contextlib.suppress(VenturaliticaError):
                ledger.append(statement)
    links: list[dict[str, Any]] = [
        {"tracker": "x"},
        {"run_id": 1, "tracker": "mlflow"},
        {"extra": 1},
        {"uri": []},
    ]
    for link in links:
        ledger.append(record(0, trackers=[link | {"name": "x"}]))
    ledger.append(record(0, trackers=[{"tracker": "nobody", "run_id": "1", "uri": "http://["}]))
    ledger.append(record(0) | {"predicateType": "urn:example:of-another-kind"})
    with mock.patch.dict(os.environ, {"VENTURALITICA_HOME": str(home)}):
        for index in range(ledger.size):
            printed("runs", "show", str(index), "--details")
        for command in (
            ("verify",),
            ("verify", "--witnesses"),
            ("runs", "list", "--limit", "1000"),
            ("runs", "list", "--json", "--limit", "1000"),
            ("sync",),
            ("doctor",),
            ("reindex",),
        ):
            printed(*command)
    return f"{ledger.size} records"


def at_mlflow(world: World, at: Path) -> str:
    """Strangers among the artifacts of a real run: `verify --run` refuses them or passes by."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{at / 'mlflow.db'}")
    (at / "precious").write_bytes(b"{}")
    try:
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("x", artifact_location=str(at / "files"))
        ledger = Ledger.open(shutil.copytree(world.home, at / "home"), signer=world.ours)
        for kind, make in KINDS.items():
            for name in ("venturalitica/evidence.json", "venturalitica/more.json"):
                run = delivered(ledger, client, experiment, 0)
                path = Path(client.get_run(run.run_id).info.artifact_uri) / name
                closing = make(path, at / "precious")
                asked = ("verify", "--run", run.run_id)
                status, text = soon(lambda asked=asked: printed(*asked))
                assert status != 0 or name.endswith("more.json"), (kind, name, text)
                closing()
        run = delivered(ledger, client, experiment, 0)
        files = Path(client.get_run(run.run_id).info.artifact_uri) / "venturalitica"
        for name in ("more.json", "model.pkl", "evidence.json"):
            (files / name).write_bytes(pickle.dumps(Canary(at / CANARY)))
        status, _ = printed("verify", "--run", run.run_id)
        assert status == 1
        assert not (at / CANARY).exists()
        (files / "a").symlink_to(".")
        (files / "b").symlink_to(".")
        status, _ = soon(lambda: printed("verify", "--run", run.run_id))
        assert status == 2
    finally:
        mlflow.set_tracking_uri(before)
    return f"{2 * len(KINDS)} strangers, a pickle, two circles"


def refused(kind: type[Exception], ask: Callable[[], Any]) -> None:
    """It must raise exactly that."""
    try:
        answer = ask()
    except kind:
        return
    raise AssertionError(f"not refused: {answer!r}"[:300])
